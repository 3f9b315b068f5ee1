//! Which heads are used: the simplest candidate that decides as well as the best.

use pointsman_measures::Bootstrap;
use pointsman_types::Grid;
use rayon::prelude::*;

use crate::error::TrainError;
use crate::fit::{Family, Fitted, add, scaled};
use crate::judge::Judge;
use crate::report::CandidateReport;

/// A blend of fitted heads: indices into the fits, and their weights.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Blend(pub(crate) Vec<(usize, f32)>);

/// The chosen blend, and how every finalist did.
pub(crate) struct Selection {
    pub(crate) blend: Blend,
    pub(crate) finalists: Vec<CandidateReport>,
}

/// Chooses within each family the best setting, then among families and their blends the simplest
/// within one standard error of the best.
pub(crate) fn select(
    judge: &Judge<'_>,
    means: &Grid<f32>,
    fitted: &[Fitted],
    bootstrap: &Bootstrap,
) -> Result<Selection, TrainError> {
    let worth = fitted
        .par_iter()
        .map(|fit| judge.worth(&add(means, &fit.held_out)));
    let worth = worth.collect::<Result<Vec<f64>, TrainError>>()?;
    let best_of = |family: Family| {
        let settings = (0..fitted.len()).filter(|at| fitted[*at].family == family);
        settings.max_by(|left, right| worth[*left].total_cmp(&worth[*right]))
    };
    let blends = blends(
        best_of(Family::Table),
        best_of(Family::Context),
        best_of(Family::Ngrams),
    );
    let qualities: Vec<Grid<f32>> = blends
        .iter()
        .map(|blend| blend.held_out(means, fitted))
        .collect();
    let verdict = judge.first_within_error(&qualities, bootstrap)?;
    let report = |at: usize| CandidateReport {
        heads: blends[at].words(fitted),
        worth: verdict.worth[at],
        error_of_difference: verdict.errors[at],
        chosen: at == verdict.chosen,
    };
    Ok(Selection {
        finalists: (0..blends.len()).map(report).collect(),
        blend: blends[verdict.chosen].clone(),
    })
}

/// Every finalist, the simplest first: nothing, one head, two heads, three heads in equal parts.
fn blends(table: Option<usize>, context: Option<usize>, ngrams: Option<usize>) -> Vec<Blend> {
    let sets = [
        vec![],
        vec![table],
        vec![context],
        vec![ngrams],
        vec![table, context],
        vec![table, ngrams],
        vec![context, ngrams],
        vec![table, context, ngrams],
    ];
    let present = sets
        .into_iter()
        .filter_map(|set| set.into_iter().collect::<Option<Vec<usize>>>());
    present
        .map(|set| Blend(set.iter().map(|at| (*at, 1.0 / set.len() as f32)).collect()))
        .collect()
}

impl Blend {
    /// Held-out qualities of the blend, shape `(prompts, models)`: the means and its deviations.
    pub(crate) fn held_out(&self, means: &Grid<f32>, fitted: &[Fitted]) -> Grid<f32> {
        let parts = self
            .0
            .iter()
            .map(|(at, weight)| scaled(&fitted[*at].held_out, *weight));
        parts.fold(means.clone(), |sum, part| add(&sum, &part))
    }

    fn words(&self, fitted: &[Fitted]) -> Vec<String> {
        let word = |(at, _): &(usize, f32)| {
            let fit = &fitted[*at];
            let family = match fit.family {
                Family::Table => "table",
                Family::Context => "context",
                Family::Ngrams => "ngrams",
            };
            format!("{family} ({})", fit.setting)
        };
        self.0.iter().map(word).collect()
    }
}
