//! How one version of a router replaces another: by steps, each with its gate, each undone when it
//! turns out to be wrong.
//!
//! A version is a router that was trained once and is never changed. It starts as a candidate; in
//! shadow it decides beside the current version and its choices are never used; in canary it decides
//! a share of the requests; then it is current, and the version before it is what it is watched
//! against. Pure: `serve` brings rows and counts, and writes what comes out.
//!
//! | step | gate |
//! |---|---|
//! | candidate to shadow | somebody asks for it |
//! | shadow to canary | `mean utility of the new - of the current > -margin`, by the doubly robust lower bound; every rail holds |
//! | canary to current | the same again, on the decisions of the canary alone |
//! | back | the same difference is below `-margin` beyond doubt, or a rail is broken |
//!
//! Evidence is looked at when the number of judged decisions has doubled; look `k` spends
//! `delta / (k (k + 1))`, so all looks together are wrong with probability `delta` at most.

mod evidence;
mod ledger;
mod looks;
mod observation;
mod progress;
mod rails;
mod roster;
mod step;

pub use evidence::{
    BeforeAfter, CallEvidence, Contrast, CostEvidence, Evidence, GroupContrast, WorthEvidence,
};
pub use ledger::{Ledger, Moments};
pub use looks::{Look, Looks};
pub use observation::{Arm, Observation, mixture};
pub use progress::Progress;
pub use rails::{RailError, Rails};
pub use roster::{Move, MoveRefused, Roster, Standing};
pub use step::{Step, next_step};
