//! What the caller may choose about an evaluation.

use pointsman_types::Quality;
use serde::{Deserialize, Serialize};

/// How to evaluate.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// What the report is called.
    pub title: String,
    /// Whether the log was made by a simulator; said prominently.
    pub synthetic: bool,
    /// A score below this counts as inadequate.
    pub target: Quality,
    /// Resamples behind every interval.
    pub replicates: usize,
    /// Seed of the resamples and of the baselines' folds.
    pub seed: u64,
    /// What is drawn when resampling.
    pub resample: Resample,
    /// What happens to prompts that the router was trained on.
    pub seen: Seen,
    /// Whether the router's cascade is measured beside it.
    pub cascade: bool,
}

/// What is drawn when resampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resample {
    /// Single prompts.
    #[default]
    Prompts,
    /// Whole categories, for a claim about categories not seen yet.
    Categories,
}

/// What happens to prompts that the router was trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Seen {
    /// They are left out, unless too few others remain; then all are kept, with a warning.
    #[default]
    LeaveOut,
    /// They are kept, with a warning.
    Keep,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            title: "Router evaluation".to_owned(),
            synthetic: false,
            target: Quality::clamped(0.5),
            replicates: 1000,
            seed: 0,
            resample: Resample::default(),
            seen: Seen::default(),
            cascade: false,
        }
    }
}
