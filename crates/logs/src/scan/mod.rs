//! Reading files row by row, whatever their format, and without knowing what the rows mean.
//!
//! Why the formats differ in their reader: JSONL and CSV are read here row by row, so that a
//! fault is named by line and column and memory is bounded by the longest row; a columnar reader
//! would report a bad value by column chunk at best, or turn it into a missing one. Parquet has
//! types and no lines, so polars decodes it, a slice of rows at a time. No frame leaves
//! [`parquet`].

mod blocks;
mod comma;
mod json_document;
mod lines;
mod parquet;

use std::path::Path;

use serde_json::{Map, Value};

use crate::LogError;
use crate::cell::Cell;
use crate::faults::{At, Wrong};
use crate::source::{Format, Kind};

pub(crate) use blocks::Blocks;
pub(crate) use json_document::scan as scan_json_document;
pub(crate) use lines::object;

/// The longest row of a text format, in bytes. A prompt of 10 MB is legal, a file without line
/// breaks must not fill the memory.
pub(crate) const LONGEST_ROW: u64 = 64 << 20;

/// A row as it was found.
pub(crate) trait Record {
    /// The value in a column; missing when there is no such column.
    fn get(&self, column: &str) -> Cell<'_>;
    /// Every column the row has.
    fn for_each_column(&self, visit: &mut dyn FnMut(&str));
}

/// Who reads the rows.
pub(crate) trait Visit {
    /// Whether a column is needed; others are not decoded where that can be avoided.
    fn wants(&self, column: &str) -> bool;
    /// A new file. The columns are given where the format declares them.
    fn file(&mut self, file: &Path, declared: Option<&[String]>) -> Result<(), LogError>;
    /// A row that could be split into columns.
    fn row(&mut self, at: At<'_>, record: &dyn Record) -> Result<(), LogError>;
    /// A row that could not.
    fn broken(&mut self, at: At<'_>, wrong: Wrong) -> Result<(), LogError>;
}

/// Reads one file to its end; a file without rows is an error.
pub(crate) fn scan(file: &Path, visit: &mut dyn Visit) -> Result<(), LogError> {
    let kind = Kind::of(file)?;
    let rows = match kind.format {
        Format::Jsonl => lines::scan(file, kind.packing, visit)?,
        Format::Csv => comma::scan(file, kind.packing, visit)?,
        Format::Parquet => parquet::scan(file, visit)?,
    };
    refuse_empty(file, rows)
}

fn refuse_empty(file: &Path, rows: u64) -> Result<(), LogError> {
    if rows == 0 {
        return Err(LogError::NoRows {
            path: file.to_path_buf(),
        });
    }
    Ok(())
}

/// A JSON object as a row.
impl Record for Map<String, Value> {
    fn get(&self, column: &str) -> Cell<'_> {
        Self::get(self, column).map_or(Cell::Missing, Cell::from)
    }

    fn for_each_column(&self, visit: &mut dyn FnMut(&str)) {
        for column in self.keys() {
            visit(column);
        }
    }
}
