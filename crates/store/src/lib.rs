//! Durable records: the decisions a server made and the feedback that came back.
//!
//! One SQLite file in WAL mode, one writer task, any number of readers. No HTTP, no clock and no
//! random source: ids and times come with the records.
//!
//! # What "acknowledged" means
//! | record | committed before the answer | survives `kill -9` | survives power loss |
//! |---|---|---|---|
//! | feedback | yes, and the log is synced (the promise of `synchronous = FULL`) | yes | yes |
//! | a decision that has feedback | yes; synced with that feedback at the latest | yes | yes |
//! | any other decision | yes, not synced (`synchronous = NORMAL`) | yes | unless made in the last second or so |
//!
//! A decision is committed before its id leaves the server, so feedback cannot meet a decision
//! that is not there yet. The write-ahead log is written in order, so syncing feedback syncs every
//! decision before it. The log is also synced by every checkpoint, once a second. No loss of power
//! damages the file; it only loses the newest decisions, to which nobody has replied.

mod checkpoint;
mod config;
mod database;
mod error;
mod export;
mod insert;
mod judge;
mod record;
mod schema;
mod store;
mod sync;
mod writer;

#[cfg(test)]
mod tests;

pub use config::Config;
pub use error::StoreError;
pub use export::{Export, Filter};
pub use record::{DecisionRecord, FeedbackRecord, Receipt};
pub use store::Store;
