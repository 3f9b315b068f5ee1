//! How slow a back end is now: an average that jumps up with a peak and forgets it slowly (peak EWMA,
//! as in Finagle's load balancer).

use std::time::{Duration, Instant};

/// A back end's latency.
#[derive(Debug, Clone, Copy)]
pub struct Latency {
    /// Seconds.
    value: f64,
    measured: Option<Instant>,
}

/// After so long a measurement counts 1/e.
const MEMORY: Duration = Duration::from_secs(10);
/// What is assumed of a back end before anything was measured, in seconds: little, so that it is tried.
const UNKNOWN: f64 = 0.001;

impl Latency {
    /// Nothing measured yet.
    #[must_use]
    pub const fn unknown() -> Self {
        Self {
            value: UNKNOWN,
            measured: None,
        }
    }

    /// Counts a call that took so long to its first byte.
    pub fn measure(&mut self, took: Duration, now: Instant) {
        let took = took.as_secs_f64();
        self.value = match self.measured {
            Some(last) if took < self.value => {
                let passed = now.saturating_duration_since(last).as_secs_f64();
                let left = (-passed / MEMORY.as_secs_f64()).exp();
                self.value * left + took * (1.0 - left)
            }
            _ => took,
        };
        self.measured = Some(now);
    }

    /// In seconds.
    #[must_use]
    pub const fn seconds(&self) -> f64 {
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn a_peak_counts_at_once_and_fades() {
        let now = Instant::now();
        let mut latency = Latency::unknown();
        latency.measure(millis(100), now);
        latency.measure(millis(900), now);
        assert!((latency.seconds() - 0.9).abs() < 1e-9);
        latency.measure(millis(100), now + MEMORY);
        let expected = 0.1 + 0.8 * (-1.0_f64).exp();
        assert!((latency.seconds() - expected).abs() < 1e-9);
    }

    #[test]
    fn the_first_measurement_replaces_the_guess() {
        let mut latency = Latency::unknown();
        latency.measure(Duration::ZERO, Instant::now());
        assert!(latency.seconds().abs() < 1e-9);
    }
}
