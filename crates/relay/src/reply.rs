//! An answer for a caller.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pointsman_wire::{
    Answer, Body, Conversation, Dialect, Envelope, EventWriter, Failure, Lost, Route, Slots,
    Translation, Written, replay, sse,
};

use crate::ask::Ask;
use crate::backend::Backend;
use crate::call::{Begun, Deadline};
use crate::outcome::Trouble;
use crate::places::Place;
use crate::stream::Stream;
use crate::{Deployment, Outcome};

/// An answer for a caller.
pub struct Reply {
    /// Who answers.
    pub backend: Arc<Backend>,
    /// What of the request the back end was not told, and what of the answer the caller is not.
    pub lost: Vec<Lost>,
    /// From the beginning of the call to the first byte of the answer.
    pub first_byte: Duration,
    /// The answer itself.
    pub answered: Answered,
}

/// The answer itself.
pub enum Answered {
    /// All of it.
    Whole(Box<Whole>),
    /// As it comes.
    Stream(Box<Stream>),
}

/// A whole answer.
pub struct Whole {
    /// In the caller's dialect: JSON, or events where a stream was asked for.
    pub body: Bytes,
    /// As it was read; `None` where a back end of the caller's dialect said what is not understood.
    pub answer: Option<Answer>,
    /// Where it takes what is noted on it; `None` where it is events, or no object.
    pub slots: Option<Slots>,
    /// Whether the body is events.
    pub is_stream: bool,
}

/// A call that came through, on its way to become a reply.
pub(crate) struct Heard {
    pub(crate) backend: Arc<Backend>,
    pub(crate) lost: Vec<Lost>,
    pub(crate) first_byte: Duration,
    pub(crate) deadline: Deadline,
    pub(crate) place: Place,
}

impl Heard {
    /// The reply to a caller, unless the answer turns out to be an error.
    pub(crate) fn reply(mut self, begun: Begun, ask: &Ask<'_>) -> Result<Reply, Trouble> {
        let answered = match begun {
            Begun::Whole(body) => Answered::Whole(Box::new(self.whole(body, ask)?)),
            Begun::Stream(chunk, incoming) => {
                let deployment = &self.backend.deployment;
                let translation = Translation::new(route(deployment, ask));
                let backend = Arc::clone(&self.backend);
                let mut stream =
                    Stream::new(backend, translation, incoming, self.deadline, self.place);
                stream.begin(&chunk).map_err(|failure| Trouble {
                    // The stream itself tells the standing how it ended.
                    outcome: Outcome::Unknown,
                    ..Trouble::told(failure, None)
                })?;
                Answered::Stream(Box::new(stream))
            }
        };
        Ok(Reply {
            backend: self.backend,
            lost: self.lost,
            first_byte: self.first_byte,
            answered,
        })
    }

    fn whole(&mut self, body: Bytes, ask: &Ask<'_>) -> Result<Whole, Trouble> {
        let deployment = &self.backend.deployment;
        let (read, slots) = read(&body, deployment.dialect, ask.note);
        let passes = ask.said.said_in == deployment.dialect;
        match read {
            Ok(answer) if ask.said.stream => Ok(self.replayed(answer, ask)),
            Ok(answer) if !passes => self.translated(answer, ask),
            Ok(answer) => Ok(self.handed_on(body, Some(answer), slots)),
            // What is handed on as it is need not be understood, as long as it is no error.
            Err(pointsman_wire::Error::Field { .. }) if passes && !ask.said.stream => {
                Ok(self.handed_on(body, None, slots))
            }
            Err(error) => Err(Trouble::told(Failure::of_answer(&error), None)),
        }
    }

    fn handed_on(&self, body: Bytes, answer: Option<Answer>, slots: Option<Slots>) -> Whole {
        self.served();
        Whole {
            body,
            answer,
            slots,
            is_stream: false,
        }
    }

    /// The caller asked for a stream, and the back end does not know how to.
    fn replayed(&self, answer: Answer, ask: &Ask<'_>) -> Whole {
        self.served();
        Whole {
            body: streamed(&answer, ask.said, ask.envelope(&self.backend.deployment)).into(),
            answer: Some(answer),
            slots: None,
            is_stream: true,
        }
    }

    fn translated(&mut self, answer: Answer, ask: &Ask<'_>) -> Result<Whole, Trouble> {
        let written: Result<Written, _> = ask
            .said
            .said_in
            .write_answer(&answer, &ask.envelope(&self.backend.deployment));
        let written = written.map_err(|error| Trouble::other_model(Failure::of_answer(&error)))?;
        self.lost.extend(written.lost);
        self.served();
        let body = Body::parse(written.body.as_bytes());
        let slots = body.ok().map(|body| body.slots(ask.note));
        Ok(Whole {
            body: written.body.into(),
            answer: Some(answer),
            slots,
            is_stream: false,
        })
    }

    fn served(&self) {
        self.backend.end(Outcome::Served, Instant::now());
    }
}

/// An answer, and where it takes a note.
fn read(
    body: &[u8],
    dialect: Dialect,
    note: &'static str,
) -> (Result<Answer, pointsman_wire::Error>, Option<Slots>) {
    match Body::parse(body) {
        Ok(body) => (dialect.read_answer(&body), Some(body.slots(note))),
        Err(error) => (Err(error), None),
    }
}

/// An answer as the stream that a caller asked for.
#[must_use]
pub fn streamed(answer: &Answer, said: &Conversation<'_>, envelope: Envelope) -> String {
    let mut writer = EventWriter::new(said.said_in, envelope, said.include_usage);
    let mut out = String::new();
    for event in replay(answer) {
        writer.write(&event, &mut out);
    }
    out
}

fn route(deployment: &Deployment, ask: &Ask<'_>) -> Route {
    Route {
        from: deployment.dialect,
        to: ask.said.said_in,
        envelope: ask.envelope(deployment),
        include_usage: ask.said.include_usage || ask.said.said_in != Dialect::Chat,
        gather: ask.gather,
        bounds: sse::Bounds::default(),
    }
}
