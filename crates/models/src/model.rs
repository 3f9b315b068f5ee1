//! Everything that was fitted, together.

use pointsman_features::{FeatureRow, FeatureSpec};
use pointsman_types::{ModelName, Quality};

use crate::calibration::Calibration;
use crate::quality::QualityHead;
use crate::regression::{InputTokens, LogRegression};
use crate::representation::{Point, Representation};

/// A fitted router's parameters. Every per-model list is in the order of `names`.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The models it predicts for, by name.
    pub names: Vec<ModelName>,
    /// The features it reads.
    pub features: FeatureSpec,
    /// How it sees a prompt.
    pub representation: Representation,
    /// How good the answer would be.
    pub quality: QualityHead,
    /// From raw quality to calibrated quality.
    pub calibration: Calibration,
    /// Tokens in, by length.
    pub input_tokens: Vec<InputTokens>,
    /// Tokens out, where tokens were logged.
    pub output_tokens: Option<LogRegression>,
    /// Cost of a call as logged, in US dollars, where costs were logged.
    pub logged_cost: Option<LogRegression>,
}

/// What is expected of one model for one prompt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// Calibrated expected quality.
    pub quality: Quality,
    /// Calibrated lower estimate.
    pub quality_lower: Quality,
    /// Expected tokens out, where any were logged for this model.
    pub output_tokens: Option<f32>,
    /// Expected cost in US dollars at the prices of the logs, where any was logged for this model.
    pub logged_cost: Option<f32>,
}

impl Model {
    /// Predictions for one prompt, one per model.
    #[must_use]
    pub fn predict(&self, features: FeatureRow<'_>) -> Vec<Prediction> {
        let point = self.representation.point(features);
        let raw = self.quality.predict(&point);
        let tokens = amounts(self.output_tokens.as_ref(), &point, raw.len());
        let costs = amounts(self.logged_cost.as_ref(), &point, raw.len());
        let calibrated = raw.iter().zip(&self.calibration.models);
        calibrated
            .zip(tokens.into_iter().zip(costs))
            .map(|((raw, calibrator), (output_tokens, logged_cost))| {
                let quality = calibrator.quality(*raw);
                Prediction {
                    quality,
                    quality_lower: calibrator.lower.at(quality),
                    output_tokens,
                    logged_cost,
                }
            })
            .collect()
    }
}

fn amounts(head: Option<&LogRegression>, point: &Point, models: usize) -> Vec<Option<f32>> {
    match head {
        Some(head) => head
            .predict(point)
            .into_iter()
            .map(|amount| Some(amount).filter(|a| !a.is_nan()))
            .collect(),
        None => vec![None; models],
    }
}
