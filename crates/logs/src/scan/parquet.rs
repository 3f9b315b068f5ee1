//! Parquet, decoded by polars in slices of rows. The only place that knows frames.
//!
//! A slice holds at most [`SLICE_ROWS`] rows and about [`SLICE_BYTES`] of decoded values, so the
//! memory needed does not grow with the file or with its row groups. Pages outside a slice are
//! stepped over without being unpacked.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use polars::prelude::{
    AnyValue, BinaryChunked, BooleanChunked, DataFrame, DataType, FileMetadataRef, Float64Chunked,
    Int64Chunked, ParallelStrategy, ParquetReader, PolarsResult, SerReader, Series, StringChunked,
    TimeUnit, polars_ensure,
};
use serde_json::{Map, Value};

use super::{Record, Visit};
use crate::LogError;
use crate::cell::Cell;
use crate::error::Cause;
use crate::faults::At;
use crate::source::open_file;
use crate::time;

const SLICE_ROWS: usize = 1 << 16;
const SLICE_BYTES: usize = 64 << 20;

pub(super) fn scan(file: &Path, visit: &mut dyn Visit) -> Result<u64, LogError> {
    let handle = open_file(file)?;
    let (metadata, names) =
        guarded(|| describe(&handle)).map_err(|cause| LogError::damaged(file, cause))?;
    visit.file(file, Some(&names))?;
    let wanted: Vec<String> = names.into_iter().filter(|name| visit.wants(name)).collect();
    let rows = metadata.num_rows;
    let step = slice_rows(&metadata);
    for start in (0..rows).step_by(step) {
        let slice = (start, step.min(rows - start));
        let columns = guarded(|| decode(&handle, &metadata, &wanted, slice))
            .map_err(|cause| LogError::damaged(file, cause))?;
        for offset in 0..slice.1 {
            let row = (start + offset + 1) as u64;
            visit.row(
                At { file, row },
                &Row {
                    columns: &columns,
                    offset,
                },
            )?;
        }
    }
    Ok(rows as u64)
}

/// Runs the decoder. It panics on some damaged files where it should fail; both are one to us.
/// Out of reach: a damaged page header that makes it ask for more memory than there can be, which
/// ends the process.
fn guarded<T>(decode: impl FnOnce() -> PolarsResult<T>) -> Result<T, Cause> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(decoded) => decoded.map_err(Cause::from),
        Err(_) => Err("the decoder gave up on damaged data".into()),
    }
}

fn describe(handle: &File) -> PolarsResult<(FileMetadataRef, Vec<String>)> {
    let mut reader = ParquetReader::new(handle.try_clone()?);
    let metadata = FileMetadataRef::clone(reader.get_metadata()?);
    let schema = reader.schema()?;
    let names = schema.iter_names().map(ToString::to_string).collect();
    Ok((metadata, names))
}

fn slice_rows(metadata: &FileMetadataRef) -> usize {
    let bytes_per_row = |bytes: usize, rows: usize| bytes / rows.max(1);
    let widest = metadata
        .row_groups
        .iter()
        .map(|group| bytes_per_row(group.total_byte_size(), group.num_rows()))
        .max()
        .unwrap_or(0);
    (SLICE_BYTES / widest.max(1)).clamp(1, SLICE_ROWS)
}

fn decode(
    handle: &File,
    metadata: &FileMetadataRef,
    wanted: &[String],
    slice: (usize, usize),
) -> PolarsResult<Columns> {
    let mut reader = ParquetReader::new(handle.try_clone()?)
        .with_columns(Some(wanted.to_vec()))
        .with_slice(Some(slice))
        .read_parallel(ParallelStrategy::Columns);
    reader.set_metadata(FileMetadataRef::clone(metadata));
    Columns::new(&reader.finish()?, slice.1)
}

/// The columns of one slice, by name.
struct Columns(HashMap<String, Values>);

impl Columns {
    /// A damaged file may yield fewer values than it promised.
    fn new(frame: &DataFrame, rows: usize) -> PolarsResult<Self> {
        let columns = frame.columns().iter().map(|column| {
            let series = column.as_materialized_series();
            polars_ensure!(
                series.len() == rows,
                ShapeMismatch: "column {} has {} values for {rows} rows", series.name(), series.len()
            );
            Ok((series.name().to_string(), Values::new(series)?))
        });
        Ok(Self(columns.collect::<PolarsResult<_>>()?))
    }
}

/// One column, by what its values can be read as.
enum Values {
    Text(StringChunked),
    Bytes(BinaryChunked),
    Int(Int64Chunked),
    Float(Float64Chunked),
    Bool(BooleanChunked),
    Time(Int64Chunked, i64),
    Tree(Series),
    Missing,
    Unreadable(String),
}

