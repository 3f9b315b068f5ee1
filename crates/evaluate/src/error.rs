//! Why a router cannot be evaluated or its report not be written.

use std::io;
use std::path::PathBuf;

use pointsman_measures::{MeasureError, OffPolicyRefusal};
use pointsman_router::CascadeStopped;

/// An evaluation that came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// Router and log have nothing in common.
    #[error(
        "the router knows none of the models in the log; it knows {known}, the log has {logged}"
    )]
    NoCommonModel {
        /// The router's models.
        known: String,
        /// The log's models.
        logged: String,
    },
    /// Nothing complete to measure on.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// The cascade cannot be followed.
    #[error(transparent)]
    Cascade(#[from] CascadeStopped),
    /// The logged decisions cannot tell what another policy is worth.
    #[error(transparent)]
    OffPolicy(#[from] OffPolicyRefusal),
    /// A logged decision that cannot be used, where strictness was asked for.
    #[error("the decision `{id}` cannot be used: {why}")]
    Decision {
        /// Its `decision_id`, else its `prompt_id`.
        id: String,
        /// Why.
        why: String,
    },
    /// The replay does not fit the sample.
    #[error("the replay decided on {got} prompts where the sample has {needed}")]
    OtherPrompts {
        /// Prompts in the sample.
        needed: usize,
        /// Prompts in the replay.
        got: usize,
    },
    /// A part of the report cannot be made.
    #[error("cannot make {what}: {reason}")]
    Render {
        /// Which part.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
