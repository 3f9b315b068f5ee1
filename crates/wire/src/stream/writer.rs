//! Neutral events as a caller's stream.

use crate::{Dialect, Envelope, Event};
use crate::{chat, messages, responses};

/// What a caller of a dialect gets for neutral events.
#[derive(Debug)]
pub struct EventWriter(Writer);

#[derive(Debug)]
enum Writer {
    Chat(chat::stream_out::Writer),
    Messages(messages::stream_out::Writer),
    Responses(responses::stream_out::Writer),
}

impl EventWriter {
    /// A writer of a dialect's streams. `include_usage` is for the chat dialect, whose callers ask
    /// for the usage; the others always get it.
    #[must_use]
    pub fn new(dialect: Dialect, envelope: Envelope, include_usage: bool) -> Self {
        Self(match dialect {
            Dialect::Chat => Writer::Chat(chat::stream_out::Writer::new(envelope, include_usage)),
            Dialect::Messages => Writer::Messages(messages::stream_out::Writer::new(envelope)),
            Dialect::Responses => Writer::Responses(responses::stream_out::Writer::new(envelope)),
        })
    }

    /// Appends what an event says.
    pub fn write(&mut self, event: &Event, out: &mut String) {
        match &mut self.0 {
            Writer::Chat(writer) => writer.write(event, out),
            Writer::Messages(writer) => writer.write(event, out),
            Writer::Responses(writer) => writer.write(event, out),
        }
    }

    /// Goes on after events of an answer that somebody else wrote. Only responses have a name and
    /// a count that must go on.
    pub(super) fn go_on(&mut self, id: &str, model: &str, events: u64) {
        if let Writer::Responses(writer) = &mut self.0 {
            writer.go_on(id, model, events);
        }
    }
}
