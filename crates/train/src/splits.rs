//! Folds, and what each fit may see of the labels.

use std::collections::BTreeMap;

use pointsman_types::{Grid, LogTable, fold_of, text_hash};

use crate::error::TrainError;

/// The labels of one fit. The weight of a cell is 0 where it is missing or held out; weights are
/// scaled to a mean of 1, so that a regularisation strength means the same on every log.
#[derive(Debug, Clone)]
pub(crate) struct Labels {
    /// Mean score, one per model.
    pub(crate) mean: Vec<f32>,
    /// Score minus the model's mean, 0 where missing; shape `(prompts, models)`.
    pub(crate) deviation: Grid<f32>,
    /// How much a cell counts; shape `(prompts, models)`.
    pub(crate) weight: Grid<f32>,
}

/// One fit per fold, with that fold held out, and last the fit on everything.
#[derive(Debug, Clone)]
pub(crate) struct Splits {
    fold: Vec<usize>,
    folds: usize,
    /// The weights of all scores of the table.
    labelled: Grid<f32>,
    pub(crate) fits: Vec<Labels>,
}

impl Splits {
    /// Folds by prompt text, or whole categories together.
    pub(crate) fn new(
        table: &LogTable,
        folds: usize,
        seed: u64,
        grouped: bool,
    ) -> Result<Self, TrainError> {
        let fold = match grouped {
            true => folds_of_groups(table, folds, seed)?,
            false => table
                .prompts
                .iter()
                .map(|row| fold_of(&row.text, seed, folds as u64) as usize)
                .collect(),
        };
        let weight = scaled_weights(table);
        let fits = (0..=folds)
            .map(|held_out| labels(table, &weight, |row| fold[row] == held_out))
            .collect();
        Ok(Self {
            fold,
            folds,
            labelled: weight,
            fits,
        })
    }

    /// The fit on everything.
    pub(crate) fn whole(&self) -> &Labels {
        &self.fits[self.folds]
    }

    /// How much each score of the table counts: what predictions are judged and calibrated by, which
    /// is not what a teacher has said. Shape `(prompts, models)`.
    pub(crate) fn labelled(&self) -> &Grid<f32> {
        &self.labelled
    }

    /// Number of fits: the folds, and the whole.
    pub(crate) fn len(&self) -> usize {
        self.fits.len()
    }

    /// Number of folds.
    pub(crate) fn folds(&self) -> usize {
        self.folds
    }

    /// Which prompts a fit learns from.
    pub(crate) fn learns_from(&self, fit: usize, row: usize) -> bool {
        self.fold[row] != fit
    }

    /// For every prompt the row of the fit that held it out, from what `of(fit, row)` returns.
    pub(crate) fn held_out<T: Copy, R: AsRef<[T]>>(
        &self,
        columns: usize,
        of: impl Fn(usize, usize) -> R,
    ) -> Grid<T> {
        let mut values = Vec::with_capacity(self.fold.len() * columns);
        for (row, fold) in self.fold.iter().enumerate() {
            values.extend_from_slice(of(*fold, row).as_ref());
        }
        Grid::from_values(columns, values)
    }

    /// The held-out mean of every model, for every prompt.
    pub(crate) fn held_out_means(&self) -> Grid<f32> {
        self.held_out(self.whole().mean.len(), |fit, _| &self.fits[fit].mean)
    }
}

/// Categories one by one to the fold with the fewest prompts, the largest category first.
fn folds_of_groups(table: &LogTable, folds: usize, seed: u64) -> Result<Vec<usize>, TrainError> {
    let label = |category: &Option<String>| category.clone().unwrap_or_default();
    let mut groups: BTreeMap<String, usize> = BTreeMap::new();
    table
        .prompts
        .iter()
        .for_each(|row| *groups.entry(label(&row.category)).or_default() += 1);
    if groups.len() < folds {
        return Err(TrainError::FewGroups {
            found: groups.len(),
            least: folds,
        });
    }
    let mut order: Vec<(&String, &usize)> = groups.iter().collect();
    order.sort_by_key(|(label, size)| (std::cmp::Reverse(**size), text_hash(label) ^ seed));
    let mut sizes = vec![0; folds];
    let mut fold_of_group = BTreeMap::new();
    for (label, size) in order {
        let smallest = (0..folds).min_by_key(|fold| sizes[*fold]).unwrap_or(0);
        sizes[smallest] += size;
        fold_of_group.insert(label.clone(), smallest);
    }
    Ok(table
        .prompts
        .iter()
        .map(|row| fold_of_group[&label(&row.category)])
        .collect())
}

