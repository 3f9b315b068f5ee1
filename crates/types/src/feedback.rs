//! What somebody said of an answer afterwards.

use serde::{Deserialize, Serialize};

use crate::{Quality, Tokens, Usd};

/// A judgement in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The right model for the request.
    GoodFit,
    /// The answer was not good enough.
    Underpowered,
    /// The answer was good, a smaller model would have done.
    Overprovisioned,
    /// There was no usable answer.
    Failed,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 4] = [
        Self::GoodFit,
        Self::Underpowered,
        Self::Overprovisioned,
        Self::Failed,
    ];

    /// The word used in requests and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GoodFit => "good_fit",
            Self::Underpowered => "underpowered",
            Self::Overprovisioned => "overprovisioned",
            Self::Failed => "failed",
        }
    }

    /// The score it stands for: whether the answer was good, not whether it was cheap.
    #[must_use]
    pub fn quality(self) -> Quality {
        Quality::clamped(match self {
            Self::GoodFit | Self::Overprovisioned => 1.0,
            Self::Underpowered | Self::Failed => 0.0,
        })
    }
}

/// What a user did instead of judging: a sign of a bad answer that nobody had to be asked for.
///
/// The qualities are weak labels. They say which way a sign points, not how good the answer was: a
/// retry can be curiosity, and an answer that was edited was worth editing. So their metrics have
/// names of their own, and whoever learns from them can trust them less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// The same was asked again: quality 0.
    Retry,
    /// Another answer was asked for: quality 0.
    Regenerate,
    /// The answer was changed before it was used: quality 0.3.
    Edit,
    /// The conversation ended without the answer being used: quality 0.
    Abandon,
}

impl Signal {
    /// Every signal, for closed lists.
    pub const ALL: [Self; 4] = [Self::Retry, Self::Regenerate, Self::Edit, Self::Abandon];

    /// What the metrics of signals begin with.
    pub const PREFIX: &'static str = "signal:";

    /// The weak label it stands for.
    #[must_use]
    pub fn quality(self) -> Quality {
        Quality::clamped(match self {
            Self::Retry | Self::Regenerate | Self::Abandon => 0.0,
            Self::Edit => 0.3,
        })
    }

    /// The metric under which it is kept where the caller names none.
    #[must_use]
    pub const fn metric_name(self) -> &'static str {
        match self {
            Self::Retry => "signal:retry",
            Self::Regenerate => "signal:regenerate",
            Self::Edit => "signal:edit",
            Self::Abandon => "signal:abandon",
        }
    }
}

/// One judgement of one decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Feedback {
    /// The decision that is judged.
    pub decision_id: String,
    /// Which measure: `score` where the caller named none, a signal's own name for signals.
    pub metric_name: String,
    /// The judgement.
    pub value: Quality,
    /// The word it was given in, if it was.
    pub verdict: Option<Verdict>,
}

/// What a call really took, as far as the caller knows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Usage {
    /// Tokens in.
    pub input_tokens: Option<Tokens>,
    /// Tokens out.
    pub output_tokens: Option<Tokens>,
    /// Tokens in that the provider had cached.
    pub cached_tokens: Option<Tokens>,
    /// What the call cost.
    pub cost: Option<Usd>,
    /// Whether tokens and cost are an estimate, since the provider told no usage; `None` where nobody
    /// said.
    pub is_estimated: Option<bool>,
    /// How long it took, in milliseconds; finite and not negative.
    pub latency_ms: Option<f64>,
    /// The mean, over the answer's tokens, of the logarithm of their probability, in nats; finite and
    /// not above 0.
    pub answer_logprob: Option<f64>,
    /// Characters of the answer's text.
    pub answer_chars: Option<u64>,
    /// Why there was no answer; `None` when there was one.
    pub error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_kept_as_the_word_it_is_sent_as() {
        for verdict in Verdict::ALL {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.as_str());
        }
    }

    #[test]
    fn a_signal_is_kept_under_the_word_it_is_sent_as() {
        for signal in Signal::ALL {
            let word = serde_json::to_value(signal).unwrap();
            let expected = format!("{}{}", Signal::PREFIX, word.as_str().unwrap());
            assert_eq!(signal.metric_name(), expected);
        }
    }
}
