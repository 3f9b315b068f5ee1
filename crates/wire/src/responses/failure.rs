//! Errors of the responses dialect: the same bodies as the chat dialect has; in a stream the event
//! `error`, and a response that failed.

use crate::chat::failure as chat;
use crate::json::{Fields, Object};
use crate::{Body, Error, Failure};

/// An answer that is an error, although its status says otherwise.
pub(super) fn none_in(body: &Body<'_>) -> Result<(), Error> {
    chat::none_in(body)
}

/// The event `error`: its fields stand in it, or under `error`.
pub(super) fn of_event(mut event: Fields<'_>) -> Failure {
    let error = event.take("error");
    chat::of_json(error.unwrap_or(event.whole()), None)
}

/// The error of a response that failed.
pub(super) fn write(o: &mut Object<'_>, failure: &Failure) {
    o.text("code", failure.code.as_deref().unwrap_or("server_error"));
    o.text("message", &failure.message);
}
