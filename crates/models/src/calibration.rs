//! Calibration: from raw scores of the quality head to qualities that mean what they say.

use pointsman_types::Quality;
use serde::{Deserialize, Serialize};

/// One calibrator per model, in the order of the models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// How `quality_lower` is to be read.
    pub lower_estimate: String,
    /// How many held-out prompts it was fitted on.
    pub prompts: usize,
    /// One per model.
    pub models: Vec<Calibrator>,
}

/// Platt scaling on the logit (Platt 1999), and a curve of lower estimates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibrator {
    /// Added to the scaled logit.
    pub intercept: f32,
    /// Multiplies the logit of the raw quality.
    pub slope: f32,
    /// From calibrated quality to its lower estimate.
    pub lower: LowerCurve,
}

/// A non-decreasing, piecewise linear curve through `(quality, lower estimate)` points, flat
/// beyond its ends and never above the diagonal.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LowerCurve(pub Vec<(f32, f32)>);

/// Raw qualities are kept this far from 0 and 1 before the logit is taken.
const MARGIN: f32 = 0.01;

impl Calibrator {
    /// Changes nothing, and knows no lower estimate above 0.
    #[must_use]
    pub fn identity() -> Self {
        Self {
            intercept: 0.0,
            slope: 1.0,
            lower: LowerCurve::default(),
        }
    }

    /// The logit that calibration works on.
    #[must_use]
    pub fn logit(raw: f32) -> f32 {
        let inside = if raw.is_nan() {
            0.5
        } else {
            raw.clamp(MARGIN, 1.0 - MARGIN)
        };
        libm::logf(inside / (1.0 - inside))
    }

    /// Calibrated quality of a raw one.
    #[must_use]
    pub fn quality(&self, raw: f32) -> Quality {
        let logit = self.intercept + self.slope * Self::logit(raw);
        Quality::clamped(1.0 / (1.0 + libm::expf(-logit)))
    }
}

impl LowerCurve {
    /// The lower estimate of a calibrated quality; 0 where nothing is known.
    #[must_use]
    pub fn at(&self, quality: Quality) -> Quality {
        let value = self.interpolate(quality.get()).min(quality.get());
        Quality::clamped(value)
    }

    fn interpolate(&self, x: f32) -> f32 {
        let next = self.0.partition_point(|(quality, _)| *quality <= x);
        match (
            next.checked_sub(1).map(|before| self.0[before]),
            self.0.get(next),
        ) {
            (None, None) => 0.0,
            // Below the first point the same gap is kept: the curve was measured nowhere there.
            (None, Some((first, lower))) => x - (first - lower),
            (Some((_, lower)), None) => lower,
            (Some((x0, y0)), Some((x1, y1))) => y0 + (y1 - y0) * (x - x0) / (x1 - x0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_lower(quality: f64, expected: f32) {
        let curve = LowerCurve(vec![(0.4, 0.3), (0.8, 0.7)]);
        let found = curve.at(Quality::new(quality).unwrap()).get();
        assert!(
            (found - expected).abs() < 1e-6,
            "lower estimate of {quality} is {found}, not {expected}"
        );
    }

    #[test]
    fn lower_estimates_are_interpolated() {
        check_lower(0.6, 0.5);
    }

    #[test]
    fn above_the_last_point_the_estimate_is_flat() {
        check_lower(0.95, 0.7);
    }

    #[test]
    fn below_the_first_point_the_gap_is_kept() {
        check_lower(0.2, 0.1);
        check_lower(0.05, 0.0);
    }

    #[test]
    fn an_unknown_curve_promises_nothing() {
        assert_eq!(
            LowerCurve::default().at(Quality::clamped(0.9)),
            Quality::clamped(0.0)
        );
    }

    #[test]
    fn the_identity_keeps_a_quality() {
        assert!((Calibrator::identity().quality(0.3).get() - 0.3).abs() < 1e-6);
    }

    #[test]
    fn calibration_keeps_the_order() {
        let calibrator = Calibrator {
            intercept: -0.3,
            slope: 0.6,
            lower: LowerCurve::default(),
        };
        let qualities: Vec<f32> = (-5..=15)
            .map(|raw| calibrator.quality(raw as f32 / 10.0).get())
            .collect();
        assert!(qualities.is_sorted(), "{qualities:?}");
    }
}
