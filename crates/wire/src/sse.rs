//! Server-sent events (WHATWG HTML, section 9.2): read from chunks as they come, and written.

mod lines;
mod parse;
mod write;

pub use parse::{Bounds, Frame, Message, Parser};
pub use write::comment;
pub(crate) use write::write;
