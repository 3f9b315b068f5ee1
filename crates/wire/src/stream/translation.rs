//! A stream on its way from a back end to a caller: translated, or handed on as it is and watched.

use super::{EventReader, EventWriter, Observed, Progress};
use crate::sse::{Bounds, Frame, Message, Parser};
use crate::{Answer, Collector, Dialect, Envelope, Error, Event, Failure};

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

/// A stream on its way.
///
/// Chunks go in as they come; what the caller gets comes out at once, event by event, so that no
/// caller ever sees half an event. It never fails: whatever breaks becomes an error in the caller's
/// dialect, and is seen in [`Observed`].
#[derive(Debug)]
pub struct Translation {
    route: Route,
    parser: Parser,
    reader: EventReader,
    writer: EventWriter,
    observed: Observed,
    gathered: Option<Collector>,
    /// The bytes of an event whose end has not come, where bytes are handed on.
    held: Vec<u8>,
    events: Vec<Event>,
    messages: u64,
    /// The names of the answer and of the model, as the back end says them.
    names: (String, String),
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
            observed: Observed::new(),
            gathered: route.gather.then(Collector::default),
            held: Vec::new(),
            events: Vec::new(),
            messages: 0,
            names: Default::default(),
            is_broken: false,
            route,
        }
    }

    /// What was seen so far.
    #[must_use]
    pub const fn observed(&self) -> &Observed {
        &self.observed
    }

    /// Gathers no longer, and forgets what was gathered: it has become too much to be kept.
    pub fn stop_gathering(&mut self) {
        self.gathered = None;
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

    /// Takes a chunk; appends what the caller gets.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        if self.is_broken {
            return;
        }
        let mut done = 0;
        let read = self.parse(|parser, this| {
            parser.push(chunk, |frame| {
                let bytes = &chunk[done..frame.end];
                done = frame.end;
                this.frame(frame, bytes, out)
            })
        });
        match read.and_then(|()| self.hold(&chunk[done..])) {
            Ok(()) => {}
            Err(error) => self.fail(Failure::of_answer(&error), out),
        }
    }

    /// The parser reads while the rest of this is changed by what it reads.
    fn parse<T>(&mut self, read: impl FnOnce(&mut Parser, &mut Self) -> T) -> T {
        let idle = Parser::new(self.route.bounds);
        let mut parser = std::mem::replace(&mut self.parser, idle);
        let result = read(&mut parser, self);
        self.parser = parser;
        result
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let bound = self
            .route
            .bounds
            .event
            .saturating_add(self.route.bounds.line);
        if self.passes() {
            self.held.extend_from_slice(bytes);
        }
        match self.held.len() > bound {
            true => Err(Error::LargeEvent { bound }),
            false => Ok(()),
        }
    }

    /// A frame, whose last bytes are these.
    fn frame(&mut self, frame: Frame<'_>, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let is_shown = match frame.message {
            Some(message) => self.message(message, out)?,
            None => true,
        };
        if self.passes() && is_shown {
            self.messages += u64::from(frame.message.is_some());
            out.extend_from_slice(&self.held);
            out.extend_from_slice(bytes);
        }
        self.held.clear();
        Ok(())
    }

    /// An event; whether the caller may see it. What is handed on as it is need not be understood,
    /// as long as it is JSON.
    fn message(&mut self, message: Message<'_>, out: &mut Vec<u8>) -> Result<bool, Error> {
        let mut events = std::mem::take(&mut self.events);
        let read = self.reader.read(message.data, &mut events);
        let is_shown = !(self.hides_usage() && matches!(events[..], [Event::Usage(_)]));
        self.tell(&mut events, out);
        self.events = events;
        match read {
            Err(Error::Field { .. }) if self.passes() => Ok(true),
            Err(error) => Err(error),
            Ok(()) => Ok(is_shown),
        }
    }

    /// Whether the gateway asked for the usage and the caller did not.
    fn hides_usage(&self) -> bool {
        self.passes() && self.route.to == Dialect::Chat && !self.route.include_usage
    }

    fn tell(&mut self, events: &mut Vec<Event>, out: &mut Vec<u8>) {
        let mut text = String::new();
        for event in events.drain(..) {
            self.see(&event);
            if !self.passes() {
                self.writer.write(&event, &mut text);
            }
        }
        out.extend_from_slice(text.as_bytes());
    }

    fn see(&mut self, event: &Event) {
        self.observed.see(event);
        if let Event::Start { id, model } = event {
            self.names = (id.clone(), model.clone());
        }
        if let Some(gathered) = &mut self.gathered {
            gathered.push(event);
        }
    }

    /// The back end's stream is over.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if self.observed.progress != Progress::Running {
            return;
        }
        let read = self.parse(|parser, this| parser.finish(|frame| this.frame(frame, &[], out)));
        match read {
            Ok(()) => {}
            // An event that was cut in the middle.
            Err(Error::Json { .. }) => return self.fail(Failure::of_answer(&Error::CutShort), out),
            Err(error) => return self.fail(Failure::of_answer(&error), out),
        }
        let mut events = Vec::new();
        self.reader.finish(&mut events);
        self.tell(&mut events, out);
        if self.observed.progress == Progress::Running {
            self.fail(Failure::of_answer(&Error::CutShort), out);
        }
    }

    /// Something else broke the stream (a time limit, a reset): the caller is told.
    pub fn fail(&mut self, failure: Failure, out: &mut Vec<u8>) {
        if self.observed.progress != Progress::Running {
            return;
        }
        self.is_broken = true;
        self.held.clear();
        if self.passes() {
            let (id, model) = &self.names;
            self.writer.go_on(id, model, self.messages);
        }
        let mut text = String::new();
        let event = Event::Failed(failure);
        self.see(&event);
        self.writer.write(&event, &mut text);
        out.extend_from_slice(text.as_bytes());
    }
}
