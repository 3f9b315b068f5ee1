//! Log rows to a file in the log schema.

use std::borrow::Cow;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use pointsman_types::{LogRow, Probability, Prompt, Tokens, Turn, Usd};
use polars::prelude::{
    BatchedWriter, DataFrame, IntoColumn, NamedFrom, ParquetWriter, PolarsResult, Series,
};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::aside::Aside;
use super::sink::Sink;
use crate::LogError;
use crate::error::Cause;
use crate::schema::COLUMNS;
use crate::source::{Format, Kind};

/// Rows of one Parquet row group.
const GROUP_ROWS: usize = 1 << 16;
/// Prompt bytes of one Parquet row group.
const GROUP_BYTES: usize = 64 << 20;

/// One value as it is written.
#[derive(Clone, Copy)]
enum Value<'a> {
    Missing,
    Text(&'a str),
    /// A conversation: a list in JSON, the text of one where cells are flat.
    Messages(&'a Prompt),
    Float(f64),
    /// Kept apart from the 64-bit floats, which would print more digits of it than there are.
    Score(f32),
    Count(u64),
    Truth(bool),
}

/// What a column holds, for the format that must know before the first value.
#[derive(Clone, Copy)]
enum Sort {
    Text,
    Float,
    Count,
    Truth,
}

/// The sort of each column, in the order of [`COLUMNS`].
const SORTS: [Sort; COLUMNS.len()] = {
    use Sort::{Count, Float, Text, Truth};
    [
        Text, Text, Text, Text, Text, Text, Text, Text, Float, Text, Float, Count, Count, Count,
        Float, Float, Float, Count, Float, Text, Text, Count, Text, Text, Float, Text, Text, Truth,
    ]
};

/// The values of a row, in the order of [`COLUMNS`].
fn values(row: &LogRow) -> [Value<'_>; COLUMNS.len()] {
    use Value::{Float, Score};
    let tokens = |tokens: Option<Tokens>| count(tokens.map(|tokens| tokens.0));
    let [prompt, messages] = asked(row);
    let [model, model_a, model_b, winner] = answered(row);
    [
        Value::Text(&row.prompt_id),
        text(row.category.as_deref()),
        prompt,
        messages,
        model,
        model_a,
        model_b,
        winner,
        row.score.map_or(Value::Missing, |score| Score(score.get())),
        text(row.judge.as_deref()),
        float(row.cost_usd.map(Usd::as_f64)),
        tokens(row.input_tokens),
        tokens(row.output_tokens),
        tokens(row.cached_tokens),
        float(row.latency_ms),
        float(row.ttft_ms),
        float(row.answer_logprob),
        count(row.answer_chars),
        Float(row.weight),
        text(row.ts.as_deref()),
        text(row.session_id.as_deref()),
        count(row.turn),
        text(row.key_id.as_deref()),
        text(row.tier.as_deref()),
        float(row.propensity.map(Probability::get)),
        text(row.policy_version.as_deref()),
        text(row.decision_id.as_deref()),
        row.cost_estimated.map_or(Value::Missing, Value::Truth),
    ]
}

/// The text, or the messages of a conversation.
fn asked(row: &LogRow) -> [Value<'_>; 2] {
    match row.prompt.turns() {
        None => [Value::Text(row.prompt.text()), Value::Missing],
        Some(_) => [Value::Missing, Value::Messages(&row.prompt)],
    }
}

/// The model, or the two models and who won.
fn answered(row: &LogRow) -> [Value<'_>; 4] {
    use Value::{Missing, Text};
    let model = Text(row.model.as_str());
    match &row.rival {
        None => [model, Missing, Missing, Missing],
        Some(rival) => [
            Missing,
            model,
            Text(rival.model.as_str()),
            Text(rival.winner.as_str()),
        ],
    }
}

fn text(value: Option<&str>) -> Value<'_> {
    value.map_or(Value::Missing, Value::Text)
}

fn float(value: Option<f64>) -> Value<'static> {
    value.map_or(Value::Missing, Value::Float)
}

fn count(value: Option<u64>) -> Value<'static> {
    value.map_or(Value::Missing, Value::Count)
}

/// Writes rows one by one; the file appears with [`RowWriter::finish`].
pub struct RowWriter {
    aside: Aside,
    encoder: Encoder,
    rows: u64,
}

enum Encoder {
    Jsonl(Box<Sink>),
    Csv(Box<csv::Writer<Sink>>),
    Parquet(Box<Groups>),
}

