//! The population stability index: how far the shares of some bins are from those of a reference.

use serde::{Deserialize, Serialize};

use super::null::chi_square_quantile;

const TENTHS: usize = 10;
/// Added to each count, so that an empty bin is not infinitely far away.
const SMOOTHING: f64 = 0.5;

/// Bins with the counts of a reference, and those of the window that is being filled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bins {
    reference: Vec<u32>,
    window: Vec<u32>,
}

impl Bins {
    /// `places` are the bins of the reference's requests.
    pub(crate) fn new(bins: usize, places: impl Iterator<Item = usize>) -> Self {
        let mut reference = vec![0; bins];
        places.for_each(|place| reference[place] += 1);
        Self {
            window: vec![0; bins],
            reference,
        }
    }

    pub(crate) fn add(&mut self, bin: usize) {
        self.window[bin] += 1;
    }

    pub(crate) fn clear(&mut self) {
        self.window.fill(0);
    }

    /// The sum over the bins of `(p - q) ln(p / q)`.
    pub(crate) fn index(&self) -> f64 {
        let (window, reference) = (shares(&self.window), shares(&self.reference));
        let terms = window.zip(reference).map(|(p, q)| (p - q) * (p / q).ln());
        terms.sum()
    }

    /// What the index exceeds with this probability where nothing has changed: it is then about
    /// `(1/n + 1/m)` times a chi-square variable, of one degree of freedom fewer than there are bins
    /// (Yurdakul and Naranjo, 2020). Infinite where there is but one bin.
    pub(crate) fn threshold(&self, probability: f64) -> f64 {
        let size = |counts: &[u32]| counts.iter().map(|count| f64::from(*count)).sum::<f64>();
        let noise = 1.0 / size(&self.window) + 1.0 / size(&self.reference);
        match self.reference.len() {
            0 | 1 => f64::INFINITY,
            bins => noise * chi_square_quantile(bins as f64 - 1.0, probability),
        }
    }
}

fn shares(counts: &[u32]) -> impl Iterator<Item = f64> {
    let smoothed = |count: &u32| f64::from(*count) + SMOOTHING;
    let whole: f64 = counts.iter().map(smoothed).sum();
    counts.iter().map(move |count| smoothed(count) / whole)
}

/// The tenths of a sample: what lies in which bin. Values that occur often make fewer bins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tenths {
    /// The greatest value of each bin but the last.
    edges: Vec<f32>,
}

impl Tenths {
    pub(crate) fn of(mut values: Vec<f32>) -> Self {
        values.sort_by(f32::total_cmp);
        let edge = |tenth: usize| values[(values.len() * tenth / TENTHS).max(1) - 1];
        let mut edges: Vec<f32> = (1..TENTHS).map(edge).collect();
        edges.dedup();
        // nothing lies beyond the greatest value
        edges.retain(|edge| values.last().is_some_and(|most| edge < most));
        Self { edges }
    }

    pub(crate) fn bins(&self) -> usize {
        self.edges.len() + 1
    }

    pub(crate) fn bin(&self, value: f32) -> usize {
        self.edges.partition_point(|edge| *edge < value)
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn sample(rng: &mut ChaCha8Rng, size: usize) -> Vec<f32> {
        (0..size).map(|_| rng.random_range(0.0..1.0)).collect()
    }

    #[test]
    fn tenths_hold_a_tenth_each_and_ties_share_a_bin() {
        let tenths = Tenths::of((0..100_u8).map(f32::from).collect());
        assert_eq!(tenths.bins(), 10);
        assert_eq!(
            [0.0, 9.0, 10.0, 99.0, 500.0].map(|at| tenths.bin(at)),
            [0, 0, 1, 9, 9]
        );
        assert_eq!(Tenths::of(vec![0.5; 100]).bins(), 1);
        assert_eq!(
            Tenths::of([vec![0.0; 50], vec![1.0; 50]].concat()).bins(),
            2
        );
    }

    #[test]
    fn the_index_is_significant_by_chance_as_often_as_it_says() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let significant = (0..1000).filter(|_| {
            let reference = sample(&mut rng, 1000);
            let tenths = Tenths::of(reference.clone());
            let places = reference.iter().map(|value| tenths.bin(*value));
            let mut bins = Bins::new(tenths.bins(), places);
            for value in sample(&mut rng, 300) {
                bins.add(tenths.bin(value));
            }
            bins.index() > bins.threshold(0.02)
        });
        let count = significant.count();
        assert!((8..35).contains(&count), "{count} of 1000 at 0.02");
    }

    #[test]
    fn one_bin_is_never_significant() {
        let mut bins = Bins::new(1, vec![0; 100].into_iter());
        bins.add(0);
        assert!(bins.index() < bins.threshold(0.1));
    }
}
