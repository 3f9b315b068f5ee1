//! The one path a decision takes: features, then predictions, then policy.
//!
//! Pure and synchronous. Offline replay, the server and every test decide here, so what was
//! evaluated is what is served. The same artifact, catalogue and policy give the same decision for
//! the same request, bit for bit on a CPU.

mod cascade;
mod catalog_file;
mod encoding;
mod error;
mod explain;
mod learned;
mod prompt_filter;
mod router;
mod saved;
mod trained_on;

#[cfg(test)]
mod tests;

pub use cascade::{AnswerSeen, CascadeRules, CascadeStopped, Cascading, Next};
pub use catalog_file::read_catalog;
pub use encoding::Encoding;
pub use error::RouterError;
pub use explain::{Explanation, Flip, Influence, Neighbour};
pub use learned::Learned;
pub use prompt_filter::PromptFilter;
pub use router::{Prediction, Router, Unsatisfiable, expected_cost};
pub use saved::{Artifact, Example};
pub use trained_on::TrainedOn;
