//! Intervals by resampling prompts with replacement.
//!
//! A resample is a weight per prompt (how often it was drawn), so nothing is copied or sorted
//! again. Two statistics computed on the same weights are paired. Where prompts come in groups,
//! whole groups are drawn. The paper: Efron and Tibshirani, An Introduction to the Bootstrap,
//! chapter 13 (percentile intervals).

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How often each prompt counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    each: Vec<f64>,
    total: f64,
}

impl Weights {
    /// Every prompt counts once.
    #[must_use]
    pub fn even(prompts: usize) -> Self {
        Self::new(vec![1.0; prompts])
    }

    /// One weight for each prompt.
    ///
    /// # Panics
    /// When the weights do not add up to a finite number greater than 0.
    #[must_use]
    pub fn new(each: Vec<f64>) -> Self {
        let total = each.iter().sum();
        assert!(
            total > 0.0 && f64::is_finite(total),
            "weights add up to {total}, which is no positive number"
        );
        Self { each, total }
    }

    /// One weight for each prompt.
    #[must_use]
    pub fn each(&self) -> &[f64] {
        &self.each
    }

    /// Their sum.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.total
    }

    /// The weighted mean of one value for each prompt.
    ///
    /// # Panics
    /// When there is not one value for each prompt.
    #[must_use]
    pub fn mean(&self, values: &[f64]) -> f64 {
        assert_eq!(values.len(), self.each.len(), "one value for each prompt");
        let sum: f64 = self.each.iter().zip(values).map(|(w, v)| w * v).sum();
        sum / self.total
    }
}

/// How to resample: the same settings give the same resamples on every machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Bootstrap {
    replicates: usize,
    seed: u64,
    /// The group of each prompt, numbered from 0 without gaps.
    group_of: Vec<usize>,
    groups: usize,
}

impl Bootstrap {
    /// Draws single prompts.
    #[must_use]
    pub fn over_prompts(prompts: usize, replicates: usize, seed: u64) -> Self {
        Self {
            replicates,
            seed,
            group_of: (0..prompts).collect(),
            groups: prompts,
        }
    }

    /// Draws whole groups; prompts with the same label are one group.
    #[must_use]
    pub fn over_groups<L: Ord>(labels: &[L], replicates: usize, seed: u64) -> Self {
        let mut distinct: Vec<&L> = labels.iter().collect();
        distinct.sort();
        distinct.dedup();
        let number = |label: &L| distinct.partition_point(|other| *other < label);
        Self {
            replicates,
            seed,
            group_of: labels.iter().map(number).collect(),
            groups: distinct.len(),
        }
    }

    /// How many resamples.
    #[must_use]
    pub fn replicates(&self) -> usize {
        self.replicates
    }

    /// How many groups are drawn from; the number of prompts where single prompts are drawn.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The weights of one resample. Each has its own random stream, so the order of work and the
    /// number of threads change nothing.
    ///
    /// # Panics
    /// When there is no prompt.
    #[must_use]
    pub fn resample(&self, replicate: usize) -> Weights {
        assert!(self.groups > 0, "a bootstrap needs at least one prompt");
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(replicate as u64);
        let mut drawn = vec![0_u32; self.groups];
        for _ in 0..self.groups {
            drawn[rng.random_range(0..self.groups)] += 1;
        }
        Weights::new(
            self.group_of
                .iter()
                .map(|group| f64::from(drawn[*group]))
                .collect(),
        )
    }

    /// A statistic on every resample, in order; resamples run in parallel.
    pub fn each<T: Send>(&self, statistic: impl Fn(&Weights) -> T + Sync) -> Vec<T> {
        (0..self.replicates)
            .into_par_iter()
            .map(|replicate| statistic(&self.resample(replicate)))
            .collect()
    }
}

/// A figure with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The figure on all prompts; `None` where it does not exist.
    pub estimate: Option<f64>,
    /// The lower end; `None` when the figure did not exist in more than one resample of 40.
    pub low: Option<f64>,
    /// The upper end; `None` when the figure did not exist in nearly all resamples.
    pub high: Option<f64>,
}

impl Interval {
    /// The percentile interval. A replicate without a value counts as lower than all others: it
    /// stands for a gain that was not reached.
    #[must_use]
    pub fn percentile(estimate: Option<f64>, replicates: &[Option<f64>]) -> Self {
        let mut sorted: Vec<f64> = replicates
            .iter()
            .map(|value| value.unwrap_or(f64::NEG_INFINITY))
            .collect();
        sorted.sort_unstable_by(f64::total_cmp);
        Self {
            estimate,
            low: quantile(&sorted, 0.025),
            high: quantile(&sorted, 0.975),
        }
    }

    /// The percentile interval of a figure that always exists.
    #[must_use]
    pub fn of(estimate: f64, replicates: &[f64]) -> Self {
        let replicates: Vec<Option<f64>> = replicates.iter().copied().map(Some).collect();
        Self::percentile(Some(estimate), &replicates)
    }

    /// Whether the interval reaches over this value.
    #[must_use]
    pub fn covers(&self, value: f64) -> bool {
        self.low.is_none_or(|low| low <= value) && self.high.is_none_or(|high| value <= high)
    }
}

/// Linear interpolation between order statistics; `None` where it would touch minus infinity.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    let (low, high) = (
        sorted[place.floor() as usize],
        sorted[place.ceil() as usize],
    );
    low.is_finite()
        .then(|| low + (high - low) * (place - place.floor()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resample_draws_as_many_prompts_as_there_are() {
        let bootstrap = Bootstrap::over_prompts(50, 3, 1);
        let weights = bootstrap.each(Weights::clone);
        assert!(weights.iter().all(|w| (w.total() - 50.0).abs() < 1e-9));
        assert_ne!(weights[0], weights[1]);
        assert_eq!(weights, bootstrap.each(Weights::clone));
        assert_ne!(
            weights[0],
            Bootstrap::over_prompts(50, 3, 2).resample(0),
            "the seed must matter"
        );
    }

    #[test]
    fn prompts_of_a_group_are_drawn_together() {
        let bootstrap = Bootstrap::over_groups(&["b", "a", "b", "c", "a"], 20, 0);
        assert_eq!(bootstrap.groups(), 3);
        let mut seen_absent = false;
        for weights in bootstrap.each(Weights::clone) {
            let each = weights.each();
            assert!((each[0] - each[2]).abs() < 1e-9 && (each[1] - each[4]).abs() < 1e-9);
            assert!((each[0] + each[1] + each[3] - 3.0).abs() < 1e-9);
            seen_absent |= each[0] < 0.5;
        }
        assert!(seen_absent);
    }

    #[test]
    fn intervals_cover_the_truth_about_as_often_as_they_say() {
        let mut covered = 0;
        for seed in 0..200 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let sample: Vec<f64> = (0..60).map(|_| rng.random_range(0.0..1.0)).collect();
            let means = Bootstrap::over_prompts(60, 200, seed).each(|w| w.mean(&sample));
            let estimate = Weights::even(60).mean(&sample);
            covered += usize::from(Interval::of(estimate, &means).covers(0.5));
        }
        assert!((180..=198).contains(&covered), "covered {covered} of 200");
    }

    #[test]
    fn a_figure_missing_in_many_resamples_has_no_lower_end() {
        let mut replicates: Vec<Option<f64>> = (0..96).map(|i| Some(f64::from(i))).collect();
        replicates.extend([None; 4]);
        let interval = Interval::percentile(Some(50.0), &replicates);
        assert_eq!(interval.low, None);
        assert!(
            interval
                .high
                .is_some_and(|high| (90.0..95.0).contains(&high))
        );
    }
}
