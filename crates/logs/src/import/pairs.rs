//! Preference pairs: two models answered, somebody said which was better.
//!
//! The question stands in `prompt` (text, or a list of turns), or is what the user says in
//! `conversation_a`. The outcome is a word in `winner`, one of the columns `winner_model_a`,
//! `winner_model_b` and `winner_tie` of the Arena data sets, or `strong_wins` for the models
//! `strong` and `weak`.

use pointsman_types::{LogRow, Message, ModelName, Prompt, Quality};

use super::{missing, not_nan, prompt_or_turns, row_of};
use crate::cell::Cell;
use crate::faults::Wrong;
use crate::messages;
use crate::scan::Record;
use crate::schema::{self, Fields};

pub(super) fn rows(record: &dyn Record) -> Result<Vec<LogRow>, Wrong> {
    let fields = Fields(record);
    let prompt = match prompt_or_turns(fields, "prompt")? {
        Some(prompt) => prompt,
        None => asked(fields)?,
    };
    let duel = outcome(fields)?;
    if duel.a == duel.b {
        return Err(Wrong::row("both models are the same"));
    }
    let question = LogRow {
        category: fields.label("category")?,
        ..row_of(prompt, duel.a, fields.label("prompt_id")?)
    };
    let (a, b) = schema::duel(question, duel.b, duel.share_of_a);
    Ok(vec![a, b])
}

/// What was asked in a conversation: not what either model answered.
fn asked(fields: Fields<'_>) -> Result<Prompt, Wrong> {
    const COLUMN: &str = "conversation_a";
    let turns = fields
        .read(COLUMN, messages::messages)?
        .ok_or_else(|| missing("prompt"))?;
    let asked: Vec<Message> = turns
        .into_iter()
        .filter(|turn| turn.role != "assistant")
        .collect();
    messages::prompt(&asked).ok_or_else(|| Wrong::new(COLUMN, "must hold some text"))
}

struct Duel {
    a: ModelName,
    b: ModelName,
    share_of_a: Quality,
}

fn outcome(fields: Fields<'_>) -> Result<Duel, Wrong> {
    if let Some(share_of_a) = strong_wins(fields)? {
        return Ok(Duel {
            a: fields.model("strong")?,
            b: fields.model("weak")?,
            share_of_a,
        });
    }
    let share_of_a = match fields.read("winner", schema::winner)? {
        Some(share) => share,
        None => votes(fields)?.ok_or_else(|| missing("winner"))?,
    };
    Ok(Duel {
        a: fields.model("model_a")?,
        b: fields.model("model_b")?,
        share_of_a,
    })
}

/// Only where the two models are named beside it.
fn strong_wins(fields: Fields<'_>) -> Result<Option<Quality>, Wrong> {
    if fields.0.get("strong").is_missing() {
        return Ok(None);
    }
    fields.read("strong_wins", |cell| schema::quality(not_nan(cell)))
}

/// The shares of the three outcomes, of which one is 1 and the others 0.
fn votes(fields: Fields<'_>) -> Result<Option<Quality>, Wrong> {
    let vote = |column: &str| {
        let read = fields.read(column, Cell::number_or_truth)?;
        Ok::<f64, Wrong>(read.unwrap_or(0.0))
    };
    let shares = [
        vote("winner_model_a")?,
        vote("winner_model_b")?,
        vote("winner_tie")?,
    ];
    match shares {
        [1.0, 0.0, 0.0] => Ok(Some(Quality::clamped(1.0))),
        [0.0, 1.0, 0.0] => Ok(Some(Quality::clamped(0.0))),
        [0.0, 0.0, 1.0] => Ok(Some(Quality::clamped(0.5))),
        [0.0, 0.0, 0.0] => Ok(None),
        _ => Err(Wrong::new(
            "winner_model_a",
            "exactly one of winner_model_a, winner_model_b and winner_tie must be 1",
        )),
    }
}
