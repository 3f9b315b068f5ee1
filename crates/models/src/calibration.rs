//! Calibration: from raw scores of the quality head to qualities that mean what they say.

use pointsman_types::Quality;
use serde::{Deserialize, Serialize};

/// One calibrator per model, in the order of the models, and what they share.
///
/// The logits of the raw qualities of a prompt are split in two: the common logit, their mean over
/// the models, says how hard the prompt is; what remains of each says how the models differ. With
/// the common logit `t`, model `m` has quality `sigmoid(intercept_m + slope_m (logit_m - t) + g(t))`,
/// with one curve `g` for all. So predictions become honest about how hard a prompt is without
/// stretching the differences between models, which decisions are made on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// How `quality_lower` is to be read.
    pub lower_estimate: String,
    /// How many held-out prompts it was fitted on.
    pub prompts: usize,
    /// What becomes of the common logit.
    pub common: CommonCurve,
    /// One per model.
    pub models: Vec<Calibrator>,
}

/// Platt scaling of what is a model's own (Platt 1999), and a curve of lower estimates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibrator {
    /// Added to the logit.
    pub intercept: f32,
    /// Multiplies how far the logit of the raw quality lies from the common logit.
    pub slope: f32,
    /// Whether the model's logit counts in the common logit.
    pub is_common: bool,
    /// From calibrated quality to its lower estimate.
    pub lower: LowerCurve,
}

/// A piecewise linear curve from the common logit to what is used in its place.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommonCurve {
    /// Added everywhere.
    pub offset: f32,
    /// Added to the slope of 1.
    pub slope: f32,
    /// `(at, turn)`: right of `at` the slope is greater by `turn`.
    pub hinges: Vec<(f32, f32)>,
}

impl CommonCurve {
    /// The value at a common logit; the identity where nothing was fitted.
    #[must_use]
    pub fn at(&self, logit: f32) -> f32 {
        let line = self.offset + (1.0 + self.slope) * logit;
        let turns = self.hinges.iter();
        line + turns
            .map(|(at, turn)| turn * (logit - at).max(0.0))
            .sum::<f32>()
    }
}

impl Calibration {
    /// Calibrated qualities of the raw qualities of one prompt, one per model.
    #[must_use]
    pub fn qualities(&self, raw: &[f32]) -> Vec<Quality> {
        let logits: Vec<f32> = raw.iter().copied().map(logit).collect();
        let common = self.common_logit(&logits);
        let level = self.common.at(common);
        let cells = self.models.iter().zip(&logits);
        cells
            .map(|(model, logit)| model.quality(logit - common, level))
            .collect()
    }

    /// The mean logit of the models that count.
    pub(crate) fn common_logit(&self, logits: &[f32]) -> f32 {
        let cells = self.models.iter().zip(logits);
        let counted = cells.filter(|(model, _)| model.is_common);
        let (sum, count) = counted.fold((0.0, 0.0), |(sum, count), (_, logit)| {
            (sum + logit, count + 1.0)
        });
        sum / f32::max(count, 1.0)
    }
}

/// A non-decreasing, piecewise linear curve through `(quality, lower estimate)` points, flat
/// beyond its ends and never above the diagonal.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LowerCurve(pub Vec<(f32, f32)>);

/// Raw qualities are kept this far from 0 and 1 before the logit is taken.
const MARGIN: f32 = 0.01;

/// The logit that calibration works on, of a raw quality.
#[must_use]
pub fn logit(raw: f32) -> f32 {
    let inside = if raw.is_nan() {
        0.5
    } else {
        raw.clamp(MARGIN, 1.0 - MARGIN)
    };
    libm::logf(inside / (1.0 - inside))
}

impl Calibrator {
    /// Changes nothing, and knows no lower estimate above 0.
    #[must_use]
    pub fn identity() -> Self {
        Self {
            intercept: 0.0,
            slope: 1.0,
            is_common: true,
            lower: LowerCurve::default(),
        }
    }

    /// Calibrated quality, given how far the model's logit lies from the common one, and what the
    /// common one has become.
    fn quality(&self, own: f32, level: f32) -> Quality {
        let logit = self.intercept + self.slope * own + level;
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

    fn calibration(common: CommonCurve, models: Vec<Calibrator>) -> Calibration {
        Calibration {
            lower_estimate: String::new(),
            prompts: 0,
            common,
            models,
        }
    }

    fn qualities(calibration: &Calibration, raw: &[f32]) -> Vec<f32> {
        let found = calibration.qualities(raw).into_iter();
        found.map(Quality::get).collect()
    }

    #[test]
    fn the_identity_keeps_qualities() {
        let identity = calibration(CommonCurve::default(), vec![Calibrator::identity(); 2]);
        let found = qualities(&identity, &[0.3, 0.8]);
        assert!(
            (found[0] - 0.3).abs() < 1e-6 && (found[1] - 0.8).abs() < 1e-6,
            "{found:?}"
        );
    }

    #[test]
    fn calibration_keeps_the_order_of_prompts() {
        let flat = Calibrator {
            intercept: -0.3,
            slope: 0.6,
            ..Calibrator::identity()
        };
        let bent = CommonCurve {
            offset: 0.1,
            slope: -0.4,
            hinges: vec![(0.0, 0.5), (1.0, -0.2)],
        };
        let calibration = calibration(bent, vec![flat; 2]);
        let found: Vec<f32> = (-5..=15)
            .map(|raw| qualities(&calibration, &[raw as f32 / 10.0, raw as f32 / 10.0])[0])
            .collect();
        assert!(found.is_sorted(), "{found:?}");
    }

    #[test]
    fn a_steeper_common_curve_stretches_no_difference() {
        let steep = CommonCurve {
            slope: 1.0,
            ..CommonCurve::default()
        };
        let found = qualities(
            &calibration(steep, vec![Calibrator::identity(); 2]),
            &[0.7, 0.8],
        );
        let difference = logit(found[1]) - logit(found[0]);
        assert!((difference - (logit(0.8) - logit(0.7))).abs() < 1e-5);
        assert!(found[0] > 0.8, "{found:?}");
    }

    #[test]
    fn a_model_that_does_not_count_moves_no_other() {
        let guest = Calibrator {
            is_common: false,
            ..Calibrator::identity()
        };
        let steep = CommonCurve {
            slope: 1.0,
            ..CommonCurve::default()
        };
        let calibration = calibration(steep, vec![Calibrator::identity(), guest]);
        let first = |guest: f32| qualities(&calibration, &[0.7, guest])[0];
        assert_eq!(first(0.1), first(0.9));
    }

    #[test]
    fn hinges_turn_the_curve() {
        let curve = CommonCurve {
            offset: 0.5,
            slope: 1.0,
            hinges: vec![(1.0, -2.0)],
        };
        assert_eq!(
            [curve.at(0.0), curve.at(1.0), curve.at(3.0)],
            [0.5, 2.5, 2.5]
        );
    }
}
