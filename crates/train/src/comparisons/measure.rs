//! What held-out qualities say of the comparisons, beside what the strengths alone say.

use pointsman_measures::{Foretold, preference_measures};
use pointsman_models::logit;
use pointsman_types::{Comparison, Grid};

use super::Strengths;
use super::strengths::sigmoid;
use crate::report::ComparisonsReport;

/// The report on these comparisons; `quality` of shape `(prompts, models)` is of held-out prompts.
/// The strengths saw every outcome, so the comparison with them is in their favour.
pub(crate) fn measure(
    comparisons: &[Comparison],
    strengths: &Strengths,
    quality: &Grid<f32>,
) -> Option<ComparisonsReport> {
    let logit = |prompt, model| f64::from(logit(quality[(prompt, model)]));
    let by_prompt = |one: &Comparison| {
        let [first, second] = one.models.map(|model| logit(one.prompt, model));
        sigmoid(first - second + strengths.order_effect)
    };
    let measures = |probability: &dyn Fn(&Comparison) -> f64| {
        let foretold = |one: &Comparison| Foretold {
            probability: probability(one),
            share_of_first: one.share_of_first.into(),
            weight: one.weight.into(),
        };
        preference_measures(&comparisons.iter().map(foretold).collect::<Vec<_>>())
    };
    Some(ComparisonsReport {
        comparisons: comparisons.len(),
        order_effect: strengths.order_effect,
        cross_validated: measures(&by_prompt)?,
        strengths_alone: measures(&|one| strengths.first_wins(one.models))?,
    })
}
