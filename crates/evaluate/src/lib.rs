//! Replays a router on a log and measures it: cost–quality curve, baselines, calibration, report.
//!
//! Reads no log files: `cli` hands over a table. The mathematics is in `measures`; here is what to
//! measure, against which baselines, and how people get to see it.
//!
//! [`evaluate`] goes through it all: the complete part of the log ([`Sample`]), the router on every
//! prompt of it ([`Replayed`]), the figures ([`measure`]). [`Evaluation::write`] puts the report
//! into a directory, [`terminal_table`] onto a terminal.
//!
//! [`evaluate_folds`] does the same for a whole log, each part of it by a router that was trained on
//! the others.
//!
//! [`learning_curve`] measures routers that learnt from fewer prompts; the caller says how to train.
//!
//! [`off_policy()`] estimates what a router would have been worth on decisions that another policy made.

mod amounts;
mod baselines;
mod cascade;
mod chart;
mod error;
mod finding;
mod folds;
mod guaranteed;
mod html;
mod learning;
mod measure;
mod number;
mod off_policy;
mod operating;
mod options;
mod png;
mod replay;
mod report;
mod sample;
mod table;
pub mod taught;
mod traffic;
mod training;
mod versus;
mod write;

pub use cascade::{Cascaded, cascade_lambdas};
pub use error::EvaluateError;
pub use folds::{Folds, FoldsError, evaluate_folds};
pub use learning::{
    Extrapolation, LearningCurve, LearningError, LearningPlan, LearningPoint, LearningStage,
    learning_curve, learning_table,
};
pub use measure::{Evaluation, measure};
pub use off_policy::{
    EstimateRow, LeftOutDecision, LeftOutDecisions, ModelTraffic, OffPolicyFacts, OffPolicyOptions,
    OffPolicyReport, PolicyDifference, Reward, WeightBin, off_policy, off_policy_table,
};
pub use options::{Options, Resample, Seen};
pub use replay::Replayed;
pub use report::{
    AgainstReference, BootstrapFacts, CascadePoint, CategoryHere, Guaranteed, LeftOut, Lines,
    ModelAmounts, ModelCalibration, Operating, Report, Row, RowKind, Traffic, TrafficPoint,
    TwoModel, VersusBest,
};
pub use sample::Sample;
pub use table::terminal_table;
pub use taught::{Taught, taught_table};
pub use training::{Training, TrainingAiq, TrainingCandidate, TrainingMeasures, TrainingTeacher};

use pointsman_router::Router;
use pointsman_types::LogTable;

/// Replays the router on the log and measures it.
///
/// # Errors
/// When the log has no model that the router knows, or no complete prompt.
pub fn evaluate(
    router: &Router,
    log: &LogTable,
    options: &Options,
) -> Result<Evaluation, EvaluateError> {
    let sample = Sample::of(
        log,
        router.models(),
        |prompt| router.was_trained_on(prompt),
        options,
    )?;
    let mut replayed = Replayed::by(router, &sample)?;
    if options.cascade {
        let lambdas = cascade_lambdas(&replayed, &sample)?;
        replayed.cascaded = Some(Cascaded::by(router, &sample, &lambdas)?);
    }
    let mut evaluation = measure(&sample, &replayed, options)?;
    evaluation.report.training = Training::of(router);
    Ok(evaluation)
}
