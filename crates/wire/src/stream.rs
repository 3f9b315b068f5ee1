//! A stream on its way from a back end to a caller: translated, or handed on as it is and watched.

use crate::sse::{Bounds, Frame, Message, Parser};
use crate::{
    Answer, Collector, Dialect, Envelope, Error, Event, Failure, FailureKind, Stop, Usage,
};
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

    /// Goes on counting after so many events that somebody else wrote.
    fn count_from(&mut self, events: u64) {
        if let Writer::Responses(writer) = &mut self.0 {
            writer.count_from(events);
        }
    }
}

/// How a stream is handed on.
#[derive(Debug, Clone)]
pub struct Route {
    /// The back end's dialect.
    pub from: Dialect,
    /// The caller's dialect.
    pub to: Dialect,
    /// What the caller sees around the answer, where it is translated.
    pub envelope: Envelope,
    /// Whether the caller asked for the usage (the chat dialect's `include_usage`).
    pub include_usage: bool,
    /// Whether the whole answer is gathered, to be kept.
    pub gather: bool,
    /// How much a line and an event may hold.
    pub bounds: Bounds,
}

/// How far a stream has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// More is to come.
    Running,
    /// The answer is complete.
    Complete,
    /// It broke off; the caller was told.
    Failed(Failure),
}

/// What was seen of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// How far it has come.
    pub progress: Progress,
    /// Whether the model has said anything yet.
    pub has_spoken: bool,
    /// Bytes of text, thoughts and arguments: what an estimate of unbilled tokens goes by.
    pub bytes: u64,
    /// The last usage that was told.
    pub usage: Option<Usage>,
    /// Why it ended.
    pub stop: Option<Stop>,
}

/// A stream on its way.
///
/// Chunks go in as they come, what the caller gets comes out at once. It never fails: whatever
/// breaks becomes an error in the caller's dialect, and is seen in [`Observed`].
#[derive(Debug)]
pub struct Translation {
    route: Route,
    parser: Parser,
    reader: EventReader,
    writer: EventWriter,
    observed: Observed,
    gathered: Option<Collector>,
    /// Bytes since the last frame, where frames are handed on one by one.
    held: Vec<u8>,
    events: Vec<Event>,
    frames: u64,
    /// The caller was told of a break, and gets nothing more.
    is_broken: bool,
}

impl Translation {
    /// A stream that begins.
    #[must_use]
    pub fn new(route: Route) -> Self {
        Self {
            parser: Parser::new(route.bounds),
            reader: EventReader::new(route.from),
            writer: EventWriter::new(route.to, route.envelope.clone(), route.include_usage),
            observed: Observed {
                progress: Progress::Running,
                has_spoken: false,
                bytes: 0,
                usage: None,
                stop: None,
            },
            gathered: route.gather.then(Collector::default),
            held: Vec::new(),
            events: Vec::new(),
            frames: 0,
            is_broken: false,
            route,
        }
    }

    /// What was seen so far.
    #[must_use]
    pub const fn observed(&self) -> &Observed {
        &self.observed
    }

    /// The whole answer, where it was to be gathered and is complete.
    #[must_use]
    pub fn into_answer(self) -> Option<Answer> {
        self.gathered?.finish().ok()
    }

    /// Whether bytes are handed on as they are.
    fn passes(&self) -> bool {
        self.route.from == self.route.to
    }

    /// Whether the usage was asked for by the gateway and not by the caller.
    fn hides_usage(&self) -> bool {
        self.passes() && self.route.to == Dialect::Chat && !self.route.include_usage
    }

