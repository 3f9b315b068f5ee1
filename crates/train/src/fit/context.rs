//! Ridge regression on the context: surface features and latent coordinates.

use candle_core::{Device, Tensor};
use nalgebra::DMatrix;
use pointsman_types::Grid;

use super::{Family, Fitted, Part};
use crate::error::TrainError;
use crate::examples::Examples;
use crate::linear::{solve, to_double};
use crate::splits::Splits;

const ALPHAS: [f64; 3] = [10.0, 100.0, 1000.0];

/// For every strength: one weight per context entry and model.
pub(crate) fn fit_context(examples: &Examples, splits: &Splits) -> Result<Vec<Fitted>, TrainError> {
    let models = splits.whole().mean.len();
    let mut by_fit = Vec::new();
    for labels in &splits.fits {
        by_fit.push(ridge(
            &examples.context,
            &labels.deviation,
            &labels.weight,
            &ALPHAS,
        )?);
    }
    let mut fitted = Vec::new();
    for (at, alpha) in ALPHAS.iter().enumerate() {
        let predicted = by_fit
            .iter()
            .map(|weights| predictions(&examples.context, &weights[at]));
        let predicted = predicted.collect::<Result<Vec<_>, _>>()?;
        fitted.push(Fitted {
            family: Family::Context,
            setting: format!("alpha {alpha}"),
            held_out: splits.held_out(models, |fit, row| predicted[fit].row(row)),
            part: Part::Context(by_fit[splits.len() - 1][at].clone()),
        });
    }
    Ok(fitted)
}

/// Weighted ridge regression of each column of `targets` (`(rows, columns)`, with weights of the same
/// shape) on `inputs` of shape `(rows, entries)`. Returns weights of shape `(entries, columns)`, one
/// grid per strength.
pub(crate) fn ridge(
    inputs: &Tensor,
    targets: &Grid<f32>,
    weights: &Grid<f32>,
    alphas: &[f64],
) -> Result<Vec<Grid<f32>>, TrainError> {
    let entries = inputs.dim(1)?;
    let mut solutions = vec![Grid::filled(entries, targets.columns(), 0.0); alphas.len()];
    let mut shared: Option<(Vec<f32>, DMatrix<f64>)> = None;
    for column in 0..targets.columns() {
        let weight: Vec<f32> = weights.column(column).collect();
        let target: Vec<f32> = targets.column(column).collect();
        // Models that answered the same prompts share their Gram matrix.
        let gram = match shared.take() {
            Some((same, gram)) if same == weight => gram,
            _ => gram(inputs, &weight)?,
        };
        let right = moments(inputs, &weight, &target)?;
        for (alpha, solution) in alphas.iter().zip(&mut solutions) {
            let found = solve(
                gram.clone(),
                &vec![*alpha; entries],
                &right,
                "the context head",
            )?;
            (0..entries).for_each(|entry| solution[(entry, column)] = found[(entry, 0)] as f32);
        }
        shared = Some((weight, gram));
    }
    Ok(solutions)
}

fn gram(inputs: &Tensor, weight: &[f32]) -> Result<DMatrix<f64>, TrainError> {
    let weight = Tensor::from_slice(weight, (weight.len(), 1), inputs.device())?;
    let weighted = inputs.broadcast_mul(&weight)?;
    to_double(&weighted.t()?.contiguous()?.matmul(inputs)?)
}

fn moments(inputs: &Tensor, weight: &[f32], target: &[f32]) -> Result<DMatrix<f64>, TrainError> {
    let products: Vec<f32> = weight
        .iter()
        .zip(target)
        .map(|(weight, target)| weight * target)
        .collect();
    let products = Tensor::from_vec(products, (weight.len(), 1), inputs.device())?;
    to_double(&inputs.t()?.contiguous()?.matmul(&products)?)
}

/// Shape `(rows, columns)`.
fn predictions(inputs: &Tensor, weights: &Grid<f32>) -> Result<Grid<f32>, TrainError> {
    let shape = (weights.rows(), weights.columns());
    let weights = Tensor::from_slice(weights.values(), shape, inputs.device())?;
    let product = inputs.matmul(&weights)?.to_device(&Device::Cpu)?;
    Ok(Grid::from_values(
        shape.1,
        product.flatten_all()?.to_vec1::<f32>()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs() -> Tensor {
        let values: Vec<f32> = (0..40)
            .flat_map(|number| [1.0, number as f32 / 40.0])
            .collect();
        Tensor::from_vec(values, (40, 2), &Device::Cpu).unwrap()
    }

    fn line(weight_of_outliers: f32) -> (Grid<f32>, Grid<f32>) {
        let target = |number: usize| {
            if number.is_multiple_of(7) {
                50.0
            } else {
                1.0 + 2.0 * number as f32 / 40.0
            }
        };
        let weight = |number: usize| {
            if number.is_multiple_of(7) {
                weight_of_outliers
            } else {
                1.0
            }
        };
        (
            Grid::from_values(1, (0..40).map(target).collect()),
            Grid::from_values(1, (0..40).map(weight).collect()),
        )
    }

    #[test]
    fn a_line_is_found() {
        let (targets, weights) = line(0.0);
        let found = &ridge(&inputs(), &targets, &weights, &[1e-6]).unwrap()[0];
        assert!(
            (found[(0, 0)] - 1.0).abs() < 1e-2 && (found[(1, 0)] - 2.0).abs() < 1e-2,
            "{found:?}"
        );
    }

    #[test]
    fn a_stronger_ridge_gives_smaller_weights() {
        let (targets, weights) = line(1.0);
        let found = ridge(&inputs(), &targets, &weights, &[1.0, 100.0]).unwrap();
        let size = |grid: &Grid<f32>| grid.values().iter().map(|value| value * value).sum::<f32>();
        assert!(size(&found[1]) < size(&found[0]));
    }
}
