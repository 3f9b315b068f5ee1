//! The whole training, step by step.

use std::sync::Arc;

use candle_core::Device;
use pointsman_features::FeatureSpec;
use pointsman_models::{Cascade, Model, QualityHead};
use pointsman_policy::{OperatingCurve, PolicySpec};
use pointsman_router::{Artifact, Example, RouterError, TrainedOn};
use pointsman_types::{Catalog, Grid, LogTable, text_hash};

use crate::amounts::{Amounts, fit_amounts};
use crate::calibrate::{calibrate_for_decisions, calibrated};
use crate::cascade::fit_cascade;
use crate::checks::{checked, refuse_equal_scores};
use crate::choices::reweight;
use crate::comparisons::{measure, read_as_scores};
use crate::costs::complete_costs;
use crate::embed::Embed;
use crate::error::TrainError;
use crate::examples::{Examples, kept};
use crate::fingerprint::{fingerprint, with_lessons, with_stream};
use crate::fit::{Family, Fitted, fit_context, fit_kernels, fit_networks, fit_ngrams, fit_tables};
use crate::guarantee::{Promise, refuse_no_scores};
use crate::held_out::HeldOut;
use crate::holdout::Holdout;
use crate::judge::{Judge, bootstrap};
use crate::judges::level_judges;
use crate::likeness::prior;
use crate::report::{CandidateReport, CrossValidated, TrainReport};
use crate::select::{Selection, select};
use crate::splits::Splits;
use crate::stream::{Rest, Streamed, fit_stream};
use crate::teacher::{Lessons, Teacher};

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
    /// Learn from the answers when one is good enough and when another model should be called.
    pub cascade: bool,
    /// What is extracted from a prompt.
    pub features: FeatureSpec,
    /// The sentence encoder whose vectors are read besides.
    pub encoder: Option<Arc<dyn Embed>>,
    /// Who teaches the router prompts without labels, if anyone.
    pub teacher: Option<Teacher>,
    /// Keep the texts of training prompts in the artifact, for explanations.
    pub keep_texts: bool,
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
            cascade: false,
            features: FeatureSpec::default(),
            encoder: None,
            teacher: None,
            keep_texts: false,
            device: Device::Cpu,
        }
    }
}

impl Options {
    /// The prompts that nothing is learnt from.
    pub(crate) fn holdout(&self) -> Holdout {
        Holdout::new(self.holdout, self.seed)
    }
}

/// Where a training is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Training teachers and asking them.
    Teach,
    /// Extracting features and fitting the representation.
    Represent,
    /// Learning from the rows that the table leaves out.
    Stream,
    /// Fitting token and cost heads.
    Amounts,
    /// Fitting quality heads.
    Quality,
    /// Choosing among them.
    Select,
    /// Calibrating.
    Calibrate,
    /// Learning to read answers, where that was asked for.
    Cascade,
    /// Testing what can be guaranteed, where that was asked for.
    Guarantee,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 9] = [
        Self::Teach,
        Self::Represent,
        Self::Stream,
        Self::Amounts,
        Self::Quality,
        Self::Select,
        Self::Calibrate,
        Self::Cascade,
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
    progress: impl FnMut(Stage),
) -> Result<Trained, TrainError> {
    train_on_all(table, None, catalog, options, progress)
}

