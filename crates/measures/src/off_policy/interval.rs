//! From a value to an interval around it.
//!
//! Which method is the default was decided by measured coverage (`benches/off_policy.rs`).

use serde::{Deserialize, Serialize};

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::ratios::{Ratios, Shape, Spread};
use crate::Bootstrap;

/// A resample with hardly any spread of its own says nothing of how far off the value is; it counts
/// as this many standard errors off.
const FARTHEST: f64 = 100.0;

/// How an interval is made.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntervalMethod {
    /// Quantiles of `(value* - value) / standard error*` over resamples, turned around (bootstrap-t;
    /// Efron and Tibshirani, chapter 12.5): it follows the skewness that large weights bring. Where few groups make the
    /// standard error it is widened as Student's distribution is.
    #[default]
    Studentised,
    /// The same without resamples: the skewness is taken out by a cubic (Hall 1992, On the removal of
    /// skewness by transformation, J. R. Statist. Soc. B 54), so far tails of long logs cost nothing.
    Transformed,
    /// Quantiles of the value over resamples.
    Percentile,
    /// Empirical Bernstein (Maurer and Pontil 2009, arXiv 0907.3740, theorem 4), on the linear part of
    /// the estimator. Holds for any number of decisions if the largest weight that the logging policy
    /// allows and the largest reward are known; wide.
    EmpiricalBernstein {
        /// The largest weight, seen or not: one over the least propensity.
        largest_weight: f64,
        /// The width of the range of rewards.
        reward_range: f64,
    },
}

/// A value with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The standard error.
    pub standard_error: f64,
}

/// What is known of a value's error: enough for an interval or a bound at any confidence.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ErrorOf {
    pub(super) spread: Spread,
    method: IntervalMethod,
    /// Studentised or plain values of the resamples, sorted.
    resampled: Vec<f64>,
    groups: f64,
    largest_group: f64,
    shape: Shape,
}

impl ErrorOf {
    /// The errors of several estimators on the same resamples of their groups.
    pub(super) fn of<const N: usize>(
        estimators: &[Ratios; N],
        method: IntervalMethod,
        bootstrap: &Bootstrap,
    ) -> [Self; N] {
        let once = vec![1.0; bootstrap.groups()];
        let values = estimators.each_ref().map(|one| one.spread(&once));
        let replicates = match method {
            IntervalMethod::EmpiricalBernstein { .. } | IntervalMethod::Transformed => Vec::new(),
            _ => bootstrap.each(|counts| {
                let each = estimators.each_ref().map(|one| one.spread(counts.each()));
                std::array::from_fn::<f64, N, _>(|at| figure(method, each[at], values[at]))
            }),
        };
        std::array::from_fn(|at| {
            let mut resampled: Vec<f64> = replicates.iter().map(|each| each[at]).collect();
            resampled.sort_unstable_by(f64::total_cmp);
            Self {
                spread: values[at],
                method,
                resampled,
                groups: bootstrap.groups() as f64,
                largest_group: estimators[at].largest_group(),
                shape: estimators[at].shape(),
            }
        })
    }

    /// What the true value is below with this probability only.
    pub(super) fn lower(&self, probability: f64) -> f64 {
        let Spread {
            value,
            standard_error,
        } = self.spread;
        match self.method {
            IntervalMethod::Studentised => {
                let off = quantile(&self.resampled, 1.0 - probability);
                value - standard_error * off * self.widening(probability)
            }
            IntervalMethod::Transformed => {
                let off = transformed(self.shape.skewness, 1.0 - probability);
                value - standard_error * off * self.widening(probability)
            }
            IntervalMethod::Percentile => quantile(&self.resampled, probability),
            IntervalMethod::EmpiricalBernstein { .. } => value - self.bernstein(probability),
        }
    }

    /// What the true value is above with this probability only.
    pub(super) fn upper(&self, probability: f64) -> f64 {
        match self.method {
            IntervalMethod::EmpiricalBernstein { .. } => {
                self.spread.value + self.bernstein(probability)
            }
            _ => self.lower(1.0 - probability),
        }
    }

    /// The interval that covers the true value with this confidence.
    pub(super) fn estimate(&self, confidence: f64) -> Estimate {
        let beyond = (1.0 - confidence) / 2.0;
        Estimate {
            value: self.spread.value,
            low: self.lower(beyond),
            high: self.upper(beyond),
            standard_error: self.spread.standard_error,
        }
    }

    /// By how much a quantile of Student's distribution is farther out than the normal one. Resamples
    /// of a few heavy groups never hold those that the log happens to lack, so they alone are too
    /// sure of the standard error.
    fn widening(&self, probability: f64) -> f64 {
        if (probability - 0.5).abs() < 1e-3 {
            return 1.0;
        }
        let of = "0, 1 and at least one degree of freedom make a distribution";
        let student = StudentsT::new(0.0, 1.0, self.shape.freedom).expect(of);
        student.inverse_cdf(probability) / Normal::standard().inverse_cdf(probability)
    }

    fn bernstein(&self, probability: f64) -> f64 {
        let IntervalMethod::EmpiricalBernstein {
            largest_weight,
            reward_range,
        } = self.method
        else {
            return 0.0;
        };
        let log = (2.0 / probability).ln();
        let range = largest_weight * reward_range * self.largest_group.max(1.0);
        self.spread.standard_error * (2.0 * log).sqrt()
            + 7.0 * range * log / (3.0 * (self.groups - 1.0).max(1.0))
    }
}

/// A quantile of the studentised value of a sum of this skewness: where the cubic that takes the
/// skewness out reaches the quantile of the normal distribution.
fn transformed(skewness: f64, probability: f64) -> f64 {
    let normal = Normal::standard().inverse_cdf(probability);
    if skewness.abs() < 1e-6 {
        return normal;
    }
    let cube = 1.0 + skewness * (normal - skewness / 6.0);
    3.0 / skewness * (cube.cbrt() - 1.0)
}

/// What is kept of one resample.
fn figure(method: IntervalMethod, resampled: Spread, all: Spread) -> f64 {
    if method == IntervalMethod::Percentile {
        return resampled.value;
    }
    let off = resampled.value - all.value;
    let least = (off.abs() / FARTHEST).max(f64::MIN_POSITIVE);
    off / resampled.standard_error.max(least)
}

/// Linear interpolation between order statistics; 0 where there are none.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (
        sorted[place.floor() as usize],
        sorted[place.ceil() as usize],
    );
    low + (high - low) * (place - place.floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_skewness_the_quantiles_are_normal() {
        for probability in [0.01, 0.5, 0.9] {
            let exact = Normal::standard().inverse_cdf(probability);
            assert!((transformed(1e-5, probability) - exact).abs() < 1e-3);
        }
    }

    #[test]
    fn the_cubic_is_undone() {
        for skewness in [-0.5, -0.1, 0.2, 0.6] {
            let t = transformed(skewness, 0.98);
            let back = t + skewness * t * t / 3.0 + skewness * skewness * t.powi(3) / 27.0;
            let normal = Normal::standard().inverse_cdf(0.98);
            assert!((back + skewness / 6.0 - normal).abs() < 1e-9, "{skewness}");
        }
    }

    #[test]
    fn heavy_tails_above_let_the_value_be_far_below_the_truth() {
        // The mean of values with rare large ones is mostly too low, so the upper bound is far off.
        assert!(transformed(0.4, 0.02) < -transformed(0.4, 0.98));
    }
}
