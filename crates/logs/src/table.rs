//! Log rows to a table of prompts by models, in bounded memory and whatever the order of rows.
//!
//! When there are more prompts than the budget allows, those with the smallest hashes are kept:
//! a sample that depends on the texts and on nothing else. A prompt that was once left out is
//! larger than every prompt kept, so none of its rows can be wanted later.
//!
//! Sums are kept as integers, because the sum of floats depends on the order of its terms.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use pointsman_types::{Grid, LogRow, LogTable, ModelName, PromptRow, text_hash};
use serde::Serialize;

use crate::LogError;

/// The most that a table may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Prompts.
    pub max_prompts: usize,
    /// Bytes of prompt texts and ids.
    pub max_text_bytes: u64,
}

impl Default for Budget {
    /// Half a million prompts, one gibibyte of text.
    fn default() -> Self {
        Self {
            max_prompts: 500_000,
            max_text_bytes: 1 << 30,
        }
    }
}

/// What the table does not tell of the log it was made from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct TableNotes {
    /// Rows pushed.
    pub rows: u64,
    /// Rows of prompts that were left out to stay within the budget.
    pub rows_left_out: u64,
    /// How many of these have a score.
    pub scores_left_out: u64,
    /// Prompts in the log: exact unless some were left out, then estimated from the hashes kept.
    pub prompts_seen: u64,
    /// Whether `prompts_seen` is an estimate.
    pub prompts_seen_estimated: bool,
    /// The greatest text hash in the table, where prompts were left out: every prompt with a
    /// greater one was, and none with a smaller one.
    pub left_out_above: Option<u64>,
    /// Prompts in the table.
    pub prompts_kept: u64,
    /// Rows that repeat a prompt and model of another row; they were averaged into one cell.
    pub duplicates: u64,
    /// Ids that stand for more than one text; each text is a prompt of its own.
    pub ids_with_several_texts: u64,
    /// Texts that stand under more than one id.
    pub texts_with_several_ids: u64,
}

/// The hash of the text, then the hash of the id.
type Key = (u64, u64);

/// Collects rows; [`TableBuilder::finish`] makes the table.
#[derive(Debug, Default)]
pub struct TableBuilder {
    budget: Budget,
    prompts: BTreeMap<Key, Entry>,
    text_bytes: u64,
    refused_from: Option<Key>,
    models: HashMap<ModelName, u32>,
    rows: u64,
    scores: u64,
}

#[derive(Debug)]
struct Entry {
    id: String,
    text: Arc<str>,
    category: Option<String>,
    cells: Vec<Sums>,
}

impl Entry {
    fn bytes(&self) -> u64 {
        (self.text.len() + self.id.len()) as u64
    }
}

impl TableBuilder {
    /// A builder within this budget.
    #[must_use]
    pub fn new(budget: Budget) -> Self {
        Self {
            budget,
            ..Self::default()
        }
    }

    /// Adds a row.
    pub fn push(&mut self, row: LogRow) {
        self.rows += 1;
        self.scores += u64::from(row.score.is_some());
        let key = (text_hash(row.prompt.text()), text_hash(&row.prompt_id));
        if self.refused_from.is_some_and(|refused| key >= refused) {
            return;
        }
        let model = self.model_number(&row.model);
        if !self.prompts.contains_key(&key) {
            self.admit(key, &row);
        }
        if let Some(entry) = self.prompts.get_mut(&key) {
            entry.add(model, row);
        }
        self.keep_within_budget();
    }

    fn model_number(&mut self, model: &ModelName) -> u32 {
        if let Some(number) = self.models.get(model) {
            return *number;
        }
        let number = self.models.len() as u32;
        self.models.insert(model.clone(), number);
        number
    }

    fn admit(&mut self, key: Key, row: &LogRow) {
        let same_text = self.prompts.range((key.0, 0)..=(key.0, u64::MAX)).next();
        let entry = Entry {
            text: same_text
                .map_or_else(|| row.prompt.shared(), |(_, entry)| Arc::clone(&entry.text)),
            id: row.prompt_id.clone(),
            category: None,
            cells: Vec::new(),
        };
        self.text_bytes += entry.bytes();
        self.prompts.insert(key, entry);
    }