    /// Takes a chunk; appends what the caller gets.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        if self.is_broken {
            return;
        }
        let mut parser = std::mem::replace(&mut self.parser, Parser::new(self.route.bounds));
        let mut done = 0;
        let read = parser.push(chunk, |frame| {
            self.frame(frame, &chunk[done..frame.end], out)?;
            done = frame.end;
            Ok(())
        });
        self.parser = parser;
        match read {
            Err(error) => self.fail(Failure::of_answer(&error), out),
            Ok(()) if self.hides_usage() => self.held.extend_from_slice(&chunk[done..]),
            Ok(()) if self.passes() => out.extend_from_slice(&chunk[done..]),
            Ok(()) => {}
        }
    }

    /// A frame, whose last bytes are these.
    fn frame(&mut self, frame: Frame<'_>, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let is_hidden = match frame.message {
            Some(message) => self.message(message, out)?,
            None => false,
        };
        if self.hides_usage() {
            let mut whole = std::mem::take(&mut self.held);
            if !is_hidden {
                out.append(&mut whole);
                out.extend_from_slice(bytes);
            }
            whole.clear();
            self.held = whole;
        } else if self.passes() {
            out.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// An event; whether the caller must not see it.
    fn message(&mut self, message: Message<'_>, out: &mut Vec<u8>) -> Result<bool, Error> {
        self.frames += 1;
        let mut events = std::mem::take(&mut self.events);
        let read = self.reader.read(message.data, &mut events);
        let is_usage = matches!(events[..], [Event::Usage(_)]);
        self.events(&mut events, out);
        self.events = events;
        match read {
            // What is handed on as it is need not be understood, as long as it is JSON.
            Err(Error::Field { .. }) if self.passes() => Ok(false),
            Err(error) => Err(error),
            Ok(()) => Ok(is_usage),
        }
    }

    fn events(&mut self, events: &mut Vec<Event>, out: &mut Vec<u8>) {
        let mut text = String::new();
        for event in events.drain(..) {
            self.observe(&event);
            if !self.passes() {
                self.writer.write(&event, &mut text);
            }
        }
        out.extend_from_slice(text.as_bytes());
    }

    fn observe(&mut self, event: &Event) {
        if let Some(gathered) = &mut self.gathered {
            gathered.push(event);
        }
        let observed = &mut self.observed;
        match event {
            Event::Grow(_, crate::Delta::More(more)) => {
                observed.has_spoken = true;
                observed.bytes += more.len() as u64;
            }
            Event::Usage(usage) => observed.usage = Some(*usage),
            Event::Stop(stop) => observed.stop = Some(*stop),
            Event::End => observed.progress = Progress::Complete,
            Event::Failed(failure) => observed.progress = Progress::Failed(failure.clone()),
            Event::Start { .. } | Event::Open(..) | Event::Grow(..) | Event::Close(_) => {}
        }
    }

    /// The back end's stream is over.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let mut parser = std::mem::replace(&mut self.parser, Parser::new(self.route.bounds));
        let read = match self.observed.progress {
            Progress::Running => parser.finish(|frame| self.frame(frame, &[], out)),
            _ => Ok(()),
        };
        out.append(&mut self.held);
        if self.observed.progress == Progress::Running && read.is_ok() {
            let mut events = Vec::new();
            self.reader.finish(&mut events);
            self.events(&mut events, out);
        }
        match (&self.observed.progress, read) {
            (Progress::Running, Ok(())) => self.fail(Failure::of_answer(&Error::CutShort), out),
            (Progress::Running, Err(error)) => self.fail(Failure::of_answer(&error), out),
            _ => {}
        }
    }

    /// Something else broke the stream (a time limit, a reset): the caller is told.
    pub fn fail(&mut self, failure: Failure, out: &mut Vec<u8>) {
        if self.observed.progress != Progress::Running {
            return;
        }
        self.is_broken = true;
        out.append(&mut self.held);
        if self.passes() {
            // Ends whatever line the back end left unfinished.
            out.extend_from_slice(b"\n\n");
            self.writer.count_from(self.frames);
        }
        let mut text = String::new();
        let event = Event::Failed(failure);
        self.observe(&event);
        self.writer.write(&event, &mut text);
        out.extend_from_slice(text.as_bytes());
    }
}

impl Failure {
    /// What a caller is told when the back end falls silent.
    #[must_use]
    pub fn silence() -> Self {
        Self::new(
            FailureKind::Timeout,
            "the back end fell silent before its answer was complete",
        )
    }
}
