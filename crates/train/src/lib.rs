//! From a log table to a router: representation, heads, selection by decision quality,
//! calibration.
//!
//! [`add_model`] adds a model to a router from a few scored prompts, or from none, and retrains
//! nothing.
//!
//! Reads no files and writes none: the command line reads the log and saves the artifact. Same
//! table, catalogue, options and number of threads: the same artifact, byte by byte.

mod add;
mod amounts;
mod calibrate;
mod checks;
mod costs;
mod error;
mod examples;
mod fingerprint;
mod fit;
mod held_out;
mod judge;
mod linear;
mod measurable;
mod report;
mod represent;
mod select;
mod sparse;
mod splits;
mod train;

pub use add::{AddError, Added, Addition, Alike, add_model};
pub use candle_core::Device;
pub use costs::complete_costs;
pub use error::TrainError;
pub use report::{CandidateReport, CrossValidated, TrainReport};
pub use train::{Options, Stage, Trained, train};
