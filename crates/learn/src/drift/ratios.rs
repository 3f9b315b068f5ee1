//! Whether tokens, or costs, are what was predicted, by the median of their ratio.
//!
//! Ratios have heavy tails and predictions are means, not medians, so the usual median is learnt
//! from the first answers of each model. Then the signs of what is above and below it are bet on:
//! no tail can raise an alarm, and no assumption about the distribution can fail.

use serde::{Deserialize, Serialize};

use super::event::{Evidence, State};
use super::moments::{Moments, Run};
use super::watch::{Bet, Plan, Step, Watch};

/// Half of the answers are above the median, and half below. The median is learnt from a sample, so
/// that share is known only within this (2.8 standard errors of a median of 200).
const SHARE_TOLERANCE: f64 = 0.1;
/// Excess of the share that counts as a change, for the estimate of its size.
const HALF_CHANGE: f64 = 0.15;
/// Beyond a factor of `e^5` a ratio says no more.
const MOST_LOG: f64 = 5.0;

/// One model's tokens, or costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RatioCell {
    watch: Watch,
    /// Logarithm of the usual ratio.
    usual: f64,
    /// Logarithms since learning began; at most as many as are learnt from.
    sample: Vec<f32>,
    rising: Run,
    falling: Run,
}

impl Default for RatioCell {
    fn default() -> Self {
        Self {
            watch: Watch::unlearnt(),
            usual: 0.0,
            sample: Vec::new(),
            rising: Run::default(),
            falling: Run::default(),
        }
    }
}

impl RatioCell {
    pub(crate) const fn state(&self) -> State {
        self.watch.state()
    }

    /// The usual ratio of actual to predicted; `None` until it is known.
    pub(crate) fn usual(&self) -> Option<f64> {
        let is_unlearnt = self.watch.is_learning() && self.state() == State::Ok;
        (!is_unlearnt).then(|| self.usual.exp())
    }

    /// Both are above 0; `tolerance` is a factor.
    pub(crate) fn observe(
        &mut self,
        actual: f64,
        predicted: f64,
        tolerance: f64,
        plan: &Plan,
    ) -> Option<Step> {
        let log = (actual / predicted).ln().clamp(-MOST_LOG, MOST_LOG);
        if self.watch.is_learning() {
            self.sample.push(log as f32);
        }
        let off = log - self.usual;
        let margin = tolerance.ln();
        let above = f64::from(u8::from(off > margin));
        let below = f64::from(u8::from(off < -margin));
        if !self.watch.is_learning() {
            self.rising.add(above - 0.5 - HALF_CHANGE, log, 1.0);
            self.falling.add(below - 0.5 - HALF_CHANGE, log, 1.0);
        }
        let bet = |side: f64| Bet {
            least: 0.5 - SHARE_TOLERANCE,
            score: 1.0 - side,
        };
        let step = self.watch.observe([bet(above), bet(below)], 1.0, plan);
        match step {
            Some(Step::Learnt) => self.learn(),
            Some(Step::Recovered) => (self.rising, self.falling) = Default::default(),
            _ => {}
        }
        step
    }

    fn learn(&mut self) {
        self.sample.sort_by(f32::total_cmp);
        self.usual = f64::from(self.sample[self.sample.len() / 2]);
        self.sample = Vec::new();
        (self.rising, self.falling) = Default::default();
    }

    fn change(&self) -> &Moments {
        let (rising, falling) = (self.rising.since(), self.falling.since());
        match rising.count() >= falling.count() {
            true => rising,
            false => falling,
        }
    }

    /// `before` is the logarithm of the ratio that was usual when the step was taken.
    pub(crate) fn evidence(&self, step: Step, before: f64, plan: &Plan) -> Evidence {
        let (seen, found) = match step {
            Step::Learnt | Step::Recovered => (u64::from(plan.learn), self.usual),
            _ => (self.change().count(), self.change().mean()),
        };
        let (expected, found) = (before.exp(), found.exp());
        Evidence {
            observations: seen,
            statistic: self.watch.evidence(),
            threshold: plan.bounds.alarm,
            expected,
            found,
            sentence: sentence(step, seen, expected, found),
        }
    }

    pub(crate) const fn usual_log(&self) -> f64 {
        self.usual
    }
}

fn sentence(step: Step, count: u64, expected: f64, found: f64) -> String {
    let ratio = format!(
        "{found:.2} of the prediction over the last {count} answers, where {expected:.2} is usual"
    );
    match step {
        Step::Suspected => format!("may have risen: {ratio}"),
        Step::Cleared => "no sign of a change any more".to_owned(),
        Step::Worse => format!("has risen: {ratio}"),
        Step::Better => format!("has fallen: {ratio}"),
        Step::Learnt => format!("is at a new level: {ratio}"),
        Step::Lost => format!("has not come to rest: {ratio}"),
        Step::Recovered => format!("has held {found:.2} of the prediction; that is usual now"),
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::drift::settings::DriftSettings;

    /// Steps but `Learnt`, of heavy-tailed ratios times `factor`.
    fn steps(cell: &mut RatioCell, factor: f64, times: usize, seed: u64) -> Vec<Step> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let plan = DriftSettings::default().cost();
        let mut step = || {
            let tail = rng.random_range(0.01..1.0_f64).powf(-1.5);
            cell.observe(factor * tail, 1.0, 1.2, &plan)
        };
        let all = (0..times).filter_map(|_| step());
        all.filter(|step| *step != Step::Learnt).collect()
    }

    #[test]
    fn a_cost_three_times_as_high_is_an_alarm_that_ends() {
        let mut cell = RatioCell::default();
        assert_eq!(steps(&mut cell, 1.0, 3000, 1), []);
        let found = steps(&mut cell, 3.0, 1000, 2);
        assert_eq!(found, [Step::Suspected, Step::Worse, Step::Recovered]);
        assert_eq!(cell.state(), State::Ok);
        assert_eq!(
            steps(&mut cell, 1.0, 1000, 3),
            [Step::Better, Step::Recovered]
        );
    }

    #[test]
    fn a_constant_ratio_is_usual_whatever_it_is() {
        let mut cell = RatioCell::default();
        let plan = DriftSettings::default().cost();
        for _ in 0..2000 {
            let step = cell.observe(7.0, 1.0, 1.2, &plan);
            assert!(matches!(step, None | Some(Step::Learnt)));
        }
        assert!((cell.usual().unwrap() - 7.0).abs() < 1e-5);
    }
}
