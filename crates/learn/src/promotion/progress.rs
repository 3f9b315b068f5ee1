//! How far a version has come.

use pointsman_types::Stage;
use serde::{Deserialize, Serialize};

use super::Looks;

/// How far a version has come: what it is compared with, and what was spent on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The version: the one in shadow or canary, or the current one while it is watched.
    pub version: String,
    /// What it is compared with: the current version, or the one before it.
    pub against: String,
    /// Where it stands.
    pub stage: Stage,
    /// The looks that this stage has had.
    pub looks: Looks,
}

impl Progress {
    /// A version that has just entered a stage.
    #[must_use]
    pub fn entered(version: &str, against: &str, stage: Stage) -> Self {
        Self {
            version: version.to_owned(),
            against: against.to_owned(),
            stage,
            looks: Looks::default(),
        }
    }
}
