//! From features to predictions: the fitted parameters, how they predict, and the directory they
//! live in.
//!
//! Knows nothing of prompts' text, of prices or of HTTP. Fitting is `train`'s work; nothing here
//! changes a fitted parameter. What feedback adds to them is a [`Posterior`], which `learn` feeds.

mod artifact;
mod calibration;
mod cascade;
mod combination;
mod familiarity;
mod kernel;
mod learned;
mod lexicon;
mod model;
mod network;
mod products;
mod quality;
mod rarity;
mod regression;
mod representation;
mod weights;

pub use artifact::{
    ArtifactError, FORMAT_VERSION, FORMAT_WITHOUT_KERNELS, Files, Manifest, read_artifact, sha256,
    write_artifact,
};
pub use calibration::{Calibration, Calibrator, CommonCurve, LowerCurve, logit};
pub use cascade::{AnswerReader, AnswerSigns, Cascade, CascadeError, Outlook, Scale};
pub use familiarity::{Familiarity, known_share};
pub use kernel::{Kernel, direction};
pub use learned::{Belief, Coordinates, Posterior, Prior, StateError};
pub use lexicon::{Lexicon, SparseVector};
pub use model::{EncoderReference, Model, Prediction, Predictions};
pub use network::Network;
pub use quality::{ClusterTable, QualityHead};
pub use rarity::{RARITY_FEATURES, RARITY_NAMES, Rarity};
pub use regression::{Forecast, InputTokens, LogRegression};
pub use representation::{EmbeddingProjection, Point, Representation};
pub use weights::WeightsError;
