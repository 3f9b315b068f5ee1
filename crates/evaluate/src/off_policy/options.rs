//! What the caller may choose about an off-policy evaluation.

use std::fmt;

use pointsman_measures::OverlapLimits;
use pointsman_types::{LogRow, Probability, Usd};
use serde::Serialize;

use crate::Seen;

/// What a decision is worth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Reward {
    /// The score of the answer.
    Score,
    /// The score minus lambda times the cost: what was logged, else what is expected of such a call.
    Utility {
        /// Quality that a dollar must buy.
        lambda: f64,
    },
}

impl Reward {
    /// What an answer of this quality at this cost is worth.
    pub(super) fn of(self, quality: f64, cost_usd: f64) -> f64 {
        match self {
            Self::Score => quality,
            Self::Utility { lambda } => quality - lambda * cost_usd,
        }
    }

    /// What a logged answer was worth, `None` where it has no score.
    pub(super) fn of_row(self, row: &LogRow, expected_cost: f64) -> Option<f64> {
        let cost = row.cost_usd.map_or(expected_cost, Usd::as_f64);
        row.score.map(|score| self.of(f64::from(score.get()), cost))
    }
}

impl fmt::Display for Reward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Score => f.write_str("score"),
            Self::Utility { lambda } => write!(f, "score − {lambda} · USD"),
        }
    }
}

/// How to evaluate.
#[derive(Debug, Clone, PartialEq)]
pub struct OffPolicyOptions {
    /// What the report is called.
    pub title: String,
    /// Whether the log was made by a simulator; said prominently.
    pub synthetic: bool,
    /// What a decision is worth.
    pub reward: Reward,
    /// With which probability an interval covers the true value.
    pub confidence: Probability,
    /// Intervals that hold for any number of decisions, and are wide.
    pub bernstein: bool,
    /// Resamples behind every interval.
    pub replicates: usize,
    /// Seed of the resamples and of the folds.
    pub seed: u64,
    /// From where on nothing is estimated.
    pub limits: OverlapLimits,
    /// Whether a row that cannot be used is an error.
    pub strict: bool,
    /// What happens to prompts that the router was trained on.
    pub seen: Seen,
}

impl Default for OffPolicyOptions {
    fn default() -> Self {
        Self {
            title: "Off-policy evaluation".to_owned(),
            synthetic: false,
            reward: Reward::Score,
            confidence: Probability::new(0.95).expect("0.95 is a probability"),
            bernstein: false,
            replicates: 1000,
            seed: 0,
            limits: OverlapLimits::default(),
            strict: false,
            seen: Seen::default(),
        }
    }
}
