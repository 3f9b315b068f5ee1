//! How good a router is, as numbers: cost–quality curves and the measures taken on them.
//!
//! Mathematics on grids of shape `(prompts, models)` only. Nothing here knows prompt texts, routers,
//! files or reports; `evaluate` reports with it and `train` selects models with it.
//!
//! The way through: predictions make a [`Sweep`] (who is chosen at which lambda), a sweep and what
//! really happened make a [`Curve`] (what that cost and how good it was), a curve has a [`Hull`],
//! and [`Singles::measure`] reads the measures off the hull. [`Bootstrap`] repeats the last two
//! steps on resampled prompts, which is cheap because the sorted sweep is reused.
//!
//! Apart from grids: [`off_policy()`] measures a policy on decisions that another one made, and
//! [`difference()`] how much better it is than the current one.

mod agreement;
mod bootstrap;
mod bounds;
mod calibration;
mod curve;
mod error;
mod hull;
mod off_policy;
mod outcomes;
mod preferences;
mod risk;
mod routellm;
mod similarity;
mod singles;
mod sweep;
mod two_model;

pub use agreement::krippendorff_alpha;
pub use bootstrap::{Bootstrap, Interval, Weights};
pub use bounds::{Bound, fixed_sequence};
pub use calibration::{Bin, Calibration, EQUAL_BINS};
pub use curve::{Curve, CurvePoint};
pub use error::MeasureError;
pub use hull::{Hull, Point};
pub use off_policy::{
    Current, Difference, Estimate, Estimator, IntervalMethod, Logged, OffPolicy, OffPolicyPlan,
    OffPolicyRefusal, Overlap, OverlapLimits, Target, difference, off_policy, overlap,
};
pub use outcomes::{Kept, Outcomes, Predicted};
pub use preferences::{Foretold, PreferenceMeasures, preference_measures};
pub use risk::{Choices, adequacy_risk, regression_risk};
pub use routellm::{RouteLlm, quantile_binned};
pub use similarity::{Compared, HitMeasures, fewest_hits, similarity_threshold};
pub use singles::{Measures, Singles, gap_share};
pub use sweep::{Sweep, sweep};
pub use two_model::{Preference, TwoModelCurve};

/// The area under the hull of the curve that these predictions give; see [`Measures::aiq`].
///
/// # Errors
/// When predictions and outcomes have different shapes.
pub fn aiq(predicted: &Predicted, outcomes: &Outcomes) -> Result<f64, MeasureError> {
    let weights = Weights::even(outcomes.prompts());
    let curve = Curve::new(&sweep(predicted), outcomes)?;
    Ok(Singles::of(outcomes, &weights)
        .measure(&curve.hull(&weights))
        .aiq)
}
