//! The records that a server hands over, and what it gets back.

use pointsman_types::{Decision, Feedback, Tokens, Usage};
use serde_json::{Map, Value};

use crate::{Shadow, StoreError};

/// The most coordinates that are kept of a prompt.
pub const MOST_COORDINATES: usize = 64;

/// Which of the versions in service decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arm {
    /// The one that most traffic goes to.
    Current,
    /// The one on trial with a share of the traffic.
    Canary,
}

impl Arm {
    /// Every arm.
    pub const ALL: [Self; 2] = [Self::Current, Self::Canary];

    /// The word in the records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Canary => "canary",
        }
    }
}

/// One decision, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionRecord {
    /// Its id: unique, and rising with time so that the index grows at its end (UUID version 7).
    pub id: String,
    /// When it was made: milliseconds since 1970, UTC.
    pub ts_ms: i64,
    /// The hash of the prompt's text.
    pub prompt_id: String,
    /// The text itself, only where the settings allow keeping it.
    pub prompt: Option<String>,
    /// The conversation it belongs to.
    pub session_id: Option<String>,
    /// What the caller attached; a `category` that is a string becomes the row's category.
    pub metadata: Option<Map<String, Value>>,
    /// Tokens in, where the caller counted them.
    pub input_tokens: Option<Tokens>,
    /// What was decided, with every candidate.
    pub decision: Decision,
    /// Which key asked; feedback of another is refused.
    pub key_id: Option<String>,
    /// The asking user's tier.
    pub tier: Option<String>,
    /// Where the prompt lies in the router's representation, so that a learner needs no text: at
    /// most [`MOST_COORDINATES`] finite numbers.
    pub coordinates: Option<Vec<f32>>,
    /// Quality per US dollar at which it was decided; finite.
    pub lambda: Option<f64>,
    /// Which version decided, where there were several.
    pub arm: Option<Arm>,
    /// What a version on trial would have done.
    pub shadow: Option<Shadow>,
}

impl DecisionRecord {
    pub(crate) fn category(&self) -> Option<&str> {
        self.metadata.as_ref()?.get("category")?.as_str()
    }

    /// What the types do not say. SQLite would keep not-a-number as an absent value.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let coordinates = self.coordinates.as_deref().unwrap_or_default();
        if coordinates.len() > MOST_COORDINATES || !coordinates.iter().all(|at| at.is_finite()) {
            return Err(StoreError::Invalid {
                field: "coordinates",
                range: "at most 64 finite numbers",
            });
        }
        match self.lambda {
            Some(lambda) if !lambda.is_finite() => Err(StoreError::Invalid {
                field: "lambda",
                range: "finite",
            }),
            _ => Ok(()),
        }
    }
}

/// One piece of feedback, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedbackRecord {
    /// The id it gets, unless it repeats what is already there.
    pub feedback_id: String,
    /// When it came: milliseconds since 1970, UTC.
    pub ts_ms: i64,
    /// The judgement.
    pub feedback: Feedback,
    /// What the caller attached.
    pub tags: Option<Map<String, Value>>,
    /// Names one submission, so that a late retry does not pass for a new judgement.
    pub idempotency_key: Option<String>,
    /// Who sent it.
    pub key_id: Option<String>,
}

/// What a call really took, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct OutcomeRecord {
    /// The id it gets, unless it repeats what is already there.
    pub outcome_id: String,
    /// When it came: milliseconds since 1970, UTC.
    pub ts_ms: i64,
    /// The decision that led to the call.
    pub decision_id: String,
    /// Who sent it.
    pub key_id: Option<String>,
    /// The numbers.
    pub usage: Usage,
}

impl OutcomeRecord {
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let Usage {
            latency_ms,
            answer_logprob,
            ..
        } = self.usage;
        if latency_ms.is_some_and(|latency| !latency.is_finite() || latency < 0.0) {
            return Err(StoreError::Invalid {
                field: "latency_ms",
                range: "finite and not negative",
            });
        }
        match answer_logprob {
            Some(logprob) if !logprob.is_finite() || logprob > 0.0 => Err(StoreError::Invalid {
                field: "answer_logprob",
                range: "finite and not above 0",
            }),
            _ => Ok(()),
        }
    }
}

/// The acknowledgement of feedback or of an outcome: it is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The id under which it is kept.
    pub feedback_id: String,
    /// Whether the same was already there.
    pub repeated: bool,
}