fn scaled_weights(table: &LogTable) -> Grid<f32> {
    let cells = || table.score.values().iter().zip(table.weight.values());
    let seen = |(score, weight): (&f32, &f32)| if score.is_nan() { 0.0 } else { weight.max(0.0) };
    let sum: f64 = cells().map(|cell| f64::from(seen(cell))).sum();
    let count = cells().filter(|(score, _)| !score.is_nan()).count();
    let scale = if sum > 0.0 {
        (count as f64 / sum) as f32
    } else {
        1.0
    };
    Grid::from_values(
        table.models.len(),
        cells().map(|cell| seen(cell) * scale).collect(),
    )
}

fn labels(table: &LogTable, weight: &Grid<f32>, is_held_out: impl Fn(usize) -> bool) -> Labels {
    let mut weight = weight.clone();
    (0..weight.rows())
        .filter(|row| is_held_out(*row))
        .for_each(|row| weight.row_mut(row).fill(0.0));
    let mean: Vec<f32> = (0..table.models.len())
        .map(|model| mean(table, &weight, model))
        .collect();
    let mut deviation = Grid::filled(weight.rows(), mean.len(), 0.0);
    for row in 0..weight.rows() {
        let cells = table.score.row(row).iter().zip(weight.row(row)).zip(&mean);
        for (slot, ((score, weight), mean)) in deviation.row_mut(row).iter_mut().zip(cells) {
            *slot = if *weight > 0.0 { score - mean } else { 0.0 };
        }
    }
    Labels {
        mean,
        deviation,
        weight,
    }
}

fn mean(table: &LogTable, weight: &Grid<f32>, model: usize) -> f32 {
    let cells = table
        .score
        .column(model)
        .zip(weight.column(model))
        .filter(|(_, weight)| *weight > 0.0);
    let (sum, total) = cells.fold((0.0, 0.0), |(sum, total), (score, weight)| {
        (
            sum + f64::from(score) * f64::from(weight),
            total + f64::from(weight),
        )
    });
    if total > 0.0 {
        (sum / total) as f32
    } else {
        0.5
    }
}

#[cfg(test)]
mod tests {
    use pointsman_types::PromptRow;

    use super::*;

    fn table(categories: &[&str]) -> LogTable {
        let mut table = LogTable::empty(vec!["a".into(), "b".into()]);
        for (number, category) in categories.iter().enumerate() {
            table.prompts.push(PromptRow {
                id: number.to_string(),
                text: format!("prompt {number}").into(),
                category: Some((*category).to_owned()),
            });
            table.score.push_row(&[
                number as f32 / 100.0,
                if number % 2 == 0 { f32::NAN } else { 1.0 },
            ]);
            table.weight.push_row(&[2.0, 2.0]);
        }
        table
    }

    fn splits(grouped: bool) -> Splits {
        let categories: Vec<&str> = (0..60).map(|number| ["x", "y", "z"][number % 3]).collect();
        Splits::new(&table(&categories), 3, 0, grouped).unwrap()
    }

    #[test]
    fn a_held_out_label_is_not_seen() {
        let splits = splits(false);
        for fit in 0..3 {
            let seen = (0..60).filter(|row| splits.fits[fit].weight[(*row, 0)] > 0.0);
            assert!(seen.clone().all(|row| splits.learns_from(fit, row)));
            assert!((20..60).contains(&seen.count()));
        }
    }

    #[test]
    fn the_last_fit_sees_everything_but_missing_cells() {
        let whole = splits(false).whole().clone();
        assert!(whole.weight.column(0).all(|weight| weight > 0.0));
        assert_eq!(
            whole
                .weight
                .column(1)
                .filter(|weight| *weight > 0.0)
                .count(),
            30
        );
    }

    #[test]
    fn weights_have_a_mean_of_one() {
        assert!((splits(false).whole().weight[(0, 0)] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn grouped_folds_keep_categories_together() {
        let splits = splits(true);
        assert!((0..60).all(|row| splits.fold[row] == splits.fold[row % 3]));
        assert_eq!(
            splits
                .fold
                .iter()
                .collect::<std::collections::BTreeSet<_>>()
                .len(),
            3
        );
    }

    #[test]
    fn too_few_groups_are_an_error() {
        let found = Splits::new(&table(&["x", "y"]), 3, 0, true);
        assert!(matches!(
            found,
            Err(TrainError::FewGroups { found: 2, least: 3 })
        ));
    }
}
