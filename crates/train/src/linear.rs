//! Small dense linear algebra: symmetric systems and eigenvectors, in double precision.

use candle_core::{Device, Tensor};
use nalgebra::{DMatrix, SymmetricEigen};

use crate::error::TrainError;

/// `matrix` of shape `(rows, columns)` in double precision.
pub(crate) fn to_double(matrix: &Tensor) -> Result<DMatrix<f64>, TrainError> {
    let (rows, columns) = matrix.dims2()?;
    let values = matrix.flatten_all()?.to_vec1::<f32>()?;
    Ok(DMatrix::from_row_iterator(
        rows,
        columns,
        values.into_iter().map(f64::from),
    ))
}

/// A tensor of the same shape and numbers.
pub(crate) fn to_tensor(matrix: &DMatrix<f64>, device: &Device) -> Result<Tensor, TrainError> {
    let values: Vec<f32> = matrix
        .transpose()
        .iter()
        .map(|value| *value as f32)
        .collect();
    Ok(Tensor::from_vec(values, matrix.shape(), device)?)
}

/// The solution of `(gram + diagonal) x = right`, one column per right-hand side.
pub(crate) fn solve(
    mut gram: DMatrix<f64>,
    diagonal: &[f64],
    right: &DMatrix<f64>,
    what: &'static str,
) -> Result<DMatrix<f64>, TrainError> {
    for (at, value) in diagonal.iter().enumerate() {
        gram[(at, at)] += value;
    }
    let factors = gram.cholesky().ok_or(TrainError::Singular(what))?;
    Ok(factors.solve(right))
}

/// What is added to the diagonal of a kernel's matrix: points that nearly coincide tell nothing apart.
const JITTER: f64 = 1e-4;

/// `L⁻ᵀ` of the Cholesky factor `L` of a kernel's matrix: the ridge on weights in the coordinates
/// `kernel · L⁻ᵀ` is that of the kernel's norm.
pub(crate) fn whitening(mut kernel: DMatrix<f64>) -> Result<DMatrix<f64>, TrainError> {
    let size = kernel.nrows();
    (0..size).for_each(|at| kernel[(at, at)] += JITTER);
    let singular = TrainError::Singular("a kernel");
    let factor = kernel.cholesky().ok_or(singular)?.unpack();
    let inverse = factor.solve_lower_triangular(&DMatrix::identity(size, size));
    Ok(inverse.ok_or(TrainError::Singular("a kernel"))?.transpose())
}

/// The eigenvectors of a symmetric matrix with their eigenvalues, the greatest first; the sign of a
/// vector is that of its largest entry made positive.
pub(crate) fn eigen(matrix: DMatrix<f64>) -> (Vec<f64>, DMatrix<f64>) {
    let size = matrix.nrows();
    let found = SymmetricEigen::new(matrix);
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|left, right| found.eigenvalues[*right].total_cmp(&found.eigenvalues[*left]));
    let vectors = DMatrix::from_fn(size, size, |row, column| {
        let vector = found.eigenvectors.column(order[column]);
        vector[row] * vector[vector.iamax()].signum()
    });
    (
        order.iter().map(|at| found.eigenvalues[*at]).collect(),
        vectors,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_solution_solves() {
        let gram = DMatrix::from_row_slice(2, 2, &[2.0, 1.0, 1.0, 3.0]);
        let right = DMatrix::from_row_slice(2, 1, &[4.0, 7.0]);
        let solution = solve(gram.clone(), &[1.0, 0.0], &right, "a test").unwrap();
        let back = (gram + DMatrix::from_diagonal(&[1.0, 0.0].to_vec().into())) * solution;
        assert!((back - right).norm() < 1e-12);
    }

    #[test]
    fn a_singular_system_is_an_error() {
        let gram = DMatrix::from_row_slice(2, 2, &[1.0, 1.0, 1.0, 1.0]);
        let right = DMatrix::zeros(2, 1);
        assert!(matches!(
            solve(gram, &[0.0, -1.0], &right, "a test"),
            Err(TrainError::Singular("a test"))
        ));
    }

    #[test]
    fn whitened_coordinates_have_the_kernels_products() {
        let kernel = DMatrix::from_row_slice(2, 2, &[1.0, 0.5, 0.5, 1.0]);
        let seen = &kernel * whitening(kernel.clone()).unwrap();
        assert!((&seen * seen.transpose() - kernel).norm() < 1e-3);
    }

    #[test]
    fn eigenvectors_come_greatest_first() {
        let matrix = DMatrix::from_row_slice(2, 2, &[1.0, 0.0, 0.0, 5.0]);
        let (values, vectors) = eigen(matrix);
        assert!((values[0] - 5.0).abs() < 1e-12 && (values[1] - 1.0).abs() < 1e-12);
        assert!((vectors[(1, 0)] - 1.0).abs() < 1e-12);
    }
}
