//! What a prompt alone foretells, as a cascade sees it.

use serde::{Deserialize, Serialize};

use super::{CascadeError, sized};

/// Qualities are kept this far from 0 and 1 before the logit is taken.
const MARGIN: f64 = 0.01;

/// Differences between models are trusted only in part: who chooses the best of several estimates
/// is likely to choose one that errs upwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outlook {
    /// The usual logit of each model's predicted quality.
    pub usual: Vec<f64>,
    /// Which share is kept of what a model's logit has beyond its usual one and beyond what all
    /// models have in common on the prompt; 1 keeps everything.
    pub trust: f64,
}

impl Outlook {
    /// The logits of predicted qualities, one for each model.
    #[must_use]
    pub fn logits(&self, predicted: &[f64]) -> Vec<f64> {
        let logit = |quality: &f64| {
            let inside = quality.clamp(MARGIN, 1.0 - MARGIN);
            libm::log(inside / (1.0 - inside))
        };
        let beyond = predicted.iter().zip(&self.usual);
        let beyond: Vec<f64> = beyond
            .map(|(quality, usual)| logit(quality) - usual)
            .collect();
        let common = beyond.iter().sum::<f64>() / beyond.len().max(1) as f64;
        let kept = |(beyond, usual): (&f64, &f64)| usual + common + self.trust * (beyond - common);
        beyond.iter().zip(&self.usual).map(kept).collect()
    }

    pub(super) fn check(&self, models: usize) -> Result<(), CascadeError> {
        sized("usual", self.usual.len(), models)?;
        match (0.0..=1.0).contains(&self.trust) {
            true => Ok(()),
            false => Err(CascadeError::Range("trust")),
        }
    }
}
