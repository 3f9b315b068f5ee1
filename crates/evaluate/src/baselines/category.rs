//! A table of mean scores per category. It is told the label, which a router is not.

use std::collections::BTreeMap;

use pointsman_types::Grid;

use super::folds::{Folds, mean_row};
use crate::Sample;

/// The overall mean counts as so many prompts of every category.
const SHRINKAGE: f64 = 10.0;

/// Predicted quality, shape `(prompts, models)`; `None` where there are not two categories.
pub(super) fn quality(sample: &Sample, folds: &Folds) -> Option<Grid<f64>> {
    let category = |row: usize| sample.prompts[row].category.as_deref().unwrap_or("");
    let rows = 0..sample.prompts.len();
    let several = rows.clone().any(|row| category(row) != category(0));
    let columns = sample.models.len();
    let score = sample.outcomes.score();
    let fit = |rows: &[usize]| {
        let (_, overall) = mean_row(columns, rows.iter().map(|row| score.row(*row)));
        let mut members: BTreeMap<&str, Vec<&[f64]>> = BTreeMap::new();
        for row in rows {
            members
                .entry(category(*row))
                .or_default()
                .push(score.row(*row));
        }
        let table = members.into_iter().map(|(label, rows)| {
            let (count, mean) = mean_row(columns, rows.into_iter());
            (label, shrunk(count as f64, &mean, &overall))
        });
        (table.collect::<BTreeMap<_, _>>(), overall.clone())
    };
    several.then(|| {
        folds.predict(columns, fit, |(table, overall), row| {
            table.get(category(row)).unwrap_or(overall).clone()
        })
    })
}

fn shrunk(count: f64, mean: &[f64], overall: &[f64]) -> Vec<f64> {
    let blend =
        |(mean, overall): (&f64, &f64)| (count * mean + SHRINKAGE * overall) / (count + SHRINKAGE);
    mean.iter().zip(overall).map(blend).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rare_category_is_near_the_overall_mean() {
        assert!((shrunk(1.0, &[1.0], &[0.45])[0] - 0.5).abs() < 1e-12);
        assert!((shrunk(990.0, &[1.0], &[0.0])[0] - 0.99).abs() < 1e-12);
    }
}
