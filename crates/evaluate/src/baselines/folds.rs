//! Five folds by the hash of the text.

use pointsman_types::{Grid, PromptRow, fold_of};

const FOLDS: u64 = 5;

/// The fold of each prompt.
pub(super) struct Folds {
    of: Vec<u64>,
}

impl Folds {
    /// `None` where some fold would have nothing to learn from.
    pub(super) fn of(prompts: &[PromptRow], seed: u64) -> Option<Self> {
        let of: Vec<u64> = prompts
            .iter()
            .map(|prompt| fold_of(&prompt.text, seed, FOLDS))
            .collect();
        let spread = of.iter().any(|fold| *fold != of[0]);
        spread.then_some(Self { of })
    }

    /// Whether a model that predicts `row` may learn from `other`.
    pub(super) fn apart(&self, row: usize, other: usize) -> bool {
        self.of[row] != self.of[other]
    }

    /// Fits on the rows outside each fold and predicts those inside.
    pub(super) fn predict<M>(
        &self,
        columns: usize,
        fit: impl Fn(&[usize]) -> M,
        predict: impl Fn(&M, usize) -> Vec<f64>,
    ) -> Grid<f64> {
        let mut predicted = Grid::filled(self.of.len(), columns, 0.0);
        for fold in 0..FOLDS {
            let (inside, outside): (Vec<usize>, Vec<usize>) =
                (0..self.of.len()).partition(|row| self.of[*row] == fold);
            if inside.is_empty() {
                continue;
            }
            let model = fit(&outside);
            for row in inside {
                predicted
                    .row_mut(row)
                    .copy_from_slice(&predict(&model, row));
            }
        }
        predicted
    }
}

/// The mean of some rows, column by column.
pub(super) fn mean_row<'a>(
    columns: usize,
    rows: impl Iterator<Item = &'a [f64]>,
) -> (usize, Vec<f64>) {
    let (mut count, mut sums) = (0, vec![0.0; columns]);
    for row in rows {
        count += 1;
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
    let mean = sums
        .iter()
        .map(|sum| sum / f64::from(count.max(1)))
        .collect();
    (count as usize, mean)
}
