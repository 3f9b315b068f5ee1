//! A learning curve as it goes into `learning_curve.json` and onto the pages.

use pointsman_measures::Interval;
use pointsman_types::ModelName;
use serde::Serialize;

use crate::report::BootstrapFacts;

/// What routers are worth that learnt from fewer prompts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LearningCurve {
    /// What it is called.
    pub title: String,
    /// Whether the log was made by a simulator.
    pub synthetic: bool,
    /// The result in a sentence or two.
    pub advice: String,
    /// Prompts tested on, the same for every size.
    pub prompts: usize,
    /// Models measured.
    pub models: Vec<ModelName>,
    /// Number of folds that were tested in turn.
    pub folds: usize,
    /// How the intervals were made.
    pub bootstrap: BootstrapFacts,
    /// By rising number of prompts; the last learnt from all.
    pub sizes: Vec<LearningPoint>,
    /// AIQ of mixing single models at random, which learns nothing.
    pub zero_router: Interval,
    /// AIQ of knowing every score beforehand.
    pub oracle: Interval,
    /// What one more doubling would bring; `None` where there are too few sizes to tell.
    pub extrapolation: Option<Extrapolation>,
    /// Sizes that could not be measured, and why.
    pub left_out: Vec<String>,
}

/// One size of the training set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LearningPoint {
    /// Prompts learnt from.
    pub prompts: usize,
    /// AIQ on held-out prompts.
    pub aiq: Interval,
    /// AIQ minus that of the zero router, paired.
    pub gain_over_zero: Interval,
    /// AIQ minus that of the size before, paired; `None` for the first.
    pub gain_over_previous: Option<Interval>,
}

/// A power law `aiq = ceiling - scale * prompts^-exponent` through all sizes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Extrapolation {
    /// AIQ with no end of prompts, if the law held.
    pub ceiling: f64,
    /// How far one prompt alone would be below it.
    pub scale: f64,
    /// How fast the distance shrinks.
    pub exponent: f64,
    /// AIQ that twice as many prompts would bring, the law fitted anew in every resample.
    pub gain_of_doubling: Interval,
}
