//! Writing files: whole or not at all.

mod aside;
mod rows;
mod sink;
mod table;

pub use rows::{RowWriter, write_rows};
pub use table::{Column, PredictionRow, Values, write_predictions, write_table};
