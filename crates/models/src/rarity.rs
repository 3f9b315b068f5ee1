//! How rare the n-grams of a prompt are: dense features that need to know what training saw.
//!
//! The heads read which n-grams occur; this says how far the vocabulary as a whole is from the
//! ordinary, which carries over to subjects that training did not see.

use pointsman_features::FeatureRow;

use crate::lexicon::Lexicon;

/// How many features there are.
pub const RARITY_FEATURES: usize = 3;

/// Their names, in order.
pub const RARITY_NAMES: [&str; RARITY_FEATURES] = ["mean_rarity", "rarity_spread", "unknown_share"];

/// The rarity of prompts among the training prompts. The rarity of an n-gram is
/// `ln((1 + n) / (1 + d))`, where `d` of `n` prompts have it: its inverse document frequency less 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rarity {
    /// The rarity of an n-gram that the lexicon does not have.
    pub unknown: f32,
    /// Mean of each feature over the training prompts, each looked at as if it had not been in
    /// training.
    pub mean: [f32; RARITY_FEATURES],
    /// One over the standard deviation of each feature; 0 for a constant one.
    pub scale: [f32; RARITY_FEATURES],
}

impl Rarity {
    /// The rarity of an n-gram that so many of all prompts have. One that the lexicon does not have
    /// counts as if a single prompt had it.
    #[must_use]
    pub fn of_ngram(prompts_with: u32, prompts: usize) -> f32 {
        libm::logf((1.0 + prompts as f32) / (1.0 + prompts_with as f32))
    }

    /// The features of n-grams of these rarities; `None` is one that is unknown. All 0 of none.
    #[must_use]
    pub fn of_ngrams(
        ngrams: impl Iterator<Item = Option<f32>>,
        unknown_rarity: f32,
    ) -> [f32; RARITY_FEATURES] {
        let (mut count, mut unknown) = (0_u32, 0_u32);
        let (mut sum, mut squares) = (0.0_f64, 0.0_f64);
        for rarity in ngrams {
            unknown += u32::from(rarity.is_none());
            count += 1;
            let rarity = f64::from(rarity.unwrap_or(unknown_rarity));
            sum += rarity;
            squares += rarity * rarity;
        }
        let count = f64::from(count.max(1));
        let mean = sum / count;
        let variance = (squares / count - mean * mean).max(0.0);
        [mean, variance.sqrt(), f64::from(unknown) / count].map(|value| value as f32)
    }

    /// The features of a prompt that was not in training: mean and standard deviation of the rarity
    /// of its distinct n-grams, and the share of those that are unknown. Of a conversation the
    /// current turn is looked at.
    #[must_use]
    pub fn of(&self, lexicon: &Lexicon, features: FeatureRow<'_>) -> [f32; RARITY_FEATURES] {
        let known = |bucket: u32| Some(lexicon.idf()[lexicon.row(bucket)?] - 1.0);
        let ngrams = features.of_current_turn();
        Self::of_ngrams(ngrams.map(|(bucket, _)| known(bucket)), self.unknown)
    }

    /// The features at mean 0 and variance 1 over the training prompts.
    pub(crate) fn standardised(
        &self,
        rarity: [f32; RARITY_FEATURES],
    ) -> impl Iterator<Item = f32> + use<> {
        let moments = self.mean.into_iter().zip(self.scale);
        rarity
            .into_iter()
            .zip(moments)
            .map(|(value, (mean, scale))| (value - mean) * scale)
    }
}

#[cfg(test)]
mod tests {
    use pointsman_features::Features;

    use super::*;

    fn rarity(buckets: &[u32]) -> [f32; RARITY_FEATURES] {
        let lexicon = Lexicon::new(16, vec![2, 5], vec![1.5, 2.5]);
        let seen = Rarity {
            unknown: 3.5,
            mean: [0.0; RARITY_FEATURES],
            scale: [1.0; RARITY_FEATURES],
        };
        let features = Features {
            buckets: buckets.into(),
            values: vec![1.0; buckets.len()],
            ..Features::default()
        };
        seen.of(&lexicon, (&features).into())
    }

    fn check(buckets: &[u32], expected: [f32; RARITY_FEATURES]) {
        let found = rarity(buckets);
        let pairs = found.iter().zip(expected);
        assert!(
            pairs
                .into_iter()
                .all(|(found, expected)| (found - expected).abs() < 1e-5),
            "{buckets:?} have {found:?}, not {expected:?}"
        );
    }

    #[test]
    fn known_ngrams_have_a_mean_and_a_spread() {
        check(&[2, 5], [1.0, 0.5, 0.0]);
        check(&[5], [1.5, 0.0, 0.0]);
    }

    #[test]
    fn an_unknown_ngram_is_the_rarest() {
        check(&[5, 9], [2.5, 1.0, 0.5]);
    }

    #[test]
    fn a_prompt_without_words_has_no_rarity() {
        check(&[], [0.0; RARITY_FEATURES]);
    }

    #[test]
    fn what_all_prompts_have_is_not_rare() {
        assert!(Rarity::of_ngram(9, 9).abs() < 1e-6);
        assert!((Rarity::of_ngram(1, 9) - 5_f32.ln()).abs() < 1e-6);
    }
}
