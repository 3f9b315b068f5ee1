//! Preference pairs: two models answered, somebody said which was better.
//!
//! The question stands in `prompt` (text, or a list of turns), or is what the user says in
//! `conversation_a`. The outcome is a word in `winner`, one of the columns `winner_model_a`,
//! `winner_model_b` and `winner_tie` of the Arena data sets, or `strong_wins` for the models
//! `strong` and `weak`.

use pointsman_types::{LogRow, Message, ModelName, Prompt, Rival, Winner};

use super::{missing, not_nan, prompt_or_turns, row_of};
use crate::cell::Cell;
use crate::faults::Wrong;
use crate::messages;
use crate::scan::Record;
use crate::schema::{self, Fields};

pub(super) fn row(record: &dyn Record) -> Result<LogRow, Wrong> {
    let fields = Fields(record);
    let prompt = match prompt_or_turns(fields, "prompt")? {
        Some(prompt) => prompt,
        None => asked(fields)?,
    };
    let duel = outcome(fields)?;
    if duel.a == duel.b {
        return Err(Wrong::row("both models are the same"));
    }
    Ok(LogRow {
        category: fields.label("category")?,
        rival: Some(Rival {
            model: duel.b,
            winner: duel.winner,
        }),
        ..row_of(prompt, duel.a, fields.label("prompt_id")?)
    })
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
    winner: Winner,
}

fn outcome(fields: Fields<'_>) -> Result<Duel, Wrong> {
    if let Some(winner) = strong_wins(fields)? {
        return Ok(Duel {
            a: fields.model("strong")?,
            b: fields.model("weak")?,
            winner,
        });
    }
    let winner = match fields.read("winner", schema::winner)? {
        Some(winner) => winner,
        None => votes(fields)?.ok_or_else(|| missing("winner"))?,
    };
    Ok(Duel {
        a: fields.model("model_a")?,
        b: fields.model("model_b")?,
        winner,
    })
}

/// Only where the two models are named beside it.
fn strong_wins(fields: Fields<'_>) -> Result<Option<Winner>, Wrong> {
    if fields.0.get("strong").is_missing() {
        return Ok(None);
    }
    fields.read("strong_wins", |cell| {
        match not_nan(cell).number_or_truth()? {
            None => Ok(None),
            Some(1.0) => Ok(Some(Winner::A)),
            Some(0.0) => Ok(Some(Winner::B)),
            Some(0.5) => Ok(Some(Winner::Tie)),
            Some(other) => Err(format!("must be 0, 0.5 or 1, got {other}")),
        }
    })
}

/// The shares of the three outcomes, of which one is 1 and the others 0.
fn votes(fields: Fields<'_>) -> Result<Option<Winner>, Wrong> {
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
        [1.0, 0.0, 0.0] => Ok(Some(Winner::A)),
        [0.0, 1.0, 0.0] => Ok(Some(Winner::B)),
        [0.0, 0.0, 1.0] => Ok(Some(Winner::Tie)),
        [0.0, 0.0, 0.0] => Ok(None),
        _ => Err(Wrong::new(
            "winner_model_a",
            "exactly one of winner_model_a, winner_model_b and winner_tie must be 1",
        )),
    }
}
