//! A power law through the points of a learning curve.

/// Fewer points say nothing about three parameters.
const LEAST_POINTS: usize = 4;
/// Exponents tried: from nearly logarithmic to quickly flat.
const EXPONENTS: std::ops::RangeInclusive<u32> = 1..=40;
const EXPONENT_STEP: f64 = 0.05;

/// `value = ceiling - scale * size^-exponent`, the usual shape of learning curves (Cortes et al. 1993,
/// "Learning curves: asymptotic values and rate of convergence").
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PowerLaw {
    pub(super) ceiling: f64,
    pub(super) scale: f64,
    pub(super) exponent: f64,
}

impl PowerLaw {
    /// Least squares through `(size, value)`; `None` for fewer than four points.
    pub(super) fn fit(points: &[(f64, f64)]) -> Option<Self> {
        if points.len() < LEAST_POINTS {
            return None;
        }
        let laws =
            EXPONENTS.map(|step| Self::with_exponent(points, f64::from(step) * EXPONENT_STEP));
        laws.min_by(|one, other| one.error(points).total_cmp(&other.error(points)))
    }

    /// With the exponent given, the rest is a straight line over `size^-exponent`.
    fn with_exponent(points: &[(f64, f64)], exponent: f64) -> Self {
        let count = points.len() as f64;
        let x = |size: f64| size.powf(-exponent);
        let mean_x = points.iter().map(|point| x(point.0)).sum::<f64>() / count;
        let mean_y = points.iter().map(|point| point.1).sum::<f64>() / count;
        let (mut covariance, mut variance) = (0.0, 0.0);
        for (size, value) in points {
            covariance += (x(*size) - mean_x) * (value - mean_y);
            variance += (x(*size) - mean_x).powi(2);
        }
        let slope = if variance > 0.0 {
            covariance / variance
        } else {
            0.0
        };
        Self {
            ceiling: mean_y - slope * mean_x,
            scale: -slope,
            exponent,
        }
    }

    fn error(&self, points: &[(f64, f64)]) -> f64 {
        let errors = points
            .iter()
            .map(|(size, value)| (value - self.at(*size)).powi(2));
        errors.sum()
    }

    pub(super) fn at(&self, size: f64) -> f64 {
        self.ceiling - self.scale * size.powf(-self.exponent)
    }

    /// What twice the size would bring.
    pub(super) fn gain_of_doubling(&self, size: f64) -> f64 {
        self.at(2.0 * size) - self.at(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [f64; 6] = [100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0];

    fn fitted(value: impl Fn(f64) -> f64) -> PowerLaw {
        PowerLaw::fit(&SIZES.map(|size| (size, value(size)))).unwrap()
    }

    #[test]
    fn a_power_law_is_found_again() {
        let law = fitted(|size| 0.85 - 0.6 * size.powf(-0.5));
        assert!(
            (law.ceiling - 0.85).abs() < 1e-6 && (law.exponent - 0.5).abs() < 1e-9,
            "{law:?}"
        );
        let truth = 0.6 * (3200_f64.powf(-0.5) - 6400_f64.powf(-0.5));
        assert!((law.gain_of_doubling(3200.0) - truth).abs() < 1e-6);
    }

    #[test]
    fn a_flat_curve_promises_nothing() {
        assert!(fitted(|_| 0.8).gain_of_doubling(3200.0).abs() < 1e-9);
    }

    #[test]
    fn a_falling_curve_promises_a_loss() {
        assert!(fitted(|size| 0.8 - 1e-6 * size).gain_of_doubling(3200.0) < 0.0);
    }

    #[test]
    fn three_points_are_too_few() {
        assert_eq!(PowerLaw::fit(&[(1.0, 1.0), (2.0, 2.0), (4.0, 3.0)]), None);
    }
}
