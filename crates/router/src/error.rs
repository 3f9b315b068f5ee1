//! What can be wrong with a router or its catalogue.

use std::io;
use std::path::PathBuf;

use pointsman_encoders::EncoderError;
use pointsman_features::SpecError;
use pointsman_models::{ArtifactError, WeightsError};
use pointsman_policy::PolicySpecError;
use pointsman_types::{ModelName, OutOfRange};

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
    /// The sentence encoder cannot be opened.
    #[error("the router reads a sentence encoder that cannot be opened: {0}")]
    Encoder(#[from] EncoderError),
    /// The sentence encoder is another one than in training.
    #[error(
        "the encoder {spec} is not the one this router was trained with: its fingerprint is {found}, expected {expected}; give its directory (--encoder), or train again"
    )]
    OtherEncoder {
        /// The encoder that was opened.
        spec: String,
        /// Its fingerprint.
        found: String,
        /// The fingerprint of the one in training.
        expected: String,
    },
    /// An encoder was given to a router that reads none.
    #[error("this router reads no sentence encoder; leave --encoder out, or train with it")]
    NoEncoder,
    /// The exploration is out of range.
    #[error(transparent)]
    Exploration(#[from] OutOfRange),
    /// What was learnt is of another router.
    #[error(
        "what was learnt is of {found} models, the router has {expected}; learn anew for this router"
    )]
    OtherLearned {
        /// Models of what was learnt.
        found: usize,
        /// Models of the router.
        expected: usize,
    },
    /// Nothing says what a model costs.
    #[error(
        "nothing says what `{0}` costs: the logs have no cost_usd for it, and the catalogue has no prices or the logs no output_tokens; add one of them (--catalog FILE)"
    )]
    NoCost(ModelName),
}
