//! How long each part of a call may take.

use std::time::Duration;

/// How long each part of a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimits {
    /// To a connection.
    pub connect: Duration,
    /// From the request to the first byte of the answer.
    pub first_byte: Duration,
    /// Between two chunks of an answer.
    pub idle: Duration,
    /// In all.
    pub total: Duration,
}

impl Default for TimeLimits {
    /// 5 s, 60 s, 60 s, 10 minutes.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(600),
        }
    }
}
