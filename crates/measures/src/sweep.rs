//! Which model each prompt gets as lambda falls from infinity to zero, exactly.
//!
//! A prompt goes to the model with the greatest `quality - lambda * cost`, both predicted. As
//! lambda falls it climbs the upper concave hull of its own models, from the cheapest to the best,
//! and switches where lambda equals the slope of the next edge. All switches of all prompts,
//! sorted, are the sweep; there is no grid of lambdas.

use std::cmp::Ordering;

use rayon::prelude::*;

use crate::Predicted;

/// Switches whose lambdas differ by less than this, relatively, happen together.
const TOGETHER: f64 = 1e-9;
/// Keeps the slope finite where two predicted costs differ by nothing that matters.
const LEAST_COST: f64 = 1e-18;
/// Prompts handled by one task.
const BATCH: usize = 512;

/// One prompt moves from one model to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Switch {
    pub(crate) lambda: f64,
    pub(crate) prompt: u32,
    pub(crate) from: u16,
    pub(crate) to: u16,
}

/// The choices of a router at every lambda.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    pub(crate) models: usize,
    /// The model of each prompt while lambda is infinite.
    pub(crate) first: Vec<u16>,
    /// By falling lambda.
    pub(crate) switches: Vec<Switch>,
}

/// Sweeps lambda over these predictions.
///
/// # Panics
/// When there are more than 65,536 models or 2^32 prompts.
#[must_use]
pub fn sweep(predicted: &Predicted) -> Sweep {
    let (prompts, models) = (predicted.quality().rows(), predicted.quality().columns());
    assert!(
        models <= 1 << 16 && u32::try_from(prompts).is_ok(),
        "{prompts} prompts and {models} models are too many for one sweep"
    );
    let batches: Vec<Batch> = (0..prompts.div_ceil(BATCH))
        .into_par_iter()
        .map(|batch| Batch::of(predicted, batch * BATCH..prompts.min((batch + 1) * BATCH)))
        .collect();
    let mut switches: Vec<Switch> =
        Vec::with_capacity(batches.iter().map(|batch| batch.switches.len()).sum());
    let mut first = Vec::with_capacity(prompts);
    for batch in batches {
        first.extend(batch.first);
        switches.extend(batch.switches);
    }
    switches.par_sort_by(|a, b| b.lambda.total_cmp(&a.lambda));
    Sweep {
        models,
        first,
        switches,
    }
}

#[derive(Default)]
struct Batch {
    first: Vec<u16>,
    switches: Vec<Switch>,
}

impl Batch {
    fn of(predicted: &Predicted, prompts: std::ops::Range<usize>) -> Self {
        let mut batch = Self::default();
        let (mut order, mut corners) = (Vec::new(), Vec::new());
        for prompt in prompts {
            let row = Row {
                quality: predicted.quality().row(prompt),
                cost: predicted.cost().row(prompt),
            };
            row.climb(&mut order, &mut corners);
            batch.first.push(corners[0]);
            batch.switches.extend(corners.windows(2).map(|edge| Switch {
                lambda: row.slope(edge[0], edge[1]),
                prompt: prompt as u32,
                from: edge[0],
                to: edge[1],
            }));
        }
        batch
    }
}

/// The predictions for one prompt.
struct Row<'a> {
    quality: &'a [f64],
    cost: &'a [f64],
}

impl Row<'_> {
    /// Fills `corners` with the models on this prompt's hull, the cheapest first.
    fn climb(&self, order: &mut Vec<u16>, corners: &mut Vec<u16>) {
        order.clear();
        order.extend((0..self.cost.len()).map(|model| model as u16));
        order.sort_unstable_by(|a, b| self.by_cost_then_best(*a, *b));
        corners.clear();
        for model in order.iter().copied() {
            if corners
                .last()
                .is_some_and(|last| self.q(model) <= self.q(*last))
            {
                continue;
            }
            while let [.., before, last] = corners[..]
                && !self.bends_down(before, last, model)
            {
                corners.pop();
            }
            corners.push(model);
        }
    }

    /// Of equals, the model listed first: the order must not depend on the sort.
    fn by_cost_then_best(&self, a: u16, b: u16) -> Ordering {
        self.c(a)
            .total_cmp(&self.c(b))
            .then(self.q(b).total_cmp(&self.q(a)))
            .then(a.cmp(&b))
    }

    fn bends_down(&self, before: u16, last: u16, next: u16) -> bool {
        (self.q(last) - self.q(before)) * (self.c(next) - self.c(before))
            > (self.q(next) - self.q(before)) * (self.c(last) - self.c(before))
    }

    fn slope(&self, from: u16, to: u16) -> f64 {
        (self.q(to) - self.q(from)) / (self.c(to) - self.c(from)).max(LEAST_COST)
    }

    fn q(&self, model: u16) -> f64 {
        self.quality[usize::from(model)]
    }

    fn c(&self, model: u16) -> f64 {
        self.cost[usize::from(model)]
    }
}

impl Sweep {
    /// How many prompts.
    #[must_use]
    pub fn prompts(&self) -> usize {
        self.first.len()
    }

    /// How many models.
    #[must_use]
    pub fn models(&self) -> usize {
        self.models
    }

    /// Whether the switch at this place is the last of those that happen together.
    pub(crate) fn ends_group(&self, at: usize) -> bool {
        self.switches
            .get(at + 1)
            .is_none_or(|next| next.lambda < self.switches[at].lambda * (1.0 - TOGETHER))
    }

    /// The lambda of every switch of every prompt, falling.
    pub fn lambdas(&self) -> impl DoubleEndedIterator<Item = f64> + ExactSizeIterator {
        self.switches.iter().map(|switch| switch.lambda)
    }

