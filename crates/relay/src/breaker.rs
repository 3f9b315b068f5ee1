//! A circuit breaker: a back end that fails gets no traffic for a while, then a single call decides.
//!
//! Passive: only real calls are counted, none is made to find out. The clock is the caller's.

use std::time::{Duration, Instant};

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakerSettings {
    /// So many failures in a row open it.
    pub consecutive: u32,
    /// So large a share of failures among recent calls opens it, in (0, 1].
    pub rate: f64,
    /// The share counts from so many recent calls on.
    pub least_calls: f64,
    /// After so long a call counts half.
    pub half_life: Duration,
    /// How long it stays open at first; twice as long after every failed probe.
    pub open: Duration,
    /// How long it stays open at most.
    pub longest_open: Duration,
}

impl Default for BreakerSettings {
    /// Five in a row, or half of at least ten within about half a minute; 10 s, at most 2 minutes.
    fn default() -> Self {
        Self {
            consecutive: 5,
            rate: 0.5,
            least_calls: 10.0,
            half_life: Duration::from_secs(15),
            open: Duration::from_secs(10),
            longest_open: Duration::from_secs(120),
        }
    }
}

/// Whether a back end gets calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// It gets calls.
    Closed,
    /// It gets none.
    Open,
    /// One call is on its way to find out.
    Probing,
}

/// The breaker of one back end.
#[derive(Debug, Clone)]
pub struct Breaker {
    settings: BreakerSettings,
    in_a_row: u32,
    /// Recent calls and failures, older ones counting less.
    calls: f64,
    failures: f64,
    counted: Instant,
    opened: Option<Opened>,
}

#[derive(Debug, Clone, Copy)]
struct Opened {
    until: Instant,
    lasts: Duration,
    /// Until when the probe on its way is waited for.
    probe: Option<Instant>,
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(settings: BreakerSettings, now: Instant) -> Self {
        Self {
            settings,
            in_a_row: 0,
            calls: 0.0,
            failures: 0.0,
            counted: now,
            opened: None,
        }
    }

    /// Its state.
    #[must_use]
    pub fn state(&self, now: Instant) -> BreakerState {
        match self.opened {
            None => BreakerState::Closed,
            Some(opened) if opened.probe.is_some_and(|until| now < until) => BreakerState::Probing,
            Some(_) => BreakerState::Open,
        }
    }

    /// Whether a call may be made now; changes nothing.
    #[must_use]
    pub fn allows(&self, now: Instant) -> bool {
        self.opened.is_none_or(|opened| {
            now >= opened.until && opened.probe.is_none_or(|until| now >= until)
        })
    }

    /// A call is made. Of an open breaker it is the probe; if nothing comes of it, the next probe may
    /// go after the time that the breaker was open.
    pub fn begin(&mut self, now: Instant) {
        if let Some(opened) = &mut self.opened {
            opened.probe = Some(now + opened.lasts);
        }
    }

    /// A call succeeded.
    pub fn succeed(&mut self, now: Instant) {
        self.fade(now);
        self.calls += 1.0;
        self.in_a_row = 0;
        if self.opened.take().is_some() {
            (self.calls, self.failures) = (0.0, 0.0);
        }
    }

    /// A call failed by the back end's fault.
    pub fn fail(&mut self, now: Instant) {
        self.fade(now);
        self.calls += 1.0;
        self.failures += 1.0;
        self.in_a_row = self.in_a_row.saturating_add(1);
        let lasts = match self.opened {
            // Of calls that were on their way when it opened nothing new is learnt.
            Some(Opened { probe: None, .. }) => return,
            Some(opened) => (opened.lasts * 2).min(self.settings.longest_open),
            None if self.is_failing() => self.settings.open,
            None => return,
        };
        self.opened = Some(Opened {
            until: now + lasts,
            lasts,
            probe: None,
        });
    }

    /// The caller went away before anything was known.
    pub fn abandon(&mut self) {
        if let Some(opened) = &mut self.opened {
            opened.probe = None;
        }
    }

