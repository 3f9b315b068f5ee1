//! One call of one back end, up to the first byte of its answer.

use std::error::Error;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use pointsman_wire::FailureKind;
use tokio::time::timeout_at;

use crate::ask::Sent;
use crate::backend::Backend;
use crate::backoff::asked_for;
use crate::outcome::Trouble;
use crate::resolve::Unresolved;

/// The most bytes of an error that are read.
const MOST_ERROR: usize = 64 << 10;

/// An answer that has begun.
pub(crate) enum Begun {
    /// All of it.
    Whole(Bytes),
    /// A stream of events, and its first chunk.
    Stream(Bytes, Incoming),
}

/// Until when a call may go on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(total: Duration) -> Self {
        Self(Instant::now() + total)
    }

    /// The end of a part of the call that may take so long.
    pub(crate) fn within(self, part: Duration) -> tokio::time::Instant {
        self.0.min(Instant::now() + part).into()
    }

    pub(crate) fn is_over(self) -> bool {
        Instant::now() >= self.0
    }
}

/// Sends a request and waits until an answer begins.
pub(crate) async fn call(
    backend: &Backend,
    sent: Sent,
    deadline: Deadline,
) -> Result<Begun, Trouble> {
    let limits = &backend.deployment.limits;
    let first_byte = deadline.within(limits.first_byte);
    let answered = timeout_at(first_byte, backend.http().request(sent.request)).await;
    let response = answered
        .map_err(|_| Trouble::too_slow("the back end did not answer in time"))?
        .map_err(|error| unreachable(&error))?;
    if response.status() != StatusCode::OK {
        return Err(told(backend, response, deadline).await);
    }
    match is_stream(&response) {
        true => first_chunk(response.into_body(), first_byte).await,
        false => {
            let most = backend.deployment.most_bytes;
            let whole = whole(response.into_body(), most, limits.idle, deadline).await?;
            Ok(Begun::Whole(whole))
        }
    }
}

/// Nothing was heard of the back end. The error's own words may name its address.
fn unreachable(error: &hyper_util::client::legacy::Error) -> Trouble {
    let what = match (unresolved(error), error.is_connect()) {
        (Some(unresolved), _) => unresolved.to_string(),
        (None, true) => "the back end cannot be reached".to_owned(),
        (None, false) => "the back end closed the connection without an answer".to_owned(),
    };
    Trouble::again(FailureKind::BadGateway, what)
}

/// Whether it was the name that led nowhere.
fn unresolved(error: &(dyn Error + 'static)) -> Option<Unresolved> {
    let found = error.downcast_ref::<Unresolved>().copied();
    found.or_else(|| unresolved(error.source()?))
}

fn is_stream(response: &Response<Incoming>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.trim_start().starts_with("text/event-stream")
}

/// The error that the back end tells.
async fn told(backend: &Backend, response: Response<Incoming>, deadline: Deadline) -> Trouble {
    let deployment = &backend.deployment;
    let (parts, body) = response.into_parts();
    let body = whole(body, MOST_ERROR, deployment.limits.idle, deadline).await;
    let body = body.unwrap_or_default();
    let failure = deployment
        .dialect
        .read_failure(parts.status.as_u16(), &body);
    Trouble::told(failure, asked_for(&parts.headers))
}

async fn first_chunk(mut body: Incoming, until: tokio::time::Instant) -> Result<Begun, Trouble> {
    let chunk = timeout_at(until, next_chunk(&mut body)).await;
    let chunk =
        chunk.map_err(|_| Trouble::too_slow("the back end's stream did not begin in time"))?;
    match chunk {
        Some(Ok(chunk)) => Ok(Begun::Stream(chunk, body)),
        Some(Err(Broken)) | None => Err(Trouble::again(
            FailureKind::BadGateway,
            "the back end's stream broke before it began",
        )),
    }
}

/// The connection broke in the middle of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

/// The next chunk that is not empty; `None` at the end.
pub(crate) async fn next_chunk(body: &mut Incoming) -> Option<Result<Bytes, Broken>> {
    loop {
        match body.frame().await? {
            Err(_) => return Some(Err(Broken)),
            Ok(frame) => match frame.into_data() {
                Ok(data) if !data.is_empty() => return Some(Ok(data)),
                _ => {}
            },
        }
    }
}

/// A body of at most `most` bytes.
async fn whole(
    mut body: Incoming,
    most: usize,
    idle: Duration,
    deadline: Deadline,
) -> Result<Bytes, Trouble> {
    let mut all = BytesMut::new();
    loop {
        let chunk = timeout_at(deadline.within(idle), next_chunk(&mut body)).await;
        match chunk {
            Err(_) => return Err(Trouble::too_slow("the back end stopped in mid-answer")),
            Ok(None) => return Ok(all.freeze()),
            Ok(Some(Err(Broken))) => {
                let what = "the back end broke off in mid-answer";
                return Err(Trouble::again(FailureKind::BadGateway, what));
            }
            Ok(Some(Ok(chunk))) if all.len() + chunk.len() > most => {
                let what = format!("the back end's answer is over {most} bytes");
                return Err(Trouble::again(FailureKind::BadGateway, what));
            }
            Ok(Some(Ok(chunk))) => all.extend_from_slice(&chunk),
        }
    }
}
