//! The settings of a store. Not where they come from: that is the command line's affair.

use std::path::PathBuf;

use serde::Deserialize;

use crate::StoreError;

const PAGE_BYTES: u64 = 4096;
const LEAST_BYTES: u64 = 1 << 20;

/// Where the records are kept, and how much of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The database file; made where there is none.
    pub path: PathBuf,
    /// The most bytes the file may take; no bound but the disk when absent.
    #[serde(default)]
    pub max_bytes: Option<u64>,
}

impl Config {
    /// A store at this path, bounded by the disk alone.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            max_bytes: None,
        }
    }

    /// Checks the bound.
    ///
    /// # Errors
    /// When `max_bytes` is below one mebibyte, which the empty tables nearly fill.
    pub fn check(&self) -> Result<(), StoreError> {
        match self.max_bytes {
            Some(bytes) if bytes < LEAST_BYTES => Err(StoreError::TooSmall { bytes }),
            _ => Ok(()),
        }
    }

    pub(crate) fn max_pages(&self) -> Option<u64> {
        self.max_bytes.map(|bytes| bytes / PAGE_BYTES)
    }
}
