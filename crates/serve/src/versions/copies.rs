//! Copies of routers' directories, beside the store: what a version was can be served again whatever
//! becomes of the directory that it came from.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::VersionsError;

/// The directory of the copies.
#[derive(Debug, Clone)]
pub(super) struct Copies(PathBuf);

/// What a copy is called while it is not whole.
const UNFINISHED: &str = ".unfinished";

impl Copies {
    pub(super) fn beside(store: &Path) -> Self {
        let mut name = store.as_os_str().to_owned();
        name.push(".versions");
        Self(name.into())
    }

    /// Copies a directory and tells where. A copy that is there already is whole, and kept.
    pub(super) async fn keep(
        &self,
        version: &str,
        directory: &Path,
    ) -> Result<PathBuf, VersionsError> {
        let (place, directory) = (self.0.join(version), directory.to_owned());
        let target = place.clone();
        let copied = tokio::task::spawn_blocking(move || copy(&directory, &target)).await;
        match copied {
            Ok(Ok(())) => Ok(place),
            Ok(Err(source)) => Err(VersionsError::Copy { place, source }),
            Err(panic) => Err(VersionsError::Copy {
                place,
                source: io::Error::other(panic),
            }),
        }
    }
}

fn copy(directory: &Path, place: &Path) -> io::Result<()> {
    if place.exists() {
        return Ok(());
    }
    let parent = place.parent().expect("a copy lies in a directory");
    fs::create_dir_all(parent)?;
    let mut aside = place.as_os_str().to_owned();
    aside.push(UNFINISHED);
    let aside = PathBuf::from(aside);
    // Left by a process that was ended in the middle.
    if aside.exists() {
        fs::remove_dir_all(&aside)?;
    }
    fs::create_dir(&aside)?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        // An artifact has no directories; what else lies there is not part of it.
        if entry.file_type()?.is_file() {
            copy_file(&entry.path(), &aside.join(entry.file_name()))?;
        }
    }
    sync(&aside)?;
    fs::rename(&aside, place)?;
    sync(parent)
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    File::open(to)?.sync_all()
}

/// Makes names durable, where the system can.
fn sync(directory: &Path) -> io::Result<()> {
    match cfg!(unix) {
        true => File::open(directory)?.sync_all(),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("manifest.json"), "v1").unwrap();
        directory
    }

    async fn kept(copies: &Copies, from: &Path) -> String {
        let place = copies.keep("v1", from).await.unwrap();
        fs::read_to_string(place.join("manifest.json")).unwrap()
    }

    #[tokio::test]
    async fn a_copy_outlives_what_it_was_made_of() {
        let (home, artifact) = (tempfile::tempdir().unwrap(), artifact());
        let copies = Copies::beside(&home.path().join("store.db"));
        assert_eq!(kept(&copies, artifact.path()).await, "v1");
        fs::write(artifact.path().join("manifest.json"), "changed").unwrap();
        assert_eq!(kept(&copies, artifact.path()).await, "v1");
        assert!(home.path().join("store.db.versions/v1").is_dir());
    }

    #[tokio::test]
    async fn what_was_left_unfinished_is_begun_anew() {
        let (home, artifact) = (tempfile::tempdir().unwrap(), artifact());
        let copies = Copies::beside(&home.path().join("store.db"));
        let left = home.path().join("store.db.versions/v1.unfinished");
        fs::create_dir_all(&left).unwrap();
        fs::write(left.join("manifest.json"), "half").unwrap();
        assert_eq!(kept(&copies, artifact.path()).await, "v1");
        assert!(!left.exists());
    }

    #[tokio::test]
    async fn a_directory_that_is_not_there_is_named() {
        let home = tempfile::tempdir().unwrap();
        let copies = Copies::beside(&home.path().join("store.db"));
        let error = copies.keep("v1", &home.path().join("none")).await;
        assert!(matches!(error, Err(VersionsError::Copy { .. })));
        assert!(!home.path().join("store.db.versions/v1").exists());
    }
}
