//! A request log as the learner and the evaluator see it: one row per prompt, one column per model.

use std::sync::Arc;

use crate::entry::{of_models, of_prompts};
use crate::{Answers, Choice, Comparison, Grid, ModelName, Rating};

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
    /// What is known of the answers themselves; `None` where the log tells nothing of any.
    pub answers: Option<Answers>,
    /// Answers that were compared rather than scored, by prompt and then by models.
    pub comparisons: Vec<Comparison>,
    /// The judges named in the log, by name; rows without a judge's name count as one judge, whose
    /// name is empty.
    pub judges: Vec<String>,
    /// The scores judge by judge, by prompt; none where no row names a judge. `score` is their mean.
    pub ratings: Vec<Rating>,
    /// The cells whose model a policy chose, by prompt.
    pub choices: Vec<Choice>,
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
            answers: None,
            comparisons: Vec::new(),
            judges: Vec::new(),
            ratings: Vec::new(),
            choices: Vec::new(),
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
            answers: self.answers.as_ref().map(|answers| answers.select(rows)),
            comparisons: of_prompts(&self.comparisons, rows),
            judges: self.judges.clone(),
            ratings: of_prompts(&self.ratings, rows),
            choices: of_prompts(&self.choices, rows),
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
            answers: self
                .answers
                .as_ref()
                .map(|answers| answers.with_models(models)),
            comparisons: of_models(&self.comparisons, models),
            judges: self.judges.clone(),
            ratings: of_models(&self.ratings, models),
            choices: of_models(&self.choices, models),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn compared() -> LogTable {
        let mut table = LogTable::empty(vec!["a".into(), "b".into(), "c".into()]);
        for (prompt, models) in [(0, [0, 1]), (2, [1, 2]), (2, [2, 0])] {
            table.comparisons.push(Comparison {
                prompt,
                models,
                share_of_first: 1.0,
                weight: 1.0,
            });
        }
        for number in 0..3 {
            table.prompts.push(PromptRow {
                id: number.to_string(),
                text: number.to_string().into(),
                category: None,
            });
            table.score.push_row(&[f32::NAN; 3]);
            table.weight.push_row(&[f32::NAN; 3]);
            table.cost_usd.push_row(&[f64::NAN; 3]);
            table.input_tokens.push_row(&[f32::NAN; 3]);
            table.output_tokens.push_row(&[f32::NAN; 3]);
        }
        table
    }

    fn places(table: &LogTable) -> Vec<(usize, [usize; 2])> {
        let comparisons = table.comparisons.iter();
        comparisons.map(|one| (one.prompt, one.models)).collect()
    }

    #[test]
    fn comparisons_move_with_their_prompts() {
        let selected = compared().select(&[2, 1, 0]);
        assert_eq!(places(&selected), [(0, [1, 2]), (0, [2, 0]), (2, [0, 1])]);
        assert!(compared().select(&[1]).comparisons.is_empty());
    }

    #[test]
    fn a_comparison_goes_with_either_of_its_models() {
        let kept = compared().with_models(&[2, 1]);
        assert_eq!(places(&kept), [(2, [1, 0])]);
    }
}