impl Values {
    fn new(series: &Series) -> PolarsResult<Self> {
        let dtype = series.dtype();
        Ok(match dtype {
            DataType::String => Self::Text(series.str()?.clone()),
            DataType::Binary => Self::Bytes(series.binary()?.clone()),
            DataType::Boolean => Self::Bool(series.bool()?.clone()),
            DataType::Null => Self::Missing,
            DataType::List(_) | DataType::Struct(_) => Self::Tree(series.clone()),
            DataType::Datetime(unit, _) => Self::time(series, per_second(*unit))?,
            DataType::Date => Self::Time(days_to_seconds(series)?, 1),
            _ if dtype.is_categorical() || dtype.is_enum() => {
                Self::Text(series.cast(&DataType::String)?.str()?.clone())
            }
            _ if dtype.is_integer() => {
                Self::Int(series.strict_cast(&DataType::Int64)?.i64()?.clone())
            }
            _ if dtype.is_float() => Self::Float(series.cast(&DataType::Float64)?.f64()?.clone()),
            other => Self::Unreadable(format!("values of the type {other:?} cannot be read")),
        })
    }

    fn time(series: &Series, per_second: i64) -> PolarsResult<Self> {
        let ticks = series.cast(&DataType::Int64)?;
        Ok(Self::Time(ticks.i64()?.clone(), per_second))
    }

    fn cell(&self, row: usize) -> Cell<'_> {
        let cell = match self {
            Self::Text(values) => values.get(row).map(|text| Cell::Text(text.into())),
            Self::Bytes(values) => values.get(row).map(text_or_not),
            Self::Int(values) => values.get(row).map(|number| Cell::Int(number.into())),
            Self::Float(values) => values.get(row).map(Cell::Float),
            Self::Bool(values) => values.get(row).map(Cell::Bool),
            Self::Time(values, per_second) => values
                .get(row)
                .map(|ticks| Cell::Text(time::rfc3339(ticks, *per_second).into())),
            Self::Tree(values) => values.get(row).ok().and_then(branch),
            Self::Missing => None,
            Self::Unreadable(reason) => Some(Cell::Unreadable(reason.clone())),
        };
        cell.unwrap_or(Cell::Missing)
    }
}

const fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Nanoseconds => 1_000_000_000,
        TimeUnit::Microseconds => 1_000_000,
        TimeUnit::Milliseconds => 1_000,
    }
}

fn days_to_seconds(series: &Series) -> PolarsResult<Int64Chunked> {
    Ok(series.cast(&DataType::Int64)?.i64()? * 86_400)
}

fn text_or_not(bytes: &[u8]) -> Cell<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cell::Text(text.into()),
        Err(error) => Cell::Unreadable(format!("not UTF-8 at byte {}", error.valid_up_to() + 1)),
    }
}

fn branch(value: AnyValue<'_>) -> Option<Cell<'_>> {
    match tree(&value) {
        Value::Null => None,
        tree => Some(Cell::Tree(Cow::Owned(tree))),
    }
}

/// A nested value as JSON; sorts of values that no schema here nests become null.
fn tree(value: &AnyValue<'_>) -> Value {
    match value {
        AnyValue::Boolean(truth) => Value::Bool(*truth),
        AnyValue::List(items) => (0..items.len())
            .map(|index| items.get(index).map_or(Value::Null, |item| tree(&item)))
            .collect(),
        AnyValue::Struct(_, _, fields) => {
            let values = value._iter_struct_av();
            object(fields.iter().map(|field| field.name().as_str()), values)
        }
        AnyValue::StructOwned(owned) => {
            let names = owned.1.iter().map(|field| field.name().as_str());
            object(names, owned.0.iter().cloned())
        }
        other => match other.get_str() {
            Some(text) => Value::from(text),
            None => other.extract::<f64>().map_or(Value::Null, Value::from),
        },
    }
}

fn object<'a>(
    names: impl Iterator<Item = &'a str>,
    values: impl Iterator<Item = AnyValue<'a>>,
) -> Value {
    let fields: Map<String, Value> = names
        .zip(values)
        .map(|(name, value)| (name.to_owned(), tree(&value)))
        .collect();
    Value::Object(fields)
}

struct Row<'a> {
    columns: &'a Columns,
    offset: usize,
}

impl Record for Row<'_> {
    fn get(&self, column: &str) -> Cell<'_> {
        self.columns
            .0
            .get(column)
            .map_or(Cell::Missing, |values| values.cell(self.offset))
    }

    fn for_each_column(&self, visit: &mut dyn FnMut(&str)) {
        for column in self.columns.0.keys() {
            visit(column);
        }
    }
}
