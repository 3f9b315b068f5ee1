//! One pass over the online prompts: decisions, then feedback that comes late.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::plan::Plan;
use crate::world::World;

/// Keeps these draws apart from others with the same seed.
const STREAM: u64 = 0x5e71_1a70_0002;
/// The key that sends poison, where one does, and its share.
pub(crate) const POISON: u64 = 0;
const POISON_SHARE: f64 = 0.2;
/// The other keys.
const KEYS: u64 = 40;

/// Whoever decides.
pub(crate) trait Player {
    /// The chosen model, given a draw from `[0, 1)`.
    fn choose(&mut self, world: &World, at: usize, draw: f64) -> usize;

    /// What the call cost, at once.
    fn paid(&mut self, world: &World, at: usize, model: usize);

    /// Feedback on one decision.
    fn hear(&mut self, world: &World, told: &Told);
}

/// Feedback on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) at: usize,
    pub(crate) model: usize,
    pub(crate) score: f64,
    pub(crate) key: Option<u64>,
}

/// The chances of a pass, the same for every player.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    order: Vec<usize>,
    draw: Vec<f64>,
    /// After how many requests feedback comes, where it does.
    delay: Vec<Option<usize>>,
    key: Vec<Option<u64>>,
    pub(crate) is_poisoned: bool,
}

impl Stream {
    pub(crate) fn new(requests: usize, plan: &Plan, seed: u64, number: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(STREAM ^ seed);
        rng.set_stream(number);
        let mut order: Vec<usize> = (0..requests).collect();
        order.shuffle(&mut rng);
        let mut even = || rng.random::<f64>();
        let draw = (0..requests).map(|_| even()).collect();
        let delay = (0..requests)
            .map(|_| {
                let (comes, when) = (even() < plan.feedback, even());
                comes.then(|| 1 + (when * plan.delay as f64) as usize)
            })
            .collect();
        Self {
            order,
            draw,
            delay,
            key: vec![None; requests],
            is_poisoned: false,
        }
    }

    /// The same chances where everybody has a key, one of them a fifth of all.
    pub(crate) fn with_keys(mut self, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(STREAM ^ seed ^ KEYS);
        for key in &mut self.key {
            let is_large = rng.random::<f64>() < POISON_SHARE;
            let other = 1 + (rng.random::<f64>() * KEYS as f64) as u64;
            *key = Some(if is_large { POISON } else { other });
        }
        self
    }

    pub(crate) fn poisoned(mut self) -> Self {
        self.is_poisoned = true;
        self
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    fn told(&self, world: &World, step: usize, model: usize) -> Told {
        let (at, key) = (self.order[step], self.key[step]);
        let score = world.score[(at, model)];
        let is_inverted = self.is_poisoned && key == Some(POISON);
        Told {
            at,
            model,
            key,
            score: if is_inverted { 1.0 - score } else { score },
        }
    }
}

/// What came of a pass, step by step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Course {
    pub(crate) utility: Vec<f64>,
    pub(crate) chosen: Vec<usize>,
    due: Vec<Vec<Told>>,
}

impl Course {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Goes on to step `end`.
    pub(crate) fn run(
        &mut self,
        world: &World,
        stream: &Stream,
        player: &mut dyn Player,
        end: usize,
    ) {
        for step in self.chosen.len()..end {
            let due = self.due.get_mut(step).map(std::mem::take);
            for told in due.unwrap_or_default() {
                player.hear(world, &told);
            }
            let at = stream.order[step];
            let model = player.choose(world, at, stream.draw[step]);
            player.paid(world, at, model);
            self.chosen.push(model);
            self.utility.push(world.utility(at, model));
            if let Some(delay) = stream.delay[step] {
                let when = step + delay;
                if self.due.len() <= when {
                    self.due.resize_with(when + 1, Vec::new);
                }
                self.due[when].push(stream.told(world, step, model));
            }
        }
    }

    pub(crate) fn mean(&self) -> f64 {
        mean(&self.utility)
    }

    /// Share of a model in steps.
    pub(crate) fn share(&self, model: usize, steps: std::ops::Range<usize>) -> f64 {
        let among = &self.chosen[steps];
        among.iter().filter(|one| **one == model).count() as f64 / among.len().max(1) as f64
    }
}

/// The utilities of a fixed choice, in the order of a stream.
pub(crate) fn fixed(world: &World, stream: &Stream, choice: impl Fn(usize) -> usize) -> Vec<f64> {
    let order = stream.order.iter();
    order.map(|at| world.utility(*at, choice(*at))).collect()
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
