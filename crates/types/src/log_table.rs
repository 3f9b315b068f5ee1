//! A request log as the learner and the evaluator see it: one row per prompt, one column per model.

use std::sync::Arc;

use crate::{Grid, ModelName};

/// One prompt of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptRow {
    /// The id it was logged with.
    pub id: String,
    /// What was asked.
    pub text: Arc<str>,
    /// The task's label, where it was logged; never a feature.
    pub category: Option<String>,
}

/// Every grid has shape `(prompts, models)`; a cell that was not logged is NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct LogTable {
    /// The models, by name.
    pub models: Vec<ModelName>,
    /// The prompts.
    pub prompts: Vec<PromptRow>,
    /// Quality in `[0, 1]`.
    pub score: Grid<f32>,
    /// Number of votes behind the score.
    pub weight: Grid<f32>,
    /// Cost of the call in US dollars.
    pub cost_usd: Grid<f64>,
    /// Tokens in.
    pub input_tokens: Grid<f32>,
    /// Tokens out.
    pub output_tokens: Grid<f32>,
}

impl LogTable {
    /// A table with these models and no prompts.
    #[must_use]
    pub fn empty(models: Vec<ModelName>) -> Self {
        let columns = models.len();
        let grid = || Grid::filled(0, columns, f32::NAN);
        Self {
            models,
            prompts: Vec::new(),
            score: grid(),
            weight: grid(),
            cost_usd: Grid::filled(0, columns, f64::NAN),
            input_tokens: grid(),
            output_tokens: grid(),
        }
    }

    /// The prompts named, in that order.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            models: self.models.clone(),
            prompts: rows.iter().map(|row| self.prompts[*row].clone()).collect(),
            score: self.score.select(rows),
            weight: self.weight.select(rows),
            cost_usd: self.cost_usd.select(rows),
            input_tokens: self.input_tokens.select(rows),
            output_tokens: self.output_tokens.select(rows),
        }
    }

    /// The columns named, in that order. Prompts stay, also those without any cell left.
    #[must_use]
    pub fn with_models(&self, models: &[usize]) -> Self {
        Self {
            models: models
                .iter()
                .map(|model| self.models[*model].clone())
                .collect(),
            prompts: self.prompts.clone(),
            score: self.score.select_columns(models),
            weight: self.weight.select_columns(models),
            cost_usd: self.cost_usd.select_columns(models),
            input_tokens: self.input_tokens.select_columns(models),
            output_tokens: self.output_tokens.select_columns(models),
        }
    }

    /// The rows in which every model has both a score and a cost.
    #[must_use]
    pub fn complete_rows(&self) -> Vec<usize> {
        let complete = |row: &usize| {
            self.score.row(*row).iter().all(|score| !score.is_nan())
                && self.cost_usd.row(*row).iter().all(|cost| !cost.is_nan())
        };
        (0..self.prompts.len()).filter(complete).collect()
    }
}
