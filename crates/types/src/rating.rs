//! What is known of single cells of a table beyond their score: who rated them, and how they came
//! to be.

use crate::entry::Entry;

/// What one judge said of one model's answer to one prompt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rating {
    /// The prompt's row.
    pub prompt: usize,
    /// The model's column.
    pub model: usize,
    /// The judge's place in the table's list.
    pub judge: usize,
    /// The score, in `[0, 1]`.
    pub score: f32,
    /// Number of votes; greater than 0.
    pub weight: f32,
}

/// A cell that is there because a policy chose the model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// The prompt's row.
    pub prompt: usize,
    /// The model's column.
    pub model: usize,
    /// With which probability the policy chose it, in `[0, 1]`; the mean where it was chosen more
    /// than once.
    pub propensity: f32,
}

impl Entry for Rating {
    fn prompt(&self) -> usize {
        self.prompt
    }

    fn at(self, prompt: usize) -> Self {
        Self { prompt, ..self }
    }

    fn with_models(self, place: impl Fn(usize) -> Option<usize>) -> Option<Self> {
        let model = place(self.model)?;
        Some(Self { model, ..self })
    }
}

impl Entry for Choice {
    fn prompt(&self) -> usize {
        self.prompt
    }

    fn at(self, prompt: usize) -> Self {
        Self { prompt, ..self }
    }

    fn with_models(self, place: impl Fn(usize) -> Option<usize>) -> Option<Self> {
        let model = place(self.model)?;
        Some(Self { model, ..self })
    }
}
