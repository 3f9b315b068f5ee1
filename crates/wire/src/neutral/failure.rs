//! An error, in no dialect: told by a back end, or by the gateway itself.

use std::fmt;

use crate::Error;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// In words, for the caller.
    pub message: String,
    /// The provider's own word for it.
    pub code: Option<String>,
    /// The field that it is about.
    pub param: Option<String>,
}

/// The kinds of failures, each with its HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The request is wrong.
    Invalid,
    /// Nobody knows who asks.
    Authentication,
    /// The money is spent.
    Billing,
    /// Who asks may not.
    Permission,
    /// There is no such model or path.
    NotFound,
    /// It took too long to come.
    RequestTimeout,
    /// Something else is going on with the same name.
    Conflict,
    /// The request is too large.
    TooLarge,
    /// The request is well formed and cannot be done.
    Unprocessable,
    /// Too many requests.
    RateLimit,
    /// The provider broke.
    Server,
    /// The provider gave nonsense.
    BadGateway,
    /// There is too much to do.
    Overloaded,
    /// The provider took too long.
    Timeout,
}

impl FailureKind {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Self::Invalid,
        Self::Authentication,
        Self::Billing,
        Self::Permission,
        Self::NotFound,
        Self::RequestTimeout,
        Self::Conflict,
        Self::TooLarge,
        Self::Unprocessable,
        Self::RateLimit,
        Self::Server,
        Self::BadGateway,
        Self::Overloaded,
        Self::Timeout,
    ];

    /// The HTTP status that callers of every dialect get.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::Authentication => 401,
            Self::Billing => 402,
            Self::Permission => 403,
            Self::NotFound => 404,
            Self::RequestTimeout => 408,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::Unprocessable => 422,
            Self::RateLimit => 429,
            Self::Server => 500,
            Self::BadGateway => 502,
            Self::Overloaded => 503,
            Self::Timeout => 504,
        }
    }

    /// The kind of a status that is no success; 529 is the Anthropic word for 503.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        let exact = Self::ALL.into_iter().find(|kind| kind.status() == status);
        exact.unwrap_or(match status {
            529 => Self::Overloaded,
            400..=499 => Self::Invalid,
            _ => Self::Server,
        })
    }

    /// Whether the same request may succeed a little later or at another back end.
    #[must_use]
    pub const fn is_passing(self) -> bool {
        matches!(
            self,
            Self::RequestTimeout
                | Self::Conflict
                | Self::RateLimit
                | Self::Server
                | Self::BadGateway
                | Self::Overloaded
                | Self::Timeout
        )
    }
}

impl Failure {
    /// A failure in words.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            code: None,
            param: None,
        }
    }

    /// What a caller is told whose request could not be read or said; the field is named.
    #[must_use]
    pub fn of_request(error: &Error) -> Self {
        let param = match error {
            Error::Field { path, .. } | Error::Inexpressible { path, .. } => Some(path.clone()),
            _ => None,
        };
        Self {
            param,
            ..Self::new(FailureKind::Invalid, error.to_string())
        }
    }

    /// What a caller is told when the back end's answer could not be read or said.
    #[must_use]
    pub fn of_answer(error: &Error) -> Self {
        match error {
            Error::Failed(failure) => failure.clone(),
            _ => Self::new(
                FailureKind::BadGateway,
                format!("the back end's answer: {error}"),
            ),
        }
    }

    /// What a caller is told when the back end falls silent.
    #[must_use]
    pub fn silence() -> Self {
        Self::new(
            FailureKind::Timeout,
            "the back end fell silent before its answer was complete",
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.kind.status())
    }
}
