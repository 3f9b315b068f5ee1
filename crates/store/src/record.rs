//! The records that a server hands over, and what it gets back.

use pointsman_types::{Decision, Feedback, Tokens};
use serde_json::{Map, Value};

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
}

impl DecisionRecord {
    pub(crate) fn category(&self) -> Option<&str> {
        self.metadata.as_ref()?.get("category")?.as_str()
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
}

/// The acknowledgement of feedback: it is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The id under which it is kept.
    pub feedback_id: String,
    /// Whether the same judgement was already there.
    pub repeated: bool,
}
