//! Durable records: the decisions a server made, what came back, and what was learnt from it.
//!
//! One SQLite file in WAL mode, one writer task, any number of readers. No HTTP, no clock and no
//! random source: ids and times come with the records. No learning either: what a snapshot or an
//! event means is the affair of whoever keeps it here.
//!
//! # What "acknowledged" means
//! | record | committed before the answer | survives `kill -9` | survives power loss |
//! |---|---|---|---|
//! | feedback, an outcome, an erasure | yes, and the log is synced (the promise of `synchronous = FULL`) | yes | yes |
//! | a snapshot, a version, a transition with its event, an event, a lease | the same | yes | yes |
//! | a decision that has any of these after it | yes; synced with the first of them at the latest | yes | yes |
//! | any other decision | no: it is in the journal, and some 50 ms later in the database | yes | unless made in the last second or so |
//!
//! The journal is a file beside the database to which a decision is appended before its id leaves the
//! server. The writer moves what is there into the database before it looks at anything that was
//! reported later, so feedback cannot meet a decision that is not there yet, and whoever reads through
//! [`Store`] or [`Export`] sees every decision that was kept. Where the database has no room, decisions
//! that are in the journal wait there and no more are taken.
//!
//! The write-ahead log is written in order, so syncing feedback syncs every decision before it, and a
//! snapshot that is there has all the feedback that it learnt. The log is also synced by every
//! checkpoint, once a second. No loss of power damages the file; it only loses
//! the newest decisions, to which nobody has replied. Every change is one transaction: after a crash
//! it is there whole or not at all.

mod candidate;
mod checkpoint;
mod config;
mod database;
mod erase;
mod error;
mod event;
mod export;
mod fault;
mod insert;
mod journal;
mod judge;
mod kept;
mod lease;
mod outcome;
mod record;
mod schema;
mod snapshot;
mod store;
mod sync;
mod tail;
mod version;
mod writer;

#[cfg(test)]
mod tests;

pub use candidate::{KeptCandidate, Shadow};
pub use config::Config;
pub use error::StoreError;
pub use event::{Event, EventRecord};
pub use export::{Export, Filter};
pub use kept::{KeptDecision, KeptFeedback};
pub use record::{Arm, DecisionRecord, FeedbackRecord, MOST_COORDINATES, OutcomeRecord, Receipt};
pub use snapshot::{KeptSnapshot, Snapshot};
pub use store::Store;
pub use tail::{Billed, Bills, Followed, News, Replaced};
pub use version::{StageChange, Transition, Version};
