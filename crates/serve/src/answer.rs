//! The answer of `POST /v1/route`.

use pointsman_types::{Candidate, Decision, ModelName, Probability, Quality, Usd};
use serde::Serialize;

use crate::refusal::Why;

#[derive(Serialize)]
struct Answer<'a> {
    decision_id: &'a str,
    model: &'a ModelName,
    reason: &'static str,
    policy_version: &'a str,
    propensity: Probability,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates: Option<Vec<Explained<'a>>>,
}

/// One candidate, as the caller sees it.
#[derive(Serialize)]
struct Explained<'a> {
    model: &'a ModelName,
    quality: Quality,
    quality_lower: Quality,
    cost_usd: Usd,
    output_tokens: Option<f32>,
    output_tokens_p50: Option<f32>,
    output_tokens_p90: Option<f32>,
    probability: Probability,
    refusal: Option<Why>,
}

impl<'a> From<&'a Candidate> for Explained<'a> {
    fn from(candidate: &'a Candidate) -> Self {
        Self {
            model: &candidate.model,
            quality: candidate.quality,
            quality_lower: candidate.quality_lower,
            cost_usd: candidate.cost,
            output_tokens: candidate.output_tokens,
            output_tokens_p50: candidate.output_tokens_p50,
            output_tokens_p90: candidate.output_tokens_p90,
            probability: candidate.probability,
            refusal: candidate.refusal.map(Why::from),
        }
    }
}

/// The answer as JSON, with every candidate when the caller wants to know why.
pub(crate) fn answer(decision_id: &str, decision: &Decision, explain: bool) -> Vec<u8> {
    let explained = || decision.candidates.iter().map(Explained::from).collect();
    let answer = Answer {
        decision_id,
        model: &decision.model,
        reason: decision.reason.as_str(),
        policy_version: &decision.policy_version,
        propensity: decision.propensity,
        candidates: explain.then(explained),
    };
    serde_json::to_vec(&answer).expect("keys are strings and writing to memory does not fail")
}