    fn is_failing(&self) -> bool {
        let settings = &self.settings;
        let is_often =
            self.calls >= settings.least_calls && self.failures >= settings.rate * self.calls;
        self.in_a_row >= settings.consecutive || is_often
    }

    fn fade(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.counted);
        let left = 0.5_f64.powf(passed.as_secs_f64() / self.settings.half_life.as_secs_f64());
        (self.calls, self.failures) = (self.calls * left, self.failures * left);
        self.counted = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn breaker() -> (Breaker, Instant) {
        let now = Instant::now();
        (Breaker::new(BreakerSettings::default(), now), now)
    }

    fn opened() -> (Breaker, Instant) {
        let (mut breaker, now) = breaker();
        (0..5).for_each(|_| breaker.fail(now));
        (breaker, now)
    }

    #[test]
    fn failures_in_a_row_open_it() {
        let (mut breaker, now) = breaker();
        (0..4).for_each(|_| breaker.fail(now));
        assert!(breaker.allows(now));
        breaker.fail(now);
        assert!(!breaker.allows(now));
        assert_eq!(breaker.state(now), BreakerState::Open);
    }

    #[test]
    fn a_success_between_starts_the_count_anew() {
        let (mut breaker, now) = breaker();
        for _ in 0..4 {
            breaker.fail(now);
        }
        breaker.succeed(now);
        (0..3).for_each(|_| breaker.fail(now));
        assert!(breaker.allows(now));
    }

    #[test]
    fn half_of_many_calls_open_it() {
        let (mut breaker, now) = breaker();
        for _ in 0..4 {
            breaker.succeed(now);
            breaker.fail(now);
        }
        assert!(breaker.allows(now), "eight calls are too few to tell");
        breaker.succeed(now);
        breaker.fail(now);
        assert!(!breaker.allows(now));
    }

    #[test]
    fn old_failures_are_forgotten() {
        let (mut breaker, now) = breaker();
        for second in 0..200 {
            let now = now + SECOND * 20 * second;
            breaker.fail(now);
            breaker.succeed(now);
        }
        assert!(breaker.allows(now + SECOND * 4000));
    }

    #[test]
    fn one_probe_goes_after_a_while() {
        let (mut breaker, now) = opened();
        assert!(!breaker.allows(now + SECOND * 9));
        let later = now + SECOND * 10;
        assert!(breaker.allows(later));
        breaker.begin(later);
        assert_eq!(breaker.state(later), BreakerState::Probing);
        assert!(!breaker.allows(later), "one is on its way");
        breaker.succeed(later);
        assert!(breaker.allows(later));
        assert_eq!(breaker.state(later), BreakerState::Closed);
    }

    #[test]
    fn a_failed_probe_doubles_the_wait_up_to_a_bound() {
        let (mut breaker, mut now) = opened();
        for wait in [10, 20, 40, 80, 120, 120] {
            assert!(!breaker.allows(now + SECOND * (wait - 1)), "{wait}");
            now += SECOND * wait;
            assert!(breaker.allows(now), "{wait}");
            breaker.begin(now);
            breaker.fail(now);
        }
    }

    #[test]
    fn a_lost_probe_does_not_close_the_door_for_good() {
        let (mut breaker, now) = opened();
        let later = now + SECOND * 10;
        breaker.begin(later);
        assert!(breaker.allows(later + SECOND * 10), "no answer ever came");
        breaker.begin(later + SECOND * 10);
        breaker.abandon();
        assert!(breaker.allows(later + SECOND * 10), "the caller went away");
    }

    #[test]
    fn late_failures_of_earlier_calls_do_not_prolong_it() {
        let (mut breaker, now) = opened();
        breaker.fail(now + SECOND * 9);
        assert!(breaker.allows(now + SECOND * 10));
    }

    #[test]
    fn a_clock_that_goes_back_breaks_nothing() {
        let (mut breaker, now) = breaker();
        breaker.fail(now + SECOND);
        breaker.fail(now);
        assert!(breaker.allows(now));
    }
}
