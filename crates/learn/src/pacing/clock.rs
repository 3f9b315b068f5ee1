//! Time that never goes back, from a clock that may.

use serde::{Deserialize, Serialize};

/// How much time has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Clock {
    latest: Option<u64>,
    elapsed: u64,
}

impl Clock {
    pub(crate) const fn is_unset(&self) -> bool {
        self.latest.is_none()
    }

    /// Milliseconds since the first time given.
    pub(crate) const fn elapsed(&self) -> u64 {
        self.elapsed
    }

    /// What has passed since the latest time. A time before it is jitter, and nothing has passed
    /// until the clock is beyond the latest time again; counted from each lower time, jitter would
    /// make time run faster. A time before it by more than `most` is a clock that was set back, and
    /// time goes on from there.
    pub(crate) fn pass(&mut self, now: u64, most: u64) -> u64 {
        let latest = self.latest.unwrap_or(now);
        let passed = now.saturating_sub(latest);
        self.elapsed = self.elapsed.saturating_add(passed);
        let is_set_back = latest.saturating_sub(now) > most;
        self.latest = Some(if is_set_back { now } else { latest.max(now) });
        passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(times: &[u64], expected: u64) {
        let mut clock = Clock::default();
        for now in times {
            clock.pass(*now, 1000);
        }
        assert_eq!(clock.elapsed(), expected, "{times:?}");
    }

    #[test]
    fn time_passes_and_never_goes_back() {
        check(&[5, 10, 20], 15);
        check(&[100, 50, 100, 50, 110], 10);
        check(&[5000, 100, 200], 100);
    }
}
