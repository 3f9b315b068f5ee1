//! All models' heads, learning block by block.

use std::sync::Arc;

use pointsman_features::{Extractor, FeatureSpec};
use pointsman_models::Lexicon;
use pointsman_router::{PromptFilter, RouterError};
use pointsman_types::{Grid, ModelName};
use rayon::prelude::*;

use super::head::OnlineHead;
use super::reader::{Example, ExampleReader, Rules};
use crate::error::TrainError;
use crate::holdout::Holdout;

/// The rate of a single pass, at its beginning. Several passes add up as the square root of their
/// number does; figures in `benches/RESULTS.md`.
const RATE: f32 = 0.1;

/// How much a stream holds, and how often it is gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamSize {
    /// About how many prompts.
    pub prompts: u64,
    /// About how many scores.
    pub scores: u64,
    /// How many times.
    pub passes: u32,
}

/// Learns linear functions of n-grams from examples that it does not keep. Memory: eight bytes per
/// n-gram and model, whatever the length of the stream.
#[derive(Debug)]
pub struct StreamLearner {
    rules: Arc<Rules>,
    heads: Vec<OnlineHead>,
    seen: PromptFilter,
    size: StreamSize,
    learnt: u64,
    digest: u64,
}

impl StreamLearner {
    /// A learner of deviations from one half, for every prompt and these n-grams.
    ///
    /// # Errors
    /// When this build cannot extract these features.
    pub fn new(
        features: &FeatureSpec,
        lexicon: Lexicon,
        models: &[ModelName],
        size: StreamSize,
    ) -> Result<Self, TrainError> {
        let rules = Rules {
            extractor: Extractor::new(features.clone()).map_err(RouterError::from)?,
            lexicon,
            models: models.iter().cloned().zip(0..).collect(),
            mean: vec![0.5; models.len()],
            mean_weight: 1.0,
            above: None,
            holdout: Holdout::new(0.0, 0),
        };
        Ok(Self::by(rules, size))
    }

    pub(super) fn by(rules: Rules, size: StreamSize) -> Self {
        Self {
            heads: vec![OnlineHead::new(rules.lexicon.len()); rules.models.len()],
            rules: Arc::new(rules),
            seen: PromptFilter::for_prompts(size.prompts),
            size,
            learnt: 0,
            digest: 0,
        }
    }

    /// Reads rows for this learner, on any thread.
    #[must_use]
    pub fn reader(&self) -> ExampleReader {
        ExampleReader::new(Arc::clone(&self.rules))
    }

    /// Learns these examples in their order. Each model's weights have one writer, so the number
    /// of threads and the cuts between blocks change nothing.
    pub fn learn(&mut self, block: &[Example]) {
        let (first, size) = (self.learnt, self.size);
        self.heads
            .par_iter_mut()
            .enumerate()
            .for_each(|(model, head)| {
                let numbered = (first..).zip(block);
                for (number, example) in numbered.filter(|(_, example)| example.model == model) {
                    let Example {
                        vector,
                        deviation,
                        votes,
                        ..
                    } = example;
                    head.learn(vector, *deviation, *votes, size.rate(number));
                }
            });
        block.iter().for_each(|example| self.note(example));
    }

    fn note(&mut self, example: &Example) {
        self.learnt += 1;
        self.seen.insert(example.text_hash);
        let numbers =
            u64::from(example.deviation.to_bits()) << 32 | u64::from(example.votes.to_bits());
        for part in [example.text_hash, example.model as u64, numbers] {
            self.digest = (self.digest.rotate_left(23) ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }

    /// Deviation of each model expected for a prompt.
    #[must_use]
    pub fn predict(&self, prompt: &str) -> Vec<f32> {
        let vector = self.rules.vector(prompt);
        self.heads
            .iter()
            .map(|head| head.predict(&vector))
            .collect()
    }

    /// The weights, shape `(n-grams, models)`.
    pub(super) fn weights(&self) -> Grid<f32> {
        let mut weights = Grid::filled(self.rules.lexicon.len(), self.heads.len(), 0.0);
        for (model, head) in self.heads.iter().enumerate() {
            (0..)
                .zip(head.weights())
                .for_each(|(row, weight)| weights[(row, model)] = weight);
        }
        weights
    }

    /// How many examples were learnt, each as often as it came.
    pub(super) fn learnt(&self) -> u64 {
        self.learnt
    }

    /// Which prompts were seen, and one number for all that was learnt, in its order.
    pub(super) fn into_seen(self) -> (PromptFilter, u64) {
        (self.seen, self.digest)
    }
}

impl StreamSize {
    /// The rate of the example of this number: it falls linearly to 0.
    fn rate(self, number: u64) -> f32 {
        let all = (self.scores * u64::from(self.passes)).max(1);
        let left = all.saturating_sub(number) as f32 / all as f32;
        RATE / (self.passes.max(1) as f32).sqrt() * left
    }
}
