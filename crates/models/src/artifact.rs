//! The directory a router lives in: named files and a manifest that vouches for each of them.
//!
//! Written aside and then exchanged for what was there, so that a reader sees the old router or
//! the new one, never half of one. Never edited.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use pointsman_features::FeatureSpec;
use pointsman_types::ModelName;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::EncoderReference;

/// The newest layout that this build writes and reads.
pub const FORMAT_VERSION: u32 = 4;

/// The layout before kernels were part of a head. Whatever has none is still written in it, so that
/// the bytes are the same and builds of that time read them.
pub const FORMAT_WITHOUT_KERNELS: u32 = 3;

const MANIFEST: &str = "manifest.json";

/// The contents of an artifact's files, by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What an artifact says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The layout of the directory.
    pub format_version: u32,
    /// The build that wrote it.
    pub written_by: String,
    /// The models, in the order of every per-model list.
    pub models: Vec<ModelName>,
    /// The features it reads.
    pub features: FeatureSpec,
    /// The sentence encoder it reads, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<EncoderReference>,
    /// The seed of the training.
    pub seed: u64,
    /// SHA-256 over the rows it was trained on.
    pub data_fingerprint: String,
    /// SHA-256 of the catalogue it was trained with; that of nothing, where there was none.
    pub catalog_hash: String,
    /// SHA-256 of every other file, by name; filled when written.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
}

/// An artifact that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// There is no router.
    #[error("{} is not a router: it has no {MANIFEST}; give the directory that `pointsman train --out` wrote", .0.display())]
    NoManifest(PathBuf),
    /// The directory holds something else.
    #[error("{} exists and is not a router; choose another --out, or empty it first", .0.display())]
    Occupied(PathBuf),
    /// The manifest is not readable as one.
    #[error("{} is not a manifest: {source}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Written by another version.
    #[error("{} has format version {found}, this build reads {FORMAT_WITHOUT_KERNELS} to {FORMAT_VERSION}; train again, or use the build that wrote it", path.display())]
    Format {
        /// The artifact.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// A file that the manifest names is absent.
    #[error("{} is missing; the router is incomplete, copy it again or train again", .0.display())]
    MissingFile(PathBuf),
    /// A file is not what the manifest vouches for.
    #[error("{} does not have the checksum that {MANIFEST} states; it was damaged or edited", .0.display())]
    Checksum(PathBuf),
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Writes an artifact aside and puts it in the place of `dir` in one step. Returns its identity,
/// the hash of its manifest.
///
/// # Errors
/// When the file system refuses, or `dir` holds something that is not an artifact. In either case
/// what was there before is untouched and nothing else is left.
pub fn write_artifact(
    dir: &Path,
    mut manifest: Manifest,
    files: &Files,
) -> Result<String, ArtifactError> {
    check_vacant(dir)?;
    manifest.files = files
        .iter()
        .map(|(name, bytes)| (name.clone(), sha256(bytes)))
        .collect();
    let mut text =
        serde_json::to_vec_pretty(&manifest).map_err(|source| ArtifactError::Manifest {
            path: dir.join(MANIFEST),
            source,
        })?;
    text.push(b'\n');
    let parent = dir
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(io_error("create", parent))?;
    let aside = tempfile::Builder::new()
        .prefix(".pointsman-")
        .tempdir_in(parent)
        .map_err(io_error("create a directory in", parent))?;
    for (name, bytes) in files.iter().chain([(&MANIFEST.to_owned(), &text)]) {
        write_file(&aside.path().join(name), bytes)?;
    }
    exchange(aside, dir)?;
    sync_directory(parent)?;
    Ok(sha256(&text))
}

/// Only an artifact, an empty directory or nothing may be replaced.
fn check_vacant(dir: &Path) -> Result<(), ArtifactError> {
    match fs::read_dir(dir) {
        Ok(mut entries) => match dir.join(MANIFEST).is_file() || entries.next().is_none() {
            true => Ok(()),
            false => Err(ArtifactError::Occupied(dir.to_owned())),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(ArtifactError::Occupied(dir.to_owned()))
        }
        Err(source) => Err(io_error("look into", dir)(source)),
    }
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), ArtifactError> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(io_error("write", path))
}

/// Puts `aside` in the place of `dir`; what was there is removed.
fn exchange(aside: tempfile::TempDir, dir: &Path) -> Result<(), ArtifactError> {
    make_readable(aside.path())?;
    if !dir.exists() {
        let path = aside.keep();
        return fs::rename(&path, dir).map_err(|source| {
            // The rename failed, so the directory is still ours to remove; the first error counts.
            drop(fs::remove_dir_all(&path));
            io_error("create", dir)(source)
        });
    }
    // After the exchange the temporary directory holds the old router and is removed with it.
    swap(aside.path(), dir).map_err(io_error("replace", dir))
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn swap(left: &Path, right: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, left, CWD, right, RenameFlags::EXCHANGE)?)
}

/// Elsewhere there is no exchange; for a moment between the two renames there is no router.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn swap(left: &Path, right: &Path) -> io::Result<()> {
    let old = left.with_extension("old");
    fs::rename(right, &old)?;
    fs::rename(left, right)?;
    fs::rename(&old, left)
}

/// A temporary directory is private to its owner; a router is as readable as any other directory.
#[cfg(unix)]
fn make_readable(dir: &Path) -> Result<(), ArtifactError> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755))
        .map_err(io_error("open to readers", dir))
}

#[cfg(not(unix))]
fn make_readable(_: &Path) -> Result<(), ArtifactError> {
    Ok(())
}

