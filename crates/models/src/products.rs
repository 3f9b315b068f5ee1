//! The loops that a prediction spends its time in, on the widest registers that the processor has.
//!
//! Every product is rounded before it is added and the order of additions is fixed, so the results
//! are the same bit for bit on every processor.

use std::sync::LazyLock;

use pointsman_types::Grid;
use pulp::{Arch, NullaryFnOnce};

use crate::lexicon::SparseVector;

static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);

/// Adds the product of a sparse vector and a grid of shape `(n-grams, columns)` to `sums`.
pub(crate) fn add_products(vector: &SparseVector, weights: &Grid<f32>, sums: &mut [f32]) {
    ARCH.dispatch(Sparse(vector, weights, sums));
}

/// Adds the product of a dense vector and a grid of shape `(inputs, columns)` to `sums`.
pub(crate) fn add_dense_products(vector: &[f32], weights: &Grid<f32>, sums: &mut [f32]) {
    ARCH.dispatch(Dense(vector, weights, sums));
}

/// The row of `centroids` that is nearest to a point (Euclidean); the first of equals.
pub(crate) fn nearest(centroids: &Grid<f32>, point: &[f32]) -> usize {
    ARCH.dispatch(Nearest(centroids, point))
}

/// The squared distance of a point from every column of `points`.
pub(crate) fn square_distances(points: &Grid<f32>, point: &[f32]) -> Vec<f32> {
    let mut sums = vec![0.0; points.columns()];
    ARCH.dispatch(Distances(points, point, &mut sums));
    sums
}

/// Replaces every number by its exponential, with a relative error below 2e-7; those below -87, whose
/// exponential is next to nothing, count as that. Above 0 nothing is promised.
pub(crate) fn exponentials(numbers: &mut [f32]) {
    ARCH.dispatch(Exponentials(numbers));
}

// Types instead of closures: a large closure is not compiled for the wider registers, since what
// calls it may not be inlined.

struct Sparse<'a>(&'a SparseVector, &'a Grid<f32>, &'a mut [f32]);

impl NullaryFnOnce for Sparse<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        sparse(self.0, self.1, self.2);
    }
}

struct Dense<'a>(&'a [f32], &'a Grid<f32>, &'a mut [f32]);

impl NullaryFnOnce for Dense<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        dense(self.0, self.1, self.2);
    }
}

struct Nearest<'a>(&'a Grid<f32>, &'a [f32]);

impl NullaryFnOnce for Nearest<'_> {
    type Output = usize;

    #[inline(always)]
    fn call(self) -> usize {
        nearest_row(self.0, self.1)
    }
}

struct Distances<'a>(&'a Grid<f32>, &'a [f32], &'a mut [f32]);

impl NullaryFnOnce for Distances<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        distances(self.0, self.1, self.2);
    }
}

struct Exponentials<'a>(&'a mut [f32]);

impl NullaryFnOnce for Exponentials<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.0
            .iter_mut()
            .for_each(|number| *number = exponential(*number));
    }
}

#[inline(always)]
fn sparse(vector: &SparseVector, weights: &Grid<f32>, sums: &mut [f32]) {
    let (fours, rest) = vector.as_chunks::<4>();
    for four in fours {
        let rows = four.map(|(row, _)| weights.row(row as usize));
        add_four(rows, four.map(|(_, value)| value), sums);
    }
    for (row, value) in rest {
        add_one(weights.row(*row as usize), *value, sums);
    }
}

#[inline(always)]
fn dense(vector: &[f32], weights: &Grid<f32>, sums: &mut [f32]) {
    let (fours, rest) = vector.as_chunks::<4>();
    for (four, values) in fours.iter().enumerate() {
        let rows = [0, 1, 2, 3].map(|row| weights.row(four * 4 + row));
        add_four(rows, *values, sums);
    }
    for (row, value) in rest.iter().enumerate() {
        add_one(weights.row(fours.len() * 4 + row), *value, sums);
    }
}

/// Four rows at a time: the sums are then read and written a fourth as often.
#[inline(always)]
fn add_four([a, b, c, d]: [&[f32]; 4], [va, vb, vc, vd]: [f32; 4], sums: &mut [f32]) {
    let rows = a.iter().zip(b).zip(c.iter().zip(d));
    for (sum, ((a, b), (c, d))) in sums.iter_mut().zip(rows) {
        *sum += (va * a + vb * b) + (vc * c + vd * d);
    }
}

#[inline(always)]
fn add_one(row: &[f32], value: f32, sums: &mut [f32]) {
    for (sum, weight) in sums.iter_mut().zip(row) {
        *sum += value * weight;
    }
}

#[inline(always)]
fn nearest_row(centroids: &Grid<f32>, point: &[f32]) -> usize {
    let mut best = (0, f32::INFINITY);
    for row in 0..centroids.rows() {
        let found = square_distance(centroids.row(row), point);
        if found < best.1 {
            best = (row, found);
        }
    }
    best.0
}

/// Four coordinates at a time, for all points: the points lie beside each other, so that no sum has to
/// wait for itself.
#[inline(always)]
fn distances(points: &Grid<f32>, point: &[f32], sums: &mut [f32]) {
    let (fours, rest) = point.as_chunks::<4>();
    for (four, [a, b, c, d]) in fours.iter().enumerate().map(|(at, four)| (at * 4, *four)) {
        let [ra, rb, rc, rd] = [0, 1, 2, 3].map(|row| points.row(four + row));
        let rows = ra.iter().zip(rb).zip(rc.iter().zip(rd));
        for (sum, ((pa, pb), (pc, pd))) in sums.iter_mut().zip(rows) {
            *sum += (square(pa - a) + square(pb - b)) + (square(pc - c) + square(pd - d));
        }
    }
    for (row, value) in rest.iter().enumerate() {
        let row = points.row(fours.len() * 4 + row);
        let pairs = sums.iter_mut().zip(row);
        pairs.for_each(|(sum, other)| *sum += square(other - value));
    }
}

