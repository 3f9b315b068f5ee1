//! What a router would have been worth on decisions that another policy made.
//!
//! Rows that a policy chose ([`rows`]) go through [`Router::decide`] as live requests do; predictions
//! for the doubly robust estimators are corrected on other folds of the same log ([`correction`]);
//! `measures` does the arithmetic. `cli` reads the rows and calls [`off_policy`].

mod correction;
mod finding;
mod options;
mod report;
mod rows;
mod table;

pub(crate) use finding::with_ends;
pub use options::{OffPolicyOptions, Reward};
pub use report::{
    EstimateRow, LeftOutDecision, LeftOutDecisions, ModelTraffic, OffPolicyFacts, OffPolicyReport,
    PolicyDifference, WeightBin,
};
pub use table::off_policy_table;
pub(crate) use table::{MODEL_HEADER, model_figures, overlap_figures};

use pointsman_measures::{
    Current, IntervalMethod, Logged, OffPolicyPlan, Target, difference, off_policy as estimates,
};
use pointsman_router::Router;
use pointsman_types::LogRow;

use crate::EvaluateError;
use rows::Rows;

/// Estimates what the router would have been worth on these logged decisions, and how much better
/// that is than what decided.
///
/// # Errors
/// With the reason where the log cannot tell; where `strict` is asked for, at the first row that
/// cannot be used.
pub fn off_policy(
    router: &Router,
    rows: &[LogRow],
    options: &OffPolicyOptions,
) -> Result<OffPolicyReport, EvaluateError> {
    let rows = Rows::of(router, rows, options)?;
    let predicted = correction::cross_fitted(&rows, options.seed);
    let (logged, targets) = rows.decisions(&predicted);
    let plan = plan(&logged, options);
    let found = estimates(&logged, &targets, &plan)?;
    let against = difference(&logged, &targets, Current::OnPolicy, &plan);
    Ok(report::report(report::Found {
        router,
        rows: &rows,
        options,
        logged: &logged,
        targets: &targets,
        found,
        against,
    }))
}

/// The options as `measures` takes them.
fn plan(logged: &[Logged], options: &OffPolicyOptions) -> OffPolicyPlan {
    let method = match options.bernstein {
        false => IntervalMethod::default(),
        true => bernstein(logged),
    };
    OffPolicyPlan {
        confidence: options.confidence.get(),
        method,
        replicates: options.replicates,
        seed: options.seed,
        limits: options.limits,
    }
}

/// The largest weight is one over the least propensity that was logged: the floor of the logging
/// policy's exploration, if it was reached.
fn bernstein(logged: &[Logged]) -> IntervalMethod {
    let least = logged.iter().map(|one| one.propensity).fold(1.0, f64::min);
    let rewards = || logged.iter().filter_map(|one| one.reward);
    let (low, high) = rewards().fold((0.0, 1.0), |(low, high): (f64, f64), reward| {
        (low.min(reward), high.max(reward))
    });
    IntervalMethod::EmpiricalBernstein {
        largest_weight: 1.0 / least,
        reward_range: high - low,
    }
}

/// How often the target chooses what was logged, for each time that it was.
fn weights<'a>(
    logged: &'a [Logged],
    targets: &'a [Target],
) -> impl ExactSizeIterator<Item = f64> + 'a {
    let pairs = logged.iter().zip(targets);
    pairs.map(|(logged, target)| target.probability / logged.propensity)
}
