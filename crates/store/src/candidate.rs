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

/// What a version beside the current one said of a request, whether or not it decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shadow {
    /// Which version.
    pub version: String,
    /// The version that was current.
    #[serde(default)]
    pub against: String,
    /// The last decision before the two were compared: names the comparison.
    #[serde(default)]
    pub after: i64,
    /// The share of the requests that it decided then.
    #[serde(default = "none")]
    pub share: Probability,
    /// Quality per US dollar by which the two are compared; `None` where money is not weighed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lambda: Option<f64>,
    /// Whether it said nothing in time.
    #[serde(default, skip_serializing_if = "is_false")]
    pub failed: bool,
    /// Its candidates with its own probabilities, in its order; none where it failed.
    pub candidates: Vec<KeptCandidate>,
    /// The current version's candidates with its own probabilities, where those of the decision are of
    /// both together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub current: Vec<KeptCandidate>,
}

fn none() -> Probability {
    Probability::ZERO
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