    fn keep_within_budget(&mut self) {
        while self.prompts.len() > self.budget.max_prompts
            || self.text_bytes > self.budget.max_text_bytes
        {
            let Some((key, entry)) = self.prompts.pop_last() else {
                return;
            };
            self.text_bytes -= entry.bytes();
            self.refused_from = Some(key);
        }
    }

    /// The table, its prompts by text hash and then id, its models by name.
    ///
    /// # Errors
    /// When no row has a score.
    pub fn finish(self) -> Result<(LogTable, TableNotes), LogError> {
        if self.scores == 0 {
            return Err(LogError::NoScores { rows: self.rows });
        }
        let notes = self.notes();
        let mut entries: Vec<(Key, Entry)> = self.prompts.into_iter().collect();
        entries.sort_by(|(a, left), (b, right)| (a.0, &left.id).cmp(&(b.0, &right.id)));
        let (models, columns) = columns(&self.models, &entries);
        let mut table = blank(models, entries.len());
        for (row, (_, entry)) in entries.into_iter().enumerate() {
            for sums in &entry.cells {
                sums.write(&mut table, (row, columns[sums.model as usize]));
            }
            table.prompts.push(PromptRow {
                id: entry.id,
                text: entry.text,
                category: entry.category,
            });
        }
        Ok((table, notes))
    }

    fn notes(&self) -> TableNotes {
        let cells = || self.prompts.values().flat_map(|entry| &entry.cells);
        let kept_rows: u64 = cells().map(|sums| u64::from(sums.rows)).sum();
        let kept_scores: u64 = cells().map(|sums| u64::from(sums.scores)).sum();
        let kept = self.prompts.len() as u64;
        let greatest = self.prompts.keys().next_back().map(|key| key.0);
        let mut texts_of_id: HashMap<&str, u64> = HashMap::new();
        let mut ids_of_text: HashMap<u64, u64> = HashMap::new();
        for (key, entry) in &self.prompts {
            *texts_of_id.entry(&entry.id).or_default() += 1;
            *ids_of_text.entry(key.0).or_default() += 1;
        }
        TableNotes {
            rows: self.rows,
            rows_left_out: self.rows - kept_rows,
            scores_left_out: self.scores - kept_scores,
            prompts_seen: self.refused_from.map_or(kept, |key| estimate(kept, key.0)),
            prompts_seen_estimated: self.refused_from.is_some(),
            left_out_above: self.refused_from.and(greatest),
            prompts_kept: kept,
            duplicates: kept_rows - cells().count() as u64,
            ids_with_several_texts: texts_of_id.values().filter(|texts| **texts > 1).count() as u64,
            texts_with_several_ids: ids_of_text.values().filter(|ids| **ids > 1).count() as u64,
        }
    }
}

/// How many prompts there are, when `kept` of them have a hash below `limit`: hashes are spread
/// evenly (the k-minimum-values estimate).
fn estimate(kept: u64, limit: u64) -> u64 {
    let share = (limit as f64 + 1.0) / 2f64.powi(64);
    ((kept as f64 / share).round() as u64).max(kept + 1)
}

/// The models that have a row in the table, by name, and the column of each model's number.
fn columns(
    numbers: &HashMap<ModelName, u32>,
    entries: &[(Key, Entry)],
) -> (Vec<ModelName>, Vec<usize>) {
    let mut used = vec![false; numbers.len()];
    for sums in entries.iter().flat_map(|(_, entry)| &entry.cells) {
        used[sums.model as usize] = true;
    }
    let mut models: Vec<(&ModelName, u32)> = numbers
        .iter()
        .map(|(model, number)| (model, *number))
        .filter(|(_, number)| used[*number as usize])
        .collect();
    models.sort();
    let mut columns = vec![0; numbers.len()];
    for (column, (_, number)) in models.iter().enumerate() {
        columns[*number as usize] = column;
    }
    let names = models.into_iter().map(|(model, _)| model.clone()).collect();
    (names, columns)
}

