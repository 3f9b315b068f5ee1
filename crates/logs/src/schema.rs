//! The log schema: which columns a row may have, and a row from its cells.
//!
//! Long form: a prompt (or messages), a model and what is known of its answer. Pairwise form: a
//! prompt, two models and who won.

use pointsman_types::{
    LogRow, ModelName, Probability, Prompt, Quality, Rival, Tokens, Usd, Winner,
};

use crate::cell::Cell;
use crate::faults::Wrong;
use crate::messages;
use crate::scan::Record;

/// The columns that the schema knows, in the order in which they are written.
pub(crate) const COLUMNS: [&str; 28] = [
    "prompt_id",
    "category",
    "prompt",
    "messages",
    "model",
    "model_a",
    "model_b",
    "winner",
    "score",
    "judge",
    "cost_usd",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "latency_ms",
    "ttft_ms",
    "answer_logprob",
    "answer_chars",
    "weight",
    "ts",
    "session_id",
    "turn",
    "key_id",
    "tier",
    "propensity",
    "policy_version",
    "decision_id",
    "cost_estimated",
];

pub(crate) fn knows(column: &str) -> bool {
    COLUMNS.contains(&column)
}

/// What a file lacks whose columns are these, if any row of it is to be readable.
pub(crate) fn lacks(columns: &[String]) -> Option<&'static str> {
    let has = |column: &str| columns.iter().any(|name| name == column);
    if !has("prompt") && !has("messages") {
        return Some("`prompt` or `messages`");
    }
    let pairwise = has("model_a") && has("model_b") && has("winner");
    (!has("model") && !pairwise).then_some("`model` (nor `model_a`, `model_b` and `winner`)")
}

/// The cells of a record, with the name of the column in every complaint.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a dyn Record);