/// Trains a router on a table and on the rows that it leaves out, which are streamed. With
/// [`Options::grouped`] they are not: the stream would see every category, those held out included.
///
/// # Errors
/// As [`train()`], and when the rest cannot be read.
pub fn train_on_all(
    table: LogTable,
    rest: Option<Rest<'_>>,
    catalog: Catalog,
    options: &Options,
    mut progress: impl FnMut(Stage),
) -> Result<Trained, TrainError> {
    check(options)?;
    let table = options.holdout().left_out_of(table);
    let data_fingerprint = fingerprint(&table);
    let seen: TrainedOn = table
        .prompts
        .iter()
        .map(|row| text_hash(&row.text))
        .collect();
    let (mut table, calibration) = set_aside(table, options)?;
    let mut notes = level_judges(&mut table);
    notes.extend(reweight(&mut table));
    let strengths = read_as_scores(&mut table)?;
    refuse_equal_scores(&table)?;
    notes.extend(complete_costs(&mut table, &catalog));
    let rest = rest.filter(|_| !options.grouped);
    let lessons = lessons(&table, &seen, &catalog, options, &mut progress)?;
    let learned = match &lessons {
        Some(Lessons { table, splits, .. }) => {
            let folded = Folded { table, splits };
            learn_in(&folded, rest, &catalog, options, &mut progress)?
        }
        None => learn(&table, rest, &catalog, options, &mut progress)?,
    };
    notes.extend(learned.held_out.note());
    let curve = learned.held_out.operating_curve();
    let policy = learned.policy(options, &curve)?;
    let comparisons = strengths
        .and_then(|strengths| measure(&table.comparisons, &strengths, &learned.cross_validated));
    let report = TrainReport {
        comparisons,
        teacher: lessons.as_ref().map(|lessons| lessons.report.clone()),
        ..learned.report(&table, options, &policy, notes)
    };
    let examples = learned.kept_examples(&table, options.keep_texts);
    let (data_fingerprint, trained_on) =
        learned.provenance(data_fingerprint, seen, lessons.as_ref());
    let artifact = Artifact {
        model: learned.model,
        cascade: learned.cascade,
        catalog,
        policy,
        guarantee: None,
        curve,
        trained_on,
        examples,
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

/// The table that is learnt from, and the prompts that only a guarantee looks at.
fn set_aside(table: LogTable, options: &Options) -> Result<(LogTable, LogTable), TrainError> {
    let (table, calibration) = match &options.guarantee {
        Some(promise) => promise.split(&table, options.seed),
        None => (table, LogTable::empty(Vec::new())),
    };
    let table = checked(table, options.least_rows, options.drop_rare)?;
    if options.guarantee.is_some() {
        refuse_no_scores(&calibration)?;
    }
    Ok((table, calibration))
}

/// What a teacher says of unlabelled prompts, where there is one and it finds any that are new.
fn lessons(
    table: &LogTable,
    seen: &TrainedOn,
    catalog: &Catalog,
    options: &Options,
    progress: &mut impl FnMut(Stage),
) -> Result<Option<Lessons>, TrainError> {
    let Some(teacher) = &options.teacher else {
        return Ok(None);
    };
    progress(Stage::Teach);
    match teacher.new_prompts(seen, options) {
        new if new.is_empty() => Err(TrainError::NothingToTeach(teacher.unlabelled.len())),
        new => teacher.teach(table, new, catalog, options).map(Some),
    }
}

/// The model, and how it did on prompts that its fits held out.
pub(crate) struct Learned {
    streamed: Option<Streamed>,
    pub(crate) model: Model,
    cascade: Option<Cascade>,
    /// The prompts that explanations may point to.
    kept: Vec<usize>,
    held_out: HeldOut,
    /// Calibrated qualities, each prompt by the heads chosen without its fold.
    cross_validated: Grid<f32>,
    pub(crate) measured: Option<CrossValidated>,
    criterion: &'static str,
    finalists: Vec<CandidateReport>,
}

pub(crate) fn learn(
    table: &LogTable,
    rest: Option<Rest<'_>>,
    catalog: &Catalog,
    options: &Options,
    progress: &mut impl FnMut(Stage),
) -> Result<Learned, TrainError> {
    let splits = Splits::new(table, options.folds, options.seed, options.grouped)?;
    let folded = Folded {
        table,
        splits: &splits,
    };
    learn_in(&folded, rest, catalog, options, progress)
}

/// A table with its folds.
struct Folded<'a> {
    table: &'a LogTable,
    splits: &'a Splits,
}

fn learn_in(
    folded: &Folded<'_>,
    rest: Option<Rest<'_>>,
    catalog: &Catalog,
    options: &Options,
    progress: &mut impl FnMut(Stage),
) -> Result<Learned, TrainError> {
    let Folded { table, splits } = *folded;
    progress(Stage::Represent);
    let examples = Examples::new(table, options)?;
    progress(Stage::Stream);
    let streamed = match rest {
        Some(rest) => fit_stream(&examples, table, splits, options, rest)?,
        None => None,
    };
    progress(Stage::Amounts);
    let amounts = fit_amounts(&examples, table, splits, catalog)?;
    check_costs(table, &amounts)?;
    progress(Stage::Quality);
    let mut fitted = fit_all(&examples, splits, options.seed)?;
    fitted.extend(streamed.iter().map(|streamed| streamed.fitted.clone()));
    progress(Stage::Select);
    let judge = Judge::new(table, splits, &amounts.held_out_cost);
    let resampled = bootstrap(table, options.grouped, options.seed);
    let first = first_candidate(&examples);
    let selection = select(&judge, splits, &fitted, first, &resampled)?;
    progress(Stage::Calibrate);
    let raw = selection.blend.held_out(&splits.held_out_means(), &fitted);
    let weight = splits.labelled();
    let (calibration, quality) = calibrate_for_decisions(&judge, &raw, table, weight, &resampled)?;
    let (kept, latent) = kept(table, &examples)?;
    let nested = calibrated(&selection.nested, &calibration);
    let cascade = match options.cascade {
        true => {
            progress(Stage::Cascade);
            Some(fit_cascade(table, &nested, &amounts.held_out_cost, weight)?)
        }
        false => None,
    };
    Ok(Learned {
        streamed,
        cascade,
        measured: HeldOut::new(table, &nested, &amounts.held_out_cost)?.measured(),
        held_out: HeldOut::new(table, &quality, &amounts.held_out_cost)?,
        cross_validated: nested,
        criterion: judge.name(),
        kept,
        model: Model {
            names: table.models.clone(),
            features: options.features.clone(),
            encoder: options.encoder.as_ref().map(|encoder| encoder.reference()),
            quality: quality_head(splits, &fitted, &selection),
            prior: prior(&examples, &quality, table, weight)?,
            representation: examples.representation,
            familiarity: examples.familiarity,
            examples: latent,
            calibration,
            input_tokens: amounts.input_tokens,
            output_tokens: amounts.output_tokens,
            logged_cost: amounts.logged_cost,
        },
        finalists: selection.finalists,
    })
}

impl Learned {
    /// The policy asked for, or the default.
    fn policy(&self, options: &Options, curve: &OperatingCurve) -> Result<PolicySpec, TrainError> {
        let default = || self.held_out.default_policy();
        let policy = options.policy.clone().unwrap_or_else(default);
        policy
            .resolve(curve, &self.model.names)
            .map_err(RouterError::from)?;
        Ok(policy)
    }

    /// The fingerprint of everything that was learnt from, and the prompts, given those of the table.
    fn provenance(
        &self,
        mut fingerprint: String,
        mut seen: TrainedOn,
        lessons: Option<&Lessons>,
    ) -> (String, TrainedOn) {
        if let Some(lessons) = lessons {
            fingerprint = with_lessons(&fingerprint, lessons);
            seen.extend(lessons.taught().iter().map(|row| text_hash(&row.text)));
        }
        match &self.streamed {
            Some(streamed) => (
                with_stream(&fingerprint, streamed.digest),
                seen.with_streamed(streamed.seen.clone()),
            ),
            None => (fingerprint, seen),
        }
    }

    fn kept_examples(&self, table: &LogTable, keep_texts: bool) -> Vec<Example> {
        let example = |row: &usize| Example {
            id: table.prompts[*row].id.clone(),
            text: keep_texts.then(|| table.prompts[*row].text.to_string()),
        };
        self.kept.iter().map(example).collect()
    }

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
            streamed_scores: self.streamed.as_ref().map_or(0, |streamed| streamed.scores),
            ngrams: self.model.representation.lexicon.len(),
            dimensions: self.model.representation.dimensions(),
            folds: options.folds,
            grouped: options.grouped,
            criterion: self.criterion,
            candidates: self.finalists.clone(),
            cross_validated: self.measured.clone(),
            comparisons: None,
            teacher: None,
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
    fitted.extend(fit_kernels(examples, splits, seed)?);
    Ok(fitted)
}

/// An average of families would mostly dilute the kernels on a sentence encoder's coordinates.
fn first_candidate(examples: &Examples) -> Option<Family> {
    let encoder = examples.representation.embedding.as_ref();
    encoder.map(|_| Family::Kernel)
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
