//! Measures for exactly two models, a strong and a weak one (RouteLLM, arXiv 2406.18665).
//!
//! A router gives each prompt a preference for the strong model; the prompts that prefer it most
//! get it. PGR is the share of the quality gap that is recovered. Every distinct preference is a
//! breakpoint here; [`crate::quantile_binned`] has RouteLLM's own ten bins.

use crate::MeasureError;

/// Two models and a router's preference between them, one entry per prompt.
#[derive(Debug, Clone, Copy)]
pub struct Preference<'a> {
    /// How much the router prefers the strong model; only the order counts.
    pub for_strong: &'a [f64],
    /// Scores of the strong model.
    pub strong: &'a [f64],
    /// Scores of the weak model.
    pub weak: &'a [f64],
}

impl Preference<'_> {
    /// Mean scores of the strong and of the weak model.
    ///
    /// # Errors
    /// When the lists differ in length or are empty, a number is not finite, or the strong model
    /// is not better than the weak one.
    pub(crate) fn check(&self) -> Result<(f64, f64), MeasureError> {
        let prompts = self.for_strong.len();
        if prompts == 0 {
            return Err(MeasureError::Empty);
        }
        let lists = [
            ("the list of preferences", self.for_strong),
            ("the list of strong scores", self.strong),
            ("the list of weak scores", self.weak),
        ];
        for (column, (what, list)) in lists.into_iter().enumerate() {
            if list.len() != prompts {
                return Err(MeasureError::Length {
                    what,
                    needed: prompts,
                    got: list.len(),
                });
            }
            if let Some(row) = list.iter().position(|value| !value.is_finite()) {
                let value = list[row];
                return Err(MeasureError::NotFinite {
                    what,
                    row,
                    column,
                    value,
                });
            }
        }
        let mean = |list: &[f64]| list.iter().sum::<f64>() / prompts as f64;
        let (strong, weak) = (mean(self.strong), mean(self.weak));
        if strong > weak {
            Ok((strong, weak))
        } else {
            Err(MeasureError::NoGap { strong, weak })
        }
    }
}

/// The share of the gap recovered at each share of strong calls, from (0, 0) to (1, 1).
#[derive(Debug, Clone, PartialEq)]
pub struct TwoModelCurve {
    /// `(share of strong calls, PGR)`, by rising share.
    points: Vec<(f64, f64)>,
}

impl TwoModelCurve {
    /// The curve with every breakpoint; prompts of equal preference switch together.
    ///
    /// # Errors
    /// When the lists differ in length or are empty, a number is not finite, or the strong model
    /// is not better than the weak one.
    pub fn new(preference: Preference<'_>) -> Result<Self, MeasureError> {
        let (strong, weak) = preference.check()?;
        let of = |prompt: usize| preference.for_strong[prompt];
        let prompts = preference.for_strong.len();
        let mut order: Vec<usize> = (0..prompts).collect();
        order.sort_by(|a, b| of(*b).total_cmp(&of(*a)));
        let per_prompt = 1.0 / (prompts as f64 * (strong - weak));
        let mut points = vec![(0.0, 0.0)];
        let mut recovered = 0.0;
        for (rank, prompt) in order.iter().copied().enumerate() {
            recovered += (preference.strong[prompt] - preference.weak[prompt]) * per_prompt;
            let tied = order
                .get(rank + 1)
                .is_some_and(|next| of(*next) >= of(prompt));
            if !tied {
                points.push(((rank + 1) as f64 / prompts as f64, recovered));
            }
        }
        Ok(Self { points })
    }

    /// `(share of strong calls, PGR)`, by rising share.
    #[must_use]
    pub fn points(&self) -> &[(f64, f64)] {
        &self.points
    }

    /// The mean PGR over all shares of strong calls, by the trapezoid rule. Random routing has 0.5.
    #[must_use]
    pub fn apgr(&self) -> f64 {
        trapezoid(&self.points)
    }

