//! What is kept of the models that a decision was made among, as the JSON of one column.

use pointsman_types::{Candidate, ModelName, Probability, Quality, Usd};
use serde::{Deserialize, Serialize};

/// One model as it looked for one request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptCandidate {
    /// Which model.
    pub model: ModelName,
    /// With which probability the policy would choose it.
    pub probability: Probability,
    /// Expected quality.
    pub quality: Quality,
    /// Expected quality before feedback corrected it; `None` where nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<Quality>,
    /// Expected cost of the request.
    #[serde(rename = "cost_usd")]
    pub cost: Usd,
    /// Expected cost before bills corrected it; `None` where nothing did.
    #[serde(
        rename = "predicted_cost_usd",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub predicted_cost: Option<Usd>,
    /// Expected tokens out; `None` where they are unknown or the first release wrote the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<f32>,
    /// Whether a limit of the request refused it. Rows of the first release do not say: `false`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub refused: bool,
}

/// What another version would have done, had it decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shadow {
    /// Which version.
    pub version: String,
    /// Its candidates, in its order.
    pub candidates: Vec<KeptCandidate>,
}

/// By reference, since that is how serde asks.
fn is_false(value: &bool) -> bool {
    !value
}

impl From<&Candidate> for KeptCandidate {
    fn from(candidate: &Candidate) -> Self {
        Self {
            model: candidate.model.clone(),
            probability: candidate.probability,
            quality: candidate.quality,
            predicted: candidate.learned.map(|learned| learned.predicted),
            cost: candidate.cost,
            predicted_cost: candidate.learned.map(|learned| learned.cost),
            // JSON has no number for what is not finite.
            output_tokens: candidate.output_tokens.filter(|tokens| tokens.is_finite()),
            refused: candidate.refusal.is_some_and(|why| why.is_limit()),
        }
    }
}
