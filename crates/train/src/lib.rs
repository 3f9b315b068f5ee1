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
mod cascade;
mod checks;
mod choices;
mod comparisons;
mod costs;
mod embed;
mod error;
mod examples;
mod familiar;
mod fingerprint;
mod fit;
pub mod guarantee;
mod held_out;
mod holdout;
mod judge;
mod judges;
mod likeness;
mod linear;
mod logistic;
mod measurable;
mod report;
mod represent;
mod select;
mod sparse;
mod splits;
mod stream;
mod teacher;
mod train;

pub use add::{AddError, Added, Addition, Alike, add_model};
pub use candle_core::Device;
pub use costs::complete_costs;
pub use embed::Embed;
pub use error::TrainError;
pub use judges::level_judges;
pub use report::{CandidateReport, ComparisonsReport, CrossValidated, TeacherReport, TrainReport};
pub use stream::{Example, ExampleReader, ReadingError, Rest, StreamLearner, StreamSize};
pub use teacher::Teacher;
pub use train::{Options, Stage, Trained, train, train_on_all};