fn blank(models: Vec<ModelName>, rows: usize) -> LogTable {
    let columns = models.len();
    let grid = || Grid::filled(rows, columns, f32::NAN);
    LogTable {
        models,
        prompts: Vec::with_capacity(rows),
        score: grid(),
        weight: grid(),
        cost_usd: Grid::filled(rows, columns, f64::NAN),
        input_tokens: grid(),
        output_tokens: grid(),
    }
}

impl Entry {
    fn add(&mut self, model: u32, row: LogRow) {
        if let Some(category) = row.category {
            // Of several labels the first by name, so that the order of rows does not matter.
            match &self.category {
                Some(known) if *known <= category => {}
                _ => self.category = Some(category),
            }
        }
        let known = self.cells.iter().position(|sums| sums.model == model);
        let index = known.unwrap_or_else(|| {
            self.cells.push(Sums::new(model));
            self.cells.len() - 1
        });
        let sums = &mut self.cells[index];
        sums.rows += 1;
        if let Some(score) = row.score {
            sums.scores += 1;
            sums.score.add(f64::from(score.get()), row.weight);
        }
        sums.cost.add(row.cost_usd.map(|cost| cost.picos().into()));
        sums.input
            .add(row.input_tokens.map(|tokens| tokens.0.into()));
        sums.output
            .add(row.output_tokens.map(|tokens| tokens.0.into()));
    }
}

/// The rows of one prompt and one model.
#[derive(Debug)]
struct Sums {
    model: u32,
    rows: u32,
    scores: u32,
    score: Votes,
    cost: Mean,
    input: Mean,
    output: Mean,
}

impl Sums {
    fn new(model: u32) -> Self {
        Self {
            model,
            rows: 0,
            scores: 0,
            score: Votes::default(),
            cost: Mean::default(),
            input: Mean::default(),
            output: Mean::default(),
        }
    }

    fn write(&self, table: &mut LogTable, cell: (usize, usize)) {
        if let Some((score, weight)) = self.score.mean() {
            table.score[cell] = score as f32;
            table.weight[cell] = weight as f32;
        }
        if let Some(picos) = self.cost.mean() {
            table.cost_usd[cell] = picos / 1e12;
        }
        if let Some(tokens) = self.input.mean() {
            table.input_tokens[cell] = tokens as f32;
        }
        if let Some(tokens) = self.output.mean() {
            table.output_tokens[cell] = tokens as f32;
        }
    }
}

/// A mean of whole numbers.
#[derive(Debug, Default)]
struct Mean {
    sum: i64,
    count: u32,
}

impl Mean {
    fn add(&mut self, value: Option<i128>) {
        if let Some(value) = value {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            self.sum = self.sum.saturating_add(value);
            self.count += 1;
        }
    }

    fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / f64::from(self.count))
    }
}

/// A weighted mean of scores. Weights count in millionths of a vote, scores in 2^-60, which
/// holds every 32-bit float above 2^-36 exactly.
#[derive(Debug, Default)]
struct Votes {
    weighted: u128,
    millionths: u64,
}

const SCORE_UNIT: f64 = (1u64 << 60) as f64;
const WEIGHT_UNIT: f64 = 1e6;

impl Votes {
    fn add(&mut self, score: f64, weight: f64) {
        let votes = ((weight * WEIGHT_UNIT).round() as u64).max(1);
        let score = (score * SCORE_UNIT).round() as u128;
        self.weighted = self.weighted.saturating_add(u128::from(votes) * score);
        self.millionths = self.millionths.saturating_add(votes);
    }

    fn mean(&self) -> Option<(f64, f64)> {
        let mean = self.weighted.checked_div(u128::from(self.millionths))?;
        Some((
            mean as f64 / SCORE_UNIT,
            self.millionths as f64 / WEIGHT_UNIT,
        ))
    }
}
