//! Random draws that are the same on every platform. Not a general random source: only the
//! distributions that the simulator needs, each made of additions, products and integer shifts.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Separates this project's streams from any other use of the same seed.
const DOMAIN: [u8; 24] = *b"pointsman synthetic log ";

/// What the draws of one prompt are for; each purpose has a stream of its own, so that a change
/// in one leaves the others as they were.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// The words of the prompt.
    Text,
    /// What no reader can see in the words, but changes how well models answer.
    Hidden,
    /// Scores, tokens, latencies and gaps of the log.
    Outcome,
    /// What answers show of themselves.
    Answer,
}

/// Draws for one purpose of one prompt.
pub(crate) struct Draws(ChaCha8Rng);

impl Draws {
    pub(crate) fn new(seed: u64, prompt: u64, purpose: Purpose) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..].copy_from_slice(&DOMAIN);
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(prompt.wrapping_mul(4).wrapping_add(purpose as u64));
        Self(rng)
    }

    /// Uniform below `end`, by multiplication; the bias is below `end / 2^32`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((u64::from(self.0.next_u32()) * end as u64) >> 32) as usize
    }

    /// Uniform from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// Uniform in `[0, 1)`, a multiple of 2^-53.
    pub(crate) fn unit(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.0.next_u64() >> 11) as f64 * STEP
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Mean 0, variance 1, bell-shaped: the sum of twelve uniform draws less six (Irwin–Hall),
    /// which needs no logarithm or cosine.
    pub(crate) fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_and_purposes_draw_apart() {
        let first = |prompt, purpose| Draws::new(7, prompt, purpose).0.next_u64();
        let draws = [
            first(0, Purpose::Text),
            first(0, Purpose::Hidden),
            first(0, Purpose::Outcome),
            first(1, Purpose::Text),
        ];
        for (i, a) in draws.iter().enumerate() {
            assert!(draws[i + 1..].iter().all(|b| a != b), "{draws:?}");
        }
    }

    #[test]
    fn the_bell_has_mean_zero_and_variance_one() {
        let mut draws = Draws::new(1, 0, Purpose::Hidden);
        let values: Vec<f64> = (0..20_000).map(|_| draws.bell()).collect();
        let mean = values.iter().sum::<f64>() / 20_000.0;
        let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / 20_000.0;
        assert!(
            mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05,
            "{mean} {variance}"
        );
    }

    #[test]
    fn both_ends_of_a_range_occur() {
        let mut draws = Draws::new(1, 0, Purpose::Text);
        let seen: std::collections::BTreeSet<usize> =
            (0..200).map(|_| draws.between(3, 6)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [3, 4, 5, 6]);
    }
}
