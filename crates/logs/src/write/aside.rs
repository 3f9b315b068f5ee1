//! A file that appears only when it is complete: written under another name in the same
//! directory, synced, then renamed. Whatever fails before that leaves nothing behind.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::LogError;
use crate::source::refuse_directory;

/// The file while it is not complete. Dropping it removes it.
pub(super) struct Aside {
    target: PathBuf,
    temporary: PathBuf,
    complete: bool,
}

impl Aside {
    /// Opens a new file beside `target`, which may exist and stays as it is for now.
    pub(super) fn create(target: &Path) -> Result<(Self, File), LogError> {
        refuse_directory(target)?;
        let (temporary, file) = unused(target).map_err(|e| LogError::write(target, e))?;
        let aside = Self {
            target: target.to_path_buf(),
            temporary,
            complete: false,
        };
        Ok((aside, file))
    }

    /// The file that will appear.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Makes the file appear under its name, with everything that was written to it on disk.
    pub(super) fn complete(mut self, file: &File) -> Result<(), LogError> {
        let renamed = file
            .sync_all()
            .and_then(|()| fs::rename(&self.temporary, &self.target));
        renamed.map_err(|e| LogError::write(&self.target, e))?;
        self.complete = true;
        // The rename itself: not every file system can sync a directory.
        let _ = File::open(directory(&self.target)).and_then(|directory| directory.sync_all());
        Ok(())
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.complete {
            // There is nobody left to tell.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Opens a file of a name that nobody uses.
fn unused(target: &Path) -> io::Result<(PathBuf, File)> {
    let name = target.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let process = std::process::id();
    for attempt in 0_u32.. {
        let hidden = format!(".{}.{process}-{attempt}.part", name.display());
        let temporary = directory(target).join(hidden);
        let opened = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary);
        match opened {
            Ok(file) => return Ok((temporary, file)),
            Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_complete_file_replaces_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out.csv");
        fs::write(&target, "old").unwrap();
        let (aside, mut file) = Aside::create(&target).unwrap();
        file.write_all(b"new").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"old");
        aside.complete(&file).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert_eq!(names(dir.path()), ["out.csv"]);
    }

    #[test]
    fn an_incomplete_file_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (aside, mut file) = Aside::create(&dir.path().join("out.csv")).unwrap();
        file.write_all(b"half").unwrap();
        drop(aside);
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn two_writers_do_not_meet() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out.csv");
        let (first, mut a) = Aside::create(&target).unwrap();
        let (second, mut b) = Aside::create(&target).unwrap();
        a.write_all(b"first").unwrap();
        b.write_all(b"second").unwrap();
        first.complete(&a).unwrap();
        second.complete(&b).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"second");
        assert_eq!(names(dir.path()), ["out.csv"]);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("gone").join("out.csv");
        let refused = Aside::create(&missing).err().unwrap();
        assert!(refused.to_string().contains("gone/out.csv"), "{refused}");
        assert!(matches!(
            Aside::create(dir.path()).err().unwrap(),
            LogError::Directory { .. }
        ));
    }
}
