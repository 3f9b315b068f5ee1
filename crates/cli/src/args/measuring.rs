//! Commands that measure.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use pointsman_policy::PolicySpec;
use pointsman_replay::{Regime, Scenario};
use pointsman_types::{Probability, Quality};

use super::values::{confidence, lambda, probability, quality};
use super::{EncodingArgs, LogArgs};

#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// Directory that `train --out` wrote.
    #[arg(long, value_name = "DIR", required_unless_present_any = ["learning_curve", "folds"])]
    pub(crate) router: Option<PathBuf>,
    /// Catalogue to take prices from instead of the router's own.
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) encoding: EncodingArgs,
    #[command(flatten)]
    pub(crate) logs: LogArgs,
    #[command(flatten)]
    pub(crate) learning: LearningArgs,
    /// Directory for report.json, report.html, curve.parquet, curve.svg and curve.png; with
    /// --learning-curve for learning_curve.json, .html, .svg and .png.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Measure the router's cascade beside it: a model answers, its answer is read, then that is
    /// returned or another model is called. Needs a router trained with --cascade, or --folds.
    #[arg(long, conflicts_with = "learning_curve")]
    pub(crate) cascade: bool,
    /// Decide by another policy than the router's own.
    #[arg(long, value_name = "POLICY", conflicts_with = "learning_curve")]
    pub(crate) policy: Option<PolicySpec>,
    /// A score below this counts as inadequate.
    #[arg(long, default_value = "0.5", value_parser = quality, value_name = "SCORE", conflicts_with = "learning_curve")]
    pub(crate) target: Quality,
    /// Resample whole categories for the intervals, not single prompts; with --folds or
    /// --learning-curve hold them out whole as well.
    #[arg(long)]
    pub(crate) grouped: bool,
    /// Resamples behind every interval.
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u64).range(20..=100_000))]
    pub(crate) replicates: u64,
    /// Seed of the resamples; with --folds or --learning-curve also of folds, subsets and training.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Also count prompts that the router was trained on; the figures then flatter it.
    #[arg(long, conflicts_with_all = ["learning_curve", "folds"])]
    pub(crate) include_training: bool,
    /// Say on the report that the log was made by a simulator.
    #[arg(long)]
    pub(crate) synthetic: bool,
    /// What the report is called [default: Router evaluation, or Learning curve].
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Print the report as JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A learning curve in place of one router.
#[derive(Debug, Default, Args)]
pub(crate) struct LearningArgs {
    /// Train on growing parts of the logs instead of evaluating a router, and show AIQ over the number
    /// of labelled prompts: would more labels pay?
    #[arg(long, conflicts_with = "router")]
    pub(crate) learning_curve: bool,
    /// Prompts to train on, all of them in any case [default: all, and halves down to 50].
    #[arg(long, conflicts_with = "router", requires = "learning_curve", value_name = "N,N..", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(20..))]
    pub(crate) sizes: Vec<u64>,
    /// Evaluate no router that is there, but one for each of so many folds of the logs, trained on
    /// the other folds, with the sentence encoder that --encoder names; with --learning-curve the
    /// folds that are held out in turn [default: 5].
    #[arg(long, conflicts_with = "router", value_name = "N", value_parser = clap::value_parser!(u64).range(2..=20))]
    pub(crate) folds: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct OpeArgs {
    /// Directory of the router to evaluate, as `train --out` wrote it.
    #[arg(long, value_name = "ROUTER")]
    pub(crate) policy: PathBuf,
    /// Catalogue to take prices from instead of the router's own.
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) encoding: EncodingArgs,
    /// Logged decisions, files or globs: rows with a propensity, as `export --all` writes them.
    #[arg(long, required = true, num_args = 1.., value_name = "DECISIONS")]
    pub(crate) logs: Vec<String>,
    /// What a decision is worth: its score, or its utility, score minus lambda times cost [default:
    /// score, or utility where --lambda is given].
    #[arg(long, value_enum)]
    pub(crate) reward: Option<RewardKind>,
    /// Quality that a dollar must buy, for --reward utility [default: that of the router's policy].
    #[arg(long, value_name = "L", value_parser = lambda)]
    pub(crate) lambda: Option<f64>,
    /// With which probability an interval covers the truth.
    #[arg(long, default_value = "0.95", value_parser = confidence, value_name = "SHARE")]
    pub(crate) confidence: Probability,
    /// Intervals that hold for any number of decisions (empirical Bernstein), and are wide, in place
    /// of the studentised bootstrap.
    #[arg(long)]
    pub(crate) bernstein: bool,
    /// Resamples behind every interval.
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u64).range(20..=100_000))]
    pub(crate) replicates: u64,
    /// Seed of the resamples and of the folds that correct the predictions.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Also count decisions on prompts that the router was trained on; the figures then flatter it.
    #[arg(long)]
    pub(crate) include_training: bool,
    /// Stop at the first row that is malformed or cannot be used instead of leaving it out.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Directory for off_policy.json, .html, .svg and .png.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Say on the report that the log was made by a simulator.
    #[arg(long)]
    pub(crate) synthetic: bool,
    /// What the report is called [default: Off-policy evaluation].
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Print the report as JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a decision is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RewardKind {
    /// The score of its answer.
    Score,
    /// The score minus lambda times the cost.
    Utility,
}

/// Serving and learning on a log whose every outcome is known.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub(crate) logs: LogArgs,
    /// Catalogue of models and prices (TOML); not needed where the logs carry cost_usd.
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    /// Random halves are offline and online, or half of the categories each.
    #[arg(long, default_value = "iid", value_enum)]
    pub(crate) regime: RegimeArg,
    /// Labelled prompts that the router is trained on.
    #[arg(long, default_value_t = 300, value_name = "N")]
    pub(crate) labels: usize,
    /// Share of the decisions that get feedback.
    #[arg(long, default_value = "0.3", value_parser = probability, value_name = "SHARE")]
    pub(crate) feedback: Probability,
    /// Feedback comes within so many requests.
    #[arg(long, default_value_t = 500, value_name = "N")]
    pub(crate) delay: usize,
    /// Splits of the log, each with a router of its own.
    #[arg(long, default_value_t = 20, value_name = "K")]
    pub(crate) seeds: usize,
    /// Orders of the online prompts for each split, averaged.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) streams: usize,
    /// What a dollar is worth in score.
    #[arg(long, default_value_t = 200.0, value_name = "LAMBDA")]
    pub(crate) lambda: f64,
    /// What happens half-way (poison: from the start).
    #[arg(long, value_enum)]
    pub(crate) scenario: Option<ScenarioArg>,
    /// Table of regret and levels over time to write: .csv, .jsonl or .parquet.
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// Print the figures as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How online prompts differ from offline ones.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum RegimeArg {
    Iid,
    Shift,
}

impl From<RegimeArg> for Regime {
    fn from(regime: RegimeArg) -> Self {
        match regime {
            RegimeArg::Iid => Self::Iid,
            RegimeArg::Shift => Self::Shift,
        }
    }
}

/// What happens while serving.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ScenarioArg {
    Drop,
    Price,
    NewModel,
    Poison,
}

impl From<ScenarioArg> for Scenario {
    fn from(scenario: ScenarioArg) -> Self {
        match scenario {
            ScenarioArg::Drop => Self::Drop,
            ScenarioArg::Price => Self::Price,
            ScenarioArg::NewModel => Self::NewModel,
            ScenarioArg::Poison => Self::Poison,
        }
    }
}