impl RowWriter {
    /// Begins a file in the format that its name tells.
    ///
    /// # Errors
    /// On a name of an unknown format, a directory, or a place that cannot be written.
    pub fn create(path: &Path) -> Result<Self, LogError> {
        let kind = Kind::of(path)?;
        let (aside, file) = Aside::create(path)?;
        let encoder = Encoder::new(kind, file).map_err(|cause| LogError::write(path, cause))?;
        Ok(Self {
            aside,
            encoder,
            rows: 0,
        })
    }

    /// Writes one row.
    ///
    /// # Errors
    /// When the file cannot be written, for example on a full disk.
    pub fn push(&mut self, row: &LogRow) -> Result<(), LogError> {
        self.rows += 1;
        self.encoder
            .push(row)
            .map_err(|cause| LogError::write(self.aside.target(), cause))
    }

    /// How many rows were written.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes what is left, syncs the file and gives it its name.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(self) -> Result<(), LogError> {
        let file = self
            .encoder
            .finish()
            .map_err(|cause| LogError::write(self.aside.target(), cause))?;
        self.aside.complete(&file)
    }
}

/// Writes rows to a file in the format that its name tells, and returns how many.
///
/// # Errors
/// As [`RowWriter`]; nothing is left behind then.
pub fn write_rows(path: &Path, rows: impl IntoIterator<Item = LogRow>) -> Result<u64, LogError> {
    let mut writer = RowWriter::create(path)?;
    for row in rows {
        writer.push(&row)?;
    }
    let written = writer.rows();
    writer.finish()?;
    Ok(written)
}

impl Encoder {
    fn new(kind: Kind, file: File) -> Result<Self, Cause> {
        Ok(match kind.format {
            Format::Jsonl => Self::Jsonl(Box::new(Sink::new(file, kind.packing)?)),
            Format::Csv => {
                let mut writer = csv::Writer::from_writer(Sink::new(file, kind.packing)?);
                writer.write_record(COLUMNS)?;
                Self::Csv(Box::new(writer))
            }
            Format::Parquet => Self::Parquet(Box::new(Groups::new(file)?)),
        })
    }

    fn push(&mut self, row: &LogRow) -> Result<(), Cause> {
        match self {
            Self::Jsonl(sink) => {
                serde_json::to_writer(&mut *sink, &Sparse(row))?;
                sink.write_all(b"\n")?;
            }
            Self::Csv(writer) => {
                writer.write_record(values(row).map(field).iter().map(|field| field.as_bytes()))?
            }
            Self::Parquet(groups) => groups.push(row)?,
        }
        Ok(())
    }

    fn finish(self) -> Result<File, Cause> {
        match self {
            Self::Jsonl(sink) => Ok(sink.finish()?),
            Self::Csv(writer) => {
                let sink = writer.into_inner().map_err(|error| error.into_error())?;
                Ok(sink.finish()?)
            }
            Self::Parquet(groups) => Ok(groups.finish()?),
        }
    }
}

fn turns(prompt: &Prompt) -> Vec<Turn<'_>> {
    prompt.turns().unwrap_or_default()
}

fn as_json(prompt: &Prompt) -> String {
    serde_json::to_string(&turns(prompt)).expect("texts are written to memory without failing")
}

/// A row in JSON: what is missing is left out.
struct Sparse<'a>(&'a LogRow);

impl Serialize for Sparse<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (column, value) in COLUMNS.iter().zip(values(self.0)) {
            match value {
                Value::Missing => {}
                Value::Text(text) => map.serialize_entry(column, text)?,
                Value::Messages(prompt) => map.serialize_entry(column, &turns(prompt))?,
                Value::Float(number) => map.serialize_entry(column, &number)?,
                Value::Score(score) => map.serialize_entry(column, &score)?,
                Value::Count(count) => map.serialize_entry(column, &count)?,
                Value::Truth(truth) => map.serialize_entry(column, &truth)?,
            }
        }
        map.end()
    }
}

/// A field in CSV: what is missing is empty.
fn field(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::Missing => Cow::Borrowed(""),
        Value::Text(text) => Cow::Borrowed(text),
        Value::Messages(prompt) => Cow::Owned(as_json(prompt)),
        Value::Float(number) => Cow::Owned(number.to_string()),
        Value::Score(score) => Cow::Owned(score.to_string()),
        Value::Count(count) => Cow::Owned(count.to_string()),
        Value::Truth(truth) => Cow::Owned(truth.to_string()),
    }
}

