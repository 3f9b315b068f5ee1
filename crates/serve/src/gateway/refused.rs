//! Why a caller gets no answer, in the words of the caller's dialect.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use pointsman_wire::{Dialect, Error, Failure, FailureKind};

use crate::problem::Problem;

/// Why a caller gets no answer, and what is told beside that.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) failure: Failure,
    /// Boxed, since failures travel through every result.
    pub(crate) headers: Box<HeaderMap>,
}

impl Refused {
    /// What the caller is told.
    pub(crate) fn response(self, dialect: Dialect) -> Response {
        let kind = self.failure.kind;
        let mut response = Response::new(dialect.write_failure(&self.failure).into());
        *response.status_mut() =
            StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        *response.headers_mut() = *self.headers;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if matches!(kind, FailureKind::RateLimit | FailureKind::Overloaded) {
            headers
                .entry(RETRY_AFTER)
                .or_insert(HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            headers: Box::default(),
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Failure::of_request(&error).into()
    }
}

/// Problems are those of every other route.
impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        let failure = Failure {
            code: Some(problem.code.to_owned()),
            param: problem.param,
            ..Failure::new(
                FailureKind::of_status(problem.status.as_u16()),
                problem.message,
            )
        };
        failure.into()
    }
}
