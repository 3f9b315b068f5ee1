//! Whether predicted quality means what it says.
//!
//! Scores may be fractions, not only right or wrong; every measure below is defined for both.

use serde::{Deserialize, Serialize};

use crate::MeasureError;

/// How many bins both calibration errors use.
pub const EQUAL_BINS: usize = 15;

/// Keeps the logarithm finite for a prediction of exactly 0 or 1.
const LEAST_PROBABILITY: f64 = 1e-6;

/// Predictions of about the same value, and what came of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Mean prediction.
    pub predicted: f64,
    /// Mean score.
    pub actual: f64,
    /// How many predictions.
    pub count: usize,
}

/// How far predictions of quality are from the scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Mean prediction.
    pub mean_predicted: f64,
    /// Mean score.
    pub mean_actual: f64,
    /// Mean squared difference (Brier 1950).
    pub brier: f64,
    /// Expected calibration error over bins of equal width (Naeini et al. 2015).
    pub ece_equal_width: f64,
    /// Expected calibration error over bins that hold about as many predictions each.
    pub ece_equal_mass: f64,
    /// Mean cross-entropy, in nats; predictions are kept 10^-6 away from 0 and 1.
    pub log_loss: f64,
    /// Slope of the least-squares line of scores on predictions: 1 is right, below 1 is
    /// overconfident; `None` where all predictions are equal.
    pub slope: Option<f64>,
    /// The bins of equal width that are not empty, by rising prediction.
    pub equal_width: Vec<Bin>,
    /// The bins of equal mass that are not empty, by rising prediction.
    pub equal_mass: Vec<Bin>,
}

impl Calibration {
    /// Compares predictions with scores, entry by entry. Predictions count as 0 below 0 and as 1
    /// above 1.
    ///
    /// # Errors
    /// When the lists are empty or differ in length, or a number is not finite.
    pub fn new(
        predicted: impl IntoIterator<Item = f64>,
        actual: impl IntoIterator<Item = f64>,
    ) -> Result<Self, MeasureError> {
        let predicted: Vec<f64> = predicted.into_iter().collect();
        let actual: Vec<f64> = actual.into_iter().collect();
        let pairs = checked(&predicted, &actual)?;
        let mean = |of: &dyn Fn(f64, f64) -> f64| {
            pairs.iter().map(|(p, y)| of(*p, *y)).sum::<f64>() / pairs.len() as f64
        };
        let (equal_width, equal_mass) = (by_width(&pairs), by_mass(&pairs));
        Ok(Self {
            mean_predicted: mean(&|p, _| p),
            mean_actual: mean(&|_, y| y),
            brier: mean(&|p, y| (p - y).powi(2)),
            ece_equal_width: calibration_error(&equal_width),
            ece_equal_mass: calibration_error(&equal_mass),
            log_loss: mean(&cross_entropy),
            slope: slope(&pairs),
            equal_width,
            equal_mass,
        })
    }
}

