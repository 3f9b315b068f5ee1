//! How often decisions for each model are judged, and how much all decisions, judged or not, can
//! tell.
//!
//! People judge what one model says more often than what another says. What was judged is weighted
//! by one over the rate of its model, so that it stands for all decisions again.

use std::collections::BTreeMap;

use super::super::Observation;

/// Counts and sums of all decisions, by the model that was chosen.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Rates(BTreeMap<String, Rate>);

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Rate {
    decisions: u64,
    judged: u64,
    /// By how much more often the new version makes these choices: the sum of the weights.
    more: f64,
    /// The sum of their squares.
    squares: f64,
}

impl Rate {
    /// Never 0: a model that was never judged has been so by chance, as far as is known.
    fn get(&self) -> f64 {
        (self.judged as f64 + 1.0) / (self.decisions as f64 + 1.0)
    }
}

impl Rates {
    pub(super) fn put(&mut self, observation: &Observation) {
        let arm = observation.arm();
        let more = ((arm.new - arm.current) / arm.logged).max(0.0);
        let rate = match self.0.get_mut(&observation.model) {
            Some(rate) => rate,
            None => self.0.entry(observation.model.clone()).or_default(),
        };
        rate.decisions += 1;
        rate.judged += u64::from(observation.score.is_some());
        rate.more += more;
        rate.squares += more * more;
    }

    /// The share of the decisions for a model that are judged.
    pub(super) fn of(&self, model: &str) -> f64 {
        self.0.get(model).map_or(1.0, Rate::get)
    }

    /// How many independent judgements there are on what the new version does more often, as all
    /// decisions promise: `sum(w)^2 / sum(w^2 / rate)` (Kish). Those that happen to be judged may look
    /// like more where the heavy ones are missing. `None` where it does nothing more often.
    pub(super) fn effective(&self) -> Option<f64> {
        let more: f64 = self.0.values().map(|rate| rate.more).sum();
        let squares = self.0.values().map(|rate| rate.squares / rate.get());
        (more > 0.0).then(|| more * more / squares.sum::<f64>())
    }
}
