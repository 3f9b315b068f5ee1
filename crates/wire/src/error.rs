//! What can be wrong with what was read, and what cannot be said.

use crate::{Dialect, Failure};

/// Why a body or a stream could not be read or written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is not JSON.
    #[error("not JSON at byte {at}: {wrong}")]
    Json {
        /// The byte where it stops being JSON.
        at: usize,
        /// What is wrong there.
        wrong: &'static str,
    },
    /// A value is not what the dialect says it is.
    #[error("{path}: {wrong}")]
    Field {
        /// Where it stands: `messages[2].content[0].type`.
        path: String,
        /// What is wrong and what would be right.
        wrong: String,
    },
    /// The dialect of the chosen model cannot say it.
    #[error("{path}: {why}; the {to} dialect cannot say it")]
    Inexpressible {
        /// Where the caller said it.
        path: String,
        /// What it is.
        why: String,
        /// The dialect of the back end or, for an answer, of the caller.
        to: Dialect,
    },
    /// The back end told of an error, in a body or in mid-stream.
    #[error("the back end failed: {0}")]
    Failed(Failure),
    /// A line of a stream is too long.
    #[error("a line of the stream is over {bound} bytes")]
    LongLine {
        /// The most a line may have.
        bound: usize,
    },
    /// An event of a stream is too large.
    #[error("an event of the stream is over {bound} bytes")]
    LargeEvent {
        /// The most an event may have.
        bound: usize,
    },
    /// A line of a stream is not UTF-8.
    #[error("a line of the stream is not UTF-8")]
    NotUtf8,
    /// The stream ended before the answer did.
    #[error("the stream ended before the answer did")]
    CutShort,
}
