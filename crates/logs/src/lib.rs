//! Log tables in and out: files of log rows in several formats, read row by row in bounded memory,
//! collected to a table of prompts by models, inspected, imported from public formats, written.
//!
//! The only crate that knows polars; no frame leaves it. Knows nothing of tensors and HTTP.
//!
//! Text formats are read row by row rather than through polars, so that a fault is named by file,
//! line and column and memory is bounded; see `scan`.

mod cell;
mod error;
mod faults;
mod import;
mod inspect;
mod messages;
mod read;
mod scan;
mod schema;
mod scored;
mod source;
mod table;
mod time;
mod write;

#[cfg(test)]
mod tests;

pub use error::LogError;
pub use faults::{Fault, Faults};
pub use import::{ImportFormat, ImportOptions, ImportReport, UnknownImportFormat, import};
pub use inspect::{JudgeSummary, Judging, ModelSummary, Quantiles, Summary, inspect};
pub use read::{PromptLine, ReadOptions, read, read_prompts};
pub use scored::read_scored;
pub use source::find;
pub use table::{Budget, TableBuilder, TableNotes};
pub use write::{
    Column, PredictionRow, RowWriter, Values, write_predictions, write_rows, write_table,
};
