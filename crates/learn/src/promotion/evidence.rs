//! What is known of a version when a step is decided on, in numbers that can be kept and in a
//! sentence that can be read.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Look;

/// Everything that a step is decided on. What cannot be said is absent, and nothing rests on it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// Requests that both versions decided on.
    pub decisions: u64,
    /// Of these, requests on which the challenger failed or was too slow.
    pub failures: u64,
    /// Of these, requests that were judged.
    pub judged: u64,
    /// What the two versions expect to pay.
    pub cost: Option<CostEvidence>,
    /// What their choices were worth, where a look is due.
    pub worth: Option<WorthEvidence>,
    /// How the calls went, where a look is due.
    pub calls: Option<CallEvidence>,
    /// Drift that was raised since the stage began, in words.
    pub alarms: Vec<String>,
}

/// Mean expected cost of a request, in US dollars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CostEvidence {
    /// By the choices of the new version.
    pub new_usd: f64,
    /// By the choices of the one it is compared with.
    pub current_usd: f64,
}

/// A difference, new minus current, with one-sided bounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Contrast {
    /// The estimate.
    pub value: f64,
    /// The true difference is below this with probability `delta` of the look at most.
    pub low: f64,
    /// The true difference is above this with probability `delta` of the look at most.
    pub high: f64,
}

/// What the choices were worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorthEvidence {
    /// The look that this is.
    pub look: Look,
    /// Utility; absent where the log cannot tell.
    pub utility: Option<Contrast>,
    /// Why the log cannot tell.
    pub refusal: Option<String>,
    /// Quality in groups with enough judged decisions; `delta` is shared by them.
    pub groups: Vec<GroupContrast>,
    /// Utility since the version is current, minus that before.
    pub before_after: Option<BeforeAfter>,
}

/// Quality in one group of requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupContrast {
    /// Which, such as `category maths`.
    pub group: String,
    /// Its judged decisions.
    pub judged: u64,
    /// The difference in quality.
    pub quality: Contrast,
}

/// Utility of what was served, before and after a version became current.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BeforeAfter {
    /// Mean utility before.
    pub before: f64,
    /// Mean utility since.
    pub after: f64,
    /// The difference.
    pub difference: Contrast,
}

/// How reported calls went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallEvidence {
    /// The look that this is.
    pub look: Look,
    /// Reported calls.
    pub calls: u64,
    /// Share of failed calls, new minus current.
    pub errors: Option<Contrast>,
    /// Mean latency in milliseconds: new, minus the allowed factor times current.
    pub latency_excess_ms: Option<Contrast>,
}

impl CostEvidence {
    /// The mean expected cost of the new version in those of the current one.
    #[must_use]
    pub fn factor(&self) -> f64 {
        match self.current_usd > 0.0 {
            true => self.new_usd / self.current_usd,
            // Where nothing costs anything, nothing can cost more.
            false if self.new_usd <= 0.0 => 1.0,
            false => f64::INFINITY,
        }
    }
}

impl fmt::Display for Contrast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { value, low, high } = self;
        write!(f, "{value:+.4} [{low:+.4}, {high:+.4}]")
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            decisions, judged, ..
        } = self;
        write!(f, "{judged} of {decisions} decisions judged")?;
        if let Some(worth) = &self.worth {
            match (&worth.utility, &worth.refusal) {
                (Some(utility), _) => write!(f, ", utility {utility}")?,
                (None, Some(refusal)) => write!(f, ", {refusal}")?,
                (None, None) => {}
            }
        }
        match &self.cost {
            Some(cost) => write!(f, ", {:.2} times the cost", cost.factor()),
            None => Ok(()),
        }
    }
}
