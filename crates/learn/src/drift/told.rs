//! What the monitor is told.

use pointsman_types::{Probability, Quality};

/// A decision. Slices have one entry per model, in the order of the monitor.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// At most 32 coordinates of the prompt; the same number for every request.
    pub coordinates: &'a [f32],
    /// Predicted quality.
    pub quality: &'a [Quality],
    /// How uncertain the predictions are: the mean distance to the lower estimate, or what the
    /// router has.
    pub uncertainty: f32,
    /// With which probability each was to be chosen.
    pub probabilities: &'a [Probability],
    /// Which was.
    pub chosen: usize,
}

/// A score that came back.
#[derive(Debug, Clone, Copy)]
pub struct Judgement<'a> {
    /// Of which model.
    pub model: usize,
    /// The category or customer that it belongs to, where one is watched.
    pub group: Option<&'a str>,
    /// Quality as predicted when it was decided.
    pub predicted: Quality,
    /// What it was.
    pub score: Quality,
    /// How much the score counts, from 0; more than 1 counts as 1.
    pub weight: f64,
}

/// An answer that was billed.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// Of which model.
    pub model: usize,
    /// Predicted and actual tokens out, where both are known.
    pub tokens: Option<Amount>,
    /// Predicted and actual cost in US dollars, where both are known.
    pub cost: Option<Amount>,
}

/// What was predicted and what it was, both above 0.
#[derive(Debug, Clone, Copy)]
pub struct Amount {
    /// Before.
    pub predicted: f64,
    /// After.
    pub actual: f64,
}
