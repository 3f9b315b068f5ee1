//! Errors as Anthropic says them: `{"type": "error", "error": {"type", "message"}}`.

use crate::chat::failure as chat;
use crate::json::object;
use crate::{Body, Error, Failure, FailureKind};

/// An answer that is an error, although its status says otherwise.
pub(crate) fn none_in(body: &Body<'_>) -> Result<(), Error> {
    chat::none_in(body)
}

/// What a body with this status tells.
pub(crate) fn read(status: u16, body: &[u8]) -> Failure {
    chat::read(status, body)
}

/// The word that Anthropic's clients know.
const fn word(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Invalid
        | FailureKind::RequestTimeout
        | FailureKind::Conflict
        | FailureKind::Unprocessable => "invalid_request_error",
        FailureKind::Authentication => "authentication_error",
        FailureKind::Billing => "billing_error",
        FailureKind::Permission => "permission_error",
        FailureKind::NotFound => "not_found_error",
        FailureKind::TooLarge => "request_too_large",
        FailureKind::RateLimit => "rate_limit_error",
        FailureKind::Server | FailureKind::BadGateway => "api_error",
        FailureKind::Overloaded => "overloaded_error",
        FailureKind::Timeout => "timeout_error",
    }
}

/// Writes the body of an error, which is also the data of the event `error`. The dialect has no
/// place for a code or a field: the message names them.
pub(crate) fn write(failure: &Failure) -> String {
    let mut body = String::new();
    object(&mut body, |o| {
        o.text("type", "error");
        o.object("error", |o| {
            o.text("type", word(failure.kind));
            o.text("message", &failure.message);
        });
    });
    body
}
