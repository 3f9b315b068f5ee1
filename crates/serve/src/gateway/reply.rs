//! A body and what is told beside it, as a response.

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;

use super::notes::Notes;

/// A response of JSON, or of events.
pub(super) fn reply(body: Body, is_stream: bool, notes: Notes) -> Response {
    let mut response = Response::new(body);
    *response.headers_mut() = notes.0;
    let headers = response.headers_mut();
    let kind = match is_stream {
        true => "text/event-stream",
        false => "application/json",
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if is_stream {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    response
}
