//! How a server's learning stands, as it says itself, for people to read.

mod finding;
mod parts;
mod table;

use serde::Serialize;

pub(crate) use finding::{ago, drift_words, finding, spending};
pub use parts::{
    Budget, Consequence, Counts, Drift, Event, Key, Learning, Learnt, Model, ModelDrift, Snapshot,
    Standing, Version, Versions,
};
pub use table::taught_table;
pub(crate) use table::{MODEL_HEADER, model_figures};

/// What a server answers at `GET /v1/learning` and `GET /v1/versions`, at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct Taught {
    /// What the page is called.
    pub title: String,
    /// When it was asked: milliseconds since 1970, UTC.
    pub asked_ms: i64,
    /// What was learnt, drift and the budget.
    pub learning: Learning,
    /// Which versions serve, and what happened to them.
    pub versions: Versions,
}
