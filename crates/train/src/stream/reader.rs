//! From a row of the log to an example: whether it is learnt from, and the vector of its prompt.

use std::collections::HashMap;
use std::sync::Arc;

use pointsman_features::Extractor;
use pointsman_models::{Lexicon, SparseVector};
use pointsman_types::{ModelName, ScoredRow, text_hash};

use crate::holdout::Holdout;

/// One score to learn from.
#[derive(Debug, Clone)]
pub struct Example {
    pub(super) model: usize,
    pub(super) text_hash: u64,
    pub(super) vector: Arc<SparseVector>,
    /// Score minus the model's mean.
    pub(super) deviation: f32,
    /// Weight over the mean weight.
    pub(super) votes: f32,
}

/// Which rows are learnt from, and how their prompts are seen.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) extractor: Extractor,
    pub(super) lexicon: Lexicon,
    /// The models by name, and their places.
    pub(super) models: HashMap<ModelName, usize>,
    /// Mean score, one per model.
    pub(super) mean: Vec<f32>,
    pub(super) mean_weight: f64,
    /// Prompts whose text has this hash or a smaller one are not learnt from.
    pub(super) above: Option<u64>,
    pub(super) holdout: Holdout,
}

impl Rules {
    pub(super) fn vector(&self, text: &str) -> SparseVector {
        let features = self.extractor.extract_ngrams(text);
        self.lexicon.vector((&features).into())
    }

    fn learns_from(&self, text: &str, hash: u64) -> bool {
        self.above.is_none_or(|above| hash > above) && !self.holdout.contains(text)
    }
}

/// Makes examples of rows. It remembers the prompt of the row before, since logs often repeat a
/// prompt once per model; that saves work and changes nothing.
#[derive(Debug, Clone)]
pub struct ExampleReader {
    rules: Arc<Rules>,
    last: Option<(u64, Arc<SparseVector>)>,
}

impl ExampleReader {
    pub(super) fn new(rules: Arc<Rules>) -> Self {
        Self { rules, last: None }
    }

    /// The example of a row; `None` where the model is unknown or the prompt is held out.
    pub fn example(&mut self, row: ScoredRow<'_>) -> Option<Example> {
        let model = *self.rules.models.get(row.model)?;
        let text_hash = text_hash(row.prompt);
        if !self.rules.learns_from(row.prompt, text_hash) {
            return None;
        }
        Some(Example {
            model,
            text_hash,
            vector: self.vector(row.prompt, text_hash),
            deviation: row.score.get() - self.rules.mean[model],
            votes: (row.weight / self.rules.mean_weight) as f32,
        })
    }

    fn vector(&mut self, text: &str, hash: u64) -> Arc<SparseVector> {
        match &self.last {
            Some((last, vector)) if *last == hash => Arc::clone(vector),
            _ => {
                let vector = Arc::new(self.rules.vector(text));
                self.last = Some((hash, Arc::clone(&vector)));
                vector
            }
        }
    }
}
