//! What the same coordinates could have given, had every outcome been known.

use nalgebra::{DMatrix, DVector};

use crate::world::{World, largest};

/// Strength of the ridge on coordinates scaled to about unit variance each.
const RIDGE: f64 = 1.0;
/// Standardised surface features are divided by the root of their number.
const SCALE: f64 = 3.741_657_386_773_941;

/// For every online prompt the choice of `fitted`: predicted utility plus a ridge regression, per
/// model, of its error on the coordinates, fitted on all online outcomes.
pub(crate) fn fitted(world: &World) -> Vec<usize> {
    let corrections = corrections(world);
    let choice = |at: usize| {
        let values: Vec<f64> = (0..world.models())
            .map(|model| world.predicted_utility(at, model) + corrections[(at, model)])
            .collect();
        largest(&values)
    };
    (0..world.len()).map(choice).collect()
}

fn corrections(world: &World) -> DMatrix<f64> {
    let width = world.coordinates[0].values().len();
    let mut inputs = DMatrix::from_fn(world.len(), width, |at, coordinate| {
        SCALE * f64::from(world.coordinates[at].values()[coordinate])
    });
    let mut errors = DMatrix::from_fn(world.len(), world.models(), |at, model| {
        world.utility(at, model) - world.predicted_utility(at, model)
    });
    centred(&mut inputs);
    let means = centred(&mut errors);
    let gram = inputs.tr_mul(&inputs) + DMatrix::identity(width, width) * RIDGE;
    let slopes = gram
        .cholesky()
        .expect("a ridge makes it positive definite")
        .solve(&inputs.tr_mul(&errors));
    let mut found = inputs * slopes;
    for (mut column, mean) in found.column_iter_mut().zip(means.iter()) {
        column.add_scalar_mut(*mean);
    }
    found
}

/// Takes the mean out of every column and returns it.
fn centred(matrix: &mut DMatrix<f64>) -> DVector<f64> {
    let means = DVector::from_iterator(matrix.ncols(), matrix.column_iter().map(|one| one.mean()));
    for (mut column, mean) in matrix.column_iter_mut().zip(means.iter()) {
        column.add_scalar_mut(-mean);
    }
    means
}
