//! Everything an evaluation found, as it goes into `report.json` and onto the pages.
//!
//! Costs are mean US dollars per request.

use pointsman_measures::{Calibration, Interval, Measures, Point, RouteLlm};
use pointsman_policy::Guarantee;
use pointsman_types::ModelName;
use serde::Serialize;

use crate::{Resample, Training};

/// A router measured on a log.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// What it is called.
    pub title: String,
    /// Whether the log was made by a simulator.
    pub synthetic: bool,
    /// The result in a sentence or two.
    pub finding: String,
    /// What the reader must know before trusting a figure.
    pub warnings: Vec<String>,
    /// The router's own policy.
    pub policy: String,
    /// Artifact, catalogue and policy.
    pub policy_version: String,
    /// Prompts measured on.
    pub prompts: usize,
    /// Models measured.
    pub models: Vec<ModelName>,
    /// What was not measured on, and why.
    pub left_out: LeftOut,
    /// How the intervals were made.
    pub bootstrap: BootstrapFacts,
    /// Router, baselines and bounds, then the single models.
    pub rows: Vec<Row>,
    /// The router's curve against the best single model.
    pub versus_best: VersusBest,
    /// The router as its own policy decides; `None` when it could not decide on any prompt.
    pub operating: Option<Operating>,
    /// What is promised of the policy, and how it did here; `None` where nothing is promised.
    pub guaranteed: Option<Guaranteed>,
    /// Only where there are exactly two models and one is better.
    pub two_model: Option<TwoModel>,
    /// The router's predictions of quality, model by model.
    pub calibration: Vec<ModelCalibration>,
    /// Predicted tokens and costs, for models of which tokens were logged.
    pub amounts: Vec<ModelAmounts>,
    /// Who gets the traffic along the curve.
    pub traffic: Traffic,
    /// The curve of the cascade by falling lambda, the cost of all calls included; empty where no
    /// cascade was measured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cascade: Vec<CascadePoint>,
    /// Lines to draw.
    pub lines: Lines,
    /// What the router's training measured; `None` where its artifact does not tell.
    pub training: Option<Training>,
}

/// Prompts and models that were not measured, and why.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LeftOut {
    /// Prompts without a score or a cost from some model.
    pub prompts_incomplete: usize,
    /// Prompts that the router was trained on.
    pub prompts_seen: usize,
    /// Models with a score on fewer than 95 % of the prompts.
    pub models_sparse: Vec<ModelName>,
    /// Models in the log that the router does not know.
    pub models_unknown_to_router: Vec<ModelName>,
    /// Models of the router that the log does not have.
    pub models_not_in_log: Vec<ModelName>,
}

/// How the intervals were made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BootstrapFacts {
    /// Resamples.
    pub replicates: usize,
    /// Their seed.
    pub seed: u64,
    /// What is drawn.
    pub resample: Resample,
    /// Prompts or categories drawn from.
    pub drawn_from: usize,
}

/// What a row of the main table is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RowKind {
    /// The router, swept over lambda.
    Router,
    /// The router's cascade, which reads answers.
    Cascade,
    /// The same predictor for all, by prompt length.
    Length,
    /// A table of mean scores per category.
    Category,
    /// Nearest neighbours by words.
    Neighbours,
    /// Random mixing of single models.
    ZeroRouter,
    /// Perfect foresight.
    Oracle,
    /// One model for everything.
    Single,
}

/// One row of the main table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What it is called.
    pub name: String,
    /// What it is.
    pub kind: RowKind,
    /// What to keep in mind when comparing with it.
    pub caveat: Option<&'static str>,
    /// Mean cost and quality; only a single model is one point.
    pub point: Option<Point>,
    /// Measures of its hull; a single model has none.
    pub measures: Option<Measures>,
    /// Share of the gap between the zero router and the oracle, by AIQ.
    pub gap_share: Option<f64>,
    /// AIQ of the router minus AIQ of this row, paired; `None` for the router itself.
    pub router_gain: Option<Interval>,
}

/// The router's curve against the single model of the best mean score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VersusBest {
    /// Which model.
    pub model: ModelName,
    /// Its mean cost and quality.
    pub point: Point,
    /// Quality of the router at that cost minus that quality.
    pub quality_at_equal_cost: Interval,
    /// Share of that cost which the router saves at that quality; missing where never reached.
    pub saving_at_equal_quality: Interval,
    /// The same at 95 % of that quality.
    pub saving_at_95_percent: Interval,
}

/// The router as its own policy decides, without a sweep.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Operating {
    /// Prompts decided on.
    pub prompts: usize,
    /// Prompts on which every model was refused.
    pub refused: usize,
    /// Mean cost and quality.
    pub point: Point,
    /// Share of the prompts that each model gets, in the order of the report's models.
    pub shares: Vec<f64>,
    /// Mean quality minus that of the best single model.
    pub quality_difference: Interval,
    /// Share of the best single model's cost which is saved.
    pub saving: Interval,
    /// Mean of `max(0, score of the best single model - score)`.
    pub regression_risk: Interval,
    /// The target of the next figure.
    pub target: f64,
    /// Share of the answers whose score misses the target.
    pub adequacy_risk: Interval,
}

