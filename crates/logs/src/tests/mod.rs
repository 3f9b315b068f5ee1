//! Tests that go through the public interface and real files.
//!
//! - `bad_input`: every sort of malformed file and row
//! - `forms`: what well-formed files may look like
//! - `tables`: the table and its laws
//! - `writing`: writers and their round trip through the reader
//! - `scored`: scores read again are those that were read
//! - `importing`: one small sample of each public format
//! - `inspecting`: the summary of a log
//! - `real_logs`: counts of published logs, where they are at hand

mod bad_input;
mod forms;
mod importing;
mod inspecting;
mod real_logs;
mod scored;
mod tables;
mod writing;

use std::fs;
use std::path::{Path, PathBuf};

use pointsman_types::{LogRow, Rival, Winner};

use crate::{Faults, LogError, ReadOptions, read};

/// A directory with one file in it.
struct Scratch {
    directory: tempfile::TempDir,
    file: PathBuf,
}

impl Scratch {
    fn new(name: &str, content: impl AsRef<[u8]>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(name);
        fs::write(&file, content).unwrap();
        Self { directory, file }
    }

    /// A path in the directory at which there is nothing yet.
    fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn read(&self) -> Result<(Vec<LogRow>, Faults), LogError> {
        read_all(&[&self.file], false)
    }

    fn rows(&self) -> Vec<LogRow> {
        let (rows, faults) = self.read().unwrap();
        assert_eq!(faults.first, []);
        rows
    }
}

fn read_all(files: &[impl AsRef<Path>], strict: bool) -> Result<(Vec<LogRow>, Faults), LogError> {
    let mut rows = Vec::new();
    let faults = read(files, &ReadOptions { strict }, |row| {
        rows.push(row);
        Ok(())
    })?;
    Ok((rows, faults))
}

fn row(prompt: &str, model: &str) -> LogRow {
    LogRow::new(prompt.into(), model.into())
}

fn compared(prompt: &str, a: &str, b: &str, winner: Winner) -> LogRow {
    LogRow {
        rival: Some(Rival {
            model: b.into(),
            winner,
        }),
        ..row(prompt, a)
    }
}
