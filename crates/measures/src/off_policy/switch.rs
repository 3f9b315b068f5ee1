//! Where switch-DR stops to trust weights.
//!
//! Wang, Agarwal and Dudík 2017 (arXiv 1612.01205), section 4: of a fixed grid, the threshold with
//! the least estimated variance plus squared bound of the bias.

use super::estimate::Terms;

/// Thresholds tried; without one it is DR.
const GRID: [f64; 9] = [
    2.0,
    5.0,
    10.0,
    20.0,
    50.0,
    100.0,
    200.0,
    500.0,
    f64::INFINITY,
];

/// The threshold of least estimated mean squared error; the largest of equals.
pub(super) fn threshold(terms: &Terms<'_>) -> f64 {
    let even = vec![1.0; terms.groups];
    let error = |threshold: f64| {
        let spread = terms.switched(threshold).spread(&even);
        let bias = bias_bound(terms, threshold);
        spread.standard_error.powi(2) + bias * bias
    };
    let better = |best: (f64, f64), threshold: f64| match error(threshold) {
        found if found <= best.1 => (threshold, found),
        _ => best,
    };
    GRID.into_iter()
        .fold((f64::INFINITY, f64::INFINITY), better)
        .0
}

/// The largest surprise seen, times the share of the target's probability that has larger weights.
fn bias_bound(terms: &Terms<'_>, threshold: f64) -> f64 {
    let surprises = terms.logged.iter().map(|one| one.surprise().abs());
    let beyond = terms.weights.iter().filter(|weight| **weight > threshold);
    let share = beyond.sum::<f64>() / terms.weights.len() as f64;
    surprises.fold(0.0, f64::max) * share
}
