//! The record of what was wrong with single rows: all are counted, the first are listed.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::LogError;

/// How many faults are listed in full.
const LISTED: usize = 20;
/// How many unknown columns are listed: keys that are never the same must not fill the memory.
const UNKNOWN_LISTED: usize = 100;

/// One malformed row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// The line at which the row starts (JSONL, CSV), or its number from 1 (Parquet, JSON).
    pub row: u64,
    /// The column; empty when the row as a whole cannot be read.
    pub column: String,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbered = self
            .file
            .extension()
            .is_some_and(|ending| ending == "parquet" || ending == "json");
        let place = if numbered { "row" } else { "line" };
        write!(f, "{}, {place} {}", self.file.display(), self.row)?;
        if !self.column.is_empty() {
            write!(f, ", column `{}`", self.column)?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// What reading found out about the rows besides the rows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Faults {
    /// Rows in the files.
    pub rows_read: u64,
    /// Rows that were skipped because they are malformed.
    pub bad_rows: u64,
    /// The first faults, in the order of reading.
    pub first: Vec<Fault>,
    /// Columns that the schema does not know; they were ignored.
    pub unknown_columns: BTreeSet<String>,
}

/// Where in the input a row is.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) file: &'a Path,
    pub(crate) row: u64,
}

/// What is wrong with a row, before it is known where the row is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) column: String,
    pub(crate) reason: String,
}

impl Wrong {
    pub(crate) fn new(column: &str, reason: impl Into<String>) -> Self {
        Self {
            column: column.to_owned(),
            reason: reason.into(),
        }
    }

    pub(crate) fn row(reason: impl Into<String>) -> Self {
        Self::new("", reason)
    }
}

/// Counts rows and faults; with `strict` the first fault ends the reading.
pub(crate) struct Tally {
    pub(crate) faults: Faults,
    strict: bool,
}

impl Tally {
    pub(crate) fn new(strict: bool) -> Self {
        Self {
            faults: Faults::default(),
            strict,
        }
    }

    pub(crate) fn bad_row(&mut self, at: At<'_>, wrong: Wrong) -> Result<(), LogError> {
        let fault = Fault {
            file: at.file.to_path_buf(),
            row: at.row,
            column: wrong.column,
            reason: wrong.reason,
        };
        if self.strict {
            return Err(LogError::Malformed(fault));
        }
        self.faults.bad_rows += 1;
        if self.faults.first.len() < LISTED {
            self.faults.first.push(fault);
        }
        Ok(())
    }

    pub(crate) fn unknown_column(&mut self, name: &str) {
        let unknown = &mut self.faults.unknown_columns;
        if unknown.len() < UNKNOWN_LISTED && !unknown.contains(name) {
            unknown.insert(name.to_owned());
        }
    }

    /// The faults; an error when every row was one.
    pub(crate) fn finish(self) -> Result<Faults, LogError> {
        match self.faults.first.first() {
            Some(first) if self.faults.bad_rows == self.faults.rows_read => {
                Err(LogError::NoGoodRows {
                    rows: self.faults.rows_read,
                    first: first.clone(),
                })
            }
            _ => Ok(self.faults),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(row: u64) -> At<'static> {
        At {
            file: Path::new("log.csv"),
            row,
        }
    }

    #[test]
    fn all_faults_are_counted_and_the_first_are_listed() {
        let mut tally = Tally::new(false);
        for row in 0..30 {
            tally.bad_row(at(row), Wrong::row("broken")).unwrap();
        }
        assert_eq!(tally.faults.bad_rows, 30);
        assert_eq!(tally.faults.first.len(), 20);
        assert_eq!(tally.faults.first[19].row, 19);
    }

    #[test]
    fn strictness_ends_at_the_first_fault() {
        let refused = Tally::new(true).bad_row(at(7), Wrong::new("score", "must be a number"));
        assert_eq!(
            refused.unwrap_err().to_string(),
            "malformed row: log.csv, line 7, column `score`: must be a number"
        );
    }

    #[test]
    fn nothing_but_faults_is_an_error() {
        let mut tally = Tally::new(false);
        tally.faults.rows_read = 1;
        tally.bad_row(at(2), Wrong::row("broken")).unwrap();
        assert!(matches!(
            tally.finish(),
            Err(LogError::NoGoodRows { rows: 1, .. })
        ));
    }
}
