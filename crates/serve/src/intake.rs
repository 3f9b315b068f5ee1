//! Reads bodies within bounds: of one body, of all bodies that are held together, and of time.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Problem;

/// Bodies up to here are small: they need no permit and are worked on where they arrive.
pub(crate) const SMALL: usize = 64 << 10;

/// Large bodies held at the same time, in units of [`SMALL`]; at least one fits in any case.
const HELD_UNITS: usize = 1024;

/// How far a body that is too long is read on, so that its sender gets to read the answer instead
/// of a broken connection.
const PATIENCE: usize = 16 << 20;

pub(crate) struct Intake {
    limit: usize,
    timeout: Duration,
    room: Arc<Semaphore>,
    units: usize,
}

/// A body, and the room it takes until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

impl Intake {
    pub(crate) fn new(limit: usize, timeout: Duration) -> Self {
        let units = HELD_UNITS.max(units(limit));
        Self {
            limit,
            timeout,
            room: Arc::new(Semaphore::new(units)),
            units,
        }
    }

    /// Reads a body to its end.
    pub(crate) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Held, Problem> {
        let declared = declared_length(headers);
        if declared.is_some_and(|length| length > self.limit + PATIENCE) {
            return Err(self.too_long());
        }
        let room = self.reserve(declared)?;
        let whole = tokio::time::timeout(self.timeout, self.collect(body));
        let bytes = whole.await.map_err(|_| self.too_slow())??;
        Ok(Held { bytes, _room: room })
    }

    /// A body of unknown length may become as long as is allowed.
    fn reserve(&self, declared: Option<usize>) -> Result<Option<OwnedSemaphorePermit>, Problem> {
        let length = declared.unwrap_or(self.limit).min(self.limit);
        if length <= SMALL {
            return Ok(None);
        }
        let units = units(length).min(self.units) as u32;
        Arc::clone(&self.room)
            .try_acquire_many_owned(units)
            .map(Some)
            .map_err(|_| Problem::busy("too many long requests at once; try again shortly"))
    }

    async fn collect(&self, mut body: Body) -> Result<Bytes, Problem> {
        let Some(first) = next(&mut body).await? else {
            return Ok(Bytes::new());
        };
        if body.is_end_stream() && first.len() <= self.limit {
            return Ok(first);
        }
        let mut length = first.len();
        let mut whole = first.to_vec();
        while let Some(more) = next(&mut body).await? {
            length += more.len();
            match length {
                fits if fits <= self.limit => whole.extend_from_slice(&more),
                passed if passed <= self.limit + PATIENCE => whole = Vec::new(),
                _ => return Err(self.too_long()),
            }
        }
        match length <= self.limit {
            true => Ok(whole.into()),
            false => Err(self.too_long()),
        }
    }

    fn too_long(&self) -> Problem {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_long",
            format!("the body is longer than {} bytes", self.limit),
        )
    }

    fn too_slow(&self) -> Problem {
        Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_too_slow",
            format!("the body took longer than {:?} to arrive", self.timeout),
        )
    }
}

fn units(bytes: usize) -> usize {
    bytes.div_ceil(SMALL)
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The next piece of data; trailers are passed over.
async fn next(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    loop {
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
        match frame {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Some(Err(_)) => {
                let message = "the body ended before its announced length";
                return Err(Problem::new(
                    StatusCode::BAD_REQUEST,
                    "broken_body",
                    message,
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intake(limit: usize) -> Intake {
        Intake::new(limit, Duration::from_secs(5))
    }

    fn length(bytes: usize) -> HeaderMap {
        [(CONTENT_LENGTH, bytes.to_string().parse().unwrap())]
            .into_iter()
            .collect()
    }

    async fn read(limit: usize, bytes: usize) -> Result<usize, StatusCode> {
        let read = intake(limit)
            .read(&length(bytes), Body::from(vec![b'x'; bytes]))
            .await;
        read.map(|held| held.bytes.len())
            .map_err(|problem| problem.status)
    }

    #[tokio::test]
    async fn the_limit_itself_is_allowed() {
        assert_eq!(read(1024, 1024).await, Ok(1024));
        assert_eq!(read(1024, 0).await, Ok(0));
    }

    #[tokio::test]
    async fn past_the_limit_is_413_however_far() {
        let too_long = Err(StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(read(1024, 1025).await, too_long);
        assert_eq!(read(1024, PATIENCE + 2000).await, too_long);
    }

    #[tokio::test]
    async fn long_bodies_share_a_bounded_room() {
        let intake = intake(HELD_UNITS * SMALL);
        let all = length(HELD_UNITS * SMALL);
        let held = intake.read(&all, Body::empty()).await.unwrap();
        let refused = intake.read(&all, Body::empty()).await.unwrap_err();
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(
            intake.read(&length(10), Body::empty()).await.is_ok(),
            "small ones pass"
        );
        drop(held);
        assert!(intake.read(&all, Body::empty()).await.is_ok());
    }
}
