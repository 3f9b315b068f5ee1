//! The directory of an encoder: every file that is read from it goes into the fingerprint.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::EncoderError;

/// The version of the code that turns files and a text into a vector. It goes into the
/// fingerprint, so a change that moves vectors must raise it.
const VERSION: u32 = 1;

/// A directory and the hash of what was read.
pub(crate) struct Directory {
    path: PathBuf,
    read: Sha256,
}

impl Directory {
    pub(crate) fn open(path: &Path) -> Result<Self, EncoderError> {
        fs::read_dir(path).map_err(|source| at(path, source))?;
        Ok(Self {
            path: path.to_owned(),
            read: Sha256::new_with_prefix(VERSION.to_le_bytes()),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The bytes of a file. Its `role`, not its name, goes into the fingerprint.
    pub(crate) fn bytes(&mut self, role: &str, file: &Path) -> Result<Vec<u8>, EncoderError> {
        let bytes = fs::read(file).map_err(|source| at(file, source))?;
        for part in [role.as_bytes(), &bytes] {
            self.read.update((part.len() as u64).to_le_bytes());
            self.read.update(part);
        }
        Ok(bytes)
    }

    /// The settings in a file.
    pub(crate) fn json<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, EncoderError> {
        let file = self.file(name);
        let bytes = self.bytes(name, &file)?;
        serde_json::from_slice(&bytes).map_err(|source| EncoderError::Json { file, source })
    }

    /// The settings in a file that may be absent; then the defaults.
    pub(crate) fn json_or_default<T>(&mut self, name: &str) -> Result<T, EncoderError>
    where
        T: DeserializeOwned + Default,
    {
        match self.json(name) {
            Err(EncoderError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(T::default())
            }
            read => read,
        }
    }

    /// SHA-256 over all that was read, hexadecimal.
    pub(crate) fn fingerprint(self) -> String {
        let digest = self.read.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// An error of the system with the file that it is about.
pub(crate) fn at(file: &Path, source: io::Error) -> EncoderError {
    EncoderError::File {
        file: file.to_owned(),
        source,
    }
}