/// Rows on their way into Parquet, written a row group at a time.
struct Groups {
    writer: BatchedWriter<File>,
    file: File,
    waiting: Vec<LogRow>,
    bytes: usize,
}

impl Groups {
    fn new(file: File) -> PolarsResult<Self> {
        let empty = frame(&[])?;
        let writer = ParquetWriter::new(file.try_clone()?).batched(empty.schema())?;
        Ok(Self {
            writer,
            file,
            waiting: Vec::new(),
            bytes: 0,
        })
    }

    fn push(&mut self, row: &LogRow) -> PolarsResult<()> {
        self.bytes += row.prompt.text().len();
        self.waiting.push(row.clone());
        if self.waiting.len() < GROUP_ROWS && self.bytes < GROUP_BYTES {
            return Ok(());
        }
        self.write_group()
    }

    fn write_group(&mut self) -> PolarsResult<()> {
        self.writer.write_batch(&frame(&self.waiting)?)?;
        self.waiting.clear();
        self.bytes = 0;
        Ok(())
    }

    fn finish(mut self) -> PolarsResult<File> {
        if !self.waiting.is_empty() {
            self.write_group()?;
        }
        self.writer.finish()?;
        Ok(self.file)
    }
}

fn frame(rows: &[LogRow]) -> PolarsResult<DataFrame> {
    let rows: Vec<[Value<'_>; COLUMNS.len()]> = rows.iter().map(values).collect();
    let columns = COLUMNS
        .iter()
        .zip(SORTS)
        .enumerate()
        .map(|(index, (name, sort))| {
            let values = rows.iter().map(|row| row[index]);
            series(name, sort, values).into_column()
        });
    DataFrame::new(rows.len(), columns.collect())
}

fn series<'a>(name: &str, sort: Sort, values: impl Iterator<Item = Value<'a>>) -> Series {
    let name = name.into();
    match sort {
        Sort::Text => Series::new(name, values.map(as_text).collect::<Vec<_>>()),
        Sort::Float => Series::new(name, values.map(as_float).collect::<Vec<_>>()),
        Sort::Count => Series::new(name, values.map(as_count).collect::<Vec<_>>()),
        Sort::Truth => Series::new(name, values.map(as_truth).collect::<Vec<_>>()),
    }
}

fn as_text(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) => Some(Cow::Borrowed(text)),
        Value::Messages(prompt) => Some(Cow::Owned(as_json(prompt))),
        _ => None,
    }
}

fn as_float(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Float(number) => Some(number),
        Value::Score(score) => Some(score.into()),
        _ => None,
    }
}

/// Signed, as the tools that read such files expect counts to be.
fn as_count(value: Value<'_>) -> Option<i64> {
    match value {
        Value::Count(count) => Some(i64::try_from(count).unwrap_or(i64::MAX)),
        _ => None,
    }
}

fn as_truth(value: Value<'_>) -> Option<bool> {
    match value {
        Value::Truth(truth) => Some(truth),
        _ => None,
    }
}

// Only Linux has a device that is always full.
#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;

    /// A writer whose file is on a full disk.
    fn on_a_full_disk(path: &Path) -> Result<RowWriter, LogError> {
        let (aside, _) = Aside::create(path)?;
        let full = File::options().write(true).open("/dev/full").unwrap();
        let kind = Kind::of(path)?;
        let encoder = Encoder::new(kind, full).map_err(|cause| LogError::write(path, cause))?;
        Ok(RowWriter {
            aside,
            encoder,
            rows: 0,
        })
    }

    fn write_until_full(path: &Path) -> Result<(), LogError> {
        let mut writer = on_a_full_disk(path)?;
        for number in 0..1_000 {
            let prompt = format!("prompt {number}");
            writer.push(&LogRow::new(prompt.into(), "m".into()))?;
        }
        writer.finish()
    }

    #[test]
    fn a_full_disk_is_an_error_and_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["a.jsonl", "a.jsonl.gz", "a.csv", "a.csv.zst", "a.parquet"] {
            let path = directory.path().join(name);
            let refused = write_until_full(&path).unwrap_err();
            assert!(matches!(refused, LogError::Write { .. }), "{refused:?}");
            assert!(refused.to_string().contains(name), "{refused}");
            let left = std::fs::read_dir(directory.path()).unwrap().count();
            assert_eq!(left, 0, "{name}");
        }
    }
}