fn sync_directory(dir: &Path) -> Result<(), ArtifactError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(io_error("flush", dir))
}

/// Reads an artifact and checks every file against the manifest. Returns its identity as well, the
/// hash of its manifest.
///
/// # Errors
/// When something is missing, damaged or of another version.
pub fn read_artifact(dir: &Path) -> Result<(Manifest, Files, String), ArtifactError> {
    let path = dir.join(MANIFEST);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Err(ArtifactError::NoManifest(dir.to_owned()));
        }
        Err(source) => return Err(io_error("read", &path)(source)),
    };
    let manifest = parse_manifest(&path, &text)?;
    let files = manifest
        .files
        .iter()
        .map(|(name, hash)| Ok((name.clone(), read_file(dir, name, hash)?)));
    let files = files.collect::<Result<Files, ArtifactError>>()?;
    Ok((manifest, files, sha256(&text)))
}

/// The version first: another version may have other fields.
fn parse_manifest(path: &Path, text: &[u8]) -> Result<Manifest, ArtifactError> {
    let unreadable = |source| ArtifactError::Manifest {
        path: path.to_owned(),
        source,
    };
    let value: serde_json::Value = serde_json::from_slice(text).map_err(unreadable)?;
    match value
        .get("format_version")
        .and_then(serde_json::Value::as_u64)
    {
        Some(found) if !is_readable(found) => Err(ArtifactError::Format {
            path: path.to_owned(),
            found,
        }),
        _ => serde_json::from_value(value).map_err(unreadable),
    }
}

fn is_readable(version: u64) -> bool {
    (u64::from(FORMAT_WITHOUT_KERNELS)..=u64::from(FORMAT_VERSION)).contains(&version)
}

fn read_file(dir: &Path, name: &str, hash: &str) -> Result<Vec<u8>, ArtifactError> {
    // A manifest names files beside itself; anything else was put there by hand.
    let path = dir.join(Path::new(name).file_name().unwrap_or_default());
    match fs::read(&path) {
        Ok(bytes) if sha256(&bytes) == hash => Ok(bytes),
        Ok(_) => Err(ArtifactError::Checksum(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(ArtifactError::MissingFile(path))
        }
        Err(source) => Err(io_error("read", &path)(source)),
    }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ArtifactError {
    let path = path.to_owned();
    move |source| ArtifactError::Io {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            format_version: FORMAT_VERSION,
            written_by: "test".into(),
            models: vec!["a".into()],
            features: FeatureSpec::default(),
            encoder: None,
            seed: 0,
            data_fingerprint: String::new(),
            catalog_hash: String::new(),
            files: BTreeMap::new(),
        }
    }

    fn files(text: &str) -> Files {
        Files::from([("weights.safetensors".to_owned(), text.as_bytes().to_vec())])
    }

    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("router");
        write_artifact(&dir, manifest(), &files(text)).unwrap();
        (home, dir)
    }

    fn entries(dir: &Path) -> usize {
        fs::read_dir(dir).unwrap().count()
    }

    #[test]
    fn what_was_written_is_read() {
        let (_home, dir) = written("one");
        assert_eq!(read_artifact(&dir).unwrap().1, files("one"));
    }

    #[test]
    fn a_second_writing_replaces_the_first_and_leaves_nothing_beside_it() {
        let (home, dir) = written("one");
        write_artifact(&dir, manifest(), &files("two")).unwrap();
        assert_eq!(read_artifact(&dir).unwrap().1, files("two"));
        assert_eq!(entries(home.path()), 1);
    }

    #[test]
    fn a_flipped_byte_is_noticed() {
        let (_home, dir) = written("one");
        fs::write(dir.join("weights.safetensors"), "onf").unwrap();
        assert!(
            matches!(read_artifact(&dir), Err(ArtifactError::Checksum(path)) if path.ends_with("weights.safetensors"))
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let (_home, dir) = written("one");
        fs::remove_file(dir.join("weights.safetensors")).unwrap();
        assert!(
            matches!(read_artifact(&dir), Err(ArtifactError::MissingFile(path)) if path.ends_with("weights.safetensors"))
        );
    }

    #[test]
    fn another_format_version_is_refused() {
        let (_home, dir) = written("one");
        let path = dir.join(MANIFEST);
        let text = fs::read_to_string(&path).unwrap();
        let found = format!("\"format_version\": {FORMAT_VERSION}");
        let text = text.replace(&found, "\"format_version\": 99");
        fs::write(&path, text).unwrap();
        assert!(matches!(
            read_artifact(&dir),
            Err(ArtifactError::Format { found: 99, .. })
        ));
    }

    #[test]
    fn a_directory_of_something_else_is_not_replaced() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("thesis.txt"), "years of work").unwrap();
        assert!(matches!(
            write_artifact(home.path(), manifest(), &files("x")),
            Err(ArtifactError::Occupied(_))
        ));
        assert_eq!(entries(home.path()), 1);
    }

    #[test]
    fn a_file_in_place_of_the_directory_is_not_replaced() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("notes");
        fs::write(&path, "keep").unwrap();
        assert!(matches!(
            write_artifact(&path, manifest(), &files("x")),
            Err(ArtifactError::Occupied(_))
        ));
    }

    #[test]
    fn an_empty_place_has_no_router() {
        let home = tempfile::tempdir().unwrap();
        assert!(matches!(
            read_artifact(home.path()),
            Err(ArtifactError::NoManifest(_))
        ));
    }
}
