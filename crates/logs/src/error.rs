//! What can go wrong with a log as a whole. A single malformed row is a [`Fault`], not an error,
//! unless the caller asked for strictness.

use std::io;
use std::path::{Path, PathBuf};

use crate::Fault;

/// The cause of a failure inside a decoder or encoder, kept for the chain of sources.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A failure to find, read, import or write a log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A file or glob that names nothing.
    #[error("no file matches `{pattern}`")]
    NoMatch {
        /// As it was given.
        pattern: String,
    },
    /// A glob that cannot be read as one.
    #[error("`{pattern}` is not a valid glob")]
    Pattern {
        /// As it was given.
        pattern: String,
        /// What is wrong with it.
        source: glob::PatternError,
    },
    /// A directory where a file is needed.
    #[error("{} is a directory; name its files, for example {}", path.display(), path.join("*.parquet").display())]
    Directory {
        /// The directory.
        path: PathBuf,
    },
    /// A name that does not tell the format.
    #[error("cannot tell the format of {} from its name; it must end in {allowed}", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// The endings that are understood here.
        allowed: &'static str,
    },
    /// A file that cannot be opened.
    #[error("cannot open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that cannot be read to its end: damaged, cut short, or on a failing disk.
    #[error("cannot read {}: it is damaged or cut short", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        source: Cause,
    },
    /// A file that is empty, or has nothing but a header.
    #[error("{} has no rows", path.display())]
    NoRows {
        /// The file.
        path: PathBuf,
    },
    /// A header that is not one.
    #[error("the header of {} {reason}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A column without which no row can be read.
    #[error("{} has no column {needed}", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// What is needed.
        needed: &'static str,
    },
    /// A CSV row without an end in sight, which no reader can step over.
    #[error("{}, line {row}: the row is longer than {limit} bytes; is a quotation mark left open?", path.display())]
    RowTooLong {
        /// The file.
        path: PathBuf,
        /// The line at which it starts.
        row: u64,
        /// The most that is read.
        limit: u64,
    },
    /// A malformed row, where strictness was asked for.
    #[error("malformed row: {0}")]
    Malformed(Fault),
    /// Rows, but none that can be used.
    #[error("none of the {rows} rows can be used; the first fault: {first}")]
    NoGoodRows {
        /// How many there were.
        rows: u64,
        /// The first fault.
        first: Fault,
    },
    /// Rows, but neither a score nor a comparison among them.
    #[error(
        "none of the {rows} rows has a score or compares two answers; there is nothing to learn from or to measure"
    )]
    NoScores {
        /// How many there were.
        rows: u64,
    },
    /// An import that yields nothing.
    #[error("{} holds {rows} rows but not one log row in the form `{format}`", path.display())]
    NothingImported {
        /// What was read.
        path: PathBuf,
        /// How many rows were read.
        rows: u64,
        /// The form that was expected.
        format: &'static str,
    },
    /// A file that cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Cause,
    },
    /// Columns of different lengths.
    #[error("cannot write {}: column `{column}` has {length} values, the first column has {expected}", path.display())]
    Ragged {
        /// The file.
        path: PathBuf,
        /// The column that differs.
        column: String,
        /// Its length.
        length: usize,
        /// The length of the first column.
        expected: usize,
    },
}

impl LogError {
    pub(crate) fn open(path: &Path, source: io::Error) -> Self {
        Self::Open {
            path: path.to_path_buf(),
            source,
        }
    }

    pub(crate) fn damaged(path: &Path, source: impl Into<Cause>) -> Self {
        Self::Damaged {
            path: path.to_path_buf(),
            source: source.into(),
        }
    }

    pub(crate) fn write(path: &Path, source: impl Into<Cause>) -> Self {
        Self::Write {
            path: path.to_path_buf(),
            source: source.into(),
        }
    }
}
