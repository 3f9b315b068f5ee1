//! The whole training, step by step.

use candle_core::Device;
use pointsman_features::FeatureSpec;
use pointsman_models::{Model, QualityHead};
use pointsman_policy::PolicySpec;
use pointsman_router::{Artifact, RouterError};
use pointsman_types::{Catalog, LogTable, fold_of, text_hash};

use crate::amounts::{Amounts, fit_amounts};
use crate::calibrate::{calibrate_for_decisions, calibrated};
use crate::checks::checked;
use crate::costs::complete_costs;
use crate::error::TrainError;
use crate::examples::Examples;
use crate::fingerprint::fingerprint;
use crate::fit::{Fitted, fit_context, fit_networks, fit_ngrams, fit_tables};
use crate::guarantee::Promise;
use crate::held_out::HeldOut;
use crate::judge::{Judge, bootstrap};
use crate::report::{CandidateReport, CrossValidated, TrainReport};
use crate::select::{Selection, select};
use crate::splits::Splits;

/// How to train.
#[derive(Debug, Clone)]
pub struct Options {
    /// Decides folds, clusterings and resampling.
    pub seed: u64,
    /// Number of folds, from 2 to 20.
    pub folds: usize,
    /// Hold out whole categories rather than prompts.
    pub grouped: bool,
    /// Share of the prompts, from 0 to 0.9, chosen by the hash of their text, that nothing is
    /// learnt from, so that evaluation has unseen prompts of the same log.
    pub holdout: f64,
    /// Models with fewer scored prompts are an error, or left out.
    pub least_rows: usize,
    /// Leave such models out.
    pub drop_rare: bool,
    /// The policy of the artifact; by default the cheapest point of the curve within one percent of
    /// the best single model's quality.
    pub policy: Option<PolicySpec>,
    /// A guarantee that the policy of the artifact is to keep; it then replaces `policy`.
    pub guarantee: Option<Promise>,
    /// What is extracted from a prompt.
    pub features: FeatureSpec,
    /// Where tensors live.
    pub device: Device,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 0,
            folds: 5,
            grouped: false,
            holdout: 0.0,
            least_rows: 10,
            drop_rare: false,
            policy: None,
            guarantee: None,
            features: FeatureSpec::default(),
            device: Device::Cpu,
        }
    }
}

/// Where a training is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Extracting features and fitting the representation.
    Represent,
    /// Fitting token and cost heads.
    Amounts,
    /// Fitting quality heads.
    Quality,
    /// Choosing among them.
    Select,
    /// Calibrating.
    Calibrate,
    /// Testing what can be guaranteed, where that was asked for.
    Guarantee,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 6] = [
        Self::Represent,
        Self::Amounts,
        Self::Quality,
        Self::Select,
        Self::Calibrate,
        Self::Guarantee,
    ];
}

/// A training's result.
#[derive(Debug, Clone)]
pub struct Trained {
    /// What is saved.
    pub artifact: Artifact,
    /// What was measured; stands in the artifact as well.
    pub report: TrainReport,
}

/// Trains a router.
///
/// # Errors
/// When the table cannot be trained on; see [`TrainError`].
pub fn train(
    table: LogTable,
    catalog: Catalog,
    options: &Options,
    mut progress: impl FnMut(Stage),
) -> Result<Trained, TrainError> {
    check(options)?;
    let table = without_holdout(table, options);
    let data_fingerprint = fingerprint(&table);
    let trained_on = table
        .prompts
        .iter()
        .map(|row| text_hash(&row.text))
        .collect();
    let (table, calibration) = match &options.guarantee {
        Some(promise) => promise.split(&table, options.seed),
        None => (table, LogTable::empty(Vec::new())),
    };
    let mut table = checked(table, options.least_rows, options.drop_rare)?;
    let mut notes = complete_costs(&mut table, &catalog);
    let learned = learn(&table, &catalog, options, &mut progress)?;
    notes.extend(learned.held_out.note());
    let curve = learned.held_out.operating_curve();
    let policy = options
        .policy
        .clone()
        .unwrap_or_else(|| learned.held_out.default_policy());
    policy
        .resolve(&curve, &table.models)
        .map_err(RouterError::from)?;
    let report = learned.report(&table, options, &policy, notes);
    let artifact = Artifact {
        model: learned.model,
        catalog,
        policy,
        guarantee: None,
        curve,
        trained_on,
        seed: options.seed,
        data_fingerprint,
        report: serde_json::Value::Null,
    };
    let mut trained = Trained { artifact, report };
    if let Some(promise) = &options.guarantee {
        progress(Stage::Guarantee);
        trained.keep(promise, &table, calibration)?;
    }
    trained.artifact.report =
        serde_json::to_value(&trained.report).expect("a report has text keys and numbers only");
    Ok(trained)
}

/// The model, and how it did on prompts that its fits held out.
struct Learned {
    model: Model,
    held_out: HeldOut,
    measured: Option<CrossValidated>,
    criterion: &'static str,
    finalists: Vec<CandidateReport>,
}

