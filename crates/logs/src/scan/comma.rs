//! CSV: a header, then one record per row, quoted by RFC 4180.
//!
//! An empty field is a missing value. A NUL byte is legal text, as in the other formats, so that
//! every prompt survives every format.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::{LONGEST_ROW, Record, Visit};
use crate::LogError;
use crate::cell::Cell;
use crate::faults::{At, Wrong};
use crate::source::{Packing, open_text};

const BUFFER: usize = 1 << 16;

/// Refuses to yield more than one row may take: an open quotation mark makes the rest of the
/// file one row.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = self.inner.read(buffer)?;
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

type Input = Reader<Bounded<Box<dyn Read>>>;

pub(super) fn scan(file: &Path, packing: Packing, visit: &mut dyn Visit) -> Result<u64, LogError> {
    let mut input = ReaderBuilder::new()
        .flexible(true)
        .buffer_capacity(BUFFER)
        .from_reader(Bounded {
            inner: open_text(file, packing)?,
            left: LONGEST_ROW,
        });
    let names = header(file, &mut input)?;
    visit.file(file, Some(&names))?;
    let columns = by_name(file, &names)?;
    let mut fields = ByteRecord::new();
    let mut rows = 0;
    while next(file, &mut input, &mut fields)? {
        rows += 1;
        let at = At {
            file,
            row: fields.position().map_or(0, csv::Position::line),
        };
        if fields.len() != names.len() {
            visit.broken(at, wrong_width(fields.len(), names.len()))?;
            continue;
        }
        visit.row(
            at,
            &Row {
                columns: &columns,
                names: &names,
                fields: &fields,
            },
        )?;
    }
    Ok(rows)
}

fn next(file: &Path, input: &mut Input, fields: &mut ByteRecord) -> Result<bool, LogError> {
    input.get_mut().left = LONGEST_ROW;
    let row = input.position().line();
    input
        .read_byte_record(fields)
        .map_err(|error| failure(file, row, error))
}

fn failure(file: &Path, row: u64, error: csv::Error) -> LogError {
    match error.into_kind() {
        csv::ErrorKind::Io(source) if source.kind() == io::ErrorKind::FileTooLarge => {
            LogError::RowTooLong {
                path: file.to_path_buf(),
                row,
                limit: LONGEST_ROW,
            }
        }
        csv::ErrorKind::Io(source) => LogError::damaged(file, source),
        other => LogError::damaged(file, format!("{other:?}")),
    }
}

fn header(file: &Path, input: &mut Input) -> Result<Vec<String>, LogError> {
    let header = input
        .byte_headers()
        .map_err(|error| failure(file, 1, error))?;
    header
        .iter()
        .map(|name| String::from_utf8(name.to_vec()))
        .collect::<Result<_, _>>()
        .map_err(|_| LogError::Header {
            path: file.to_path_buf(),
            reason: "is not UTF-8; save the file as UTF-8".to_owned(),
        })
}

fn by_name(file: &Path, names: &[String]) -> Result<HashMap<String, usize>, LogError> {
    let mut columns = HashMap::new();
    for (index, name) in names.iter().enumerate() {
        if columns.insert(name.clone(), index).is_some() && !name.is_empty() {
            return Err(LogError::Header {
                path: file.to_path_buf(),
                reason: format!("has the column `{name}` twice"),
            });
        }
    }
    Ok(columns)
}

fn wrong_width(fields: usize, columns: usize) -> Wrong {
    Wrong::row(format!(
        "the row has {fields} fields, the header has {columns}"
    ))
}

struct Row<'a> {
    columns: &'a HashMap<String, usize>,
    names: &'a [String],
    fields: &'a ByteRecord,
}

impl Record for Row<'_> {
    fn get(&self, column: &str) -> Cell<'_> {
        let field = self
            .columns
            .get(column)
            .and_then(|index| self.fields.get(*index));
        match field.map(std::str::from_utf8) {
            None | Some(Ok("")) => Cell::Missing,
            Some(Ok(text)) => Cell::Field(text),
            Some(Err(error)) => {
                Cell::Unreadable(format!("not UTF-8 at byte {}", error.valid_up_to() + 1))
            }
        }
    }

    fn for_each_column(&self, visit: &mut dyn FnMut(&str)) {
        for name in self.names {
            visit(name);
        }
    }
}
