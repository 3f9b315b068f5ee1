//! The answer of `POST /v1/route`.

use pointsman_router::{Explanation, Flip, Influence, Neighbour};
use pointsman_types::{Candidate, Decision, ModelName, Probability, Quality, Usd};
use serde::Serialize;
use serde_json::Value;

use crate::refusal::Why;

#[derive(Serialize)]
struct Answer<'a> {
    decision_id: &'a str,
    model: &'a ModelName,
    reason: &'static str,
    policy_version: &'a str,
    propensity: Probability,
    familiarity: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates: Option<Vec<Explained<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Grounds<'a>>,
}

/// Why, beyond the candidates.
#[derive(Serialize)]
struct Grounds<'a> {
    rival: Option<&'a ModelName>,
    influences: &'a [Influence],
    neighbours: &'a [Neighbour],
    flips_below: Option<&'a Flip>,
    flips_above: Option<&'a Flip>,
}

impl<'a> From<&'a Explanation> for Grounds<'a> {
    fn from(explanation: &'a Explanation) -> Self {
        Self {
            rival: explanation.rival.as_ref(),
            influences: &explanation.influences,
            neighbours: &explanation.neighbours,
            flips_below: explanation.flips_below.as_ref(),
            flips_above: explanation.flips_above.as_ref(),
        }
    }
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

/// Every candidate of a decision, as callers see them.
pub(crate) fn candidates(decision: &Decision) -> Value {
    let candidates: Vec<Explained<'_>> = decision.candidates.iter().map(Explained::from).collect();
    serde_json::to_value(candidates).expect("keys are strings")
}

/// The answer as JSON, with every candidate and the grounds when the caller wants to know why.
pub(crate) fn answer(
    decision_id: &str,
    decision: &Decision,
    explanation: Option<&Explanation>,
) -> Vec<u8> {
    let explained = |_| decision.candidates.iter().map(Explained::from).collect();
    let answer = Answer {
        decision_id,
        model: &decision.model,
        reason: decision.reason.as_str(),
        policy_version: &decision.policy_version,
        propensity: decision.propensity,
        familiarity: decision.familiarity,
        candidates: explanation.map(explained),
        explanation: explanation.map(Grounds::from),
    };
    serde_json::to_vec(&answer).expect("keys are strings and writing to memory does not fail")
}
