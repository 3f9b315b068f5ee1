//! Known bandits on the same footing: the router's predictions, coordinates, prior and cost factors,
//! each with a rule of its own. They decide on numbers that were predicted before, not through the
//! router.

use nalgebra::DMatrix;
use pointsman_learn::learner::CostFactors;
use pointsman_models::{Belief, Posterior, Prior};
use pointsman_policy::{Contender, Exploration};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::course::{Player, Told};
use crate::world::{World, largest};

/// A rule of choice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rule {
    /// The best by what is known.
    Greedy,
    /// The best by mean plus half a standard error (Li et al. 2010).
    LinUcb,
    /// The best in a draw from the posterior (Agrawal and Goyal 2013).
    Thompson,
    /// One of all in a twentieth of the decisions.
    EpsilonGreedy,
    /// Inverse gaps, `gamma = 50 sqrt(judgements + 10)` (Foster and Rakhlin 2020).
    SquareCb,
}

impl Rule {
    pub(crate) const ALL: [Self; 5] = [
        Self::Greedy,
        Self::LinUcb,
        Self::Thompson,
        Self::EpsilonGreedy,
        Self::SquareCb,
    ];
}

const OPTIMISM: f64 = 0.5;
const EPSILON: f64 = 0.05;
const GAMMA: f64 = 50.0;

pub(crate) struct Baseline {
    rule: Rule,
    posterior: Posterior,
    costs: CostFactors,
    rng: ChaCha8Rng,
}

impl Baseline {
    pub(crate) fn new(rule: Rule, prior: Prior, seed: u64) -> Self {
        Self {
            rule,
            costs: CostFactors::new(prior.models()),
            posterior: Posterior::new(prior),
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    fn expected(&self, world: &World, at: usize, belief: &Belief) -> Vec<f64> {
        let expected = |model: usize| {
            let cost = world.predicted_cost[(at, model)] * self.costs.factor(model);
            world.predicted[(at, model)] + belief.shift[model] - world.lambda * cost
        };
        (0..world.models()).map(expected).collect()
    }

    /// A draw of all models' utilities.
    fn sampled(&mut self, expected: &[f64], belief: &Belief) -> Vec<f64> {
        let models = expected.len();
        let covariance = DMatrix::from_fn(models, models, |one, other| {
            belief.covariance[(one, other)] + if one == other { 1e-9 } else { 0.0 }
        });
        let Some(factor) = covariance.cholesky() else {
            return expected.to_vec();
        };
        let normal = DMatrix::from_fn(models, 1, |_, _| normal(&mut self.rng));
        let moved = factor.l() * normal;
        expected
            .iter()
            .zip(moved.iter())
            .map(|(mean, move_by)| mean + move_by)
            .collect()
    }

    fn drawn(&self, rule: &Exploration, expected: &[f64], draw: f64) -> usize {
        let best = largest(expected);
        let mut order: Vec<usize> = (0..expected.len()).collect();
        order.swap(0, best);
        let contenders: Vec<Contender> = order
            .iter()
            .map(|model| Contender {
                gap: Some(expected[best] - expected[*model]),
                error: f64::INFINITY,
                quota: 0.0,
            })
            .collect();
        let mut left = draw;
        let probabilities = rule.probabilities(&contenders);
        let at = probabilities.iter().position(|probability| {
            left -= probability;
            left < 0.0
        });
        order[at.unwrap_or(0)]
    }
}

/// A standard normal number (Box and Muller 1958).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (radius, angle) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

impl Player for Baseline {
    fn choose(&mut self, world: &World, at: usize, draw: f64) -> usize {
        let belief = self.posterior.belief(&world.coordinates[at]);
        let expected = self.expected(world, at, &belief);
        match self.rule {
            Rule::Greedy => largest(&expected),
            Rule::LinUcb => {
                let high = expected.iter().enumerate();
                let high = high.map(|(model, mean)| mean + OPTIMISM * belief.error(model));
                largest(&high.collect::<Vec<f64>>())
            }
            Rule::Thompson => largest(&self.sampled(&expected, &belief)),
            Rule::EpsilonGreedy => {
                let others = 1.0 - 1.0 / expected.len() as f64;
                let share = EPSILON * others;
                self.drawn(&Exploration::Epsilon { share }, &expected, draw)
            }
            Rule::SquareCb => {
                let gamma = GAMMA * (self.posterior.judgements() as f64 + 10.0).sqrt();
                let rule = Exploration::SquareCb { gamma, share: 1.0 };
                self.drawn(&rule, &expected, draw)
            }
        }
    }

    fn paid(&mut self, world: &World, at: usize, model: usize) {
        let place = (at, model);
        let (cost, predicted) = (world.cost[place], world.predicted_cost[place]);
        self.costs.observe(model, cost, predicted);
    }

    fn hear(&mut self, world: &World, told: &Told) {
        let predicted = world.predicted[(told.at, told.model)];
        let quality = predicted.clamp(0.1, 0.9);
        let (residual, noise) = (told.score - predicted, quality * (1.0 - quality));
        let at = &world.coordinates[told.at];
        self.posterior.learn(at, told.model, residual, noise);
    }
}
