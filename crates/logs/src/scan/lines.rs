//! JSONL: one object per line.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serde_json::{Map, Value};

use super::{LONGEST_ROW, Visit};
use crate::LogError;
use crate::faults::{At, Wrong};
use crate::source::{Packing, open_text};

pub(super) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

pub(super) fn scan(file: &Path, packing: Packing, visit: &mut dyn Visit) -> Result<u64, LogError> {
    let mut input = BufReader::with_capacity(1 << 16, open_text(file, packing)?);
    visit.file(file, None)?;
    let mut line = Vec::new();
    let (mut number, mut rows) = (0, 0);
    loop {
        let read = read_line(&mut input, &mut line, LONGEST_ROW);
        let Some(fits) = read.map_err(|source| LogError::damaged(file, source))? else {
            return Ok(rows);
        };
        number += 1;
        let bytes = trimmed(&line, number == 1);
        if bytes.is_empty() {
            continue;
        }
        rows += 1;
        let at = At { file, row: number };
        match fits.then(|| object(bytes)) {
            Some(Ok(object)) => visit.row(at, &object)?,
            Some(Err(wrong)) => visit.broken(at, wrong)?,
            None => visit.broken(at, too_long())?,
        }
    }
}

fn too_long() -> Wrong {
    Wrong::row(format!("the line is longer than {LONGEST_ROW} bytes"))
}

/// Reads the next line; `None` at the end, `false` for one that is longer than `limit`, of which
/// only the beginning is kept.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>, limit: u64) -> io::Result<Option<bool>> {
    line.clear();
    let read = input.take(limit).read_until(b'\n', line)?;
    if read == 0 {
        return Ok(None);
    }
    let fits = line.ends_with(b"\n") || (read as u64) < limit;
    if !fits {
        skip_line(input)?;
    }
    Ok(Some(fits))
}

pub(super) fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    let mut skipped = Vec::new();
    loop {
        skipped.clear();
        let read = input.take(1 << 20).read_until(b'\n', &mut skipped)?;
        if read == 0 || skipped.ends_with(b"\n") {
            return Ok(());
        }
    }
}

fn trimmed(line: &[u8], first: bool) -> &[u8] {
    let line = match line.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) if first => rest,
        _ => line,
    };
    line.trim_ascii()
}

/// The row in a line without its line break.
pub(crate) fn object(line: &[u8]) -> Result<Map<String, Value>, Wrong> {
    let text = std::str::from_utf8(line)
        .map_err(|e| Wrong::row(format!("not UTF-8 at byte {}", e.valid_up_to() + 1)))?;
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Wrong::row("not a JSON object")),
        Err(error) => Err(Wrong::row(syntax(&error))),
    }
}

/// The message without its position, which counts lines within the line.
fn syntax(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let what = message
        .split(" at line ")
        .next()
        .unwrap_or(message.as_str());
    format!("not valid JSON at byte {}: {what}", error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(mut input: &[u8], limit: u64) -> Vec<(String, bool)> {
        let (mut line, mut all) = (Vec::new(), Vec::new());
        while let Some(fits) = read_line(&mut input, &mut line, limit).unwrap() {
            all.push((String::from_utf8_lossy(&line).trim_end().to_owned(), fits));
        }
        all
    }

    #[test]
    fn a_line_that_is_too_long_is_stepped_over() {
        let long = "x".repeat(3_000_000);
        let read = lines(format!("ab\n{long}\ncd").as_bytes(), 5);
        let expected = [("ab", true), ("xxxxx", false), ("cd", true)];
        assert_eq!(read, expected.map(|(line, fits)| (line.to_owned(), fits)));
    }

    #[test]
    fn a_line_that_just_fits_is_read() {
        assert_eq!(lines(b"abcd\nef", 5).len(), 2);
        assert!(lines(b"abcd\nef", 5).iter().all(|(_, fits)| *fits));
    }

    #[test]
    fn only_objects_are_rows() {
        for (line, reason) in [
            (&b"[1]"[..], "not a JSON object"),
            (
                b"{\"a\":",
                "not valid JSON at byte 5: EOF while parsing a value",
            ),
            (b"{\"a\":\"\xff\"}", "not UTF-8 at byte 7"),
            (b"{\"a\":NaN}", "not valid JSON at byte 6: expected value"),
        ] {
            assert_eq!(object(line).unwrap_err(), Wrong::row(reason));
        }
    }
}
