//! Errors as callers see them: the form of the OpenAI API,
//! `{"error": {"message", "type", "code", "param"}}`.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use pointsman_store::StoreError;
use serde::Serialize;

use crate::refusal::RefusedModel;

/// What went wrong with one request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) param: Option<String>,
    pub(crate) refusals: Vec<RefusedModel>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            param: None,
            refusals: Vec::new(),
        }
    }

    /// A field of the body is not what it must be.
    pub(crate) fn invalid(param: &str, message: impl Into<String>) -> Self {
        Self {
            param: Some(param.to_owned()),
            ..Self::new(StatusCode::BAD_REQUEST, "invalid_value", message)
        }
    }

    /// The same where what is wrong stands within a field.
    pub(crate) fn within(self, field: &str) -> Self {
        let param = self
            .param
            .map_or_else(|| field.to_owned(), |param| format!("{field}.{param}"));
        Self {
            param: Some(param),
            ..self
        }
    }

    /// There is too much to do right now.
    pub(crate) fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
    }

    /// A defect of the server; the message says nothing of its insides.
    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "the server failed on this request; its log has the reason",
        )
    }

    fn kind(&self) -> &'static str {
        match self.status.is_server_error() {
            true => "server_error",
            false => "invalid_request_error",
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        match error {
            StoreError::UnknownDecision { .. } => Self {
                param: Some("decision_id".to_owned()),
                ..Self::new(StatusCode::NOT_FOUND, "unknown_decision", error.to_string())
            },
            StoreError::Erased { .. } => Self {
                param: Some("decision_id".to_owned()),
                ..Self::new(StatusCode::GONE, "erased_decision", error.to_string())
            },
            StoreError::OtherKey { .. } => Self {
                param: Some("key_id".to_owned()),
                ..Self::new(StatusCode::FORBIDDEN, "other_key", error.to_string())
            },
            // What callers send was checked before, so this is a defect of the server.
            StoreError::Invalid { .. } => {
                tracing::error!(%error, "a record cannot be kept");
                Self::internal()
            }
            StoreError::Busy { .. } => Self::busy(error.to_string()),
            StoreError::Closed => Self::new(unavailable, "not_ready", "the server is stopping"),
            StoreError::Locked { .. } => Self::busy("another process holds the store"),
            StoreError::Full { .. } => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "store_full",
                "the record cannot be kept: no space is left in the store",
            ),
            // The store logged what happened; paths are not the caller's affair.
            _ => Self::internal(),
        }
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Fields<'a>,
}

#[derive(Serialize)]
struct Fields<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    code: &'static str,
    param: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    refusals: &'a [RefusedModel],
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let error = Fields {
            message: &self.message,
            kind: self.kind(),
            code: self.code,
            param: self.param.as_deref(),
            refusals: &self.refusals,
        };
        let mut response = (self.status, json(&Envelope { error })).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// A value as a JSON body.
pub(crate) fn json(value: &impl Serialize) -> Response {
    let body =
        serde_json::to_vec(value).expect("keys are strings and writing to memory does not fail");
    json_bytes(body)
}

/// JSON text as a body.
pub(crate) fn json_bytes(body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
