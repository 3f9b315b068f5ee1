//! Every prompt of a log by a router that has not learnt from it: the log is dealt to folds, and for
//! each a router is trained on the others.
//!
//! Trains nothing itself: how a table becomes a router is an argument.

use pointsman_router::Router;
use pointsman_types::{LogTable, ModelName, PromptRow, fold_of};

use crate::cascade::{Cascaded, cascade_lambdas};
use crate::{EvaluateError, Evaluation, Options, Replayed, Resample, Sample, measure};

/// A seed apart from those that training deals its own folds and its holdout by: folds within folds
/// must not be cut along the same lines.
const FOLDS: u64 = 0x9e37_79b9_7f4a_7c15;

/// How to deal a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Folds {
    /// How many, at least 2.
    pub count: usize,
    /// Whether the routers' cascades are measured as well.
    pub cascade: bool,
}

/// A cross-validation that came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum FoldsError<E: std::error::Error + 'static> {
    /// A fold has nothing to test or nothing to learn from.
    #[error("fold {fold} of {count} has nothing to measure on; the log has too few prompts")]
    Empty {
        /// Which fold, from 1.
        fold: usize,
        /// How many there are.
        count: usize,
    },
    /// The prompts outside a fold make no router.
    #[error("no router can be made without fold {fold}")]
    Fit {
        /// Which fold, from 1.
        fold: usize,
        /// Why.
        #[source]
        source: E,
    },
    /// A router lacks a model that is measured.
    #[error("the router trained without fold {fold} does not know `{model}`")]
    Unknown {
        /// Which fold, from 1.
        fold: usize,
        /// The model.
        model: ModelName,
    },
    /// The measuring failed.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
}

/// The fold of a prompt, by its text or by its category.
pub(crate) fn fold(prompt: &PromptRow, resample: Resample, seed: u64, folds: usize) -> usize {
    let label = match resample {
        Resample::Prompts => &*prompt.text,
        Resample::Categories => prompt.category.as_deref().unwrap_or(""),
    };
    fold_of(label, seed ^ FOLDS, folds as u64) as usize
}

/// Trains without each fold in turn and measures all prompts together, as [`crate::evaluate()`]
/// measures those that a router has not seen. `progress` hears the number of each fold, from 1.
///
/// # Errors
/// When a fold makes no router or leaves nothing to measure on.
pub fn evaluate_folds<E: std::error::Error + 'static>(
    log: &LogTable,
    folds: Folds,
    options: &Options,
    fit: impl Fn(LogTable) -> Result<Router, E>,
    mut progress: impl FnMut(usize),
) -> Result<Evaluation, FoldsError<E>> {
    let sample = Sample::of(log, &log.models, |_| false, options)?;
    let mut parts = Vec::with_capacity(folds.count);
    for number in 0..folds.count {
        progress(number + 1);
        parts.push(Part::new(
            log,
            &sample,
            (number, folds.count),
            options,
            &fit,
        )?);
    }
    let prompts = sample.prompts.len();
    let mut replayed = Replayed::pooled(
        parts.iter().map(|part| (&part.places, &part.replayed)),
        prompts,
    )?;
    if folds.cascade {
        let lambdas = cascade_lambdas(&replayed, &sample)?;
        let cascaded = |part: &Part| {
            let cascaded = Cascaded::by(&part.router, &part.sample, &lambdas)?;
            Ok((part.places.clone(), cascaded))
        };
        let cascaded: Result<Vec<_>, EvaluateError> = parts.iter().map(cascaded).collect();
        replayed.cascaded = Cascaded::pooled(&cascaded?, prompts);
    }
    Ok(measure(&sample, &replayed, options)?)
}

/// One fold with the router that has not seen it.
struct Part {
    places: Vec<usize>,
    sample: Sample,
    router: Router,
    replayed: Replayed,
}

impl Part {
    fn new<E: std::error::Error + 'static>(
        log: &LogTable,
        sample: &Sample,
        (number, count): (usize, usize),
        options: &Options,
        fit: &impl Fn(LogTable) -> Result<Router, E>,
    ) -> Result<Self, FoldsError<E>> {
        let is_tested =
            |prompt: &PromptRow| fold(prompt, options.resample, options.seed, count) == number;
        let rows = |prompts: &[PromptRow], tested: bool| -> Vec<usize> {
            let places = 0..prompts.len();
            places
                .filter(|at| is_tested(&prompts[*at]) == tested)
                .collect()
        };
        let fold = number + 1;
        let (places, learnt) = (rows(&sample.prompts, true), rows(&log.prompts, false));
        if places.is_empty() || learnt.is_empty() {
            return Err(FoldsError::Empty { fold, count });
        }
        let router = fit(log.select(&learnt)).map_err(|source| FoldsError::Fit { fold, source })?;
        let mut wanted = sample.models.iter();
        if let Some(model) = wanted.find(|model| !router.models().contains(model)) {
            let model = model.clone();
            return Err(FoldsError::Unknown { fold, model });
        }
        let sample = sample.select(&places)?;
        Ok(Self {
            replayed: Replayed::by(&router, &sample)?,
            places,
            sample,
            router,
        })
    }
}
