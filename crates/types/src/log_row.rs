//! One row of a request log: one model's answer to one prompt, or two answers compared.

use crate::{ModelName, Probability, Prompt, Quality, Rival, Tokens, Usd};

/// A log row after reading. What was not logged is `None`: missing is not zero.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRow {
    /// What was asked.
    pub prompt: Prompt,
    /// Who answered.
    pub model: ModelName,
    /// How good the answer was.
    pub score: Option<Quality>,
    /// Who or what judged it.
    pub judge: Option<String>,
    /// In a comparison, the other model and who won. Such a row has no score.
    pub rival: Option<Rival>,
    /// The prompt's id; the hash of the text where none was logged.
    pub prompt_id: String,
    /// The task's label, for reports and grouped splits; never a feature.
    pub category: Option<String>,
    /// When, as logged (RFC 3339).
    pub ts: Option<String>,
    /// The conversation this prompt belongs to.
    pub session_id: Option<String>,
    /// The turn within the conversation, from 0.
    pub turn: Option<u64>,
    /// Which key asked.
    pub key_id: Option<String>,
    /// The asking user's tier.
    pub tier: Option<String>,
    /// Tokens in.
    pub input_tokens: Option<Tokens>,
    /// Tokens out.
    pub output_tokens: Option<Tokens>,
    /// Tokens in that the provider had cached.
    pub cached_tokens: Option<Tokens>,
    /// What the call cost.
    pub cost_usd: Option<Usd>,
    /// Whether that is an estimate, since the provider told no usage; `None` where nobody said.
    pub cost_estimated: Option<bool>,
    /// How long the call took, in milliseconds.
    pub latency_ms: Option<f64>,
    /// Time to the first token, in milliseconds.
    pub ttft_ms: Option<f64>,
    /// Log-probability of the answer in nats, of all of it or the mean over its tokens; at most 0.
    pub answer_logprob: Option<f64>,
    /// Length of the answer in characters.
    pub answer_chars: Option<u64>,
    /// With which probability the policy chose this model.
    pub propensity: Option<Probability>,
    /// The policy that chose it.
    pub policy_version: Option<String>,
    /// The decision that led to this call.
    pub decision_id: Option<String>,
    /// Number of votes behind the score or the comparison; greater than 0.
    pub weight: f64,
}

impl LogRow {
    /// A row with a prompt, a model and nothing else.
    #[must_use]
    pub fn new(prompt: Prompt, model: ModelName) -> Self {
        let prompt_id = prompt.default_id();
        Self {
            prompt,
            model,
            score: None,
            judge: None,
            rival: None,
            prompt_id,
            category: None,
            ts: None,
            session_id: None,
            turn: None,
            key_id: None,
            tier: None,
            input_tokens: None,
            output_tokens: None,
            cached_tokens: None,
            cost_usd: None,
            cost_estimated: None,
            latency_ms: None,
            ttft_ms: None,
            answer_logprob: None,
            answer_chars: None,
            propensity: None,
            policy_version: None,
            decision_id: None,
            weight: 1.0,
        }
    }
}
