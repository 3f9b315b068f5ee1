//! The events of a streamed answer, in no dialect.
//!
//! Order: `Start`, then blocks, each opened, grown and closed under its own number, then `Stop` and
//! `Usage` in any order, then `End`. `Likelihood` may come anywhere before that. `Failed` may come at any time and is the last. Numbers grow from
//! 0 as blocks open; several blocks may be open at once.

use super::{Failure, Likelihood, Seal, Stop, Usage};

/// An event of a streamed answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The answer begins.
    Start {
        /// The name that the back end gave it.
        id: String,
        /// The model that the back end says answers.
        model: String,
    },
    /// A block begins.
    Open(usize, Opening),
    /// A block grows.
    Grow(usize, Delta),
    /// A block ends.
    Close(usize),
    /// Why the answer ended.
    Stop(Stop),
    /// What it took so far; the last one counts.
    Usage(Usage),
    /// How likely some of its tokens were; the answer's likelihood is that of all of them.
    Likelihood(Likelihood),
    /// The answer is complete.
    End,
    /// The answer broke off.
    Failed(Failure),
}

/// What kind of block begins.
#[derive(Debug, Clone, PartialEq)]
pub enum Opening {
    /// Text.
    Text,
    /// A refusal.
    Refusal,
    /// A thought.
    Reasoning {
        /// The name that its maker keeps it under.
        id: Option<String>,
    },
    /// A call of a tool.
    ToolCall {
        /// What the result refers to.
        id: String,
        /// The tool.
        name: String,
    },
}

/// What a block grows by.
#[derive(Debug, Clone, PartialEq)]
pub enum Delta {
    /// More of its text: of a text, a refusal, a thought, or of a call's arguments.
    More(String),
    /// The seal of a thought.
    Seal(Seal<'static>),
}