#[inline(always)]
fn square(value: f32) -> f32 {
    value * value
}

/// Summed in eight lanes: one running sum would have to wait for itself at every step.
#[inline(always)]
fn square_distance(left: &[f32], right: &[f32]) -> f32 {
    let (left, left_rest) = left.as_chunks::<8>();
    let (right, right_rest) = right.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for (left, right) in left.iter().zip(right) {
        for (lane, (a, b)) in lanes.iter_mut().zip(left.iter().zip(right)) {
            *lane += (a - b) * (a - b);
        }
    }
    let rest: f32 = left_rest
        .iter()
        .zip(right_rest)
        .map(|(a, b)| (a - b) * (a - b))
        .sum();
    lanes.iter().sum::<f32>() + rest
}

/// `2^n e^r`, for the whole `n` that is nearest to `number / ln 2`: Cephes's polynomial for the rest `r`
/// (Moshier, "Methods and Programs for Mathematical Functions", 1989). Without branches, so that many
/// are computed at a time.
#[inline(always)]
fn exponential(number: f32) -> f32 {
    /// Added to a number it leaves the nearest whole number in the lowest bits.
    const WHOLE: f32 = 12_582_912.0;
    /// `ln 2` in two parts, the first short enough that its products with `n` are exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    const TERMS: [f32; 6] = [
        1.987_569_1e-4,
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        0.166_666_65,
        0.5,
    ];
    let number = number.max(-87.0);
    let shifted = number * std::f32::consts::LOG2_E + WHOLE;
    let doublings = shifted - WHOLE;
    let rest = number - doublings * LN_2[0] - doublings * LN_2[1];
    let series = TERMS.iter().fold(0.0, |sum, term| sum * rest + term);
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    (series * rest * rest + rest + 1.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(columns: usize, rows: usize) -> Grid<f32> {
        let values = (0..rows * columns).map(|number| (number as f32).sin() * 3.0);
        Grid::from_values(columns, values.collect())
    }

    #[test]
    fn a_sparse_product_is_the_sum_over_its_rows() {
        let weights = Grid::from_values(3, (0..60).map(|number| number as f32 * 0.25).collect());
        for entries in 0..11 {
            let vector: SparseVector = (0..entries)
                .map(|row| (row * 7 % 20, row as f32 - 2.0))
                .collect();
            let mut found = [1.0; 3];
            add_products(&vector, &weights, &mut found);
            for (column, found) in found.iter().enumerate() {
                let terms = vector
                    .iter()
                    .map(|(row, value)| value * weights[(*row as usize, column)]);
                assert!(
                    (found - 1.0 - terms.sum::<f32>()).abs() < 1e-3,
                    "{entries} entries, column {column}"
                );
            }
        }
    }

    #[test]
    fn every_processor_gives_the_same_bits() {
        let vector: SparseVector = (0..37).map(|row| (row, (row as f32).cos())).collect();
        let dense_vector: Vec<f32> = vector.iter().map(|(_, value)| *value).collect();
        for columns in [1, 5, 64, 67] {
            let weights = weights(columns, 40);
            let (mut wide, mut plain) = (vec![0.5; columns], vec![0.5; columns]);
            add_products(&vector, &weights, &mut wide);
            sparse(&vector, &weights, &mut plain);
            add_dense_products(&dense_vector, &weights, &mut wide);
            dense(&dense_vector, &weights, &mut plain);
            let bits = |sums: &[f32]| sums.iter().map(|sum| sum.to_bits()).collect::<Vec<u32>>();
            assert_eq!(bits(&wide), bits(&plain), "{columns} columns");
            let point: Vec<f32> = weights.row(7).iter().map(|value| value + 0.25).collect();
            assert_eq!(nearest(&weights, &point), nearest_row(&weights, &point));
            let mut plain = vec![0.0; columns];
            distances(&weights, &dense_vector, &mut plain);
            let wide = square_distances(&weights, &dense_vector);
            assert_eq!(bits(&wide), bits(&plain), "{columns} columns");
        }
    }

    #[test]
    fn distances_are_those_of_each_column() {
        let points = weights(5, 7);
        let point: Vec<f32> = (0..7).map(|at| at as f32 * 0.3 - 1.0).collect();
        for (column, found) in square_distances(&points, &point).iter().enumerate() {
            let column: Vec<f32> = points.column(column).collect();
            assert!((found - square_distance(&column, &point)).abs() < 1e-4);
        }
    }

    #[test]
    fn exponentials_are_those_of_the_library() {
        let numbers: Vec<f32> = (0..=8700).map(|step| step as f32 * -0.01).collect();
        let mut found = numbers.clone();
        exponentials(&mut found);
        for (number, found) in numbers.iter().zip(found) {
            let expected = libm::exp(f64::from(*number));
            let error = (f64::from(found) - expected).abs() / expected;
            assert!(error < 2e-7, "exp({number}) is {expected}, not {found}");
            assert_eq!(found.to_bits(), exponential(*number).to_bits());
        }
        let mut far = [-1e9];
        exponentials(&mut far);
        assert!(far[0] < 1e-37);
    }
}
