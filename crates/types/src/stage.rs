//! Where a version of the router stands on its way into service and out of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a version of the router stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It is known and decides nothing.
    Candidate,
    /// It decides beside the current version; what it says is kept and never used.
    Shadow,
    /// It decides a share of the requests.
    Canary,
    /// It decides; at most one version does.
    Current,
    /// It decided before the current version, which is watched against it.
    Previous,
    /// It decided once, and is good enough to go back to.
    Retired,
    /// It did not pass a gate.
    Rejected,
    /// It was current and had to give way again.
    RolledBack,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 8] = [
        Self::Candidate,
        Self::Shadow,
        Self::Canary,
        Self::Current,
        Self::Previous,
        Self::Retired,
        Self::Rejected,
        Self::RolledBack,
    ];

    /// The word used in records, answers and arguments.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Shadow => "shadow",
            Self::Canary => "canary",
            Self::Current => "current",
            Self::Previous => "previous",
            Self::Retired => "retired",
            Self::Rejected => "rejected",
            Self::RolledBack => "rolled_back",
        }
    }

    /// Whether a version here runs beside the current one, in its place or to take it.
    #[must_use]
    pub const fn is_challenger(self) -> bool {
        matches!(self, Self::Shadow | Self::Canary)
    }

    /// Whether a version here decided once and nothing was found against it.
    #[must_use]
    pub const fn was_good(self) -> bool {
        matches!(self, Self::Previous | Self::Retired)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Stage {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|stage| stage.as_str() == word);
        found.ok_or_else(|| format!("`{word}` is no stage; stages are {}", Self::words()))
    }
}

impl Stage {
    fn words() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_leads_back_to_its_stage() {
        for stage in Stage::ALL {
            assert_eq!(stage.as_str().parse(), Ok(stage));
            assert_eq!(serde_json::to_value(stage).unwrap(), stage.as_str());
        }
        assert!("full".parse::<Stage>().unwrap_err().contains("current"));
    }
}
