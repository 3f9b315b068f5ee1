//! Serving replayed on a log whose every outcome is known: only the chosen model's score is
//! revealed, to some, and late.
//!
//! A seed deals the prompts into an offline part, of which a few labelled prompts train a router as
//! anybody would train one, and an online part, which comes once, in random order. The router in
//! service decides through [`pointsman_router::Router::decide`] and learns through
//! [`pointsman_learn::learner`], as a server does; baselines see the same predictions, coordinates,
//! prior and chances. Utility is `score - lambda x cost`.
//!
//! Reads no files: the command line hands over a table. Times are requests; there is no clock.

mod baseline;
mod course;
mod error;
mod hindsight;
mod online;
mod plan;
mod report;
mod scenario;
mod seed;
mod split;
mod table;
mod trace;
mod world;

pub use error::ReplayError;
pub use plan::{Plan, Regime, Scenario};
pub use report::{Difference, Report, Utilities};
pub use scenario::{DropReport, NewModelReport, PoisonReport, PriceReport, ScenarioReport};
pub use table::terminal_table;
pub use trace::TraceRow;

use pointsman_types::{Catalog, LogTable};
use rayon::prelude::*;

/// What was measured, and the course of it.
#[derive(Debug, Clone)]
pub struct Replay {
    /// The figures.
    pub report: Report,
    /// Running regret and levels, for plots.
    pub trace: Vec<TraceRow>,
}

/// Replays the plan on the complete prompts of a log, seeds in parallel. `catalog` is what the
/// router is trained with; costs that the log lacks are to be completed before.
///
/// # Errors
/// When the plan or the log do not allow it, or a router cannot be trained.
pub fn replay(
    table: &LogTable,
    catalog: &Catalog,
    plan: &Plan,
    progress: impl Fn(usize) + Sync,
) -> Result<Replay, ReplayError> {
    plan.check()?;
    let complete = table.select(&table.complete_rows());
    let done = std::sync::atomic::AtomicUsize::new(0);
    let seeds: Vec<u64> = (0..plan.seeds as u64).collect();
    let outcomes = seeds
        .par_iter()
        .map(|seed| {
            let outcome = seed::outcome(&complete, catalog, plan, *seed);
            progress(1 + done.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
            outcome
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Replay {
        report: Report::of(&outcomes, plan, complete.prompts.len()),
        trace: trace::rows(&outcomes),
    })
}
