//! Everything that was fitted, together.

use pointsman_features::{FeatureRow, FeatureSpec};
use pointsman_types::{ModelName, Quality};

use crate::calibration::Calibration;
use crate::quality::QualityHead;
use crate::regression::{Forecast, InputTokens, LogRegression};
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
    /// Tokens out, where any were logged for this model.
    pub output_tokens: Option<Forecast>,
    /// Expected cost in US dollars at the prices of the logs, where any was logged for this model.
    pub logged_cost: Option<f32>,
}

impl Model {
    /// Predictions for one prompt, one per model.
    #[must_use]
    pub fn predict(&self, features: FeatureRow<'_>) -> Vec<Prediction> {
        let point = self.representation.point(features);
        let raw = self.quality.predict(&point);
        let tokens = self.tokens(&point);
        let costs = self.costs(&point);
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

    fn tokens(&self, point: &Point) -> Vec<Option<Forecast>> {
        let Some(head) = &self.output_tokens else {
            return vec![None; self.names.len()];
        };
        let forecasts = head.forecast(point).into_iter();
        forecasts
            .map(|one| Some(one).filter(|one| !one.mean.is_nan()))
            .collect()
    }

    fn costs(&self, point: &Point) -> Vec<Option<f32>> {
        let Some(head) = &self.logged_cost else {
            return vec![None; self.names.len()];
        };
        let costs = head.predict(point).into_iter();
        costs
            .map(|cost| Some(cost).filter(|cost| !cost.is_nan()))
            .collect()
    }
}
