//! Simple predictors to compare a router with, each fitted on the evaluated rows in five folds.
//!
//! They predict quality from the prompt's length, its category or its nearest neighbours, and all
//! of them take the same predicted costs (a log-cost regression on length), so that they differ
//! in nothing but how they predict quality. Folds follow the text, so equal texts share a fold
//! and no prompt is predicted from itself.

mod category;
mod folds;
mod length;
mod neighbours;

use pointsman_measures::Predicted;
use pointsman_types::Grid;

use crate::report::RowKind;
use crate::{EvaluateError, Sample};

/// What a baseline predicts.
pub(crate) struct Baseline {
    pub(crate) name: &'static str,
    pub(crate) kind: RowKind,
    pub(crate) caveat: Option<&'static str>,
    pub(crate) predicted: Predicted,
}

/// The baselines that this sample allows: none where all texts fall into one fold, no category
/// table where there are no categories.
pub(crate) fn baselines(sample: &Sample, seed: u64) -> Result<Vec<Baseline>, EvaluateError> {
    let Some(folds) = folds::Folds::of(&sample.prompts, seed) else {
        return Ok(Vec::new());
    };
    let cost = length::cost(sample, &folds);
    let make = |name, kind, caveat, quality: Grid<f64>| -> Result<Baseline, EvaluateError> {
        Ok(Baseline {
            name,
            kind,
            caveat,
            predicted: Predicted::new(quality, cost.clone())?,
        })
    };
    let mut all = vec![
        make(
            "prompt length",
            RowKind::Length,
            None,
            length::quality(sample, &folds),
        )?,
        make(
            "nearest neighbours",
            RowKind::Neighbours,
            None,
            neighbours::quality(sample, &folds),
        )?,
    ];
    if let Some(quality) = category::quality(sample, &folds) {
        let caveat = Some("sees the label");
        all.push(make("category table", RowKind::Category, caveat, quality)?);
    }
    Ok(all)
}
