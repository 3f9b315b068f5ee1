//! Streams: their events read, written, and on their way from a back end to a caller.

mod observed;
mod order;
mod reader;
mod translation;
mod writer;

pub use observed::{Observed, Progress};
pub use reader::EventReader;
pub use translation::{Route, Translation};
pub use writer::EventWriter;
