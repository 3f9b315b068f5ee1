//! Learning while serving: feedback, bills and decisions go in, corrected predictions come out.
//!
//! One task holds the store's lease and reads what came in ([`Worker`]); what it has learnt of one
//! artifact is a [`Mind`], which a snapshot in the store keeps. Deciding never waits for it: an
//! [`Adaptive`] router hands over to the next state as a whole. The arithmetic is `learn`'s; here is
//! when it runs, what it is fed and where its results go. Versions of a router and their promotion
//! are another matter.

mod adaptive;
mod events;
mod following;
mod hand_over;
mod handle;
mod lesson;
mod metrics;
mod mind;
mod pacing;
mod settings;
mod state;
mod status;
mod worker;

pub use adaptive::Adaptive;
pub(crate) use handle::Learning;
pub(crate) use metrics::LearningMetrics;
pub(crate) use pacing::{CHEAPEST, Narrow, Pacing, Part};
pub use settings::{LearningConfig, Mode};
pub(crate) use status::learning;
pub(crate) use worker::Worker;

/// Milliseconds since 1970, UTC; 0 where the clock is before that.
pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
