//! How long to wait before a call is made again: longer each time, and never all at once (full jitter,
//! Brooker, "Exponential Backoff and Jitter", 2015).

use std::time::Duration;

/// How often a call is made again at the same model, and how long is waited in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Calls beyond the first.
    pub retries: u32,
    /// The most that is waited before the first retry; twice as much before each further one.
    pub base: Duration,
    /// The most that is ever waited. A back end that asks for more is given up.
    pub longest: Duration,
}

impl Default for Backoff {
    /// Two retries, 0.25 s, 8 s.
    fn default() -> Self {
        Self {
            retries: 2,
            base: Duration::from_millis(250),
            longest: Duration::from_secs(8),
        }
    }
}

impl Backoff {
    /// The wait before retry number `retry` (0 is the first), given a draw in [0, 1) and what the back
    /// end asked for with `retry-after`; `None` where it is not worth waiting.
    #[must_use]
    pub fn wait(&self, retry: u32, draw: f64, asked: Option<Duration>) -> Option<Duration> {
        if retry >= self.retries || asked.is_some_and(|asked| asked > self.longest) {
            return None;
        }
        let most = self
            .base
            .saturating_mul(1_u32.checked_shl(retry).unwrap_or(u32::MAX))
            .min(self.longest);
        Some(most.mul_f64(draw).max(asked.unwrap_or_default()))
    }
}

/// What `retry-after` or `retry-after-ms` asks for. Dates are not read: that needs a clock that agrees
/// with the back end's.
#[must_use]
pub(crate) fn asked_for(headers: &http::HeaderMap) -> Option<Duration> {
    let seconds = |name: &str, unit: f64| {
        let text = headers.get(name)?.to_str().ok()?.trim();
        let count: f64 = text.parse().ok()?;
        Duration::try_from_secs_f64(count * unit).ok()
    };
    seconds("retry-after-ms", 1e-3).or_else(|| seconds("retry-after", 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_bound() {
        let backoff = Backoff {
            retries: 64,
            ..Backoff::default()
        };
        let most = |retry| backoff.wait(retry, 1.0, None).unwrap().as_millis();
        assert_eq!([0, 1, 4, 5, 63].map(most), [250, 500, 4000, 8000, 8000]);
        assert_eq!(backoff.wait(3, 0.0, None), Some(Duration::ZERO));
    }

    #[test]
    fn what_the_back_end_asks_for_is_the_least() {
        let backoff = Backoff::default();
        let three = Some(Duration::from_secs(3));
        assert_eq!(backoff.wait(0, 0.5, three), three);
        assert_eq!(backoff.wait(0, 0.5, Some(Duration::from_secs(60))), None);
        assert_eq!(backoff.wait(2, 0.5, None), None, "two retries are enough");
    }

    #[test]
    fn both_headers_are_read() {
        let asked = |name: &'static str, value: &'static str| {
            let mut headers = http::HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            asked_for(&headers)
        };
        assert_eq!(asked("retry-after", "2"), Some(Duration::from_secs(2)));
        assert_eq!(
            asked("retry-after-ms", "1500"),
            Some(Duration::from_millis(1500))
        );
        for value in ["-1", "soon", "NaN", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            assert_eq!(asked("retry-after", value), None, "{value}");
        }
    }
}
