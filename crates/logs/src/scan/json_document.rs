//! A JSON document that holds many records: a list of objects, or one object whose `records` is
//! such a list. Not a log format; some public data sets are published like this.
//!
//! Records are handed on one at a time. The other values of the enclosing object that come before
//! `records` (the model, the data set) are added to each of them.

use std::fmt;
use std::io::BufReader;
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{Visit, refuse_empty};
use crate::LogError;
use crate::faults::{At, Wrong};
use crate::source::open_file;

const RECORDS: &str = "records";

/// Reads one document to its end; a document without records is an error.
pub(crate) fn scan(file: &Path, visit: &mut dyn Visit) -> Result<(), LogError> {
    let input = BufReader::with_capacity(1 << 16, open_file(file)?);
    visit.file(file, None)?;
    let mut progress = Progress {
        file,
        visit,
        rows: 0,
        failure: None,
    };
    let mut document = serde_json::Deserializer::from_reader(input);
    let read = document
        .deserialize_any(Document(&mut progress))
        .and_then(|()| document.end());
    let rows = progress.rows;
    match (progress.failure, read) {
        (Some(failure), _) => Err(failure),
        (None, Err(error)) => Err(LogError::damaged(file, error)),
        (None, Ok(())) => refuse_empty(file, rows),
    }
}

/// What has been read so far. A failure of the visitor is kept here, because the deserializer
/// can only carry its own errors.
struct Progress<'a> {
    file: &'a Path,
    visit: &'a mut dyn Visit,
    rows: u64,
    failure: Option<LogError>,
}

impl Progress<'_> {
    fn record(&mut self, record: Value, around: &Map<String, Value>) -> Result<(), Stopped> {
        self.rows += 1;
        let at = At {
            file: self.file,
            row: self.rows,
        };
        let visited = match record {
            Value::Object(mut record) => {
                for (key, value) in around {
                    record.entry(key).or_insert_with(|| value.clone());
                }
                self.visit.row(at, &record)
            }
            _ => self.visit.broken(at, Wrong::row("not a JSON object")),
        };
        visited.map_err(|failure| {
            self.failure = Some(failure);
            Stopped
        })
    }
}

/// The visitor wants no more.
struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped")
    }
}

struct Document<'a, 'b>(&'a mut Progress<'b>);

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records, or an object with `records`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let around = Map::new();
        while let Some(record) = list.next_element()? {
            self.0.record(record, &around).map_err(A::Error::custom)?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let mut around = Map::new();
        while let Some(key) = object.next_key::<String>()? {
            if key == RECORDS {
                object.next_value_seed(Records(&mut *self.0, &around))?;
            } else {
                around.insert(key, object.next_value()?);
            }
        }
        Ok(())
    }
}

/// The list under `records`.
struct Records<'a, 'b>(&'a mut Progress<'b>, &'a Map<String, Value>);

impl<'de> DeserializeSeed<'de> for Records<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, list: D) -> Result<(), D::Error> {
        list.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Records<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(record) = list.next_element()? {
            self.0.record(record, self.1).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}
