//! Plain tables of results to a file: columns of text and numbers, nothing nested.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use pointsman_types::{ModelName, Quality, Usd};
use polars::prelude::{DataFrame, IntoColumn, NamedFrom, ParquetWriter, PolarsResult, Series};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::aside::Aside;
use super::sink::Sink;
use crate::LogError;
use crate::error::Cause;
use crate::source::{Format, Kind, Packing};

/// One column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its values, from the first row to the last.
    pub values: Values,
}

/// The values of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Text.
    Text(Vec<String>),
    /// Numbers; not-a-number is written as a missing value.
    Float(Vec<f64>),
    /// Whole numbers.
    Int(Vec<i64>),
}

impl Column {
    /// A column of text.
    pub fn text(name: &str, values: Vec<String>) -> Self {
        Self::new(name, Values::Text(values))
    }

    /// A column of numbers.
    pub fn float(name: &str, values: Vec<f64>) -> Self {
        Self::new(name, Values::Float(values))
    }

    /// A column of whole numbers.
    pub fn int(name: &str, values: Vec<i64>) -> Self {
        Self::new(name, Values::Int(values))
    }

    fn new(name: &str, values: Values) -> Self {
        Self {
            name: name.to_owned(),
            values,
        }
    }

    fn len(&self) -> usize {
        match &self.values {
            Values::Text(values) => values.len(),
            Values::Float(values) => values.len(),
            Values::Int(values) => values.len(),
        }
    }

    fn series(&self) -> Series {
        let name = self.name.as_str().into();
        match &self.values {
            Values::Text(values) => Series::new(name, values),
            Values::Float(values) => {
                let values: Vec<Option<f64>> = values.iter().copied().map(present).collect();
                Series::new(name, values)
            }
            Values::Int(values) => Series::new(name, values),
        }
    }

    fn field(&self, row: usize) -> String {
        match &self.values {
            Values::Text(values) => values[row].clone(),
            Values::Float(values) => {
                present(values[row]).map_or_else(String::new, |number| number.to_string())
            }
            Values::Int(values) => values[row].to_string(),
        }
    }
}

fn present(number: f64) -> Option<f64> {
    (!number.is_nan()).then_some(number)
}

/// Writes a table to a file in the format that its name tells (Parquet, CSV or JSONL).
///
/// # Errors
/// On columns of different lengths, a name of an unknown format, or a file that cannot be
/// written; nothing is left behind then.
pub fn write_table(path: &Path, columns: &[Column]) -> Result<(), LogError> {
    let kind = Kind::of(path)?;
    refuse_ragged(path, columns)?;
    let (aside, file) = Aside::create(path)?;
    let written = match kind.format {
        Format::Jsonl => jsonl(file, kind.packing, columns),
        Format::Csv => csv(file, kind.packing, columns),
        Format::Parquet => parquet(file, columns).map_err(Cause::from),
    };
    let file = written.map_err(|cause| LogError::write(path, cause))?;
    aside.complete(&file)
}

fn rows(columns: &[Column]) -> usize {
    columns.first().map_or(0, Column::len)
}

fn refuse_ragged(path: &Path, columns: &[Column]) -> Result<(), LogError> {
    let expected = rows(columns);
    match columns.iter().find(|column| column.len() != expected) {
        None => Ok(()),
        Some(column) => Err(LogError::Ragged {
            path: path.to_path_buf(),
            column: column.name.clone(),
            length: column.len(),
            expected,
        }),
    }
}

fn parquet(file: File, columns: &[Column]) -> PolarsResult<File> {
    let series = columns.iter().map(|column| column.series().into_column());
    let mut frame = DataFrame::new(rows(columns), series.collect())?;
    ParquetWriter::new(file.try_clone()?).finish(&mut frame)?;
    Ok(file)
}

fn csv(file: File, packing: Packing, columns: &[Column]) -> Result<File, Cause> {
    let mut writer = csv::Writer::from_writer(Sink::new(file, packing)?);
    writer.write_record(columns.iter().map(|column| &column.name))?;
    for row in 0..rows(columns) {
        writer.write_record(columns.iter().map(|column| column.field(row)))?;
    }
    let sink = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(sink.finish()?)
}

fn jsonl(file: File, packing: Packing, columns: &[Column]) -> Result<File, Cause> {
    let mut sink = Sink::new(file, packing)?;
    for row in 0..rows(columns) {
        serde_json::to_writer(&mut sink, &Row { columns, row })?;
        sink.write_all(b"\n")?;
    }
    Ok(sink.finish()?)
}

/// One row as an object, its keys in the order of the columns.
struct Row<'a> {
    columns: &'a [Column],
    row: usize,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.columns.len()))?;
        for column in self.columns {
            match &column.values {
                Values::Text(values) => map.serialize_entry(&column.name, &values[self.row])?,
                // JSON has no not-a-number; serde_json writes null for it.
                Values::Float(values) => map.serialize_entry(&column.name, &values[self.row])?,
                Values::Int(values) => map.serialize_entry(&column.name, &values[self.row])?,
            }
        }
        map.end()
    }
}

/// What is predicted for one prompt and one model.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictionRow {
    /// The prompt.
    pub prompt_id: String,
    /// The model.
    pub model: ModelName,
    /// Calibrated expected quality.
    pub quality: Quality,
    /// Calibrated lower estimate of the quality.
    pub quality_lower: Quality,
    /// Expected cost.
    pub cost_usd: Usd,
    /// Expected tokens out.
    pub output_tokens: f32,
    /// The median of the tokens out.
    pub output_tokens_p50: f32,
    /// What nine of ten answers stay below in tokens.
    pub output_tokens_p90: f32,
}

/// Writes predictions, one row per prompt and model, under the names of the fields.
///
/// # Errors
/// As [`write_table`].
pub fn write_predictions(path: &Path, rows: &[PredictionRow]) -> Result<(), LogError> {
    let text =
        |value: fn(&PredictionRow) -> &str| rows.iter().map(|row| value(row).to_owned()).collect();
    let float = |value: fn(&PredictionRow) -> f64| rows.iter().map(value).collect();
    write_table(
        path,
        &[
            Column::text("prompt_id", text(|row| &row.prompt_id)),
            Column::text("model", text(|row| row.model.as_str())),
            Column::float("quality", float(|row| row.quality.get().into())),
            Column::float("quality_lower", float(|row| row.quality_lower.get().into())),
            Column::float("cost_usd", float(|row| row.cost_usd.as_f64())),
            Column::float("output_tokens", float(|row| row.output_tokens.into())),
            Column::float(
                "output_tokens_p50",
                float(|row| row.output_tokens_p50.into()),
            ),
            Column::float(
                "output_tokens_p90",
                float(|row| row.output_tokens_p90.into()),
            ),
        ],
    )
}

// Only Linux has a device that is always full.
#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_an_error() {
        let full = || File::options().write(true).open("/dev/full").unwrap();
        let columns = [Column::int("a", (0..100_000).collect())];
        assert!(jsonl(full(), Packing::Plain, &columns).is_err());
        assert!(csv(full(), Packing::Gzip, &columns).is_err());
        assert!(parquet(full(), &columns).is_err());
    }
}