fn learn(
    table: &LogTable,
    catalog: &Catalog,
    options: &Options,
    progress: &mut impl FnMut(Stage),
) -> Result<Learned, TrainError> {
    let splits = Splits::new(table, options.folds, options.seed, options.grouped)?;
    progress(Stage::Represent);
    let examples = Examples::new(table, &options.features, options.seed, &options.device)?;
    progress(Stage::Amounts);
    let amounts = fit_amounts(&examples, table, &splits, catalog)?;
    check_costs(table, &amounts)?;
    progress(Stage::Quality);
    let fitted = fit_all(&examples, &splits, options.seed)?;
    progress(Stage::Select);
    let judge = Judge::new(table, &splits, &amounts.held_out_cost);
    let resampled = bootstrap(table, options.grouped, options.seed);
    let selection = select(&judge, &splits, &fitted, &resampled)?;
    progress(Stage::Calibrate);
    let raw = selection.blend.held_out(&splits.held_out_means(), &fitted);
    let weight = &splits.whole().weight;
    let (calibration, quality) = calibrate_for_decisions(&judge, &raw, table, weight, &resampled)?;
    let nested = calibrated(&selection.nested, &calibration);
    Ok(Learned {
        measured: HeldOut::new(table, &nested, &amounts.held_out_cost)?.measured(),
        held_out: HeldOut::new(table, &quality, &amounts.held_out_cost)?,
        criterion: judge.name(),
        model: Model {
            names: table.models.clone(),
            features: options.features.clone(),
            quality: quality_head(&splits, &fitted, &selection),
            representation: examples.representation,
            calibration,
            input_tokens: amounts.input_tokens,
            output_tokens: amounts.output_tokens,
            logged_cost: amounts.logged_cost,
        },
        finalists: selection.finalists,
    })
}

impl Learned {
    fn report(
        &self,
        table: &LogTable,
        options: &Options,
        policy: &PolicySpec,
        notes: Vec<String>,
    ) -> TrainReport {
        TrainReport {
            prompts: table.prompts.len(),
            models: table.models.len(),
            scores: table
                .score
                .values()
                .iter()
                .filter(|score| !score.is_nan())
                .count(),
            ngrams: self.model.representation.lexicon.len(),
            dimensions: self.model.representation.dimensions(),
            folds: options.folds,
            grouped: options.grouped,
            criterion: self.criterion,
            candidates: self.finalists.clone(),
            cross_validated: self.measured.clone(),
            policy: policy.to_string(),
            guarantee: None,
            notes,
        }
    }
}

fn check(options: &Options) -> Result<(), TrainError> {
    if !(2..=20).contains(&options.folds) {
        return Err(TrainError::Option {
            option: "--folds",
            range: "from 2 to 20",
            found: options.folds as f64,
        });
    }
    if !(0.0..=0.9).contains(&options.holdout) {
        return Err(TrainError::Option {
            option: "--holdout",
            range: "from 0 to 0.9",
            found: options.holdout,
        });
    }
    if let Some(promise) = &options.guarantee {
        promise.check()?;
    }
    if options.least_rows < 2 {
        return Err(TrainError::Option {
            option: "--min-rows",
            range: "at least 2",
            found: options.least_rows as f64,
        });
    }
    Ok(())
}

/// The holdout has a seed of its own: folds and holdout must not be cut along the same lines.
fn without_holdout(table: LogTable, options: &Options) -> LogTable {
    const PARTS: u64 = 1_000_000;
    let held_out = (options.holdout * PARTS as f64) as u64;
    if held_out == 0 {
        return table;
    }
    let is_kept =
        |row: &usize| fold_of(&table.prompts[*row].text, !options.seed, PARTS) >= held_out;
    let kept: Vec<usize> = (0..table.prompts.len()).filter(is_kept).collect();
    table.select(&kept)
}

/// Whether a cost is known depends on the model alone, so one prompt shows it.
fn check_costs(table: &LogTable, amounts: &Amounts) -> Result<(), TrainError> {
    let silent = amounts
        .held_out_cost
        .row(0)
        .iter()
        .position(|cost| cost.is_nan());
    match silent {
        Some(model) => Err(RouterError::NoCost(table.models[model].clone()).into()),
        None => Ok(()),
    }
}

fn fit_all(examples: &Examples, splits: &Splits, seed: u64) -> Result<Vec<Fitted>, TrainError> {
    let mut fitted = fit_tables(examples, splits, seed)?;
    fitted.extend(fit_context(examples, splits)?);
    fitted.extend(fit_ngrams(examples, splits)?);
    fitted.push(fit_networks(examples, splits, seed)?);
    Ok(fitted)
}

fn quality_head(splits: &Splits, fitted: &[Fitted], selection: &Selection) -> QualityHead {
    let mut head = QualityHead {
        mean: splits.whole().mean.clone(),
        ..QualityHead::default()
    };
    selection
        .blend
        .0
        .iter()
        .for_each(|(at, weight)| fitted[*at].part.add_to(&mut head, *weight));
    head
}
