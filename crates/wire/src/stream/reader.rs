//! The neutral events of a back end's stream.

use super::order::Order;
use crate::{Dialect, Error, Event};
use crate::{chat, messages, responses};

/// Reads the neutral events that a back end's stream says.
#[derive(Debug)]
pub struct EventReader {
    dialect: Reader,
    order: Order,
    read: Vec<Event>,
}

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
        let dialect = match dialect {
            Dialect::Chat => Reader::Chat(chat::stream_in::Reader::default()),
            Dialect::Messages => Reader::Messages(messages::stream_in::Reader::default()),
            Dialect::Responses => Reader::Responses(responses::stream_in::Reader::default()),
        };
        Self {
            dialect,
            order: Order::default(),
            read: Vec::new(),
        }
    }

    /// Reads the data of one server-sent event. Appends what it says, up to where it is wrong.
    ///
    /// # Errors
    /// It is not JSON, or not what the dialect says it is.
    pub fn read(&mut self, data: &str, out: &mut Vec<Event>) -> Result<(), Error> {
        let read = match &mut self.dialect {
            Reader::Chat(reader) => reader.read(data, &mut self.read),
            Reader::Messages(reader) => reader.read(data, &mut self.read),
            Reader::Responses(reader) => reader.read(data, &mut self.read),
        };
        self.admit(out);
        read
    }

    /// The stream is over: what that means where no event says it.
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        match &mut self.dialect {
            Reader::Chat(reader) => reader.finish(&mut self.read),
            Reader::Messages(reader) => reader.finish(&mut self.read),
            Reader::Responses(_) => {}
        }
        self.admit(out);
    }

    fn admit(&mut self, out: &mut Vec<Event>) {
        for event in self.read.drain(..) {
            self.order.admit(event, out);
        }
    }
}
