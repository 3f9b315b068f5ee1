//! Quality, and cost, as a parabola over the logarithm of the prompt's length.

use pointsman_types::Grid;

use super::folds::Folds;
use crate::Sample;

/// Added before the logarithm of a cost, since a cost may be zero.
const LEAST_COST: f64 = 1e-9;
/// Makes the system solvable where all prompts are of one length.
const RIDGE: f64 = 1e-9;

/// Predicted quality, shape `(prompts, models)`.
pub(super) fn quality(sample: &Sample, folds: &Folds) -> Grid<f64> {
    regress(sample, folds, sample.outcomes.score(), |score| score)
}

/// Predicted cost in US dollars, shape `(prompts, models)`; the regression is on its logarithm.
pub(super) fn cost(sample: &Sample, folds: &Folds) -> Grid<f64> {
    let logs = regress(sample, folds, sample.outcomes.cost(), |cost| {
        (cost + LEAST_COST).ln()
    });
    let values = logs.values().iter().map(|log| log.exp()).collect();
    Grid::from_values(logs.columns(), values)
}

fn regress(
    sample: &Sample,
    folds: &Folds,
    target: &Grid<f64>,
    link: impl Fn(f64) -> f64,
) -> Grid<f64> {
    let columns = target.columns();
    let length: Vec<f64> = sample
        .prompts
        .iter()
        .map(|prompt| (prompt.text.chars().count() as f64).ln_1p())
        .collect();
    let fit = |rows: &[usize]| {
        let x: Vec<f64> = rows.iter().map(|row| length[*row]).collect();
        let lines = (0..columns).map(|column| rows.iter().map(move |row| target[(*row, column)]));
        Parabolas::fit(&x, lines.map(|line| line.map(&link).collect()))
    };
    folds.predict(columns, fit, |parabolas, row| parabolas.at(length[row]))
}

/// One parabola per model over the same, standardised variable.
struct Parabolas {
    mean: f64,
    deviation: f64,
    coefficients: Vec<[f64; 3]>,
}

impl Parabolas {
    fn fit(x: &[f64], targets: impl Iterator<Item = Vec<f64>>) -> Self {
        let count = x.len() as f64;
        let mean = x.iter().sum::<f64>() / count;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        let mut parabolas = Self {
            mean,
            deviation: variance.sqrt().max(1e-9),
            coefficients: Vec::new(),
        };
        let basis: Vec<[f64; 3]> = x.iter().map(|x| parabolas.basis(*x)).collect();
        let mut normal = [[0.0; 3]; 3];
        for row in &basis {
            for (i, j) in pairs() {
                normal[i][j] += row[i] * row[j];
            }
        }
        for (diagonal, row) in normal.iter_mut().enumerate() {
            row[diagonal] += RIDGE * count;
        }
        parabolas.coefficients = targets
            .map(|target| {
                let mut right = [0.0; 3];
                for (row, y) in basis.iter().zip(target) {
                    for (sum, x) in right.iter_mut().zip(row) {
                        *sum += x * y;
                    }
                }
                solve(normal, right)
            })
            .collect();
        parabolas
    }

    fn basis(&self, x: f64) -> [f64; 3] {
        let z = (x - self.mean) / self.deviation;
        [1.0, z, z * z]
    }

    fn at(&self, x: f64) -> Vec<f64> {
        let basis = self.basis(x);
        let value = |coefficients: &[f64; 3]| {
            let terms = coefficients.iter().zip(basis);
            terms.map(|(coefficient, x)| coefficient * x).sum()
        };
        self.coefficients.iter().map(value).collect()
    }
}

fn pairs() -> impl Iterator<Item = (usize, usize)> {
    (0..3).flat_map(|i| (0..3).map(move |j| (i, j)))
}

/// Gaussian elimination; the ridge keeps every pivot of this symmetric matrix positive.
fn solve(mut matrix: [[f64; 3]; 3], mut right: [f64; 3]) -> [f64; 3] {
    for pivot in 0..3 {
        for below in pivot + 1..3 {
            let factor = matrix[below][pivot] / matrix[pivot][pivot];
            let above = matrix[pivot];
            for (value, above) in matrix[below].iter_mut().zip(above) {
                *value -= factor * above;
            }
            right[below] -= factor * right[pivot];
        }
    }
    let mut solution = [0.0; 3];
    for row in (0..3).rev() {
        let known: f64 = (row + 1..3)
            .map(|column| matrix[row][column] * solution[column])
            .sum();
        solution[row] = (right[row] - known) / matrix[row][row];
    }
    solution
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parabola_is_found_again() {
        let x: Vec<f64> = (0..40).map(|i| 3.0 + f64::from(i) / 7.0).collect();
        let first = |x: f64| 0.4 - 0.3 * x + 0.05 * x * x;
        let second = |x: f64| 2.0 + x;
        let targets = [
            x.iter().map(|x| first(*x)).collect(),
            x.iter().map(|x| second(*x)).collect(),
        ];
        let parabolas = Parabolas::fit(&x, targets.into_iter());
        for at in [2.0, 5.5, 12.0] {
            let got = parabolas.at(at);
            assert!((got[0] - first(at)).abs() < 1e-4, "{got:?} at {at}");
            assert!((got[1] - second(at)).abs() < 1e-4, "{got:?} at {at}");
        }
    }

    #[test]
    fn prompts_of_one_length_get_the_mean() {
        let parabolas = Parabolas::fit(&[4.0; 10], [vec![0.25; 10]].into_iter());
        assert!((parabolas.at(4.0)[0] - 0.25).abs() < 1e-6);
        let far = parabolas.at(4.0)[0];
        assert!(far.is_finite());
    }
}