fn checked(predicted: &[f64], actual: &[f64]) -> Result<Vec<(f64, f64)>, MeasureError> {
    if predicted.is_empty() {
        return Err(MeasureError::Empty);
    }
    if predicted.len() != actual.len() {
        return Err(MeasureError::Length {
            what: "the list of scores",
            needed: predicted.len(),
            got: actual.len(),
        });
    }
    for (column, (what, list)) in [("the prediction", predicted), ("the score", actual)]
        .into_iter()
        .enumerate()
    {
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
    let clamped = predicted.iter().map(|p| p.clamp(0.0, 1.0));
    Ok(clamped.zip(actual.iter().copied()).collect())
}

fn cross_entropy(predicted: f64, actual: f64) -> f64 {
    let p = predicted.clamp(LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY);
    -(actual * p.ln() + (1.0 - actual) * (1.0 - p).ln())
}

fn slope(pairs: &[(f64, f64)]) -> Option<f64> {
    let count = pairs.len() as f64;
    let mean_p = pairs.iter().map(|pair| pair.0).sum::<f64>() / count;
    let mean_y = pairs.iter().map(|pair| pair.1).sum::<f64>() / count;
    let spread: f64 = pairs.iter().map(|pair| (pair.0 - mean_p).powi(2)).sum();
    let shared: f64 = pairs
        .iter()
        .map(|pair| (pair.0 - mean_p) * (pair.1 - mean_y))
        .sum();
    (spread > 1e-12 * count).then(|| shared / spread)
}

fn calibration_error(bins: &[Bin]) -> f64 {
    let total: usize = bins.iter().map(|bin| bin.count).sum();
    let gap = |bin: &Bin| bin.count as f64 * (bin.predicted - bin.actual).abs();
    bins.iter().map(gap).sum::<f64>() / total as f64
}

fn by_width(pairs: &[(f64, f64)]) -> Vec<Bin> {
    let bin = |place: usize| ((pairs[place].0 * EQUAL_BINS as f64) as usize).min(EQUAL_BINS - 1);
    gather(pairs, bin)
}

/// Equal predictions share a bin, that of the middle of their ranks: otherwise the order of the
/// rows would decide which of them fall where.
fn by_mass(pairs: &[(f64, f64)]) -> Vec<Bin> {
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by(|a, b| pairs[*a].0.total_cmp(&pairs[*b].0));
    let mut bin_of = vec![0; pairs.len()];
    let mut start = 0;
    for tied in order.chunk_by(|a, b| pairs[*a].0 >= pairs[*b].0) {
        let twice_middle = 2 * start + tied.len();
        for place in tied {
            bin_of[*place] = (twice_middle * EQUAL_BINS / (2 * pairs.len())).min(EQUAL_BINS - 1);
        }
        start += tied.len();
    }
    gather(pairs, |place| bin_of[place])
}

fn gather(pairs: &[(f64, f64)], bin_of: impl Fn(usize) -> usize) -> Vec<Bin> {
    let mut sums = vec![(0.0, 0.0, 0_usize); EQUAL_BINS];
    for (place, (p, y)) in pairs.iter().enumerate() {
        let sum = &mut sums[bin_of(place)];
        *sum = (sum.0 + p, sum.1 + y, sum.2 + 1);
    }
    sums.into_iter()
        .filter(|sum| sum.2 > 0)
        .map(|(p, y, count)| Bin {
            predicted: p / count as f64,
            actual: y / count as f64,
            count,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn measures_by_hand() {
        let measured = Calibration::new([0.2, 0.2, 0.8, 0.8], [0.0, 1.0, 1.0, 1.0]).unwrap();
        // (0.04 + 0.64 + 0.04 + 0.04) / 4
        assert!((measured.brier - 0.19).abs() < 1e-12);
        // |0.2 - 0.5| / 2 + |0.8 - 1| / 2
        assert!((measured.ece_equal_width - 0.25).abs() < 1e-12);
        assert!((measured.ece_equal_mass - 0.25).abs() < 1e-12);
        let expected = -(0.8_f64.ln() + 0.2_f64.ln() + 2.0 * 0.8_f64.ln()) / 4.0;
        assert!((measured.log_loss - expected).abs() < 1e-12);
        // from (0.2, 0.5) to (0.8, 1)
        assert!((measured.slope.unwrap() - 0.5 / 0.6).abs() < 1e-12);
        assert_eq!(measured.equal_width.len(), 2);
    }

    #[test]
    fn bins_of_equal_mass_hold_about_as_many_each() {
        let predicted: Vec<f64> = (0..150).map(|i| (f64::from(i) / 149.0).powi(3)).collect();
        let measured = Calibration::new(predicted.clone(), predicted).unwrap();
        assert_eq!(measured.equal_mass.len(), EQUAL_BINS);
        assert!(measured.equal_mass.iter().all(|bin| bin.count == 10));
        assert!(measured.ece_equal_mass < 1e-12);
        assert!((measured.slope.unwrap() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_certain_prediction_that_is_wrong_has_a_finite_loss() {
        let measured = Calibration::new([1.0, 0.0], [0.0, 1.0]).unwrap();
        assert!(measured.log_loss.is_finite() && measured.log_loss > 10.0);
    }

    #[test]
    fn a_constant_prediction_has_no_slope() {
        let measured = Calibration::new([0.5; 3], [0.0, 1.0, 1.0]).unwrap();
        assert_eq!(measured.slope, None);
    }

    #[test]
    fn bad_input_is_named() {
        assert_eq!(Calibration::new([], []), Err(MeasureError::Empty));
        assert!(matches!(
            Calibration::new([0.5], [0.5, 0.5]),
            Err(MeasureError::Length { .. })
        ));
        let error = Calibration::new([0.5, 0.5], [0.5, f64::NAN]).unwrap_err();
        assert!(
            error.to_string().contains("the score of prompt 1"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn the_order_of_the_rows_does_not_matter(
            mut pairs in prop::collection::vec((0_u8..8, 0.0..1.0_f64), 2..60)
        ) {
            let measure = |pairs: &[(u8, f64)]| Calibration::new(
                pairs.iter().map(|pair| f64::from(pair.0) / 7.0),
                pairs.iter().map(|pair| pair.1),
            ).unwrap();
            let before = measure(&pairs);
            pairs.reverse();
            let after = measure(&pairs);
            prop_assert!((before.ece_equal_mass - after.ece_equal_mass).abs() < 1e-9);
            prop_assert!((before.ece_equal_width - after.ece_equal_width).abs() < 1e-9);
            prop_assert!(before.ece_equal_mass <= 1.0 && before.brier <= 1.0);
        }
    }
}
