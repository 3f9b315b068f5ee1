//! Evidence that a mean is below what it should be, at any time and without a fixed sample size.
//!
//! Someone bets against "the mean of the scores is at least `least`". For each of five shifts the
//! bet is the likelihood ratio of a coin with the mean `least - shift` against one with `least`,
//! extended linearly to scores between 0 and 1: its factor is never negative, and its expectation is
//! at most 1 whatever the distribution, as long as the mean is what it should be.
//!
//! Capital flows in at one per observation and is multiplied by the factor (the Shiryaev–Roberts
//! e-detector: Shin, Ramdas and Rinaldo, arXiv 2203.03532, definition 2.2), so that a change that
//! comes late is found as soon as an early one. Then `evidence - observations` is a
//! supermartingale: with a restart at every alarm, `n` observations raise at most `n / threshold`
//! false alarms in expectation. The sum runs over all detectors, however many there are, so nothing
//! has to be corrected for their number.

use serde::{Deserialize, Serialize};

/// By how much the mean may have fallen. Half of a shift is found nearly as fast as by its own bet,
/// so five cover everything from a barely intolerable one to a breakdown.
const SHIFTS: [f64; 5] = [0.05, 0.1, 0.2, 0.3, 0.45];
/// A mean of 1 leaves no room for a score below it: the odds would be infinite.
const MOST: f64 = 0.98;

/// The capital of each bet.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Bets([f64; SHIFTS.len()]);

impl Bets {
    /// The mean capital.
    pub(crate) fn evidence(&self) -> f64 {
        self.0.iter().sum::<f64>() / SHIFTS.len() as f64
    }

    /// Bets that the mean is below `least`. Both are fixed before the score is known: `least`, and
    /// `weight` in `[0, 1]`, the share of the capital that is at stake. Where nothing can be below
    /// `least`, nothing happens.
    pub(crate) fn take(&mut self, least: f64, score: f64, weight: f64) {
        let least = least.min(MOST);
        if least <= 0.0 || weight <= 0.0 {
            return;
        }
        for (capital, shift) in self.0.iter_mut().zip(SHIFTS) {
            let fall = shift.min(least);
            let factor = 1.0 + weight * fall * (least - score) / (least * (1.0 - least));
            *capital = (*capital + 1.0) * factor.max(0.0);
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// The mean evidence after so many scores, over many runs.
    fn mean_evidence(
        least: f64,
        steps: usize,
        runs: usize,
        draw: fn(&mut ChaCha8Rng) -> f64,
    ) -> f64 {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let run = |_| {
            let mut bets = Bets::default();
            (0..steps).for_each(|_| bets.take(least, draw(&mut rng), 1.0));
            bets.evidence()
        };
        (0..runs).map(run).sum::<f64>() / runs as f64
    }

    #[test]
    fn evidence_grows_by_one_an_observation_at_the_edge_of_the_null() {
        // a martingale less its observations: the mean over runs is the number of observations
        let coin = |rng: &mut ChaCha8Rng| f64::from(u8::from(rng.random_bool(0.6)));
        let mean = mean_evidence(0.6, 8, 200_000, coin);
        assert!((7.6..8.4).contains(&mean), "{mean}");
        let parts = |rng: &mut ChaCha8Rng| rng.random_range(0.4..0.8);
        let mean = mean_evidence(0.6, 20, 20_000, parts);
        assert!((19.0..21.0).contains(&mean), "{mean}");
    }

    #[test]
    fn evidence_stays_below_that_within_the_null() {
        let coin = |rng: &mut ChaCha8Rng| f64::from(u8::from(rng.random_bool(0.7)));
        let mean = mean_evidence(0.6, 50, 20_000, coin);
        assert!(mean < 25.0, "{mean}");
    }

    #[test]
    fn false_alarms_are_as_rare_as_the_threshold_says() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let (mut alarms, observations, threshold) = (0, 400_000, 200.0);
        let mut bets = Bets::default();
        for _ in 0..observations {
            // the expected mean differs from one observation to the next
            let least = rng.random_range(0.2..0.9);
            bets.take(least, f64::from(u8::from(rng.random_bool(least))), 1.0);
            if bets.evidence() >= threshold {
                alarms += 1;
                bets.clear();
            }
        }
        let most = f64::from(observations) / threshold;
        assert!(alarms > 10 && f64::from(alarms) < most, "{alarms}");
    }

    #[test]
    fn nothing_can_be_below_nothing() {
        let mut bets = Bets::default();
        (0..100).for_each(|_| bets.take(0.0, 0.0, 1.0));
        assert!(bets.evidence() < 1e-12);
    }

    #[test]
    fn no_weight_is_no_evidence_and_half_the_weight_is_less() {
        let [mut none, mut half, mut whole] = [(); 3].map(|()| Bets::default());
        for _ in 0..20 {
            none.take(0.7, 0.0, 0.0);
            half.take(0.7, 0.0, 0.5);
            whole.take(0.7, 0.0, 1.0);
        }
        assert!(none.evidence() < 1e-12);
        assert!(half.evidence() < whole.evidence());
    }
}
