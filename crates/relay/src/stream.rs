//! A streamed answer on its way to a caller.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::Incoming;
use pointsman_wire::{Answer, Failure, FailureKind, Observed, Progress, Translation};
use tokio::time::timeout_at;

use crate::Outcome;
use crate::backend::Backend;
use crate::call::{Broken, Deadline, next_chunk};
use crate::places::Place;

/// A silent stream says a comment so often, so that nobody in between takes it for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// What it says.
const COMMENT: &[u8] = b": keep-alive\n\n";

/// A streamed answer on its way. Dropping it hangs up on the back end.
pub struct Stream {
    translation: Translation,
    /// What the caller gets next.
    ready: Vec<u8>,
    incoming: Option<Incoming>,
    heard: Instant,
    deadline: Deadline,
    /// What the caller got last ended an event, so a comment may follow.
    is_between: bool,
    watched: Watched,
    _place: Place,
}

/// Tells the back end's standing how the call ended, whatever happens.
struct Watched {
    backend: Arc<Backend>,
    outcome: Outcome,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.backend.end(self.outcome, Instant::now());
    }
}

impl Stream {
    pub(crate) fn new(
        backend: Arc<Backend>,
        translation: Translation,
        incoming: Incoming,
        deadline: Deadline,
        place: Place,
    ) -> Self {
        Self {
            translation,
            ready: Vec::new(),
            incoming: Some(incoming),
            heard: Instant::now(),
            deadline,
            is_between: false,
            watched: Watched {
                backend,
                outcome: Outcome::Unknown,
            },
            _place: place,
        }
    }

    /// What was seen of the answer so far.
    #[must_use]
    pub const fn observed(&self) -> &Observed {
        self.translation.observed()
    }

    /// The whole answer, where it was to be gathered, is complete and no larger than a whole answer may
    /// be.
    #[must_use]
    pub fn into_answer(self) -> Option<Answer> {
        self.translation.into_answer()
    }

    /// Takes the first chunk; the failure that it tells, if nothing was said before.
    pub(crate) fn begin(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        self.take(chunk);
        match &self.observed().progress {
            Progress::Failed(failure) if !self.observed().has_spoken => Err(failure.clone()),
            _ => Ok(()),
        }
    }

    /// The next bytes for the caller; `None` at the end. It never fails: a break becomes an error in
    /// the caller's dialect and is seen in [`observed`](Self::observed).
    pub async fn next(&mut self) -> Option<Bytes> {
        while self.ready.is_empty() {
            self.incoming.as_ref()?;
            self.advance().await;
        }
        let ready = Bytes::from(std::mem::take(&mut self.ready));
        self.is_between = ready.ends_with(b"\n\n") || ready.ends_with(b"\r\n\r\n");
        Some(ready)
    }

    /// Waits for something to happen.
    async fn advance(&mut self) {
        let Some(incoming) = &mut self.incoming else {
            return;
        };
        let idle = self.watched.backend.deployment.limits.idle;
        let silent = self.heard.elapsed();
        let wait = idle.saturating_sub(silent).min(KEEP_ALIVE);
        match timeout_at(self.deadline.within(wait), next_chunk(incoming)).await {
            Ok(Some(Ok(chunk))) => {
                self.heard = Instant::now();
                self.take(&chunk);
            }
            Ok(None) => {
                self.translation.finish(&mut self.ready);
                self.end();
            }
            Ok(Some(Err(Broken))) => {
                let broke = "the back end's stream broke off before its answer was complete";
                self.fail(Failure::new(FailureKind::BadGateway, broke));
            }
            Err(_) if self.heard.elapsed() >= idle || self.deadline.is_over() => {
                self.fail(Failure::silence());
            }
            Err(_) if self.is_between => self.ready.extend_from_slice(COMMENT),
            Err(_) => {}
        }
    }

    fn take(&mut self, chunk: &[u8]) {
        self.translation.push(chunk, &mut self.ready);
        let most = self.watched.backend.deployment.most_bytes as u64;
        if self.observed().bytes > most {
            self.translation.stop_gathering();
        }
        self.settle();
    }

    fn fail(&mut self, failure: Failure) {
        self.translation.fail(failure, &mut self.ready);
        self.end();
    }

    /// A stream that told of its own failure is over, whatever may still come; one that is complete
    /// has served, whether or not the caller hears the end of it.
    fn settle(&mut self) {
        match self.observed().progress {
            Progress::Failed(_) => self.end(),
            Progress::Complete => self.watched.outcome = Outcome::Served,
            Progress::Running => {}
        }
    }

    fn end(&mut self) {
        self.incoming = None;
        self.watched.outcome = match self.observed().progress {
            Progress::Complete => Outcome::Served,
            Progress::Running | Progress::Failed(_) => Outcome::Failed,
        };
    }
}
