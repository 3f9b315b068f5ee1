//! How a router keeps the promise that was made of its policy, on the prompts of an evaluation.

use std::collections::BTreeMap;

use pointsman_policy::Guarantee;
use pointsman_types::ModelName;

use crate::operating::operating;
use crate::replay::Replayed;
use crate::report::{AgainstReference, CategoryHere, Guaranteed};
use crate::sample::Sample;
use crate::versus::bootstrap;
use crate::{EvaluateError, Options};

/// `None` where nothing is promised.
pub(crate) fn guaranteed(
    sample: &Sample,
    replayed: &Replayed,
    options: &Options,
) -> Result<Option<Guaranteed>, EvaluateError> {
    let Some(promise) = replayed.guarantee.clone() else {
        return Ok(None);
    };
    let here = match reference(sample, &promise) {
        Some(reference) => against(sample, replayed, reference, &promise, options)?,
        None => None,
    };
    Ok(Some(Guaranteed { promise, here }))
}

fn reference(sample: &Sample, promise: &Guarantee) -> Option<usize> {
    let is_reference = |model: &ModelName| *model == promise.reference;
    sample.models.iter().position(is_reference)
}

fn against(
    sample: &Sample,
    replayed: &Replayed,
    reference: usize,
    promise: &Guarantee,
    options: &Options,
) -> Result<Option<AgainstReference>, EvaluateError> {
    let point = operating(
        &sample.outcomes,
        &replayed.decided,
        reference,
        f64::from(options.target.get()),
        |rows| bootstrap(sample, rows, options),
    )?;
    Ok(point.map(|point| AgainstReference {
        prompts: point.prompts,
        regression_risk: point.regression_risk,
        saving: point.saving,
        quality_difference: point.quality_difference,
        categories: match promise.categories.is_empty() {
            true => Vec::new(),
            false => categories(sample, replayed, reference),
        },
    }))
}

fn categories(sample: &Sample, replayed: &Replayed, reference: usize) -> Vec<CategoryHere> {
    let mut losses: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (at, (row, chosen)) in sample.prompts.iter().zip(&replayed.decided).enumerate() {
        if let Some(chosen) = chosen {
            let scores = sample.outcomes.score().row(at);
            let label = row.category.clone().unwrap_or_default();
            let loss = (scores[reference] - scores[*chosen]).max(0.0);
            losses.entry(label).or_default().push(loss);
        }
    }
    let of = |(category, losses): (String, Vec<f64>)| CategoryHere {
        category,
        prompts: losses.len(),
        regression_risk: losses.iter().sum::<f64>() / losses.len() as f64,
    };
    losses.into_iter().map(of).collect()
}
