//! By how much calls cost more or less than predicted.

use serde::{Deserialize, Serialize};

/// A model's own factor weighs as much as the common one after so many calls.
const SHRINKAGE: f64 = 20.0;
/// Beyond so many calls the past counts less.
const MEMORY: f64 = 500.0;
const STAYS: f64 = 0.998;
/// One call moves a factor no more than one that cost a hundred times as much, or as little.
const RANGE: (f64, f64) = (0.01, 100.0);

/// For each model, true cost over predicted cost, shrunk to the square root of what all have in
/// common. Costs are known for every call, judged or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CostFactors {
    models: Vec<Sum>,
    all: Sum,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Sum {
    calls: f64,
    ratios: f64,
}

impl Sum {
    fn add(&mut self, ratio: f64) {
        self.calls += 1.0;
        self.ratios += ratio;
        if self.calls > MEMORY {
            self.calls *= STAYS;
            self.ratios *= STAYS;
        }
    }
}

impl CostFactors {
    /// Nothing seen: every factor is 1.
    #[must_use]
    pub fn new(models: usize) -> Self {
        Self {
            models: vec![Sum::default(); models],
            all: Sum::default(),
        }
    }

    /// Makes room for models that are new, at the end.
    pub fn extend(&mut self, models: usize) {
        let models = models.max(self.models.len());
        self.models.resize(models, Sum::default());
    }

    /// The same for another set of models: `from` says for each of them where it was, if it was.
    #[must_use]
    pub fn carried_to(&self, from: &[Option<usize>]) -> Self {
        let sum = |was: &Option<usize>| was.and_then(|was| self.models.get(was).copied());
        Self {
            models: from
                .iter()
                .map(|was| sum(was).unwrap_or_default())
                .collect(),
            all: self.all,
        }
    }

    /// One call, its costs in US dollars; what is not finite and above 0 is no call.
    pub fn observe(&mut self, model: usize, cost: f64, predicted: f64) {
        let ratio = cost / predicted;
        if cost < 0.0 || !ratio.is_finite() || ratio < 0.0 {
            return;
        }
        let ratio = ratio.clamp(RANGE.0, RANGE.1);
        self.all.add(ratio);
        if let Some(sum) = self.models.get_mut(model) {
            sum.add(ratio);
        }
    }

    /// What a model's predicted costs are to be multiplied with; 1 for one that is not there.
    #[must_use]
    pub fn factor(&self, model: usize) -> f64 {
        let common = (self.all.ratios + SHRINKAGE) / (self.all.calls + SHRINKAGE);
        let own = self.models.get(model).copied().unwrap_or_default();
        (own.ratios + SHRINKAGE * common.sqrt()) / (own.calls + SHRINKAGE)
    }

    /// All factors.
    #[must_use]
    pub fn factors(&self) -> Vec<f64> {
        (0..self.models.len())
            .map(|model| self.factor(model))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_factor_follows_what_calls_cost() {
        let mut factors = CostFactors::new(2);
        (0..400).for_each(|_| factors.observe(1, 3e-3, 1e-3));
        assert!((factors.factor(1) - 3.0).abs() < 0.15, "{factors:?}");
        // Of the other one only the common part is known.
        assert!((1.2..2.0).contains(&factors.factor(0)), "{factors:?}");
        assert!((CostFactors::new(3).factor(2) - 1.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn no_cost_breaks_a_factor(costs in prop::collection::vec((any::<f64>(), any::<f64>()), 0..200)) {
            let mut factors = CostFactors::new(3);
            costs.iter().enumerate().for_each(|(at, (cost, predicted))| factors.observe(at % 4, *cost, *predicted));
            prop_assert!(factors.factors().iter().all(|one| one.is_finite() && (0.01..=100.0).contains(one)));
        }
    }
}
