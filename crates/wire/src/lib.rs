//! The dialects of the APIs that people already use: OpenAI chat completions, Anthropic messages,
//! OpenAI responses. Any in, any out: requests, answers, streams and errors.
//!
//! Pure translation: nothing here calls, waits, reads a clock or draws a number. What a dialect
//! cannot say is refused with the field's name or reported in a list; it is never left out in
//! silence. `DIALECTS.md` has the table of what each can say.
//!
//! ```
//! use pointsman_wire::{Body, Dialect, Target};
//!
//! let body = br#"{"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}"#;
//! let body = Body::parse(body)?;
//! let said = Dialect::Chat.read_request(&body)?;
//! assert_eq!(said.utterances()[0].text, "Hello");
//! let sent = Dialect::Messages.write_request(&said, &Target::new("claude"))?;
//! assert!(sent.lost.is_empty());
//! # Ok::<(), pointsman_wire::Error>(())
//! ```

mod body;
mod chat;
mod dialect;
mod error;
mod json;
mod messages;
mod neutral;
mod responses;
mod slots;
pub mod sse;
mod stream;
mod target;
#[cfg(test)]
mod tests;
mod translate;

pub use body::{Body, Changes};
pub use dialect::Dialect;
pub use error::Error;
pub use json::{MAX_DEPTH, MAX_FIELDS};
pub use neutral::{
    Answer, Block, Collector, Conversation, Delta, Effort, Envelope, Event, Failure, FailureKind,
    Format, How, Image, ImageSource, Likelihood, Lost, Needs, Number, Opening, Place, Reasoning,
    Role, Said, Sampling, Seal, Stop, Text, Thinking, Tool, ToolCall, ToolChoice, ToolResult, Turn,
    Usage, Utterance, Written, replay,
};
pub use slots::Slots;
pub use stream::{EventReader, EventWriter, Observed, Progress, Route, Translation};
pub use target::Target;
