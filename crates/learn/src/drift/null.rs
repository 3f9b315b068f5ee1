//! Quantiles of the distributions that the input tests have where nothing has changed.

/// The value that a standard normal variable exceeds with this probability, at most 0.1.
///
/// The upper tail is its density over Laplace's continued fraction, which converges fast from one
/// standard deviation on.
pub(crate) fn normal_quantile(probability: f64) -> f64 {
    let (mut low, mut high) = (1.0, 40.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        match upper_tail(middle) > probability {
            true => low = middle,
            false => high = middle,
        }
    }
    low
}

fn upper_tail(z: f64) -> f64 {
    let fraction = (1..=400).rev().fold(z, |below, k| z + f64::from(k) / below);
    (-z * z / 2.0).exp() / (std::f64::consts::TAU.sqrt() * fraction)
}

/// The value that a chi-square variable exceeds with this probability (Wilson and Hilferty, 1931:
/// its cube root is nearly normal). `freedom` need not be whole.
pub(crate) fn chi_square_quantile(freedom: f64, probability: f64) -> f64 {
    let part = 2.0 / (9.0 * freedom);
    let root = 1.0 - part + normal_quantile(probability) * part.sqrt();
    freedom * root.max(0.0).powi(3)
}

/// The value that a weighted sum of independent chi-square variables of one degree of freedom
/// exceeds with this probability, from the sums of its weights, their squares and their cubes.
///
/// A shifted and scaled chi-square variable with the same mean, variance and skewness (Hall 1983,
/// Buckley and Eagleson 1988).
pub(crate) fn weighted_chi_square_quantile(
    [first, second, third]: [f64; 3],
    probability: f64,
) -> f64 {
    let freedom = second.powi(3) / third.powi(2);
    let chi_square = chi_square_quantile(freedom, probability);
    first + (second / freedom).sqrt() * (chi_square - freedom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: f64, expected: f64) {
        assert!(
            (found / expected - 1.0).abs() < 0.01,
            "{found} is not {expected}"
        );
    }

    /// Expected values: tables of the normal and the chi-square distribution.
    #[test]
    fn quantiles_are_those_of_the_tables() {
        check(normal_quantile(0.05), 1.644_85);
        check(normal_quantile(0.001), 3.090_23);
        check(normal_quantile(1e-6), 4.753_42);
        check(normal_quantile(0.1), 1.281_55);
        check(chi_square_quantile(9.0, 0.05), 16.919);
        check(chi_square_quantile(9.0, 0.001), 27.877);
        check(chi_square_quantile(4.0, 0.01), 13.277);
        check(chi_square_quantile(30.0, 0.001), 59.703);
    }

    #[test]
    fn equal_weights_make_a_chi_square_variable() {
        let (weight, freedom) = (0.5, 9.0);
        let sums = [1, 2, 3].map(|power| freedom * f64::powi(weight, power));
        let found = weighted_chi_square_quantile(sums, 0.001);
        check(found, weight * 27.877);
    }
}
