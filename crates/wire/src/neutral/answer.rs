//! What a model answered.

use std::ops::AddAssign;

use super::{Block, Lost, Reasoning, Role, Text, ToolCall, Turn};

/// An answer, in no dialect. It borrows nothing, so that it can be kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// The name that the back end gave it.
    pub id: String,
    /// The model that the back end says answered.
    pub model: String,
    /// What was said, in order.
    pub said: Vec<Said>,
    /// Why it ended.
    pub stop: Stop,
    /// What it took, where the back end says so.
    pub usage: Option<Usage>,
    /// How likely it was, where the back end was asked and says so. No dialect is told.
    pub likelihood: Option<Likelihood>,
    /// What the neutral answer cannot hold.
    pub lost: Vec<Lost>,
}

/// A part of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// Text.
    Text(String),
    /// The model declined, in its own words.
    Refusal(String),
    /// What it thought.
    Reasoning(Reasoning<'static>),
    /// It calls a tool.
    ToolCall(ToolCall<'static>),
}

/// How likely a model found its own answer.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Likelihood {
    /// The sum of the natural logarithms of the tokens' probabilities.
    pub logprob: f64,
    /// How many tokens there are.
    pub tokens: u64,
}

impl Likelihood {
    /// The mean logarithm of a token's probability.
    #[must_use]
    pub fn mean(self) -> f64 {
        self.logprob / self.tokens.max(1) as f64
    }
}

/// Of two parts of an answer together.
impl AddAssign for Likelihood {
    fn add_assign(&mut self, other: Self) {
        self.logprob += other.logprob;
        self.tokens += other.tokens;
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Stop {
    /// It was complete, or a stop sequence was said.
    #[default]
    End,
    /// A stop sequence was said, and the back end tells that apart.
    Sequence,
    /// The most tokens were reached.
    Length,
    /// The context window was full.
    Window,
    /// Tools are to be called.
    ToolCalls,
    /// The provider withheld it.
    Filtered,
}

/// Tokens of a call, as the provider counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens in, all of them: cached and newly cached ones included.
    pub input: u64,
    /// Of these, read from the provider's cache.
    pub cached: u64,
    /// Of these, written to the provider's cache.
    pub cache_write: u64,
    /// Tokens out, reasoning included.
    pub output: u64,
    /// Of these, reasoning.
    pub reasoning: u64,
}

impl Usage {
    /// Tokens in that were neither read from nor written to the cache.
    #[must_use]
    pub const fn fresh(&self) -> u64 {
        self.input
            .saturating_sub(self.cached)
            .saturating_sub(self.cache_write)
    }

    /// All tokens.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

/// What the caller sees around an answer. The room has no clock and no chance, so both are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// A name for the answer, without a dialect's prefix: letters, digits, `_`, `-`.
    pub id: String,
    /// The model that the caller is told.
    pub model: String,
    /// Seconds since 1970.
    pub created: u64,
}

impl Answer {
    /// All of its text, without refusals, thoughts and calls.
    #[must_use]
    pub fn text(&self) -> Text<'_> {
        let mut texts = self.said.iter().filter_map(|said| match said {
            Said::Text(text) => Some(text.as_str()),
            _ => None,
        });
        let mut all = Text::Borrowed(texts.next().unwrap_or_default());
        texts.for_each(|text| all.to_mut().push_str(text));
        all
    }

    /// Whether it calls tools.
    #[must_use]
    pub fn calls_tools(&self) -> bool {
        self.said
            .iter()
            .any(|said| matches!(said, Said::ToolCall(_)))
    }

    /// The answer as a turn of a conversation that goes on.
    #[must_use]
    pub fn to_turn(&self) -> Turn<'static> {
        let block = |said: &Said| match said {
            Said::Text(text) => Block::Text(text.clone().into()),
            Said::Refusal(text) => Block::Refusal(text.clone().into()),
            Said::Reasoning(thought) => Block::Reasoning(thought.clone()),
            Said::ToolCall(call) => Block::ToolCall(call.clone()),
        };
        Turn::new(Role::Assistant, self.said.iter().map(block).collect())
    }

    /// Some servers say that an answer simply ended although it calls tools.
    pub(crate) fn with_calls_told(mut self) -> Self {
        if self.stop == Stop::End && self.calls_tools() {
            self.stop = Stop::ToolCalls;
        }
        self
    }

    /// Whether it was cut off or withheld.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        matches!(self.stop, Stop::Length | Stop::Window | Stop::Filtered)
    }
}
