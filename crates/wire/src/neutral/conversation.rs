//! A request: what is asked and how it is to be answered.

use super::{Text, Tool, ToolChoice, Turn, Unread};
use crate::Dialect;

/// A number with its digits as the caller wrote them.
#[derive(Debug, Clone, PartialEq)]
pub struct Number<'a>(pub(crate) Text<'a>);

impl Number<'_> {
    /// Its value; infinite where it is beyond what a double holds.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }

    /// Its digits.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }
}

/// How the next token is drawn.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sampling<'a> {
    /// Flattens the distribution; 0 takes the likeliest.
    pub temperature: Option<Number<'a>>,
    /// The share of the mass that is drawn from.
    pub top_p: Option<Number<'a>>,
    /// How many of the likeliest are drawn from.
    pub top_k: Option<Number<'a>>,
    /// Against repeating what was said often.
    pub frequency_penalty: Option<Number<'a>>,
    /// Against repeating at all.
    pub presence_penalty: Option<Number<'a>>,
    /// Makes draws repeatable, as far as the back end can.
    pub seed: Option<Number<'a>>,
}

/// The form that an answer must have.
#[derive(Debug, Clone, PartialEq)]
pub enum Format<'a> {
    /// Some JSON object.
    JsonObject,
    /// JSON by a schema.
    JsonSchema {
        /// What the caller calls it.
        name: Option<Text<'a>>,
        /// What it is for.
        description: Option<Text<'a>>,
        /// The schema, as the caller wrote it.
        schema: Text<'a>,
        /// Whether the answer must follow it exactly.
        is_strict: bool,
    },
}

/// How hard a model shall think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Hardly at all.
    Minimal,
    /// A little.
    Low,
    /// As usual.
    Medium,
    /// Much.
    High,
    /// Very much.
    XHigh,
    /// As much as it can.
    Max,
}

impl Effort {
    const WORDS: [(&'static str, Self); 6] = [
        ("minimal", Self::Minimal),
        ("low", Self::Low),
        ("medium", Self::Medium),
        ("high", Self::High),
        ("xhigh", Self::XHigh),
        ("max", Self::Max),
    ];

    /// The word that the dialects share.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::WORDS[self as usize].0
    }

    /// The effort of a word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        let found = Self::WORDS.iter().find(|(known, _)| *known == word);
        found.map(|(_, effort)| *effort)
    }
}

/// Whether a model shall think before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thinking {
    /// It shall not.
    Off,
    /// As hard as this.
    Effort(Effort),
    /// With at most so many tokens.
    Budget(u64),
    /// As it sees fit.
    Adaptive,
}

/// A request, in no dialect. Texts are borrowed from the body that it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation<'a> {
    /// The model that the caller names.
    pub model: Text<'a>,
    /// What was said so far; system and developer prompts are turns too.
    pub turns: Vec<Turn<'a>>,
    /// What the model may call.
    pub tools: Vec<Tool<'a>>,
    /// Whether and which tool must be called.
    pub tool_choice: Option<ToolChoice<'a>>,
    /// Whether several tools may be called at once.
    pub parallel_tool_calls: Option<bool>,
    /// How tokens are drawn.
    pub sampling: Sampling<'a>,
    /// The most tokens of the answer, reasoning included.
    pub max_tokens: Option<u64>,
    /// What ends the answer when the model says it.
    pub stop: Vec<Text<'a>>,
    /// The form that the answer must have.
    pub format: Option<Format<'a>>,
    /// Whether and how hard the model shall think.
    pub thinking: Option<Thinking>,
    /// The caller's own user.
    pub user: Option<Text<'a>>,
    /// The caller's labels.
    pub metadata: Vec<(Text<'a>, Text<'a>)>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether a stream is to end with its usage; always so where a dialect knows no such option.
    pub include_usage: bool,
    /// The dialect it was said in.
    pub said_in: Dialect,
    /// What of the body stands nowhere above.
    pub(crate) unread: Unread<'a>,
}

impl<'a> Conversation<'a> {
    /// An empty conversation with a model.
    #[must_use]
    pub fn new(model: impl Into<Text<'a>>) -> Self {
        Self {
            model: model.into(),
            turns: Vec::new(),
            tools: Vec::new(),
            tool_choice: None,
            parallel_tool_calls: None,
            sampling: Sampling::default(),
            max_tokens: None,
            stop: Vec::new(),
            format: None,
            thinking: None,
            user: None,
            metadata: Vec::new(),
            stream: false,
            include_usage: false,
            said_in: Dialect::Chat,
            unread: Unread::default(),
        }
    }

    /// Takes out what models thought: a thought belongs to the model that made it, so that whoever
    /// changes the model in the middle of a conversation calls this first. How many were taken out.
    pub fn forget_reasoning(&mut self) -> usize {
        let count = |turns: &[Turn<'_>]| turns.iter().map(|turn| turn.blocks.len()).sum::<usize>();
        let before = count(&self.turns);
        for turn in &mut self.turns {
            turn.blocks
                .retain(|block| !matches!(block, super::Block::Reasoning(_)));
        }
        self.turns.retain(|turn| !turn.blocks.is_empty());
        before - count(&self.turns)
    }
}