    /// The smallest share of strong calls at which this share of the gap is recovered, by first
    /// crossing: later dips below it do not matter.
    #[must_use]
    pub fn share_to_recover(&self, pgr: f64) -> f64 {
        let crossing = self
            .points
            .windows(2)
            .find(|pair| pair[1].1 >= pgr && pair[1].1 > pair[0].1);
        match crossing {
            _ if pgr <= 0.0 => 0.0,
            Some(&[(from, low), (to, high)]) => {
                from + (to - from) * ((pgr - low) / (high - low)).max(0.0)
            }
            _ => 1.0,
        }
    }
}

/// The area under a line through these points.
pub(crate) fn trapezoid(points: &[(f64, f64)]) -> f64 {
    points
        .windows(2)
        .map(|pair| (pair[1].0 - pair[0].0) * (pair[0].1 + pair[1].1) / 2.0)
        .sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn curve(for_strong: &[f64], strong: &[f64], weak: &[f64]) -> TwoModelCurve {
        TwoModelCurve::new(Preference {
            for_strong,
            strong,
            weak,
        })
        .unwrap()
    }

    #[test]
    fn a_curve_by_hand() {
        // gains 1, 0, -1, 1, 1 in order of preference; gap 2 / 5
        let curve = curve(
            &[0.9, 0.8, 0.7, 0.6, 0.5],
            &[1.0, 1.0, 0.0, 1.0, 1.0],
            &[0.0, 1.0, 1.0, 0.0, 0.0],
        );
        let pgr: Vec<f64> = curve.points().iter().map(|point| point.1).collect();
        for (pgr, expected) in pgr.iter().zip([0.0, 0.5, 0.5, 0.0, 0.5, 1.0]) {
            assert!((pgr - expected).abs() < 1e-12);
        }
        // (0.25 + 0.5 + 0.25 + 0.25 + 0.75) / 5
        assert!((curve.apgr() - 0.4).abs() < 1e-12);
        assert!((curve.share_to_recover(0.5) - 0.2).abs() < 1e-12);
        assert!((curve.share_to_recover(0.25) - 0.1).abs() < 1e-12);
        assert!((curve.share_to_recover(0.75) - 0.9).abs() < 1e-12);
    }

    #[test]
    fn equal_preferences_are_a_straight_line() {
        let curve = curve(&[0.5; 4], &[1.0, 1.0, 0.0, 1.0], &[0.0, 1.0, 0.0, 0.0]);
        assert_eq!(curve.points().len(), 2);
        assert!((curve.apgr() - 0.5).abs() < 1e-12);
        assert!((curve.share_to_recover(0.8) - 0.8).abs() < 1e-12);
    }

    #[test]
    fn bad_input_is_named() {
        let (two, one) = ([0.5, 0.6], [0.5]);
        let check = |for_strong, strong, weak| {
            TwoModelCurve::new(Preference {
                for_strong,
                strong,
                weak,
            })
            .unwrap_err()
        };
        assert!(matches!(
            check(&two, &one, &two),
            MeasureError::Length { .. }
        ));
        assert!(matches!(
            check(&two, &two, &two),
            MeasureError::NoGap { .. }
        ));
        assert_eq!(check(&[], &[], &[]), MeasureError::Empty);
        assert!(matches!(
            check(&[0.5, f64::NAN], &two, &two),
            MeasureError::NotFinite { row: 1, .. }
        ));
    }

    proptest! {
        #[test]
        fn the_true_gain_is_the_best_preference(
            cells in prop::collection::vec((0.0..1.0_f64, 0.0..1.0_f64, 0.0..1.0_f64), 2..40)
        ) {
            let strong: Vec<f64> = cells.iter().map(|cell| 1.0 + cell.0).collect();
            let weak: Vec<f64> = cells.iter().map(|cell| 1.5 * cell.1).collect();
            let noise: Vec<f64> = cells.iter().map(|cell| cell.2).collect();
            let gain: Vec<f64> = strong.iter().zip(&weak).map(|(s, w)| s - w).collect();
            prop_assume!(gain.iter().sum::<f64>() > 1e-6);
            let (best, other) = (curve(&gain, &strong, &weak), curve(&noise, &strong, &weak));
            prop_assert!(best.apgr() >= other.apgr() - 1e-9);
            prop_assert!(best.share_to_recover(0.5) <= other.share_to_recover(0.5) + 1e-9);
        }
    }
}
