//! The report as files. Each is written aside and renamed, so that none is ever half there.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::chart::{curve_svg, learning_svg, levels_svg, off_policy_svg};
use crate::html::{learning_page, off_policy_page, page, taught_page};
use crate::measure::Evaluation;
use crate::png::png;
use crate::{EvaluateError, LearningCurve, OffPolicyReport, Taught};

impl Evaluation {
    /// Writes `report.json`, `report.html`, `curve.svg` and `curve.png` into a directory, which is
    /// made if need be.
    ///
    /// # Errors
    /// When the directory cannot be made or a file not be written; a file that was there before
    /// is then still whole.
    pub fn write(&self, dir: &Path) -> Result<(), EvaluateError> {
        let svg = curve_svg(&self.report);
        let files = [
            ("report.json", json("report.json", &self.report)?),
            ("report.html", page(&self.report).into_bytes()),
            ("curve.png", png(&svg)?),
            ("curve.svg", svg.into_bytes()),
        ];
        write_all(dir, files)
    }
}

impl LearningCurve {
    /// Writes `learning_curve.json`, `.html`, `.svg` and `.png` into a directory, which is made if
    /// need be.
    ///
    /// # Errors
    /// As [`Evaluation::write`].
    pub fn write(&self, dir: &Path) -> Result<(), EvaluateError> {
        let svg = learning_svg(self);
        let files = [
            ("learning_curve.json", json("learning_curve.json", self)?),
            ("learning_curve.html", learning_page(self).into_bytes()),
            ("learning_curve.png", png(&svg)?),
            ("learning_curve.svg", svg.into_bytes()),
        ];
        write_all(dir, files)
    }
}

impl OffPolicyReport {
    /// Writes `off_policy.json`, `.html`, `.svg` and `.png` into a directory, which is made if need be.
    ///
    /// # Errors
    /// As [`Evaluation::write`].
    pub fn write(&self, dir: &Path) -> Result<(), EvaluateError> {
        let svg = off_policy_svg(self);
        let files = [
            ("off_policy.json", json("off_policy.json", self)?),
            ("off_policy.html", off_policy_page(self).into_bytes()),
            ("off_policy.png", png(&svg)?),
            ("off_policy.svg", svg.into_bytes()),
        ];
        write_all(dir, files)
    }
}

impl Taught {
    /// Writes `learning.json` and `.html` into a directory, which is made if need be; and
    /// `learning.svg` and `.png` once anything was learnt.
    ///
    /// # Errors
    /// As [`Evaluation::write`].
    pub fn write(&self, dir: &Path) -> Result<(), EvaluateError> {
        let mut files = vec![
            ("learning.json", json("learning.json", self)?),
            ("learning.html", taught_page(self).into_bytes()),
        ];
        if let Some(svg) = levels_svg(self) {
            files.push(("learning.png", png(&svg)?));
            files.push(("learning.svg", svg.into_bytes()));
        }
        write_all(dir, files)
    }
}

/// Everything is made before anything is written.
fn write_all(
    dir: &Path,
    files: impl IntoIterator<Item = (&'static str, Vec<u8>)>,
) -> Result<(), EvaluateError> {
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

fn json(what: &'static str, report: &impl Serialize) -> Result<Vec<u8>, EvaluateError> {
    serde_json::to_vec_pretty(report).map_err(|error| EvaluateError::Render {
        what,
        reason: error.to_string(),
    })
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
