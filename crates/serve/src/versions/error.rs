//! Why a version cannot be registered or moved.

use std::io;
use std::path::PathBuf;

use pointsman_learn::promotion::MoveRefused;
use pointsman_store::StoreError;
use pointsman_types::Stage;

use crate::LoadError;

/// A version that cannot be registered or moved.
#[derive(Debug, thiserror::Error)]
pub enum VersionsError {
    /// The move cannot be made.
    #[error(transparent)]
    Move(#[from] MoveRefused),
    /// The gate is closed.
    #[error(
        "version `{version}` has not passed the gate to {to} ({verdict}); it goes there by itself once it has, or use force and say why"
    )]
    Gate {
        /// Which version.
        version: String,
        /// Where to.
        to: Stage,
        /// What is known of it.
        verdict: String,
    },
    /// Force without a reason.
    #[error("force needs a reason, which is recorded")]
    NoReason,
    /// A share out of range.
    #[error("share is {share}; it must be above 0 and below 1, and belongs to canary alone")]
    Share {
        /// What was given.
        share: f64,
    },
    /// The directory holds no router that can serve.
    #[error("cannot load a router from `{directory}`")]
    Load {
        /// The directory.
        directory: PathBuf,
        /// Why.
        source: LoadError,
    },
    /// There is no such snapshot of a learner.
    #[error("the store has no whole snapshot {seq} of a learner")]
    NoSnapshot {
        /// Which.
        seq: i64,
    },
    /// The version's router cannot read the snapshot.
    #[error("the router cannot take up snapshot {seq} of a learner")]
    Snapshot {
        /// Which.
        seq: i64,
        /// Why.
        source: LoadError,
    },
    /// Loading panicked.
    #[error("loading a router failed; the server's log has the reason")]
    Panicked,
    /// The copy cannot be made.
    #[error("cannot copy the router to `{place}`")]
    Copy {
        /// Where to.
        place: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The server has one router that was handed to it, and no directory.
    #[error("this server has no directory to take versions from")]
    Fixed,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}
