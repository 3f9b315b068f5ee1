//! The states of one thing that is watched: suspicion, alarm, a new level, recovery.
//!
//! It knows bets, not what they are about; what owns it learns the level.

use serde::{Deserialize, Serialize};

use super::bets::Bets;
use super::event::State;

/// A warning ends when its evidence is a tenth of what began it. By Doob's inequality on
/// upcrossings that keeps the number of false warnings within a ninth of what the threshold says.
const CALM: f64 = 0.1;

/// The evidence that is needed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) warn: f64,
    pub(crate) alarm: f64,
}

/// Thresholds, and how long the way back takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Plan {
    pub(crate) bounds: Bounds,
    pub(crate) learn: u32,
    pub(crate) prove: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    /// Against a level that is trusted.
    #[default]
    Watching,
    /// Nothing is tested; the owner collects.
    Learning,
    /// Against a new level, while the alarm stays on.
    Proving,
}

/// One bet: that a score is below `least`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bet {
    pub(crate) least: f64,
    pub(crate) score: f64,
}

impl Bet {
    /// A bet that nobody can win.
    pub(crate) const NONE: Self = Self {
        least: 0.0,
        score: 0.0,
    };
}

/// What an observation led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A warning: it may be worse.
    Suspected,
    /// The suspicion has gone.
    Cleared,
    /// It is worse.
    Worse,
    /// It is better.
    Better,
    /// Enough has come in to know the new level.
    Learnt,
    /// The new level did not hold.
    Lost,
    /// The new level held.
    Recovered,
}

/// The states of one thing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Watch {
    worse: Bets,
    better: Bets,
    phase: Phase,
    state: State,
    seen: u32,
}

impl Watch {
    /// One whose level must be learnt before anything can be tested.
    pub(crate) fn unlearnt() -> Self {
        Self {
            phase: Phase::Learning,
            ..Self::default()
        }
    }

    pub(crate) const fn state(&self) -> State {
        self.state
    }

    pub(crate) fn is_learning(&self) -> bool {
        self.phase == Phase::Learning
    }

    /// Whether a trusted level is compared with.
    pub(crate) fn is_watching(&self) -> bool {
        self.phase == Phase::Watching
    }

    /// The greater evidence of the two.
    pub(crate) fn evidence(&self) -> f64 {
        self.worse.evidence().max(self.better.evidence())
    }

    /// Takes an observation in.
    pub(crate) fn observe(
        &mut self,
        [worse, better]: [Bet; 2],
        weight: f64,
        plan: &Plan,
    ) -> Option<Step> {
        if self.phase != Phase::Learning {
            self.worse.take(worse.least, worse.score, weight);
            self.better.take(better.least, better.score, weight);
        }
        match self.phase {
            Phase::Watching => self.watch(plan.bounds),
            Phase::Learning => self.learn(plan.learn),
            Phase::Proving => self.prove(plan),
        }
    }

    fn watch(&mut self, bounds: Bounds) -> Option<Step> {
        let worse = self.worse.evidence();
        if worse >= bounds.alarm {
            return self.leave(State::Alarm, Step::Worse);
        }
        if self.better.evidence() >= bounds.alarm {
            return self.leave(State::Warning, Step::Better);
        }
        match self.state {
            State::Ok if worse >= bounds.warn => self.go(State::Warning, Step::Suspected),
            State::Warning if worse < CALM * bounds.warn => self.go(State::Ok, Step::Cleared),
            _ => None,
        }
    }

    fn learn(&mut self, needed: u32) -> Option<Step> {
        self.seen += 1;
        if self.seen < needed {
            return None;
        }
        let next = match self.state {
            State::Ok => Phase::Watching,
            _ => Phase::Proving,
        };
        self.enter(next);
        Some(Step::Learnt)
    }

    fn prove(&mut self, plan: &Plan) -> Option<Step> {
        if self.evidence() >= plan.bounds.warn {
            self.enter(Phase::Learning);
            return Some(Step::Lost);
        }
        self.seen += 1;
        if self.seen < plan.prove {
            return None;
        }
        self.enter(Phase::Watching);
        self.go(State::Ok, Step::Recovered)
    }

    /// The evidence stays to be told; it is cleared when the next phase begins.
    fn leave(&mut self, state: State, step: Step) -> Option<Step> {
        self.phase = Phase::Learning;
        self.seen = 0;
        self.go(state, step)
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.seen = 0;
        self.worse.clear();
        self.better.clear();
    }

    fn go(&mut self, state: State, step: Step) -> Option<Step> {
        self.state = state;
        Some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan {
        bounds: Bounds {
            warn: 200.0,
            alarm: 2000.0,
        },
        learn: 5,
        prove: 10,
    };

    /// Scores against an expected 0.7 within 0.05.
    fn observe(watch: &mut Watch, score: f64) -> Option<Step> {
        let worse = Bet { least: 0.65, score };
        let better = Bet {
            least: 0.25,
            score: 1.0 - score,
        };
        watch.observe([worse, better], 1.0, &PLAN)
    }

    /// The steps that these scores lead to.
    fn check(scores: &[(f64, usize)], expected: &[Step]) {
        let mut watch = Watch::default();
        let each = scores
            .iter()
            .flat_map(|(score, times)| vec![*score; *times]);
        let steps: Vec<Step> = each
            .filter_map(|score| observe(&mut watch, score))
            .collect();
        assert_eq!(steps, expected, "{scores:?}");
    }

    #[test]
    fn what_is_as_expected_leads_to_nothing() {
        check(&[(0.7, 500)], &[]);
    }

    #[test]
    fn a_suspicion_passes() {
        check(&[(0.0, 8), (1.0, 20)], &[Step::Suspected, Step::Cleared]);
    }

    #[test]
    fn a_fall_is_suspected_then_certain_then_learnt() {
        let found = [Step::Suspected, Step::Worse, Step::Learnt];
        check(&[(0.0, 16)], &found);
    }

    #[test]
    fn a_rise_warns_at_the_threshold_of_an_alarm() {
        check(&[(1.0, 30)], &[Step::Better, Step::Learnt]);
    }

    #[test]
    fn a_new_level_that_does_not_hold_is_learnt_again() {
        let found = [Step::Better, Step::Learnt, Step::Lost, Step::Learnt];
        check(&[(1.0, 30), (0.0, 13)], &found);
    }

    #[test]
    fn what_holds_long_enough_has_recovered() {
        let found = [Step::Suspected, Step::Worse, Step::Learnt, Step::Recovered];
        check(&[(0.0, 11), (0.7, 40)], &found);
    }
}
