//! Means of what came in since some time, with their errors.

use serde::{Deserialize, Serialize};

/// A weighted mean and its spread.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Moments {
    count: u64,
    weight: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    pub(crate) fn add(&mut self, value: f64, weight: f64) {
        self.count += 1;
        self.weight += weight;
        self.sum += weight * value;
        self.squares += weight * value * value;
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// 0 of nothing.
    pub(crate) fn mean(&self) -> f64 {
        match self.weight > 0.0 {
            true => self.sum / self.weight,
            false => 0.0,
        }
    }

    /// Of the mean, taking weights below 1 for parts of an observation; 1 of fewer than two.
    pub(crate) fn standard_error(&self) -> f64 {
        if self.weight <= 1.0 {
            return 1.0;
        }
        let variance = (self.squares / self.weight - self.mean() * self.mean()).max(0.0);
        (variance / (self.weight - 1.0)).sqrt()
    }
}

/// What came in since the last time that nothing pointed to a change: Page's estimate of when a
/// change began, which is good enough to say how large it is.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Run {
    climb: f64,
    since: Moments,
}

impl Run {
    /// `pull` is positive where the value points to a change.
    pub(crate) fn add(&mut self, pull: f64, value: f64, weight: f64) {
        self.climb = (self.climb + weight * pull).max(0.0);
        match self.climb > 0.0 {
            true => self.since.add(value, weight),
            false => self.since = Moments::default(),
        }
    }

    pub(crate) const fn since(&self) -> &Moments {
        &self.since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_and_its_error_by_hand() {
        let mut moments = Moments::default();
        [1.0, 2.0, 3.0]
            .iter()
            .for_each(|value| moments.add(*value, 1.0));
        assert!((moments.mean() - 2.0).abs() < 1e-12);
        assert!((moments.standard_error() - (1.0_f64 / 3.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn a_run_begins_where_the_values_turn() {
        let mut run = Run::default();
        (0..10).for_each(|_| run.add(-1.0, 5.0, 1.0));
        (0..4).for_each(|_| run.add(1.0, 7.0, 1.0));
        assert_eq!(run.since().count(), 4);
        assert!((run.since().mean() - 7.0).abs() < 1e-12);
    }
}
