//! What can be seen of an answer without judging it: how sure the model was, and its length.

use crate::Cast;
use crate::draws::{Draws, Purpose};
use crate::portable::{exp, rounded};
use crate::roster::{MODELS, ROSTER};

/// How doubt depends on the score, and how much it varies besides (log scale).
const DOUBT: (f64, f64, f64) = (-0.2, -2.2, 0.9);
/// A provider that tells no log-probabilities now and then.
const SILENT: f64 = 0.02;
/// How far the length in characters strays from what tokens make (log scale).
const SPELLING: f64 = 0.08;

/// The signs of one answer.
#[derive(Clone, Copy)]
pub(crate) struct Signs {
    pub(crate) logprob: Option<f64>,
    pub(crate) chars: u64,
}

/// The signs of every model's answer, given score and tokens out of each: the better the answer, the
/// surer the model as a rule.
pub(crate) fn signs(cast: &Cast, seed: u64, answers: [(f64, f64); MODELS]) -> [Signs; MODELS] {
    let mut draws = Draws::new(seed, cast.number, Purpose::Answer);
    let (level, slope, spread) = DOUBT;
    std::array::from_fn(|model| {
        let (score, output) = answers[model];
        let doubt = exp(level + slope * score + spread * draws.bell());
        let chars = output * ROSTER[model].bytes_per_token * exp(SPELLING * draws.bell());
        Signs {
            logprob: (!draws.chance(SILENT)).then(|| -rounded(doubt, 1e6)),
            chars: chars.round() as u64,
        }
    })
}
