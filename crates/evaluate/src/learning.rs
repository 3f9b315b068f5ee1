//! The learning curve: what a router is worth when it learns from fewer prompts, so that a user can
//! judge whether more labels would pay.
//!
//! Trains nothing itself: how a table becomes a router is an argument. Every size is tested on the
//! same prompts, each by a router that did not learn from it, and the larger training sets contain
//! the smaller ones.

mod advice;
mod course;
mod power_law;
mod report;
mod table;
mod value;

pub use course::{LearningPlan, LearningStage};
pub use report::{Extrapolation, LearningCurve, LearningPoint};
pub use table::learning_table;

use pointsman_measures::{Curve, MeasureError, Predicted, sweep};
use pointsman_router::Router;
use pointsman_types::{Grid, LogTable, ModelName, Prompt};
use rayon::prelude::*;

use course::{Course, Size};

/// A learning curve that came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum LearningError<E: std::error::Error + 'static> {
    /// Too few prompts for the folds.
    #[error("{folds} folds need at least {least} scored {unit}, the log has {found}")]
    TooFew {
        /// Folds asked for.
        folds: usize,
        /// What is dealt to the folds: prompts or categories.
        unit: &'static str,
        /// How many are needed.
        least: usize,
        /// How many there are.
        found: usize,
    },
    /// Nothing complete to measure on.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// Not even all prompts make a router.
    #[error("no router can be made of the log")]
    Fit(#[source] E),
    /// A router lacks a model that is measured.
    #[error("the router trained on the log does not know `{0}`")]
    Unknown(ModelName),
}

/// Trains on nested random subsets of the prompts of a log and measures each on held-out prompts.
///
/// # Errors
/// When the log has too few prompts, nothing complete to measure on, or makes no router. A size too
/// small to make one is left out, and the report says why.
pub fn learning_curve<E: std::error::Error + 'static>(
    table: &LogTable,
    plan: &LearningPlan,
    fit: impl Fn(LogTable) -> Result<Router, E>,
    mut progress: impl FnMut(LearningStage),
) -> Result<LearningCurve, LearningError<E>> {
    let course = Course::new(table, plan)?;
    let sizes = course.sizes(&plan.sizes);
    let (mut curves, mut left_out) = (Vec::new(), course.too_large(&plan.sizes));
    for size in &sizes {
        let curve = tested(&course, *size, &fit, &mut progress);
        match (curve, size) {
            (Ok(curve), _) => curves.push((course.prompts(*size), curve)),
            (Err(error), Size::All) => return Err(error),
            (Err(error), Size::First(prompts)) => {
                let reason = std::error::Error::source(&error)
                    .map_or_else(|| error.to_string(), ToString::to_string);
                left_out.push(format!("{prompts} prompts make no router: {reason}"));
            }
        }
    }
    Ok(value::report(&course, plan, &curves, left_out)?)
}

/// The curve of routers that learnt from so many prompts, on every prompt by the router of its fold.
fn tested<E: std::error::Error + 'static>(
    course: &Course,
    size: Size,
    fit: &impl Fn(LogTable) -> Result<Router, E>,
    progress: &mut impl FnMut(LearningStage),
) -> Result<Curve, LearningError<E>> {
    let shape = (course.outcomes.prompts(), course.outcomes.models());
    let mut quality = Grid::filled(shape.0, shape.1, f64::NAN);
    let mut cost = quality.clone();
    for fold in 0..course.folds {
        let rows = course.tested(fold);
        if rows.is_empty() {
            continue;
        }
        progress(LearningStage {
            fold: fold + 1,
            folds: course.folds,
            prompts: course.prompts(size),
        });
        let router = fit(course.learnt(fold, size)).map_err(LearningError::Fit)?;
        let places = places(&router, &course.table.models).map_err(LearningError::Unknown)?;
        let said = said(&router, course, &rows, &places);
        for ((at, _), (qualities, costs)) in rows.iter().zip(said) {
            quality.row_mut(*at).copy_from_slice(&qualities);
            cost.row_mut(*at).copy_from_slice(&costs);
        }
    }
    let predicted = Predicted::new(quality, cost)?;
    Ok(Curve::new(&sweep(&predicted), &course.outcomes)?)
}

/// Predicted qualities and costs of each of these rows, model by model.
fn said(
    router: &Router,
    course: &Course,
    rows: &[(usize, usize)],
    places: &[usize],
) -> Vec<(Vec<f64>, Vec<f64>)> {
    let of_row = |(_, row): &(usize, usize)| {
        let all = router.predict(&Prompt::from(&*course.table.prompts[*row].text), None);
        let seen = places.iter().map(|at| all[*at]);
        seen.map(|seen| (f64::from(seen.quality.get()), seen.cost.as_f64()))
            .unzip()
    };
    rows.par_iter().map(of_row).collect()
}

/// Where the router has each of these models.
fn places(router: &Router, models: &[ModelName]) -> Result<Vec<usize>, ModelName> {
    let place = |model: &ModelName| router.models().iter().position(|other| other == model);
    models
        .iter()
        .map(|model| place(model).ok_or_else(|| model.clone()))
        .collect()
}
