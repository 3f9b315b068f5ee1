//! Errors as OpenAI's dialects say them, `{"error": {"message", "type", "param", "code"}}`, and as
//! compatible servers do: `{"error": "..."}`, `{"message": "..."}`, `{"detail": "..."}`.

use crate::json::{Fields, Json, Object, object};
use crate::{Body, Error, Failure, FailureKind};

/// An answer that is an error, although its status says otherwise.
pub(crate) fn none_in(body: &Body<'_>) -> Result<(), Error> {
    let mut fields = fields_of(body.root());
    match fields.as_mut().and_then(|fields| fields.take("error")) {
        Some(error) => Err(Error::Failed(of_json(error, None))),
        None => Ok(()),
    }
}

fn fields_of(json: Json<'_>) -> Option<Fields<'_>> {
    Fields::of(json).ok()
}

/// What a body with this status tells.
pub(crate) fn read(status: u16, body: &[u8]) -> Failure {
    let kind = FailureKind::of_status(status);
    let silent = || Failure::new(kind, format!("status {status} without a readable error"));
    let Ok(body) = Body::parse(body) else {
        return silent();
    };
    let mut fields = fields_of(body.root());
    match fields.as_mut().and_then(|fields| fields.take("error")) {
        Some(error) => of_json(error, Some(status)),
        None => of_message(body.root(), kind).unwrap_or_else(silent),
    }
}

fn of_message(json: Json<'_>, kind: FailureKind) -> Option<Failure> {
    let mut fields = fields_of(json)?;
    let mut text = |name| fields.take(name).and_then(Json::as_text);
    let message = text("message").or_else(|| text("detail"))?;
    Some(Failure::new(kind, message))
}

/// What is told where the back end tells nothing.
const SILENT: &str = "the back end gave no reason";

/// The error that stands under `error`; in a stream there is no status.
pub(crate) fn of_json(error: Json<'_>, status: Option<u16>) -> Failure {
    let Some(mut fields) = fields_of(error) else {
        let text = error.as_text().unwrap_or(SILENT.into());
        return Failure::new(FailureKind::of_status(status.unwrap_or(500)), text);
    };
    let mut text = |name| {
        fields
            .take(name)
            .and_then(|json| json.as_text().or(Some(json.raw().into())))
    };
    let (word, code) = (text("type"), text("code"));
    Failure {
        kind: kind(status, word.as_deref(), code.as_deref()),
        message: text("message").unwrap_or(SILENT.into()).into_owned(),
        param: text("param").map(Into::into),
        code: code.map(Into::into),
    }
}

/// The kind of an error: by the words where they are known, else by the status, else the
/// provider's fault. A spent quota has the status of a rate limit and is none.
pub(crate) fn kind(status: Option<u16>, word: Option<&str>, code: Option<&str>) -> FailureKind {
    if [word, code].contains(&Some("insufficient_quota")) {
        return FailureKind::Billing;
    }
    let by_code = || {
        code.and_then(|code| code.parse().ok())
            .map(FailureKind::of_status)
    };
    let by_words = || [code, word].into_iter().flatten().find_map(named);
    let by_status = status
        .filter(|status| *status >= 400)
        .map(FailureKind::of_status);
    by_status
        .or_else(by_words)
        .or_else(by_code)
        .unwrap_or(FailureKind::Server)
}

fn named(word: &str) -> Option<FailureKind> {
    Some(match word {
        "invalid_request_error" | "invalid_prompt" | "BadRequestError" => FailureKind::Invalid,
        "authentication_error" | "invalid_api_key" => FailureKind::Authentication,
        "billing_error" => FailureKind::Billing,
        "permission_error" => FailureKind::Permission,
        "not_found_error" | "model_not_found" => FailureKind::NotFound,
        "request_too_large" => FailureKind::TooLarge,
        "rate_limit_error" | "rate_limit_exceeded" => FailureKind::RateLimit,
        "overloaded_error" | "server_overloaded" => FailureKind::Overloaded,
        "timeout_error" => FailureKind::Timeout,
        "api_error" | "server_error" | "internal_error" => FailureKind::Server,
        _ => return None,
    })
}

/// The word that OpenAI's clients know.
const fn word(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Authentication => "authentication_error",
        FailureKind::Billing => "insufficient_quota",
        FailureKind::Permission => "permission_error",
        FailureKind::NotFound => "not_found_error",
        FailureKind::RateLimit => "rate_limit_error",
        FailureKind::Overloaded => "overloaded_error",
        FailureKind::Timeout => "timeout_error",
        FailureKind::Server | FailureKind::BadGateway => "server_error",
        _ => "invalid_request_error",
    }
}

/// Writes the body of an error.
pub(crate) fn write(failure: &Failure) -> String {
    let mut body = String::new();
    object(&mut body, |o| o.object("error", |o| fields(o, failure)));
    body
}

/// The fields of an error.
pub(crate) fn fields(o: &mut Object<'_>, failure: &Failure) {
    o.text("message", &failure.message);
    o.text("type", word(failure.kind));
    o.text_or_null("param", failure.param.as_deref());
    o.text_or_null("code", failure.code.as_deref());
}
