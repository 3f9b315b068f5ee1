//! What can be wrong with a router or its catalogue.

use std::io;
use std::path::PathBuf;

use pointsman_features::SpecError;
use pointsman_models::{ArtifactError, WeightsError};
use pointsman_policy::PolicySpecError;
use pointsman_types::ModelName;

/// A router that cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum RouterError {
    /// The directory is damaged, incomplete or of another version.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The weights do not fit together.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The features are not those of this build.
    #[error(transparent)]
    Features(#[from] SpecError),
    /// The policy cannot be met.
    #[error(transparent)]
    Policy(#[from] PolicySpecError),
    /// A file of the artifact does not hold what its name says.
    #[error("{file} of the router is not readable: {reason}")]
    Part {
        /// Which file.
        file: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The catalogue cannot be read.
    #[error("cannot read the catalogue {}: {source}", path.display())]
    CatalogIo {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The catalogue is not TOML, or states something impossible.
    #[error("the catalogue {} is wrong: {reason}", path.display())]
    Catalog {
        /// The file.
        path: PathBuf,
        /// What and where.
        reason: String,
    },
    /// Nothing says what a model costs.
    #[error(
        "nothing says what `{0}` costs: the logs have no cost_usd for it, and the catalogue has no prices or the logs no output_tokens; add one of them (--catalog FILE)"
    )]
    NoCost(ModelName),
}
