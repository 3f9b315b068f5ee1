//! From a log table to a router: representation, heads, selection by decision quality,
//! calibration.
//!
//! Reads no files and writes none: the command line reads the log and saves the artifact. Same
//! table, catalogue, options and number of threads: the same artifact, byte by byte.

mod amounts;
mod calibrate;
mod checks;
mod costs;
mod error;
mod examples;
mod fingerprint;
mod fit;
pub mod guarantee;
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

pub use candle_core::Device;
pub use costs::complete_costs;
pub use error::TrainError;
pub use report::{CandidateReport, CrossValidated, TrainReport};
pub use train::{Options, Stage, Trained, train};
