//! Which models err together: what the belief about them starts from while serving.

use nalgebra::DMatrix;
use pointsman_models::Prior;
use pointsman_types::{Grid, LogTable};

use crate::error::TrainError;
use crate::examples::Examples;
use crate::linear::eigen;

/// Prompts that two models must share for their likeness to count half.
const LEAST_SHARED: f64 = 20.0;
/// Latent coordinates whose mean square length the scale makes 1.
const SCALED_LATENT: usize = 32;

/// From the residuals of held-out, calibrated predictions (`quality`, shape `(prompts, models)`),
/// where `weight` is above 0. Comparisons do not count: read as scores they mean little alone.
pub(crate) fn prior(
    examples: &Examples,
    quality: &Grid<f32>,
    table: &LogTable,
    weight: &Grid<f32>,
) -> Result<Prior, TrainError> {
    let moments = Moments::of(&residuals(quality, table, weight));
    let likeness = moments.likeness();
    let (values, vectors) = eigen(likeness.clone());
    let factors = Prior::FACTORS.min(values.len());
    let models = values.len();
    let load = |at: usize| {
        let (model, factor) = (at / factors, at % factors);
        (vectors[(model, factor)] * values[factor].max(0.0).sqrt()) as f32
    };
    let loadings = Grid::from_values(factors, (0..models * factors).map(load).collect());
    let scale = latent_scale(examples)?;
    Ok(Prior::new(
        &single(&likeness),
        &single(&moments.of_means()),
        loadings,
        scale,
    ))
}

/// Score minus predicted quality; NaN where there is no score.
fn residuals(quality: &Grid<f32>, table: &LogTable, weight: &Grid<f32>) -> Grid<f32> {
    let cells = table
        .score
        .values()
        .iter()
        .zip(quality.values())
        .zip(weight.values());
    let residual = |((score, quality), weight): ((&f32, &f32), &f32)| match *weight > 0.0 {
        true => score - quality,
        false => f32::NAN,
    };
    let mut residuals = Grid::from_values(quality.columns(), cells.map(residual).collect());
    for game in &table.comparisons {
        residuals.row_mut(game.prompt).fill(f32::NAN);
    }
    residuals
}

/// How residuals vary together, pair by pair, over the prompts that both models answered.
struct Moments {
    covariance: DMatrix<f64>,
    shared: DMatrix<f64>,
}

impl Moments {
    fn of(residuals: &Grid<f32>) -> Self {
        let models = residuals.columns();
        let mut products = DMatrix::<f64>::zeros(models, models);
        let (mut sums, mut shared) = (products.clone(), products.clone());
        for row in 0..residuals.rows() {
            let row = residuals.row(row);
            let seen: Vec<usize> = (0..models).filter(|model| !row[*model].is_nan()).collect();
            for one in &seen {
                for other in &seen {
                    let (left, right) = (f64::from(row[*one]), f64::from(row[*other]));
                    products[(*one, *other)] += left * right;
                    sums[(*one, *other)] += left;
                    shared[(*one, *other)] += 1.0;
                }
            }
        }
        let covariance = DMatrix::from_fn(models, models, |one, other| {
            let count = shared[(one, other)].max(1.0);
            let means = sums[(one, other)] * sums[(other, one)] / (count * count);
            products[(one, other)] / count - means
        });
        Self { covariance, shared }
    }

    /// The covariance at a mean variance of 1, pairs that share few prompts held towards 0, with
    /// [`Prior::OWN`] of each model to itself; positive semidefinite.
    fn likeness(&self) -> DMatrix<f64> {
        let models = self.covariance.nrows();
        let mean = self.covariance.trace() / models as f64;
        let own = f64::from(Prior::OWN);
        let alike = DMatrix::from_fn(models, models, |one, other| {
            let shared = self.shared[(one, other)];
            match one == other {
                _ if mean <= 0.0 => 0.0,
                true => self.covariance[(one, one)] / mean,
                false => self.covariance[(one, other)] / mean * shared / (shared + LEAST_SHARED),
            }
        });
        semidefinite(alike) * (1.0 - own) + DMatrix::identity(models, models) * own
    }

    /// The covariance of the models' mean residuals: how unsure their levels were in training.
    fn of_means(&self) -> DMatrix<f64> {
        let models = self.covariance.nrows();
        let sampled = DMatrix::from_fn(models, models, |one, other| {
            let counts = self.shared[(one, one)].max(1.0) * self.shared[(other, other)].max(1.0);
            self.covariance[(one, other)] * self.shared[(one, other)] / counts
        });
        semidefinite(sampled)
    }
}

/// The nearest positive semidefinite matrix: pairs that were seen on different prompts need not
/// fit together.
fn semidefinite(matrix: DMatrix<f64>) -> DMatrix<f64> {
    let (values, vectors) = eigen(matrix);
    let scaled = DMatrix::from_fn(vectors.nrows(), values.len(), |row, column| {
        vectors[(row, column)] * values[column].max(0.0).sqrt()
    });
    &scaled * scaled.transpose()
}

fn single(matrix: &DMatrix<f64>) -> Grid<f32> {
    let values = matrix
        .transpose()
        .iter()
        .map(|value| *value as f32)
        .collect();
    Grid::from_values(matrix.ncols(), values)
}

/// One over the root of the mean square length of the first latent coordinates.
fn latent_scale(examples: &Examples) -> Result<f32, TrainError> {
    let latent = examples.latent()?;
    let latent = latent.narrow(1, 0, latent.dim(1)?.min(SCALED_LATENT))?;
    let squares = latent.sqr()?.sum_all()?.to_scalar::<f32>()? / latent.dim(0)?.max(1) as f32;
    Ok(if squares > 1e-12 {
        squares.sqrt().recip()
    } else {
        1.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two models that err alike, and one that errs otherwise.
    fn residuals() -> Grid<f32> {
        let row = |number: usize| {
            let shared = ((number * 37 % 101) as f32 / 50.0 - 1.0) * 0.5;
            let own = ((number * 53 % 97) as f32 / 48.0 - 1.0) * 0.5;
            [shared, shared * 0.9, own]
        };
        Grid::from_values(3, (0..400).flat_map(row).collect())
    }

    #[test]
    fn models_that_err_together_are_alike() {
        let likeness = Moments::of(&residuals()).likeness();
        assert!(likeness[(0, 1)] > 0.6, "{likeness}");
        assert!(likeness[(0, 2)].abs() < 0.2, "{likeness}");
        assert!((likeness.trace() / 3.0 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn models_that_share_no_prompt_are_not_alike() {
        let mut residuals = residuals();
        for row in 0..residuals.rows() {
            residuals[(row, row % 2)] = f32::NAN;
        }
        let likeness = Moments::of(&residuals).likeness();
        assert!(likeness[(0, 1)].abs() < 1e-6, "{likeness}");
    }

    #[test]
    fn levels_are_surer_the_more_was_scored() {
        let all = residuals();
        let few = all.select(&(0..40).collect::<Vec<_>>());
        let of = |residuals: &Grid<f32>| Moments::of(residuals).of_means()[(0, 0)];
        assert!(of(&few) > 5.0 * of(&all));
    }
}