/// A promise, and how the policy did on the prompts of this evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Guaranteed {
    /// What was promised, on which evidence.
    pub promise: Guarantee,
    /// `None` where the reference is not among the models measured, or nothing could be decided.
    pub here: Option<AgainstReference>,
}

/// The policy against the reference of its guarantee.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgainstReference {
    /// Prompts decided on.
    pub prompts: usize,
    /// Mean of `max(0, score of the reference - score)`.
    pub regression_risk: Interval,
    /// Share of the reference's cost which is saved.
    pub saving: Interval,
    /// Mean quality minus that of the reference.
    pub quality_difference: Interval,
    /// Each category by itself, where the promise is made to each; otherwise empty.
    pub categories: Vec<CategoryHere>,
}

/// The regression risk in one category.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CategoryHere {
    /// Its label; empty for the prompts without one.
    pub category: String,
    /// Prompts decided on.
    pub prompts: usize,
    /// The regression risk on them.
    pub regression_risk: f64,
}

/// RouteLLM's measures, for exactly two models.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TwoModel {
    /// The better model.
    pub strong: ModelName,
    /// The other one.
    pub weak: ModelName,
    /// Area under the share of the gap recovered; random routing has 0.5.
    pub apgr: f64,
    /// Share of strong calls for 20, 50 and 80 % of the gap, by first crossing.
    pub cpt: [f64; 3],
    /// The same from eleven thresholds and by interpolation, as RouteLLM's code has it.
    pub routellm: RouteLlm,
}

/// How far one model's predicted quality is from its scores.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelCalibration {
    /// Which model.
    pub model: ModelName,
    /// The figures.
    #[serde(flatten)]
    pub calibration: Calibration,
}

/// How far one model's predicted tokens and costs are from those logged. The constants they are
/// compared with are taken from the very prompts measured on, which is in their favour.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelAmounts {
    /// Which model.
    pub model: ModelName,
    /// Prompts with logged tokens.
    pub prompts: usize,
    /// Mean tokens out.
    pub mean_tokens: f64,
    /// Share of the variance of the logarithm of tokens out that the predicted median explains; the
    /// same prediction for all prompts explains 0.
    pub log_r2: f64,
    /// Mean absolute error of the predicted median, in tokens.
    pub tokens_error: f64,
    /// The same of the median over all prompts.
    pub tokens_error_of_median: f64,
    /// Share of the answers not longer than the predicted median.
    pub below_p50: f64,
    /// Share of the answers not longer than the predicted 90th percentile.
    pub below_p90: f64,
    /// Mean absolute error of the expected cost of a request.
    pub cost_error_usd: f64,
    /// The same of the mean cost over all prompts.
    pub cost_error_of_mean_usd: f64,
}

/// Who gets the traffic along the curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Traffic {
    /// By rising mean cost.
    pub points: Vec<TrafficPoint>,
}

/// The traffic at one point of the curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrafficPoint {
    /// Quality per US dollar; `None` at the cheapest end, where it is infinite.
    pub lambda: Option<f64>,
    /// Mean cost.
    pub cost_usd: f64,
    /// Mean quality.
    pub quality: f64,
    /// Share of the prompts that each model gets, in the order of the report's models.
    pub shares: Vec<f64>,
}

/// A cascade at one lambda.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CascadePoint {
    /// Quality per US dollar.
    pub lambda: f64,
    /// Mean cost of all calls for a request.
    pub cost_usd: f64,
    /// Mean quality of the answers returned.
    pub quality: f64,
    /// Mean number of calls for a request.
    pub calls: f64,
}

/// Lines to draw, each thinned out to about 400 points.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lines {
    /// The router's curve.
    pub router: Vec<Point>,
    /// Corners of its hull.
    pub router_hull: Vec<Point>,
    /// Corners of the hull of its cascade; empty where none was measured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cascade_hull: Vec<Point>,
    /// Corners of the hull of the single models.
    pub zero_router: Vec<Point>,
    /// Corners of the hull of perfect foresight.
    pub oracle: Vec<Point>,
}

impl Report {
    /// The single models, as `(name, mean cost and quality)`.
    pub fn singles(&self) -> impl Iterator<Item = (&str, Point)> {
        self.rows
            .iter()
            .filter(|row| row.kind == RowKind::Single)
            .filter_map(|row| Some((row.name.as_str(), row.point?)))
    }

    /// The row of this kind; the first, where there are several.
    #[must_use]
    pub fn row(&self, kind: RowKind) -> Option<&Row> {
        self.rows.iter().find(|row| row.kind == kind)
    }
}
