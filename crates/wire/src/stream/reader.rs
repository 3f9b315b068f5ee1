//! The neutral events of a back end's stream.

use crate::{Dialect, Error, Event};
use crate::{chat, messages, responses};

/// The neutral events that a back end's stream says.
#[derive(Debug)]
pub struct EventReader(Reader);

#[derive(Debug)]
enum Reader {
    Chat(chat::stream_in::Reader),
    Messages(messages::stream_in::Reader),
    Responses(responses::stream_in::Reader),
}

impl EventReader {
    /// A reader of a dialect's streams.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self(match dialect {
            Dialect::Chat => Reader::Chat(chat::stream_in::Reader::default()),
            Dialect::Messages => Reader::Messages(messages::stream_in::Reader::default()),
            Dialect::Responses => Reader::Responses(responses::stream_in::Reader::default()),
        })
    }

    /// Reads the data of one server-sent event.
    ///
    /// # Errors
    /// It is not JSON, or not what the dialect says it is.
    pub fn read(&mut self, data: &str, out: &mut Vec<Event>) -> Result<(), Error> {
        match &mut self.0 {
            Reader::Chat(reader) => reader.read(data, out),
            Reader::Messages(reader) => reader.read(data, out),
            Reader::Responses(reader) => reader.read(data, out),
        }
    }

    /// The stream is over: what that means where no event says it.
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        match &mut self.0 {
            Reader::Chat(reader) => reader.finish(out),
            Reader::Messages(reader) => reader.finish(out),
            Reader::Responses(_) => {}
        }
    }
}
