//! What a log tells of the answers themselves, besides how good they were.

use crate::Grid;

/// Both of shape `(prompts, models)`; what was not logged is NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    /// How sure the model was: the log-probability of its answer in nats, of the whole answer or
    /// the mean over its tokens, whichever the log has throughout.
    pub logprob: Grid<f32>,
    /// Length in characters.
    pub chars: Grid<f32>,
}

impl Answers {
    /// Nothing known of any answer.
    #[must_use]
    pub fn unknown(prompts: usize, models: usize) -> Self {
        Self {
            logprob: Grid::filled(prompts, models, f32::NAN),
            chars: Grid::filled(prompts, models, f32::NAN),
        }
    }

    /// The prompts named, in that order.
    #[must_use]
    pub fn select(&self, prompts: &[usize]) -> Self {
        Self {
            logprob: self.logprob.select(prompts),
            chars: self.chars.select(prompts),
        }
    }

    /// The models named, in that order.
    #[must_use]
    pub fn with_models(&self, models: &[usize]) -> Self {
        Self {
            logprob: self.logprob.select_columns(models),
            chars: self.chars.select_columns(models),
        }
    }
}
