//! What can go wrong with a store, sorted by what the reader of the message can do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pointsman_types::Stage;
use sqlx::error::DatabaseError;

/// A store that cannot be opened, or a record that could not be kept.
///
/// Cloneable, since one failed commit answers every record of its batch.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The file holds something else.
    #[error("`{path}` is not a SQLite database; name another file for the store")]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file is a database of another program.
    #[error("`{path}` is a SQLite database of another program; name another file for the store")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later release wrote the file.
    #[error(
        "`{path}` has schema version {found}, this release knows {known}; use a release as new as the one that wrote it"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// An earlier release wrote the file, and reading alone must not change it.
    #[error(
        "`{path}` has schema version {found}, this release reads {known}; start the server on it once to bring it up to date"
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: i64,
        /// The version that can be read.
        known: i64,
    },
    /// Another server has it open.
    #[error("`{path}` is in use by another process; a store has one server at a time")]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// There is nothing to read.
    #[error("there is no store at `{path}`; `serve` makes it")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be opened.
    #[error("cannot open the store `{path}`")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// The bound is too low for the tables.
    #[error("max_bytes is {bytes}; a store needs at least 1048576 (1 MiB)")]
    TooSmall {
        /// What was set.
        bytes: u64,
    },
    /// No room is left.
    #[error(
        "the store `{path}` is full: free space on its disk or raise max_bytes; nothing acknowledged is lost"
    )]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// More records arrive than can be written.
    #[error("{waiting} records wait to be written; try again shortly")]
    Busy {
        /// How many wait.
        waiting: usize,
    },
    /// The store was closed, or its writer is gone.
    #[error("the store is closed")]
    Closed,
    /// Feedback for a decision that nobody made.
    #[error("there is no decision `{decision_id}`")]
    UnknownDecision {
        /// The id that was given.
        decision_id: String,
    },
    /// Feedback from somebody else than the decision was made for.
    #[error("decision `{decision_id}` was made for another key; feedback must name the same one")]
    OtherKey {
        /// The decision.
        decision_id: String,
    },
    /// Feedback for a decision whose contents were erased.
    #[error("decision `{decision_id}` was erased; it takes no feedback")]
    Erased {
        /// The decision.
        decision_id: String,
    },
    /// A value that cannot be kept.
    #[error("{field} must be {range}")]
    Invalid {
        /// The field of the record.
        field: &'static str,
        /// What it may be.
        range: &'static str,
    },
    /// A version that nobody added.
    #[error("there is no version `{id}`; add it first")]
    UnknownVersion {
        /// The id that was given.
        id: String,
    },
    /// Somebody else moved the version first.
    #[error("version `{id}` is {found}, not {expected}; read the versions again")]
    Stale {
        /// The version.
        id: String,
        /// The stage that it was thought to have.
        expected: Stage,
        /// The stage that it has.
        found: Stage,
    },
    /// One version is current at a time.
    #[error("`{id}` cannot become current beside `{current}`; move that in the same transition")]
    SecondCurrent {
        /// The version that was to become current.
        id: String,
        /// The version that is.
        current: String,
    },
    /// A stored row that no release writes, of a table without decisions.
    #[error("the store `{path}` has a row out of range in table {table}: {row}")]
    DamagedRow {
        /// The file.
        path: PathBuf,
        /// Which table.
        table: &'static str,
        /// Which row.
        row: String,
    },
    /// A stored value that no release writes.
    #[error("the store `{path}` has a {column} out of range in decision {decision_id}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which column.
        column: &'static str,
        /// Which decision.
        decision_id: String,
    },
    /// The disk did not take it.
    #[error("the store `{path}` could not be synced to its disk")]
    Sync {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// SQLite refused, for none of the reasons above.
    #[error("the store `{path}` failed")]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: Arc<sqlx::Error>,
    },
}

// Primary result codes, https://www.sqlite.org/rescode.html; the low byte of an extended code.
const BUSY: i64 = 5;
const LOCKED: i64 = 6;
const FULL: i64 = 13;
const NOT_A_DATABASE: i64 = 26;

impl StoreError {
    /// Sorts an error of SQLite by what can be done about it.
    pub(crate) fn from_sqlite(path: &Path, source: sqlx::Error) -> Self {
        let path = path.to_owned();
        if matches!(source, sqlx::Error::PoolClosed) {
            return Self::Closed;
        }
        match primary_code(&source) {
            Some(BUSY | LOCKED) => Self::Locked { path },
            Some(FULL) => Self::Full { path },
            Some(NOT_A_DATABASE) => Self::NotADatabase { path },
            _ => Self::Database {
                path,
                source: Arc::new(source),
            },
        }
    }

    /// Sorts an error of writing beside the store likewise.
    pub(crate) fn from_io(path: &Path, source: io::Error) -> Self {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        match source.kind() {
            StorageFull | QuotaExceeded => Self::Full {
                path: path.to_owned(),
            },
            _ => Self::open(path, source),
        }
    }

    pub(crate) fn open(path: &Path, source: io::Error) -> Self {
        Self::Open {
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }
}

fn primary_code(error: &sqlx::Error) -> Option<i64> {
    let code = error.as_database_error().and_then(DatabaseError::code)?;
    Some(code.parse::<i64>().ok()? & 0xff)
}
