//! A streamed answer as the body of a response: bytes as they come, then its ending.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use futures_util::stream::unfold;
use pointsman_relay::Stream;
use pointsman_wire::{Dialect, Progress};

use super::account::Seen;
use super::ending::{Ending, before_done};
use super::signs::Signs;

/// A streamed answer on its way to a caller. Dropping it hangs up and accounts for what was used.
struct Sending {
    /// Taken apart at the end.
    stream: Option<Box<Stream>>,
    ending: Option<Ending>,
    dialect: Dialect,
    /// What ends the stream, after everything else was said.
    done: Bytes,
}

/// The body of a streamed answer.
pub(super) fn body(stream: Box<Stream>, ending: Ending) -> Body {
    let sending = Sending {
        dialect: ending.dialect,
        stream: Some(stream),
        ending: Some(ending),
        done: Bytes::new(),
    };
    Body::from_stream(unfold(sending, |mut sending| async {
        let bytes = sending.next().await?;
        Some((Ok::<_, Infallible>(bytes), sending))
    }))
}

impl Sending {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let Some(bytes) = self.stream.as_mut()?.next().await else {
                return Some(self.end()).filter(|last| !last.is_empty());
            };
            self.note();
            let (said, done) = before_done(&bytes, self.dialect);
            if done.is_empty() {
                return Some(bytes);
            }
            self.done = bytes.slice(said.len()..);
            if !said.is_empty() {
                return Some(bytes.slice(..said.len()));
            }
        }
    }

    /// Should the caller leave now, this much was used.
    fn note(&mut self) {
        let seen = self.seen();
        if let Some(ending) = &mut self.ending {
            ending.account.see(seen);
        }
    }

    fn seen(&self) -> Seen {
        let observed = self.stream.as_ref().map(|stream| stream.observed());
        observed.map_or_else(Seen::default, |observed| Seen {
            usage: observed.usage,
            bytes: observed.bytes,
            signs: Signs::so_far(observed),
        })
    }

    /// Settles the account; the last bytes of the stream.
    fn end(&mut self) -> Bytes {
        let seen = self.seen();
        let (Some(stream), Some(mut ending)) = (self.stream.take(), self.ending.take()) else {
            return Bytes::new();
        };
        let observed = stream.observed();
        ending.account.answered_by(observed.model.as_deref());
        let error = match &observed.progress {
            Progress::Failed(failure) => {
                ending.account.broke(failure.kind);
                Some(failure.message.clone())
            }
            Progress::Complete | Progress::Running => None,
        };
        let last = ending.streamed(seen, error.as_deref(), stream.into_answer());
        [last.as_slice(), &self.done].concat().into()
    }
}
