//! Which heads are used, chosen by the decisions they lead to.
//!
//! An average of predictors errs less than most of its parts, and less than a choice among them
//! made on few rows (Breiman 1996, "Stacked regressions"; Bates and Granger 1969 for equal parts).
//! So the widest average comes first, and gives way only to something that is better by more than
//! the error of the comparison.

use pointsman_measures::Bootstrap;
use pointsman_types::Grid;

use crate::error::TrainError;
use crate::fit::{Family, Fitted, add, scaled};
use crate::judge::{Judge, Verdict};
use crate::report::CandidateReport;
use crate::splits::Splits;

/// A blend of fitted heads: indices into the fits, and their weights.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Blend(pub(crate) Vec<(usize, f32)>);

/// The chosen blend, and how every finalist did.
pub(crate) struct Selection {
    pub(crate) blend: Blend,
    /// Held-out qualities, each prompt by the blend that is chosen when its fold is not looked at.
    pub(crate) nested: Grid<f32>,
    pub(crate) finalists: Vec<CandidateReport>,
}

/// Chooses within each family among the average of its settings and every single one, then among
/// the averages of the families, the means alone included.
pub(crate) fn select(
    judge: &Judge<'_>,
    splits: &Splits,
    fitted: &[Fitted],
    bootstrap: &Bootstrap,
) -> Result<Selection, TrainError> {
    let means = splits.held_out_means();
    let members = Family::ALL
        .into_iter()
        .filter_map(|family| member(judge, family, &means, fitted, bootstrap).transpose())
        .collect::<Result<Vec<Blend>, _>>()?;
    let blends: Vec<Blend> = subsets(members.len())
        .into_iter()
        .map(|subset| Blend::average(subset.iter().map(|at| &members[*at])))
        .collect();
    let qualities: Vec<Grid<f32>> = blends
        .iter()
        .map(|blend| blend.held_out(&means, fitted))
        .collect();
    let verdict = judge.first_within_error(&qualities, bootstrap)?;
    Ok(Selection {
        finalists: reports(&blends, &verdict, fitted),
        blend: blends[verdict.chosen].clone(),
        nested: nested(judge, splits, &qualities, bootstrap)?,
    })
}

/// One family's best: the average over its settings, or a setting that is better beyond doubt.
fn member(
    judge: &Judge<'_>,
    family: Family,
    means: &Grid<f32>,
    fitted: &[Fitted],
    bootstrap: &Bootstrap,
) -> Result<Option<Blend>, TrainError> {
    let settings = || (0..fitted.len()).filter(|at| fitted[*at].family == family);
    let singles: Vec<Blend> = settings().map(|at| Blend(vec![(at, 1.0)])).collect();
    if singles.len() < 2 {
        return Ok(singles.into_iter().next());
    }
    let mut blends = vec![Blend::average(singles.iter())];
    blends.extend(singles);
    let qualities: Vec<Grid<f32>> = blends
        .iter()
        .map(|blend| blend.held_out(means, fitted))
        .collect();
    let chosen = judge.first_within_error(&qualities, bootstrap)?.chosen;
    Ok(Some(blends.swap_remove(chosen)))
}

/// The subsets of so many members, the largest first, the empty one last.
fn subsets(members: usize) -> Vec<Vec<usize>> {
    let of_mask = |mask: u32| (0..members).filter(move |at| mask >> at & 1 == 1).collect();
    let mut subsets: Vec<Vec<usize>> = (0..1 << members).map(of_mask).collect();
    subsets.sort_by_key(|subset| std::cmp::Reverse(subset.len()));
    subsets
}

/// For every fold the choice is made on the other folds, so that measuring the result does not
/// reward the luck of the choice (nested cross-validation; Varma and Simon 2006).
fn nested(
    judge: &Judge<'_>,
    splits: &Splits,
    qualities: &[Grid<f32>],
    bootstrap: &Bootstrap,
) -> Result<Grid<f32>, TrainError> {
    let mut chosen = Vec::new();
    for fold in 0..splits.folds() {
        let others = |row: usize| splits.learns_from(fold, row);
        chosen.push(
            judge
                .first_within_error_on(qualities, bootstrap, others)?
                .chosen,
        );
    }
    let models = splits.whole().mean.len();
    Ok(splits.held_out(models, |fold, row| qualities[chosen[fold]].row(row)))
}

fn reports(blends: &[Blend], verdict: &Verdict, fitted: &[Fitted]) -> Vec<CandidateReport> {
    let report = |(at, blend): (usize, &Blend)| CandidateReport {
        heads: blend.words(fitted),
        worth: verdict.worth[at],
        error_of_difference: verdict.errors[at],
        chosen: at == verdict.chosen,
    };
    blends.iter().enumerate().map(report).collect()
}

impl Blend {
    /// These blends in equal parts.
    fn average<'a>(blends: impl ExactSizeIterator<Item = &'a Self>) -> Self {
        let share = 1.0 / blends.len().max(1) as f32;
        let parts = blends.flat_map(|blend| &blend.0);
        Self(parts.map(|(at, weight)| (*at, weight * share)).collect())
    }

    /// Held-out qualities of the blend, shape `(prompts, models)`: the means and its deviations.
    pub(crate) fn held_out(&self, means: &Grid<f32>, fitted: &[Fitted]) -> Grid<f32> {
        let parts = self
            .0
            .iter()
            .map(|(at, weight)| scaled(&fitted[*at].held_out, *weight));
        parts.fold(means.clone(), |sum, part| add(&sum, &part))
    }

    /// Each family once, with its setting, or with their number where they are averaged.
    fn words(&self, fitted: &[Fitted]) -> Vec<String> {
        let of_family = |family: Family| {
            let mut settings = self
                .0
                .iter()
                .map(|(at, _)| &fitted[*at])
                .filter(|fit| fit.family == family);
            let first = &settings.next()?.setting;
            Some(match settings.count() {
                0 => format!("{} ({first})", family.word()),
                others => format!("{} (mean of {} settings)", family.word(), others + 1),
            })
        };
        Family::ALL.into_iter().filter_map(of_family).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_average_comes_first_and_nothing_last() {
        let subsets = subsets(3);
        assert_eq!(subsets.len(), 8);
        assert_eq!(subsets[0], [0, 1, 2]);
        assert!(subsets[7].is_empty());
    }

    #[test]
    fn an_average_of_averages_has_equal_parts() {
        let wide = Blend(vec![(0, 0.5), (1, 0.5)]);
        let single = Blend(vec![(2, 1.0)]);
        let blend = Blend::average([&wide, &single].into_iter());
        assert_eq!(blend, Blend(vec![(0, 0.25), (1, 0.25), (2, 0.5)]));
    }
}
