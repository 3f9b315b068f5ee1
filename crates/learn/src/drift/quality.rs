//! Whether the scores of a model are what was predicted, overall or in one group.

use pointsman_types::Quality;
use serde::{Deserialize, Serialize};

use super::event::{Evidence, State};
use super::moments::{Moments, Run};
use super::watch::{Bet, Plan, Step, Watch};

/// Where a change is thought to begin: half of the 0.3 that must be found fast (Page's rule).
const HALF_CHANGE: f64 = 0.15;
/// Standard errors by which a learnt level may be off.
const ERRORS: f64 = 2.0;

/// One model, in one group or overall.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct QualityCell {
    watch: Watch,
    /// Mean of score less prediction that is usual; 0 until a change was learnt.
    level: f64,
    /// By how much a learnt level may be off.
    error: f64,
    /// Since the last alarm.
    since: Moments,
    falling: Run,
    rising: Run,
}

/// One score.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scored {
    pub(crate) predicted: Quality,
    pub(crate) score: Quality,
    /// In `[0, 1]`.
    pub(crate) weight: f64,
}

impl QualityCell {
    pub(crate) const fn state(&self) -> State {
        self.watch.state()
    }

    /// What should be added to predictions to meet the scores.
    pub(crate) const fn level(&self) -> f64 {
        self.level
    }

    /// By how much predictions may be off.
    pub(crate) fn doubt(&self, tolerance: f64) -> f64 {
        let of = |moments: &Moments| moments.mean().abs() + ERRORS * moments.standard_error();
        match self.state() {
            State::Ok => self.error,
            State::Warning if self.watch.is_watching() => tolerance + self.error,
            _ if self.since.count() < 10 => of(self.change()).clamp(tolerance, 1.0),
            _ => of(&self.since).clamp(tolerance, 1.0),
        }
    }

    /// Forgets what was learnt in service: predictions come from another model now.
    pub(crate) fn restart(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn observe(&mut self, scored: Scored, tolerance: f64, plan: &Plan) -> Option<Step> {
        let (predicted, score) = (
            f64::from(scored.predicted.get()),
            f64::from(scored.score.get()),
        );
        let residual = score - predicted;
        self.follow(residual, scored.weight);
        let (expected, tolerance) = (predicted + self.level, tolerance + self.error);
        let worse = Bet {
            least: expected - tolerance,
            score,
        };
        let better = Bet {
            least: 1.0 - expected - tolerance,
            score: 1.0 - score,
        };
        let step = self.watch.observe([worse, better], scored.weight, plan);
        if let Some(step) = step {
            self.take_step(step, tolerance);
        }
        step
    }

    fn follow(&mut self, residual: f64, weight: f64) {
        let off = residual - self.level;
        self.falling.add(-off - HALF_CHANGE, residual, weight);
        self.rising.add(off - HALF_CHANGE, residual, weight);
        if !self.watch.is_watching() {
            self.since.add(residual, weight);
        }
    }

    fn take_step(&mut self, step: Step, tolerance: f64) {
        match step {
            Step::Worse | Step::Better | Step::Lost => self.since = Moments::default(),
            Step::Learnt => self.learn(tolerance),
            Step::Recovered => {
                self.learn(tolerance);
                (self.falling, self.rising) = (Run::default(), Run::default());
            }
            Step::Suspected | Step::Cleared => {}
        }
    }

    /// What lies within the tolerance is no new level: predictions hold.
    fn learn(&mut self, tolerance: f64) {
        let mean = self.since.mean();
        (self.level, self.error) = match mean.abs() <= tolerance {
            true => (0.0, 0.0),
            false => (mean, ERRORS * self.since.standard_error()),
        };
    }

    /// The run that is further from the level.
    fn change(&self) -> &Moments {
        let (falling, rising) = (self.falling.since(), self.rising.since());
        match falling.count() >= rising.count() {
            true => falling,
            false => rising,
        }
    }

    /// `before` is the level that was expected when the step was taken.
    pub(crate) fn evidence(&self, step: Step, before: f64, plan: &Plan) -> Evidence {
        let seen = match step {
            Step::Learnt | Step::Recovered => &self.since,
            _ => self.change(),
        };
        Evidence {
            observations: seen.count(),
            statistic: self.watch.evidence(),
            threshold: plan.bounds.alarm,
            expected: before,
            found: seen.mean(),
            sentence: sentence(step, seen, before),
        }
    }
}

fn sentence(step: Step, seen: &Moments, before: f64) -> String {
    let (count, mean) = (seen.count(), seen.mean());
    let found = format!(
        "scores are {mean:+.3} from their predictions over the last {count}, where {before:+.3} is usual"
    );
    match step {
        Step::Suspected => format!("may have become worse: {found}"),
        Step::Cleared => "no sign of a change any more".to_owned(),
        Step::Worse => format!("has become worse: {found}"),
        Step::Better => format!("has become better: {found}"),
        Step::Learnt => format!("is at a new level: {found}"),
        Step::Lost => format!("has not come to rest: {found}"),
        Step::Recovered => {
            format!(
                "has held its level of {mean:+.3} from the predictions over {count} scores; that is usual now"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::watch::Bounds;

    const PLAN: Plan = Plan {
        bounds: Bounds {
            warn: 1000.0,
            alarm: 10_000.0,
        },
        learn: 60,
        prove: 100,
    };

    fn steps(cell: &mut QualityCell, predicted: f64, score: f64, times: usize) -> Vec<Step> {
        let scored = Scored {
            predicted: Quality::new(predicted).unwrap(),
            score: Quality::new(score).unwrap(),
            weight: 1.0,
        };
        (0..times)
            .filter_map(|_| cell.observe(scored, 0.05, &PLAN))
            .collect()
    }

    #[test]
    fn a_fall_becomes_the_new_level_and_its_end_a_rise() {
        let mut cell = QualityCell::default();
        assert_eq!(steps(&mut cell, 0.7, 0.7, 100), []);
        let fall = steps(&mut cell, 0.7, 0.4, 400);
        let found = [Step::Suspected, Step::Worse, Step::Learnt, Step::Recovered];
        assert_eq!(fall, found);
        assert!((cell.level() + 0.3).abs() < 1e-6, "{}", cell.level());
        let rise = steps(&mut cell, 0.7, 0.7, 400);
        assert_eq!(rise, [Step::Better, Step::Learnt, Step::Recovered]);
        assert!(cell.level().abs() < 1e-9 && cell.state() == State::Ok);
    }

    #[test]
    fn doubt_is_as_large_as_the_fall() {
        let mut cell = QualityCell::default();
        steps(&mut cell, 0.7, 0.7, 50);
        assert!(cell.doubt(0.05).abs() < 1e-12);
        steps(&mut cell, 0.7, 0.4, 60);
        assert_eq!(cell.state(), State::Alarm);
        assert!(
            (0.28..0.4).contains(&cell.doubt(0.05)),
            "{}",
            cell.doubt(0.05)
        );
    }

    #[test]
    fn what_is_within_the_tolerance_is_no_drift() {
        let mut cell = QualityCell::default();
        assert_eq!(steps(&mut cell, 0.7, 0.66, 5000), []);
        assert_eq!(steps(&mut cell, 0.7, 0.74, 5000), []);
    }
}
