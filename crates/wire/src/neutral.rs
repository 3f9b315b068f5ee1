//! What the dialects have in common: a conversation, an answer, the events of a stream, a failure.
//! No dialect's words stand here.

mod answer;
mod collect;
mod conversation;
mod event;
mod failure;
mod lost;
mod reading;
mod replay;
mod routing;
mod tool;
mod turn;
mod unread;

pub use answer::{Answer, Envelope, Likelihood, Said, Stop, Usage};
pub use collect::Collector;
pub use conversation::{Conversation, Effort, Format, Number, Sampling, Thinking};
pub use event::{Delta, Event, Opening};
pub use failure::{Failure, FailureKind};
pub use lost::{How, Lost, Written};
pub use replay::replay;
pub use routing::{Needs, Utterance};
pub use tool::{Tool, ToolCall, ToolChoice, ToolResult};
pub use turn::{Block, Image, ImageSource, Place, Reasoning, Role, Seal, Turn};

pub(crate) use lost::{AnswerNotes, Field, Notes};
pub(crate) use reading::{metadata, read_at, stops};
pub(crate) use unread::Unread;

use std::borrow::Cow;

/// A text, borrowed from the body that it was read from where it stood there without escapes.
pub type Text<'a> = Cow<'a, str>;
