//! What is in a log, from one pass over it. Nothing is kept of the rows but counts and hashes.

mod counts;
mod judges;
mod print;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use pointsman_types::{LogRow, ModelName, Rival, text_hash};
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use crate::{Faults, LogError, ReadOptions, read};

pub use counts::Quantiles;
use counts::{Histogram, Labels, Mean};
use judges::Judges;
pub use judges::{JudgeSummary, Judging};

/// What is in a log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The files read.
    pub files: Vec<PathBuf>,
    /// What was wrong with single rows.
    pub faults: Faults,
    /// Well-formed rows.
    pub rows: u64,
    /// Of these, the comparisons of two answers.
    pub comparisons: u64,
    /// Distinct prompts: an id and a text.
    pub prompts: u64,
    /// Rows that repeat a prompt and model, or a comparison, of an earlier row.
    pub duplicates: u64,
    /// Pairs of a prompt and a model without a row.
    pub missing_cells: u64,
    /// The models, by name.
    pub models: Vec<ModelSummary>,
    /// Who judged and how far they agree; `None` where no row names a judge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judging: Option<Judging>,
    /// The most frequent categories and how many prompts each has.
    pub categories: Vec<(String, u64)>,
    /// Prompts of the categories that are not listed.
    pub prompts_of_other_categories: u64,
    /// Prompt length in characters, over distinct prompts.
    pub prompt_chars: Option<Quantiles>,
    /// Tokens in, over rows that have them.
    pub input_tokens: Option<Quantiles>,
    /// Tokens out, over rows that have them.
    pub output_tokens: Option<Quantiles>,
}

/// What is in a log about one model. Means are over the rows that have the value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelSummary {
    /// The model.
    pub model: ModelName,
    /// Its rows, comparisons left out.
    pub rows: u64,
    /// Its comparisons with other models.
    pub comparisons: u64,
    /// The share of these that it won, a tie being half a win.
    pub share_won: Option<f64>,
    /// Its rows without a score.
    pub missing_scores: u64,
    /// Mean score.
    pub mean_score: Option<f64>,
    /// Mean cost in US dollars.
    pub mean_cost_usd: Option<f64>,
    /// Mean tokens in.
    pub mean_input_tokens: Option<f64>,
    /// Mean tokens out.
    pub mean_output_tokens: Option<f64>,
}

/// Reads logs once and sums them up. Memory: 8 bytes for each distinct prompt and for each
/// distinct pair of a prompt and a model or comparison (times the slack of a hash set), and
/// some 60 for each answer whose judge is named.
///
/// # Errors
/// As [`read()`].
pub fn inspect(files: &[impl AsRef<Path>], options: &ReadOptions) -> Result<Summary, LogError> {
    let mut inspector = Inspector::default();
    let names = files
        .iter()
        .map(|file| file.as_ref().to_path_buf())
        .collect();
    let faults = read(files, options, |row| {
        inspector.add(&row);
        Ok(())
    })?;
    Ok(inspector.summary(names, faults))
}

#[derive(Default)]
struct Inspector {
    rows: u64,
    comparisons: u64,
    prompts: HashSet<u64>,
    cells: HashSet<u64>,
    duels: HashSet<u64>,
    duplicates: u64,
    models: BTreeMap<ModelName, ModelCounts>,
    judges: Judges,
    categories: Labels,
    chars: Histogram,
    input: Histogram,
    output: Histogram,
}

fn hash(model: &ModelName) -> u64 {
    xxh3_64(model.as_str().as_bytes())
}

#[derive(Default)]
struct ModelCounts {
    rows: u64,
    won: Mean,
    score: Mean,
    cost: Mean,
    input: Mean,
    output: Mean,
}

impl Inspector {
    fn add(&mut self, row: &LogRow) {
        self.rows += 1;
        let prompt = text_hash(row.prompt.text()) ^ text_hash(&row.prompt_id).rotate_left(1);
        if self.prompts.insert(prompt) {
            self.chars.add(row.prompt.text().chars().count() as u64);
            self.categories.add(row.category.as_deref());
        }
        let cell = prompt ^ hash(&row.model).rotate_left(2);
        match &row.rival {
            Some(rival) => self.compare(cell ^ hash(&rival.model).rotate_left(3), row, rival),
            None => self.answer(cell, row),
        }
    }

    fn compare(&mut self, duel: u64, row: &LogRow, rival: &Rival) {
        self.comparisons += 1;
        self.duplicates += u64::from(!self.duels.insert(duel));
        let share = rival.winner.share_of_first();
        self.model(&row.model).compare(share);
        self.model(&rival.model).compare(1.0 - share);
    }

    fn answer(&mut self, cell: u64, row: &LogRow) {
        self.duplicates += u64::from(!self.cells.insert(cell));
        self.judges.add(cell, row);
        for (histogram, tokens) in [
            (&mut self.input, row.input_tokens),
            (&mut self.output, row.output_tokens),
        ] {
            if let Some(tokens) = tokens {
                histogram.add(tokens.0);
            }
        }
        self.model(&row.model).add(row);
    }

    fn model(&mut self, model: &ModelName) -> &mut ModelCounts {
        if !self.models.contains_key(model) {
            self.models.insert(model.clone(), ModelCounts::default());
        }
        self.models
            .get_mut(model)
            .expect("the model was inserted above")
    }

    fn summary(self, files: Vec<PathBuf>, faults: Faults) -> Summary {
        let prompts = self.prompts.len() as u64;
        let all_cells = prompts * self.models.len() as u64;
        let (categories, prompts_of_other_categories) = self.categories.most_frequent();
        Summary {
            files,
            faults,
            rows: self.rows,
            comparisons: self.comparisons,
            prompts,
            duplicates: self.duplicates,
            missing_cells: all_cells.saturating_sub(self.cells.len() as u64),
            models: self
                .models
                .into_iter()
                .map(|(model, counts)| counts.summary(model))
                .collect(),
            judging: self.judges.summary(),
            categories,
            prompts_of_other_categories,
            prompt_chars: self.chars.quantiles(),
            input_tokens: self.input.quantiles(),
            output_tokens: self.output.quantiles(),
        }
    }
}

impl ModelCounts {
    fn add(&mut self, row: &LogRow) {
        self.rows += 1;
        self.score.add(row.score.map(|score| score.get().into()));
        self.cost.add(row.cost_usd.map(|cost| cost.as_f64()));
        self.input
            .add(row.input_tokens.map(|tokens| tokens.0 as f64));
        self.output
            .add(row.output_tokens.map(|tokens| tokens.0 as f64));
    }

    fn compare(&mut self, share: f64) {
        self.won.add(Some(share));
    }

    fn summary(self, model: ModelName) -> ModelSummary {
        ModelSummary {
            model,
            rows: self.rows,
            comparisons: self.won.count,
            share_won: self.won.mean(),
            missing_scores: self.rows - self.score.count,
            mean_score: self.score.mean(),
            mean_cost_usd: self.cost.mean(),
            mean_input_tokens: self.input.mean(),
            mean_output_tokens: self.output.mean(),
        }
    }
}
