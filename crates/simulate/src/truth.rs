//! What is true of a prompt, without noise: the expected score of every model's answer and its
//! expected cost. This is what the log only shows through draws.

use pointsman_types::Usd;

use crate::asking::Asked;
use crate::draws::{Draws, Purpose};
use crate::family::{FAMILIES, Family};
use crate::portable::{bell_growth, exp, logistic, rounded};
use crate::roster::{MODELS, ROSTER, SimulatedModel};

/// How far answers of one model to equal prompts differ in length (log scale).
pub(crate) const LENGTH_SPREAD: f64 = 0.35;
/// Probability that a provider still has the earlier turns in its cache.
pub(crate) const CACHE_HIT: f64 = 0.7;
/// What no reader sees: spread of the skill, in logits, shared by all models and of each alone.
const HIDDEN: (f64, f64) = (0.3, 0.25);
/// Difficulty at which a family's skills and lengths are stated.
const MIDDLE: f64 = 0.4;

/// Arrays are in the roster's order.
pub(crate) struct Truth {
    /// Expected score, to four decimals.
    pub(crate) quality: [f64; MODELS],
    /// Tokens in.
    pub(crate) input: [f64; MODELS],
    /// Those of them that a cache may hold.
    pub(crate) history: [f64; MODELS],
    /// Median tokens out.
    pub(crate) output: [f64; MODELS],
}

impl Truth {
    /// The truth about that prompt.
    pub(crate) fn of(asked: &Asked, seed: u64, number: u64) -> Self {
        let mut draws = Draws::new(seed, number, Purpose::Hidden);
        let shared = HIDDEN.0 * draws.bell();
        let hidden = std::array::from_fn(|_| shared + HIDDEN.1 * draws.bell());
        let bytes = asked.prompt.text().len();
        let tokens = |bytes: usize| {
            ROSTER
                .each_ref()
                .map(|model| (bytes as f64 / model.bytes_per_token).ceil())
        };
        Self {
            quality: quality(asked, &hidden),
            input: tokens(bytes),
            history: tokens(asked.history),
            output: output(asked, bytes),
        }
    }

    /// Expected cost of that model's answer: the mean length, not the median, and the cache's
    /// chances.
    pub(crate) fn expected_cost(&self, model: usize) -> Usd {
        let simulated = &ROSTER[model];
        let cached = match simulated.caches() {
            true => CACHE_HIT * self.history[model],
            false => 0.0,
        };
        let output = self.output[model] * bell_growth(LENGTH_SPREAD);
        simulated.prices().cost(self.input[model], cached, output)
    }
}

fn quality(asked: &Asked, hidden: &[f64; MODELS]) -> [f64; MODELS] {
    let family = &FAMILIES[asked.family];
    std::array::from_fn(|model| {
        let logit = family.skill[model] + asked.topics.shift(model) + hidden[model]
            - ROSTER[model].slope * (asked.difficulty - MIDDLE);
        let (worst, best) = family.range;
        rounded(worst + (best - worst) * logistic(logit), 1e4)
    })
}

fn output(asked: &Asked, bytes: usize) -> [f64; MODELS] {
    let family = &FAMILIES[asked.family];
    let longer = exp(1.2 * (asked.difficulty - MIDDLE)) * input_factor(family, bytes);
    std::array::from_fn(|model| {
        let SimulatedModel { max_output, .. } = ROSTER[model];
        (family.tokens[model] * longer).clamp(1.0, max_output / 4.0)
    })
}

/// 1 at 600 bytes, growing with the root of the length.
fn input_factor(family: &Family, bytes: usize) -> f64 {
    match family.follows_input {
        true => (bytes as f64 / 600.0).sqrt(),
        false => 1.0,
    }
}
