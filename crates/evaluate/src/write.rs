//! The report as files. Each is written aside and renamed, so that none is ever half there.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::chart::curve_svg;
use crate::html::page;
use crate::measure::Evaluation;
use crate::png::png;
use crate::{EvaluateError, Report};

impl Evaluation {
    /// Writes `report.json`, `report.html`, `curve.svg` and `curve.png` into a directory, which is
    /// made if need be.
    ///
    /// # Errors
    /// When the directory cannot be made or a file not be written; a file that was there before
    /// is then still whole.
    pub fn write(&self, dir: &Path) -> Result<(), EvaluateError> {
        let files = files(&self.report)?;
        fs::create_dir_all(dir).map_err(|source| EvaluateError::Write {
            path: dir.to_owned(),
            source,
        })?;
        for (name, bytes) in files {
            replace(dir, name, &bytes).map_err(|source| EvaluateError::Write {
                path: dir.join(name),
                source,
            })?;
        }
        Ok(())
    }
}

/// Everything is made before anything is written.
fn files(report: &Report) -> Result<[(&'static str, Vec<u8>); 4], EvaluateError> {
    let json = serde_json::to_vec_pretty(report).map_err(|error| EvaluateError::Render {
        what: "report.json",
        reason: error.to_string(),
    })?;
    let svg = curve_svg(report);
    Ok([
        ("report.json", json),
        ("report.html", page(report).into_bytes()),
        ("curve.png", png(&svg)?),
        ("curve.svg", svg.into_bytes()),
    ])
}

fn replace(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let aside = dir.join(format!(".{name}.{}.partial", std::process::id()));
    let written = write_through(&aside, bytes).and_then(|()| fs::rename(&aside, dir.join(name)));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&aside);
    }
    written
}

fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_else_remains() {
        let dir = tempfile::tempdir().unwrap();
        replace(dir.path(), "a.txt", b"old").unwrap();
        replace(dir.path(), "a.txt", b"new").unwrap();
        assert_eq!(fs::read(dir.path().join("a.txt")).unwrap(), b"new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_in_the_way_is_an_error_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("a.txt")).unwrap();
        assert!(replace(dir.path(), "a.txt", b"new").is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
