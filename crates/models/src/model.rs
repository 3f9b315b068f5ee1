//! Everything that was fitted, together.

use pointsman_features::{FeatureRow, FeatureSpec};
use pointsman_types::{Grid, ModelName, Quality};
use serde::{Deserialize, Serialize};

use crate::artifact::{FORMAT_VERSION, FORMAT_WITHOUT_KERNELS};
use crate::calibration::Calibration;
use crate::familiarity::Familiarity;
use crate::learned::{Coordinates, Prior};
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
    /// The sentence encoder whose vectors it reads, if any.
    pub encoder: Option<EncoderReference>,
    /// How it sees a prompt.
    pub representation: Representation,
    /// Where the prompts end that it was trained on.
    pub familiarity: Familiarity,
    /// Latent coordinates of training prompts, shape `(prompts, latent dimensions)`, to say which
    /// of them a prompt is like.
    pub examples: Grid<f32>,
    /// How good the answer would be.
    pub quality: QualityHead,
    /// From raw quality to calibrated quality.
    pub calibration: Calibration,
    /// What feedback starts from: how far models may lie from their predictions, and which of them
    /// err together.
    pub prior: Prior,
    /// Tokens in, by length.
    pub input_tokens: Vec<InputTokens>,
    /// Tokens out, where tokens were logged.
    pub output_tokens: Option<LogRegression>,
    /// Cost of a call as logged, in US dollars, where costs were logged.
    pub logged_cost: Option<LogRegression>,
}

/// Which sentence encoder a router was trained with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderReference {
    /// Kind and directory, as given in training: `minilm:DIR`.
    pub spec: String,
    /// SHA-256 over everything its vectors depend on.
    pub fingerprint: String,
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

/// What is expected for one prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// How much the prompt is like the training prompts, from 0 to 1.
    pub familiarity: f32,
    /// Where it lies for what is learnt from feedback.
    pub coordinates: Coordinates,
    /// One per model.
    pub models: Vec<Prediction>,
}

impl Model {
    /// The oldest layout of an artifact that has a place for all of it.
    #[must_use]
    pub fn format_version(&self) -> u32 {
        match self.quality.kernels.is_empty() {
            true => FORMAT_WITHOUT_KERNELS,
            false => FORMAT_VERSION,
        }
    }

    /// Predictions for one prompt, given its embedding where the router has an encoder. The less
    /// familiar the prompt, the nearer each quality is to the model's mean, and the less its lower
    /// estimate promises; without the embedding of an encoder nothing is familiar.
    #[must_use]
    pub fn predict(&self, features: FeatureRow<'_>, embedding: Option<&[f32]>) -> Predictions {
        let point = self.representation.point(features, embedding);
        let familiarity = match self.encoder.is_some() && embedding.is_none() {
            true => 0.0,
            false => self.familiarity.of(&self.representation, features),
        };
        self.predict_at(&point, familiarity)
    }

    /// Predictions at a point, for a prompt that is so familiar.
    #[must_use]
    pub fn predict_at(&self, point: &Point, familiarity: f32) -> Predictions {
        let qualities = self.qualities(point, familiarity).into_iter();
        let amounts = self.tokens(point).into_iter().zip(self.costs(point));
        let models = qualities.zip(amounts).map(
            |((quality, quality_lower), (output_tokens, logged_cost))| Prediction {
                quality,
                quality_lower,
                output_tokens,
                logged_cost,
            },
        );
        Predictions {
            familiarity,
            coordinates: Coordinates::of(point, self.prior.latent_scale),
            models: models.collect(),
        }
    }

    /// Qualities with their lower estimates.
    fn qualities(&self, point: &Point, familiarity: f32) -> Vec<(Quality, Quality)> {
        let mut raw = self.quality.predict(point);
        for (raw, mean) in raw.iter_mut().zip(&self.quality.mean) {
            *raw = mean + familiarity * (*raw - mean);
        }
        let qualities = self.calibration.qualities(&raw).into_iter();
        let with_lower = qualities
            .zip(&self.calibration.models)
            .map(|(quality, model)| {
                let lower = model.lower.at(quality).get();
                (quality, Quality::clamped(familiarity * lower))
            });
        with_lower.collect()
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