impl<'a> Fields<'a> {
    pub(crate) fn read<T>(
        self,
        column: &str,
        reading: impl FnOnce(Cell<'a>) -> Result<Option<T>, String>,
    ) -> Result<Option<T>, Wrong> {
        reading(self.0.get(column)).map_err(|reason| Wrong::new(column, reason))
    }

    pub(crate) fn label(self, column: &str) -> Result<Option<String>, Wrong> {
        self.read(column, Cell::label)
    }

    pub(crate) fn tokens(self, column: &str) -> Result<Option<Tokens>, Wrong> {
        Ok(self.read(column, Cell::count)?.map(Tokens))
    }

    pub(crate) fn model(self, column: &str) -> Result<ModelName, Wrong> {
        let name = self.read(column, Cell::text)?;
        match name.as_deref().map(str::trim) {
            None => Err(Wrong::new(column, "is missing")),
            Some("") => Err(Wrong::new(column, "must not be empty")),
            Some(name) => Ok(name.into()),
        }
    }
}

pub(crate) fn quality(cell: Cell<'_>) -> Result<Option<Quality>, String> {
    in_range(cell.number_or_truth()?, Quality::new, "between 0 and 1")
}

pub(crate) fn cost(cell: Cell<'_>) -> Result<Option<Usd>, String> {
    let number = match cell.number()? {
        // Zero with a sign is zero.
        Some(number) if number < 0.0 => return Err(format!("must not be negative, got {number}")),
        number => number,
    };
    in_range(number, Usd::new, "a finite amount within 9.2 million USD")
}

fn probability(cell: Cell<'_>) -> Result<Option<Probability>, String> {
    in_range(cell.number()?, Probability::new, "between 0 and 1")
}

pub(crate) fn milliseconds(cell: Cell<'_>) -> Result<Option<f64>, String> {
    let check = |number: f64| {
        let fits = number.is_finite() && number >= 0.0;
        fits.then_some(number).ok_or(())
    };
    in_range(cell.number()?, check, "finite and not negative")
}

fn logprob(cell: Cell<'_>) -> Result<Option<f64>, String> {
    let check = |number: f64| {
        let fits = number.is_finite() && number <= 0.0;
        fits.then_some(number).ok_or(())
    };
    in_range(cell.number()?, check, "finite and not above 0")
}

fn weight(cell: Cell<'_>) -> Result<Option<f64>, String> {
    let check = |number: f64| {
        let fits = number.is_finite() && number > 0.0;
        fits.then_some(number).ok_or(())
    };
    in_range(cell.number()?, check, "finite and above 0")
}

fn in_range<T, E>(
    number: Option<f64>,
    check: impl FnOnce(f64) -> Result<T, E>,
    range: &str,
) -> Result<Option<T>, String> {
    let Some(number) = number else {
        return Ok(None);
    };
    match check(number) {
        Ok(value) => Ok(Some(value)),
        Err(_) => Err(format!("must be {range}, got {number}")),
    }
}

/// The prompt of the row before: logs often repeat a prompt once per model, and equal prompts
/// that follow each other share one text.
#[derive(Default)]
pub(crate) struct LastPrompt(Option<Prompt>);

impl LastPrompt {
    pub(crate) fn share(&mut self, text: &str) -> Prompt {
        match &self.0 {
            Some(last) if last.text() == text => last.clone(),
            _ => self.0.insert(Prompt::from(text)).clone(),
        }
    }
}

/// The prompt of a record, from `prompt` or else from `messages`.
pub(crate) fn prompt(fields: Fields<'_>, last: &mut LastPrompt) -> Result<Prompt, Wrong> {
    if let Some(text) = fields.read("prompt", Cell::text)? {
        if text.is_empty() {
            return Err(Wrong::new("prompt", "must not be empty"));
        }
        return Ok(last.share(&text));
    }
    match fields.read("messages", messages::messages)? {
        None => Err(Wrong::new("prompt", "is missing, and so is `messages`")),
        Some(messages) => match messages::prompt(&messages) {
            Some(prompt) => Ok(last.share(prompt.text())),
            None => Err(Wrong::new("messages", "must hold some text")),
        },
    }
}

/// The row of a record in either form.
pub(crate) fn row(record: &dyn Record, last: &mut LastPrompt) -> Result<LogRow, Wrong> {
    let fields = Fields(record);
    let pairwise = record.get("model").is_missing() && !record.get("model_a").is_missing();
    match pairwise {
        true => pair(fields, last),
        false => answer(fields, last),
    }
}

/// What holds for the question, whoever answered it.
fn question(fields: Fields<'_>, model: ModelName, last: &mut LastPrompt) -> Result<LogRow, Wrong> {
    let row = LogRow::new(prompt(fields, last)?, model);
    Ok(LogRow {
        prompt_id: fields.label("prompt_id")?.unwrap_or(row.prompt_id),
        category: fields.label("category")?,
        ts: fields.label("ts")?,
        session_id: fields.label("session_id")?,
        turn: fields.read("turn", Cell::count)?,
        key_id: fields.label("key_id")?,
        tier: fields.label("tier")?,
        input_tokens: fields.tokens("input_tokens")?,
        weight: fields.read("weight", weight)?.unwrap_or(1.0),
        ..row
    })
}

fn answer(fields: Fields<'_>, last: &mut LastPrompt) -> Result<LogRow, Wrong> {
    let model = fields.model("model")?;
    Ok(LogRow {
        score: fields.read("score", quality)?,
        judge: fields.label("judge")?,
        output_tokens: fields.tokens("output_tokens")?,
        cached_tokens: fields.tokens("cached_tokens")?,
        cost_usd: fields.read("cost_usd", cost)?,
        cost_estimated: fields.read("cost_estimated", Cell::truth)?,
        latency_ms: fields.read("latency_ms", milliseconds)?,
        ttft_ms: fields.read("ttft_ms", milliseconds)?,
        answer_logprob: fields.read("answer_logprob", logprob)?,
        answer_chars: fields.read("answer_chars", Cell::count)?,
        propensity: fields.read("propensity", probability)?,
        policy_version: fields.label("policy_version")?,
        decision_id: fields.label("decision_id")?,
        ..question(fields, model, last)?
    })
}

fn pair(fields: Fields<'_>, last: &mut LastPrompt) -> Result<LogRow, Wrong> {
    let (a, b) = (fields.model("model_a")?, fields.model("model_b")?);
    if a == b {
        return Err(Wrong::new("model_b", "must differ from model_a"));
    }
    let winner = fields
        .read("winner", winner)?
        .ok_or_else(|| Wrong::new("winner", "is missing"))?;
    Ok(LogRow {
        rival: Some(Rival { model: b, winner }),
        ..question(fields, a, last)?
    })
}

/// Who won, in a word.
pub(crate) fn winner(cell: Cell<'_>) -> Result<Option<Winner>, String> {
    let Some(word) = cell.text()? else {
        return Ok(None);
    };
    match word.trim() {
        "a" | "model_a" => Ok(Some(Winner::A)),
        "b" | "model_b" => Ok(Some(Winner::B)),
        "tie" | "tie (bothbad)" => Ok(Some(Winner::Tie)),
        other => {
            let got = crate::cell::shortened(other);
            Err(format!("must be a, b or tie, got \"{got}\""))
        }
    }
}
