//! One judgement as the learner sees it, and what became of it.

use std::sync::Arc;

use pointsman_models::Coordinates;
use pointsman_types::Probability;
use serde::Serialize;

/// A judgement of one decision, with what was predicted then.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    /// Where the prompt lies.
    pub coordinates: Coordinates,
    /// The chosen model, by its place among the router's.
    pub model: usize,
    /// Its calibrated quality by the fitted heads alone, without what was learnt.
    pub predicted: f64,
    /// The judgement, from 0 to 1. It comes from outside, so that it may be anything.
    pub score: f64,
    /// Votes behind it.
    pub weight: f64,
    /// Hash of the key or user who judged; `None` for those without one, who count as one.
    pub key: Option<u64>,
    /// Which measure it is.
    pub metric: Arc<str>,
    /// With which probability the model was chosen. The update does not use it: a posterior given
    /// what was chosen and seen does not depend on why it was chosen. Kept for diagnostics.
    pub propensity: Probability,
    /// When it came: milliseconds since 1970, UTC.
    pub ts_ms: i64,
    /// When the decision was made.
    pub decided_ms: i64,
}

/// What became of a lesson.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// It was learnt.
    Learned {
        /// The weight that it had in the end; [`Learner::correct`](super::Learner::correct) asks for
        /// it.
        weight: f64,
    },
    /// It was learnt with less weight, because its key has its share.
    Capped {
        /// The weight that it had in the end.
        weight: f64,
    },
    /// It came too long after its decision.
    Late,
    /// Its key contradicts what the others say, and is set aside until it agrees again.
    Quarantined,
    /// Its metric has no weight.
    Ignored,
    /// It cannot be used.
    Refused {
        /// Why.
        reason: Unusable,
    },
}

impl Outcome {
    /// The weight with which it was learnt; 0 where it was not.
    #[must_use]
    pub fn weight(self) -> f64 {
        match self {
            Self::Learned { weight } | Self::Capped { weight } => weight,
            _ => 0.0,
        }
    }
}

/// Why a lesson cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Unusable {
    /// Not a number, or outside of its range.
    #[error("a score is a number from 0 to 1")]
    Score,
    /// Not a number, or outside of its range.
    #[error("a predicted quality is a number from 0 to 1")]
    Predicted,
    /// Not a number, or not above 0.
    #[error("a weight is a finite number above 0")]
    Weight,
    /// The router has no such model.
    #[error("the router has no such model")]
    Model,
}

impl Lesson {
    /// What makes it useless to a learner of so many models.
    pub(super) fn fault(&self, models: usize) -> Option<Unusable> {
        let is_quality = |value: f64| (0.0..=1.0).contains(&value);
        [
            (is_quality(self.score), Unusable::Score),
            (is_quality(self.predicted), Unusable::Predicted),
            (
                self.weight.is_finite() && self.weight > 0.0,
                Unusable::Weight,
            ),
            (self.model < models, Unusable::Model),
        ]
        .into_iter()
        .find_map(|(is_sound, fault)| (!is_sound).then_some(fault))
    }

    /// Variance of the noise in a judgement of one vote: that of a coin, never as little as a sure
    /// prediction would claim.
    pub(super) fn noise(&self) -> f64 {
        let quality = self.predicted.clamp(0.1, 0.9);
        quality * (1.0 - quality)
    }

    /// Milliseconds from the decision to the judgement; a clock that went back makes none.
    pub(super) fn delay_ms(&self) -> i64 {
        self.ts_ms.saturating_sub(self.decided_ms).max(0)
    }
}
