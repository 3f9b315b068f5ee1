//! Log rows to a table of prompts by models, in bounded memory and whatever the order of rows.
//!
//! When there are more prompts than the budget allows, those with the smallest hashes are kept:
//! a sample that depends on the texts and on nothing else. A prompt that was once left out is
//! larger than every prompt kept, so none of its rows can be wanted later.
//!
//! Sums are kept as integers, because the sum of floats depends on the order of its terms.

mod entry;
mod sums;

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use pointsman_types::{Answers, Grid, LogRow, LogTable, ModelName, PromptRow, text_hash};
use serde::Serialize;

use crate::LogError;
use entry::{Entry, Named, Places};

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
    /// Rows that repeat a prompt and model, or a comparison, of another row; they were averaged.
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
    judges: HashMap<String, u32>,
    rows: u64,
    scores: u64,
    labels: u64,
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
        self.labels += u64::from(row.score.is_some() || row.rival.is_some());
        let key = (text_hash(row.prompt.text()), text_hash(&row.prompt_id));
        if self.refused_from.is_some_and(|refused| key >= refused) {
            return;
        }
        let named = self.named(&row);
        if !self.prompts.contains_key(&key) {
            self.admit(key, &row);
        }
        if let Some(entry) = self.prompts.get_mut(&key) {
            entry.add(named, row);
        }
        self.keep_within_budget();
    }

    fn named(&mut self, row: &LogRow) -> Named {
        let rival = row.rival.as_ref().map(|rival| &rival.model);
        Named {
            model: number(&mut self.models, &row.model),
            rival: rival.map(|model| number(&mut self.models, model)),
            judge: row
                .judge
                .as_ref()
                .filter(|_| row.score.is_some())
                .map(|judge| number(&mut self.judges, judge)),
        }
    }

    fn admit(&mut self, key: Key, row: &LogRow) {
        let same_text = self.prompts.range((key.0, 0)..=(key.0, u64::MAX)).next();
        let text =
            same_text.map_or_else(|| row.prompt.shared(), |(_, entry)| Arc::clone(&entry.text));
        let entry = Entry::new(row.prompt_id.clone(), text);
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
    /// When no row has a score and none is a comparison.
    pub fn finish(self) -> Result<(LogTable, TableNotes), LogError> {
        if self.labels == 0 {
            return Err(LogError::NoScores { rows: self.rows });
        }
        let notes = self.notes();
        let mut entries: Vec<(Key, Entry)> = self.prompts.into_iter().collect();
        entries.sort_by(|(a, left), (b, right)| (a.0, &left.id).cmp(&(b.0, &right.id)));
        let used = |of: fn(&Entry) -> Vec<u32>| entries.iter().flat_map(move |one| of(&one.1));
        let (models, columns) = places(&self.models, used(|entry| entry.models().collect()));
        let (judges, seats) = places(&self.judges, used(|entry| entry.judges().collect()));
        let mut table = blank(models, judges, entries.len());
        let has_answers = entries.iter().any(|(_, entry)| entry.has_answer());
        table.answers = has_answers.then(|| Answers::unknown(entries.len(), table.models.len()));
        let places = Places {
            models: columns,
            judges: seats,
            unnamed_judge: add_unnamed_judge(&mut table.judges, &entries),
        };
        for (row, (_, entry)) in entries.into_iter().enumerate() {
            entry.write(&mut table, row, &places);
            table.prompts.push(PromptRow {
                id: entry.id,
                text: entry.text,
                category: entry.category,
            });
        }
        Ok((table, notes))
    }

    fn notes(&self) -> TableNotes {
        let entries = || self.prompts.values();
        let kept_rows: u64 = entries().map(Entry::rows).sum();
        let kept_scores: u64 = entries().map(Entry::scores).sum();
        let distinct: u64 = entries().map(Entry::distinct).sum();
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
            duplicates: kept_rows - distinct,
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

fn number<T: Clone + Eq + Hash>(numbers: &mut HashMap<T, u32>, name: &T) -> u32 {
    if let Some(number) = numbers.get(name) {
        return *number;
    }
    let number = numbers.len() as u32;
    numbers.insert(name.clone(), number);
    number
}

/// The names whose numbers are used, in order, and the place of each number among them.
fn places<T: Clone + Ord>(
    numbers: &HashMap<T, u32>,
    used: impl Iterator<Item = u32>,
) -> (Vec<T>, Vec<usize>) {
    let mut is_used = vec![false; numbers.len()];
    used.for_each(|number| is_used[number as usize] = true);
    let mut names: Vec<(&T, u32)> = numbers
        .iter()
        .map(|(name, number)| (name, *number))
        .filter(|(_, number)| is_used[*number as usize])
        .collect();
    names.sort();
    let mut places = vec![0; numbers.len()];
    for (place, (_, number)) in names.iter().enumerate() {
        places[*number as usize] = place;
    }
    (
        names.into_iter().map(|(name, _)| name.clone()).collect(),
        places,
    )
}

/// Where some rows name a judge, those that do not have one in common.
fn add_unnamed_judge(judges: &mut Vec<String>, entries: &[(Key, Entry)]) -> Option<usize> {
    let is_needed =
        !judges.is_empty() && entries.iter().any(|(_, entry)| entry.has_unnamed_judge());
    is_needed.then(|| {
        judges.push(String::new());
        judges.len() - 1
    })
}

fn blank(models: Vec<ModelName>, judges: Vec<String>, rows: usize) -> LogTable {
    let columns = models.len();
    let grid = || Grid::filled(rows, columns, f32::NAN);
    LogTable {
        prompts: Vec::with_capacity(rows),
        score: grid(),
        weight: grid(),
        cost_usd: Grid::filled(rows, columns, f64::NAN),
        input_tokens: grid(),
        output_tokens: grid(),
        judges,
        ..LogTable::empty(models)
    }
}
