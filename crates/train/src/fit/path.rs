//! Ridge regressions of several strengths, all models and all splits in one run.

use candle_core::{Device, Tensor};
use pointsman_types::Grid;

use crate::error::TrainError;
use crate::examples::columns_of_fit;
use crate::sparse::SparseMatrix;
use crate::splits::Splits;

/// The residual, relative to the right-hand side, at which a column is solved.
const TOLERANCE: f64 = 1e-3;
const MOST_ITERATIONS: usize = 40;

/// What every prompt is to a linear family, shape `(prompts, entries)`, as a product from either side.
pub(crate) trait Inputs {
    /// `self * dense`, for `dense` of shape `(entries, width)`.
    fn times(&self, dense: &Tensor) -> candle_core::Result<Tensor>;

    /// `selfᵀ * dense`, for `dense` of shape `(prompts, width)`.
    fn transposed_times(&self, dense: &Tensor) -> candle_core::Result<Tensor>;
}

impl Inputs for SparseMatrix {
    fn times(&self, dense: &Tensor) -> candle_core::Result<Tensor> {
        self.times(dense)
    }

    fn transposed_times(&self, dense: &Tensor) -> candle_core::Result<Tensor> {
        self.transposed_times(dense)
    }
}

impl Inputs for Tensor {
    fn times(&self, dense: &Tensor) -> candle_core::Result<Tensor> {
        self.matmul(dense)
    }

    fn transposed_times(&self, dense: &Tensor) -> candle_core::Result<Tensor> {
        self.t()?.matmul(dense)
    }
}

/// The regression of one strength.
pub(crate) struct Solved {
    pub(crate) alpha: f64,
    /// Deviations from the models' means, each prompt by the fit that held it out.
    pub(crate) held_out: Grid<f32>,
    /// The fit on everything, shape `(entries, models)`.
    pub(crate) weights: Grid<f32>,
}

/// For every strength, the strongest first, so that each start is near its solution: minimises
/// `Σ weight (deviation - x·w)² + alpha |w|²` for each model and split.
pub(crate) fn ridge_path(
    inputs: &impl Inputs,
    splits: &Splits,
    alphas: &[f64],
    device: &Device,
) -> Result<Vec<Solved>, TrainError> {
    let weight = side_by_side(splits, device, |fit| &splits.fits[fit].weight)?;
    let deviation = side_by_side(splits, device, |fit| &splits.fits[fit].deviation)?;
    let right = inputs.transposed_times(&(&weight * deviation)?)?;
    let mut solution = right.zeros_like()?;
    let mut solved = Vec::new();
    for alpha in alphas {
        let apply = |direction: &Tensor| -> Result<Tensor, TrainError> {
            let seen = (inputs.times(direction)? * &weight)?;
            Ok((inputs.transposed_times(&seen)? + (direction * *alpha)?)?)
        };
        solution = conjugate_gradient(apply, &right, &solution)?;
        solved.push(read(inputs, splits, &solution, *alpha)?);
    }
    Ok(solved)
}

/// Shape `(prompts, fits * models)`.
fn side_by_side<'a>(
    splits: &Splits,
    device: &Device,
    grid: impl Fn(usize) -> &'a Grid<f32>,
) -> Result<Tensor, TrainError> {
    let (rows, columns) = (grid(0).rows(), grid(0).columns());
    let each = (0..splits.len())
        .map(|fit| Tensor::from_slice(grid(fit).values(), (rows, columns), device));
    Ok(Tensor::cat(&each.collect::<Result<Vec<_>, _>>()?, 1)?)
}

/// Solves `A x = right` column by column at once, for a symmetric positive definite `A` given by its
/// products (Hestenes and Stiefel 1952).
fn conjugate_gradient(
    apply: impl Fn(&Tensor) -> Result<Tensor, TrainError>,
    right: &Tensor,
    start: &Tensor,
) -> Result<Tensor, TrainError> {
    let mut solution = start.clone();
    let mut residual = (right - apply(&solution)?)?;
    let mut direction = residual.clone();
    let mut square = squares(&residual)?;
    let goal = (squares(right)? * (TOLERANCE * TOLERANCE))?;
    for _ in 0..MOST_ITERATIONS {
        if all_below(&square, &goal)? {
            break;
        }
        let applied = apply(&direction)?;
        let curvature = (&direction * &applied)?
            .sum_keepdim(0)?
            .maximum(f64::from(f32::MIN_POSITIVE))?;
        let step = (&square / curvature)?;
        solution = (solution + direction.broadcast_mul(&step)?)?;
        residual = (residual - applied.broadcast_mul(&step)?)?;
        let next = squares(&residual)?;
        let turn = (&next / square.maximum(f64::from(f32::MIN_POSITIVE))?)?;
        direction = (&residual + direction.broadcast_mul(&turn)?)?;
        square = next;
    }
    Ok(solution)
}

/// The square of each column's length, shape `(1, columns)`.
fn squares(columns: &Tensor) -> Result<Tensor, TrainError> {
    Ok(columns.sqr()?.sum_keepdim(0)?)
}

fn all_below(values: &Tensor, bounds: &Tensor) -> Result<bool, TrainError> {
    let values = values.flatten_all()?.to_vec1::<f32>()?;
    let bounds = bounds.flatten_all()?.to_vec1::<f32>()?;
    Ok(values
        .iter()
        .zip(bounds)
        .all(|(value, bound)| *value <= bound))
}

fn read(
    inputs: &impl Inputs,
    splits: &Splits,
    solution: &Tensor,
    alpha: f64,
) -> Result<Solved, TrainError> {
    let models = splits.whole().mean.len();
    let predicted = inputs.times(solution)?.flatten_all()?.to_vec1::<f32>()?;
    let width = splits.len() * models;
    let held_out = splits.held_out(models, |fit, row| {
        &predicted[row * width + fit * models..][..models]
    });
    let all = Grid::from_values(width, solution.flatten_all()?.to_vec1::<f32>()?);
    Ok(Solved {
        alpha,
        held_out,
        weights: columns_of_fit(&all, splits.len() - 1, models),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_solution_solves() {
        let matrix = Tensor::new(&[[4.0_f32, 1.0], [1.0, 3.0]], &Device::Cpu).unwrap();
        let right = Tensor::new(&[[1.0_f32, 4.0], [2.0, -1.0]], &Device::Cpu).unwrap();
        let apply = |direction: &Tensor| Ok(matrix.matmul(direction)?);
        let solution = conjugate_gradient(apply, &right, &right.zeros_like().unwrap()).unwrap();
        let back = matrix.matmul(&solution).unwrap();
        let error = (back - right)
            .unwrap()
            .abs()
            .unwrap()
            .max_all()
            .unwrap()
            .to_scalar::<f32>()
            .unwrap();
        assert!(error < 1e-2, "{error}");
    }

    #[test]
    fn nothing_to_explain_needs_no_weights() {
        let zero = Tensor::zeros((3, 2), candle_core::DType::F32, &Device::Cpu).unwrap();
        let solution = conjugate_gradient(|direction| Ok(direction.clone()), &zero, &zero).unwrap();
        assert_eq!(
            solution.flatten_all().unwrap().to_vec1::<f32>().unwrap(),
            [0.0; 6]
        );
    }
}