    /// The model of each prompt at this lambda; at a switch, the model it switches to.
    #[must_use]
    pub fn choices_at(&self, lambda: f64) -> Vec<usize> {
        let mut choices: Vec<usize> = self.first.iter().copied().map(usize::from).collect();
        for switch in self
            .switches
            .iter()
            .take_while(|switch| switch.lambda >= lambda)
        {
            choices[switch.prompt as usize] = usize::from(switch.to);
        }
        choices
    }

    /// The share of the prompts that each model gets at these points of the curve, which are
    /// numbered as in [`crate::Curve::points`] and named in rising order; shape `(points, models)`.
    #[must_use]
    pub fn shares(&self, points: &[usize]) -> Vec<Vec<f64>> {
        let mut counts = vec![0_usize; self.models];
        for model in &self.first {
            counts[usize::from(*model)] += 1;
        }
        let share = |counts: &[usize]| -> Vec<f64> {
            let all = self.first.len() as f64;
            counts.iter().map(|count| *count as f64 / all).collect()
        };
        let mut wanted = points.iter().copied().peekable();
        let mut shares = Vec::with_capacity(points.len());
        let mut reached = 0;
        while wanted.next_if_eq(&0).is_some() {
            shares.push(share(&counts));
        }
        for (at, switch) in self.switches.iter().enumerate() {
            counts[usize::from(switch.from)] -= 1;
            counts[usize::from(switch.to)] += 1;
            reached += usize::from(self.ends_group(at));
            while self.ends_group(at) && wanted.next_if_eq(&reached).is_some() {
                shares.push(share(&counts));
            }
        }
        shares
    }
}

#[cfg(test)]
mod tests {
    use pointsman_types::Grid;
    use proptest::prelude::*;

    use super::*;

    fn predicted(models: usize, cells: &[(f64, f64)]) -> Predicted {
        let quality = cells.iter().map(|cell| cell.0).collect();
        let cost = cells.iter().map(|cell| cell.1).collect();
        Predicted::new(
            Grid::from_values(models, quality),
            Grid::from_values(models, cost),
        )
        .unwrap()
    }

    #[test]
    fn switches_by_hand() {
        // Prompt 0 climbs 0.2 -> 0.6 -> 0.7 at slopes 0.4 and 0.05; prompt 1 stays with model 0.
        let sweep = sweep(&predicted(
            3,
            &[
                (0.2, 1.0),
                (0.6, 2.0),
                (0.7, 4.0),
                (0.9, 1.0),
                (0.6, 2.0),
                (0.7, 4.0),
            ],
        ));
        assert_eq!(sweep.first, [0, 0]);
        let lambdas: Vec<f64> = sweep.switches.iter().map(|switch| switch.lambda).collect();
        assert!((lambdas[0] - 0.4).abs() < 1e-12 && (lambdas[1] - 0.05).abs() < 1e-12);
        assert_eq!(sweep.choices_at(0.1), [1, 0]);
        assert_eq!(
            sweep.shares(&[0, 1, 2]),
            [
                vec![1.0, 0.0, 0.0],
                vec![0.5, 0.5, 0.0],
                vec![0.5, 0.0, 0.5]
            ]
        );
    }

    #[test]
    fn a_duplicated_model_gets_nothing() {
        let sweep = sweep(&predicted(3, &[(0.2, 1.0), (0.6, 2.0), (0.6, 2.0)]));
        assert_eq!(sweep.choices_at(0.0), [1]);
        assert_eq!(sweep.shares(&[1]), [vec![0.0, 1.0, 0.0]]);
    }

    #[test]
    fn of_equal_costs_the_better_is_first() {
        let sweep = sweep(&predicted(2, &[(0.2, 1.0), (0.6, 1.0)]));
        assert_eq!(sweep.first, [1]);
        assert!(sweep.switches.is_empty());
    }

    fn any_predicted() -> impl Strategy<Value = Predicted> {
        (1_usize..6, 1_usize..30).prop_flat_map(|(models, prompts)| {
            prop::collection::vec((0.0..1.0_f64, 0.001..1.0_f64), models * prompts)
                .prop_map(move |cells| predicted(models, &cells))
        })
    }

    /// The choice that the definition gives, found by looking at every model.
    fn best_at(predicted: &Predicted, prompt: usize, lambda: f64) -> f64 {
        let (quality, cost) = (
            predicted.quality().row(prompt),
            predicted.cost().row(prompt),
        );
        quality
            .iter()
            .zip(cost)
            .map(|(quality, cost)| quality - lambda * cost)
            .fold(f64::NEG_INFINITY, f64::max)
    }

    proptest! {
        #[test]
        fn every_choice_has_the_best_utility(predicted in any_predicted(), lambda in 0.0..20.0_f64) {
            for (prompt, model) in sweep(&predicted).choices_at(lambda).into_iter().enumerate() {
                let utility = predicted.quality()[(prompt, model)] - lambda * predicted.cost()[(prompt, model)];
                prop_assert!((utility - best_at(&predicted, prompt, lambda)).abs() < 1e-9);
            }
        }

        #[test]
        fn the_ends_are_the_cheapest_and_the_best(predicted in any_predicted()) {
            let sweep = sweep(&predicted);
            let least = |row: &[f64]| row.iter().copied().fold(f64::INFINITY, f64::min);
            let most = |row: &[f64]| row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            for (prompt, model) in sweep.choices_at(f64::INFINITY).into_iter().enumerate() {
                let row = predicted.cost().row(prompt);
                prop_assert!(row[model] <= least(row));
            }
            for (prompt, model) in sweep.choices_at(0.0).into_iter().enumerate() {
                let row = predicted.quality().row(prompt);
                prop_assert!(row[model] >= most(row));
            }
        }
    }
}
