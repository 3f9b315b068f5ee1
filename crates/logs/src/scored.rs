//! Reading the scores of a log again, on all cores: for learners that go through more rows than
//! memory holds. [`read()`](crate::read()) comes first and tells of malformed rows; here they are
//! stepped over.

use std::borrow::Cow;
use std::path::Path;

use pointsman_types::{LogRow, Quality, ScoredRow};
use rayon::prelude::*;
use serde::Deserialize;

use crate::LogError;
use crate::read::read_again;
use crate::scan::{Blocks, LONGEST_ROW, object};
use crate::schema::{self, LastPrompt};
use crate::source::{Format, Kind, Packing};

/// Rows held at once of a format that is not read in blocks of lines, and bytes of their prompts.
const HELD_ROWS: usize = 1 << 13;
const HELD_BYTES: usize = 4 << 20;

/// Maps every row that has a score and hands on what comes of it, block by block, in the order of
/// the files and of their rows. Which core maps a row is undefined: `map` is cloned for runs of
/// neighbouring rows, so what it remembers may only save work. Memory is bounded by a few MiB and
/// the longest row.
///
/// # Errors
/// On a file that cannot be opened, read to its end or split into rows.
pub fn read_scored<T: Send>(
    files: &[impl AsRef<Path>],
    map: impl FnMut(ScoredRow<'_>) -> Option<T> + Clone + Send,
    mut on_block: impl FnMut(Vec<T>),
) -> Result<(), LogError> {
    for file in files {
        let file = file.as_ref();
        match Kind::of(file)? {
            Kind {
                format: Format::Jsonl,
                packing,
            } => read_lines(file, packing, &map, &mut on_block)?,
            _ => read_rows(file, &map, &mut on_block)?,
        }
    }
    Ok(())
}

fn read_lines<T: Send>(
    file: &Path,
    packing: Packing,
    map: &(impl FnMut(ScoredRow<'_>) -> Option<T> + Clone + Send),
    on_block: &mut impl FnMut(Vec<T>),
) -> Result<(), LogError> {
    let mut blocks = Blocks::open(file, packing)?;
    let mut block = Vec::new();
    let damaged = |source| LogError::damaged(file, source);
    while blocks.next(&mut block).map_err(damaged)? {
        let lines = block.par_split(|byte| *byte == b'\n');
        let mapped = lines.map_with(map.clone(), |map, line| map_line(line, map));
        on_block(mapped.flatten_iter().collect());
    }
    Ok(())
}

/// What comes of the row of a line. A comparison has no score.
fn map_line<T>(line: &[u8], map: &mut impl FnMut(ScoredRow<'_>) -> Option<T>) -> Option<T> {
    let line = line.trim_ascii();
    if line.is_empty() || line.len() as u64 >= LONGEST_ROW {
        return None;
    }
    if let Some(plain) = Plain::parse(line) {
        return plain.scored().and_then(map);
    }
    let row = object(line).and_then(|object| schema::row(&object, &mut LastPrompt::default()));
    map(scored(&row.ok()?)?)
}

fn scored(row: &LogRow) -> Option<ScoredRow<'_>> {
    Some(ScoredRow {
        prompt: row.prompt.text(),
        model: row.model.as_str(),
        score: row.score?,
        weight: row.weight,
    })
}

fn read_rows<T: Send>(
    file: &Path,
    map: &(impl FnMut(ScoredRow<'_>) -> Option<T> + Clone + Send),
    on_block: &mut impl FnMut(Vec<T>),
) -> Result<(), LogError> {
    let mut held: Vec<LogRow> = Vec::with_capacity(HELD_ROWS);
    let mut bytes = 0;
    let mut hand_on = |held: &mut Vec<LogRow>| {
        let rows = held
            .par_iter()
            .map_with(map.clone(), |map, row| map(scored(row)?));
        on_block(rows.flatten_iter().collect());
        held.clear();
    };
    read_again(file, &mut |row| {
        bytes += row.prompt.text().len();
        held.push(row);
        if held.len() == HELD_ROWS || bytes >= HELD_BYTES {
            hand_on(&mut held);
            bytes = 0;
        }
        Ok(())
    })?;
    hand_on(&mut held);
    Ok(())
}

/// A row as nearly all are written, parsed without a copy of its prompt. Whatever is written in
/// another way is left to the schema, which knows every way.
#[derive(Deserialize)]
#[expect(
    dead_code,
    reason = "a row is malformed when any column is, so all are parsed"
)]
struct Plain<'a> {
    #[serde(borrow)]
    prompt: Cow<'a, str>,
    model: &'a str,
    score: Option<f64>,
    weight: Option<f64>,
    prompt_id: Option<&'a str>,
    category: Option<&'a str>,
    ts: Option<&'a str>,
    session_id: Option<&'a str>,
    turn: Option<u32>,
    key_id: Option<&'a str>,
    tier: Option<&'a str>,
    input_tokens: Option<u32>,
    output_tokens: Option<u32>,
    cached_tokens: Option<u32>,
    cost_usd: Option<f64>,
    latency_ms: Option<f64>,
    ttft_ms: Option<f64>,
    answer_logprob: Option<f64>,
    answer_chars: Option<u32>,
    propensity: Option<f64>,
    policy_version: Option<&'a str>,
    decision_id: Option<&'a str>,
    cost_estimated: Option<bool>,
}

impl<'a> Plain<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let row: Self = serde_json::from_str(std::str::from_utf8(line).ok()?).ok()?;
        row.is_in_range().then_some(row)
    }

    /// Narrower than the schema allows: what is outside is for the schema to judge.
    fn is_in_range(&self) -> bool {
        let within = |number: Option<f64>, most: f64| {
            number.is_none_or(|number| (0.0..=most).contains(&number))
        };
        !self.prompt.is_empty()
            && !self.model.trim().is_empty()
            && within(self.score, 1.0)
            && within(self.propensity, 1.0)
            && within(self.weight, 1e6)
            && self.weight != Some(0.0)
            && within(self.cost_usd, 1e6)
            && within(self.latency_ms, 1e9)
            && within(self.ttft_ms, 1e9)
            && within(self.answer_logprob.map(|logprob| -logprob), 1e9)
    }

    fn scored(&self) -> Option<ScoredRow<'_>> {
        Some(ScoredRow {
            prompt: &self.prompt,
            model: self.model.trim(),
            score: Quality::new(self.score?).ok()?,
            weight: self.weight.unwrap_or(1.0),
        })
    }
}
