//! Whether a model is chosen more often than the decisions' own probabilities say.
//!
//! Where decisions are drawn as they say, what was chosen less its probability is a martingale
//! difference, whatever the prompts and however the policy changes. One model is chosen too seldom
//! only if another is chosen too often, so only that is watched.

use serde::{Deserialize, Serialize};

use super::event::{Evidence, State};
use super::moments::Run;
use super::watch::{Bet, Plan, Step, Watch};

/// Room for rounding, and for what a fallback chooses now and then.
const TOLERANCE: f64 = 0.01;
/// Excess that counts as a change, for the estimate of its size.
const HALF_CHANGE: f64 = 0.05;

/// One model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct ChoiceCell {
    watch: Watch,
    excess: Run,
}

impl ChoiceCell {
    pub(crate) const fn state(&self) -> State {
        self.watch.state()
    }

    pub(crate) fn observe(
        &mut self,
        is_chosen: bool,
        probability: f64,
        plan: &Plan,
    ) -> Option<Step> {
        let chosen = f64::from(u8::from(is_chosen));
        let excess = chosen - probability;
        self.excess.add(excess - HALF_CHANGE, excess, 1.0);
        let worse = Bet {
            least: 1.0 - probability - TOLERANCE,
            score: 1.0 - chosen,
        };
        let step = self.watch.observe([worse, Bet::NONE], 1.0, plan);
        if step == Some(Step::Recovered) {
            self.excess = Run::default();
        }
        step
    }

    pub(crate) fn evidence(&self, step: Step, plan: &Plan) -> Evidence {
        let since = self.excess.since();
        let (count, excess) = (since.count(), 100.0 * since.mean());
        let sentence = match step {
            Step::Recovered => {
                "is chosen as often as the decisions' probabilities say again".to_owned()
            }
            Step::Cleared => "no sign of a difference any more".to_owned(),
            _ => format!(
                "is chosen more often than the decisions' probabilities say, by {excess:.1} points of percent over the last {count}"
            ),
        };
        Evidence {
            observations: count,
            statistic: self.watch.evidence(),
            threshold: plan.bounds.alarm,
            expected: 0.0,
            found: since.mean(),
            sentence,
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::drift::settings::DriftSettings;

    /// How a model stands that is chosen with probability `real` where `said` was said.
    fn check(said: f64, real: f64, expected: State) {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let plan = DriftSettings::default().choices(5);
        let mut cell = ChoiceCell::default();
        let mut worst = State::Ok;
        for _ in 0..3000 {
            cell.observe(rng.random_bool(real), said, &plan);
            worst = worst.max(cell.state());
        }
        assert_eq!(worst, expected, "{said} said, {real} real");
    }

    #[test]
    fn what_is_drawn_as_said_is_in_order() {
        check(0.3, 0.3, State::Ok);
        check(0.0, 0.0, State::Ok);
        check(1.0, 1.0, State::Ok);
    }

    #[test]
    fn what_is_drawn_more_often_is_not() {
        check(0.3, 0.5, State::Alarm);
        check(0.0, 0.1, State::Alarm);
    }

    #[test]
    fn what_is_drawn_less_often_is_anothers_alarm() {
        check(0.5, 0.1, State::Ok);
    }
}
