//! A stream of events whose texts are redacted: each block's own, held back where a finding may be
//! under way, and given out at the latest where the block ends.

use std::collections::HashMap;

use pointsman_guard::{Guard, Stream};
use pointsman_wire::{
    Delta, Dialect, Envelope, Event, EventReader, EventWriter, Failure, FailureKind, sse,
};

use crate::learning::now_ms;

/// Prefixes that the dialects put before an answer's name.
const PREFIXES: [&str; 3] = ["chatcmpl-", "msg_", "resp_"];

/// A stream under way.
pub(super) struct Redacting {
    guard: Guard,
    dialect: Dialect,
    parser: sse::Parser,
    reader: EventReader,
    /// Made once the answer has a name.
    writer: Option<EventWriter>,
    blocks: HashMap<usize, Stream>,
    is_over: bool,
}

impl Redacting {
    pub(super) fn new(guard: Guard, dialect: Dialect) -> Self {
        Self {
            guard,
            dialect,
            parser: sse::Parser::new(sse::Bounds::default()),
            reader: EventReader::new(dialect),
            writer: None,
            blocks: HashMap::new(),
            is_over: false,
        }
    }

    /// Nothing more is said: something could not be searched.
    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// What may be said of this chunk.
    pub(super) fn push(&mut self, chunk: &[u8]) -> String {
        let mut out = String::new();
        let bounds = sse::Bounds::default();
        let mut parser = std::mem::replace(&mut self.parser, sse::Parser::new(bounds));
        let read = parser.push(chunk, |frame| {
            match frame.message {
                Some(message) => self.message(message.name, message.data, &mut out),
                None => sse::comment(&mut out, "keep-alive"),
            }
            Ok(())
        });
        self.parser = parser;
        if let Err(error) = read {
            self.fail(&error.to_string(), &mut out);
        }
        out
    }

    /// The stream is over.
    pub(super) fn finish(&mut self) -> String {
        let (mut events, mut out) = (Vec::new(), String::new());
        self.reader.finish(&mut events);
        self.tell(events, &mut out);
        out
    }

    fn message(&mut self, name: &str, data: &str, out: &mut String) {
        let mut events = Vec::new();
        let read = self.reader.read(data, &mut events);
        match (read, events.is_empty()) {
            (Ok(()), false) => self.tell(events, out),
            // What is no part of the answer, such as an explanation, has nothing to hold back.
            (Ok(()), true) | (Err(pointsman_wire::Error::Field { .. }), true) => {
                self.beside(name, data, out);
            }
            (Err(error), _) => self.fail(&error.to_string(), out),
        }
    }

    fn beside(&mut self, name: &str, data: &str, out: &mut String) {
        let Ok(redacted) = self.guard.redact_json(data) else {
            return self.fail("an event could not be searched", out);
        };
        if name != "message" {
            out.push_str(&format!("event: {name}\n"));
        }
        for line in redacted.text.lines() {
            out.push_str(&format!("data: {line}\n"));
        }
        out.push('\n');
    }

    fn tell(&mut self, events: Vec<Event>, out: &mut String) {
        for event in events {
            for event in self.redacted(event) {
                self.write(&event, out);
            }
        }
    }

    /// The event with what may be said of it now, and before the end of a block what was held back.
    fn redacted(&mut self, event: Event) -> Vec<Event> {
        match event {
            Event::Grow(block, Delta::More(more)) => {
                let stream = self
                    .blocks
                    .entry(block)
                    .or_insert_with(|| self.guard.stream());
                grown(block, stream.push(&more)).collect()
            }
            Event::Close(block) => {
                let stream = self.blocks.remove(&block);
                let rest = stream.map(|mut stream| stream.finish()).unwrap_or_default();
                grown(block, rest).chain([Event::Close(block)]).collect()
            }
            event => vec![event],
        }
    }

    fn write(&mut self, event: &Event, out: &mut String) {
        let writer = match (&mut self.writer, event) {
            (Some(writer), _) => writer,
            (none, event) => none.insert(EventWriter::new(self.dialect, envelope(event), true)),
        };
        writer.write(event, out);
    }

    /// What cannot be searched is not said.
    fn fail(&mut self, why: &str, out: &mut String) {
        self.is_over = true;
        let failure = Failure::new(
            FailureKind::BadGateway,
            format!("the answer could not be searched for personal data: {why}"),
        );
        self.write(&Event::Failed(failure), out);
    }
}

fn grown(block: usize, more: String) -> impl Iterator<Item = Event> {
    let is_said = !more.is_empty();
    is_said
        .then_some(Event::Grow(block, Delta::More(more)))
        .into_iter()
}

fn envelope(event: &Event) -> Envelope {
    let (id, model) = match event {
        Event::Start { id, model } => (id.as_str(), model.as_str()),
        _ => ("", ""),
    };
    let bare = PREFIXES.iter().find_map(|prefix| id.strip_prefix(prefix));
    Envelope {
        id: bare.unwrap_or(id).to_owned(),
        model: model.to_owned(),
        created: (now_ms() / 1000).unsigned_abs(),
    }
}
