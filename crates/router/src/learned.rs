//! What feedback has taught, as a router in service reads it.

use pointsman_models::{Belief, Posterior};
use pointsman_policy::Quotas;
use pointsman_types::{Correction, ModelName, Quality, Usd};

use crate::router::Prediction;

/// One state of what was learnt while serving; immutable. Lists are in the order of the router's
/// models.
#[derive(Debug, Clone, PartialEq)]
pub struct Learned {
    /// Rises with every state that is handed out; part of the policy version.
    pub revision: u64,
    /// How far qualities lie from their predictions.
    pub posterior: Posterior,
    /// What each model's calls cost, over what was predicted.
    pub cost_factors: Vec<f64>,
    /// By how much each model's lower estimate is lowered, since it is in doubt.
    pub widening: Vec<f64>,
    /// New models, and the least probability of each.
    pub quotas: Quotas,
}

impl Learned {
    /// Nothing learnt beyond the prior.
    #[must_use]
    pub fn nothing(posterior: Posterior) -> Self {
        let models = posterior.prior().models();
        Self {
            revision: 0,
            posterior,
            cost_factors: vec![1.0; models],
            widening: vec![0.0; models],
            quotas: Quotas::new(),
        }
    }

    /// What it makes of the prediction for one model.
    pub(crate) fn corrected(
        &self,
        belief: &Belief,
        model: usize,
        predicted: Prediction,
    ) -> Prediction {
        let shift = belief.shift[model];
        let moved =
            |value: Quality, by: f64| Quality::clamped((f64::from(value.get()) + by) as f32);
        let cost = predicted.cost.as_f64() * self.cost_factors[model];
        Prediction {
            quality: moved(predicted.quality, shift),
            quality_lower: moved(predicted.quality_lower, shift - self.widening[model]),
            learned: Some(Correction {
                predicted: predicted.quality,
                cost: predicted.cost,
                error: belief.error(model) as f32,
            }),
            cost: Usd::saturating(cost),
            ..predicted
        }
    }
}

/// Standard error of the difference of two models; infinite where nothing is known of it.
pub(crate) fn contrast(
    belief: Option<&Belief>,
    names: &[ModelName],
    [one, other]: [&ModelName; 2],
) -> f64 {
    let place = |name: &ModelName| names.iter().position(|known| known == name);
    let known = belief.zip(place(one).zip(place(other)));
    known.map_or(f64::INFINITY, |(belief, (one, other))| {
        belief.contrast(one, other)
    })
}
