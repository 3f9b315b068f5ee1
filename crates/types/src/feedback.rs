//! What somebody said of an answer afterwards.

use serde::{Deserialize, Serialize};

use crate::Quality;

/// A judgement in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The right model for the request.
    GoodFit,
    /// The answer was not good enough.
    Underpowered,
    /// The answer was good, a smaller model would have done.
    Overprovisioned,
    /// There was no usable answer.
    Failed,
}

impl Verdict {
    /// The score it stands for: whether the answer was good, not whether it was cheap.
    #[must_use]
    pub fn quality(self) -> Quality {
        Quality::clamped(match self {
            Self::GoodFit | Self::Overprovisioned => 1.0,
            Self::Underpowered | Self::Failed => 0.0,
        })
    }
}

/// One judgement of one decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Feedback {
    /// The decision that is judged.
    pub decision_id: String,
    /// Which measure: `score` where the caller named none.
    pub metric_name: String,
    /// The judgement.
    pub value: Quality,
    /// The word it was given in, if it was.
    pub verdict: Option<Verdict>,
}
