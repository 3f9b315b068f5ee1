//! How the messages dialect says how hard to think: `thinking` (a budget, or adaptive) and
//! `output_config.effort`.

use crate::json::{Fault, Fields, Json, Object};
use crate::neutral::{Field, Notes, Unread};
use crate::{Block, Conversation, Dialect, Effort, Reasoning, Role, Target, Thinking};

/// Reads both fields.
pub(super) fn read<'a>(
    thinking: Option<Json<'a>>,
    output: Option<&mut Fields<'a>>,
    unread: &mut Unread<'a>,
) -> Result<Option<Thinking>, Fault> {
    let effort = output.and_then(|output| output.take("effort"));
    let effort = crate::chat::request_in::thinking(effort, unread)?;
    let Some(json) = thinking else {
        return Ok(effort);
    };
    let mut fields = Fields::of(json)?;
    let read = match &*fields.need_text("type")? {
        "disabled" => Some(Thinking::Off),
        "enabled" => Some(Thinking::Budget(fields.need("budget_tokens")?.count()?)),
        "adaptive" => effort.or(Some(Thinking::Adaptive)),
        _ => {
            unread.note(json);
            effort
        }
    };
    unread.rest(fields);
    Ok(read)
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Nothing,
    Disabled,
    Budget(u64),
    Adaptive(Option<Effort>),
}

/// The least budget that the API takes.
const LEAST: u64 = 1024;

/// What is written for a conversation, with notes of what is said differently.
pub(super) fn wanted(
    said: &Conversation<'_>,
    target: &Target<'_>,
    notes: &mut Notes<'_, '_>,
) -> Wanted {
    let Some(thinking) = said.thinking else {
        return Wanted::Nothing;
    };
    if thinking == Thinking::Off {
        return Wanted::Disabled;
    }
    if lacks_thought(said) {
        notes.changed(
            Field::Thinking,
            "the calls of tools were thought up elsewhere, so it is off until the next turn",
        );
        return Wanted::Nothing;
    }
    match thinking {
        Thinking::Budget(tokens) if takes_budget(said, target) => Wanted::Budget(tokens),
        _ if target.thinks_by_budget => budget(said, thinking, notes),
        Thinking::Budget(_) => {
            notes.changed(Field::Thinking, "the model takes an effort and no budget");
            Wanted::Adaptive(Effort::named(crate::chat::request_out::effort(thinking)))
        }
        Thinking::Effort(effort) => {
            if effort == Effort::Minimal {
                notes.changed(Field::Thinking, "`low` is the least that can be said");
            }
            Wanted::Adaptive(Some(effort.max(Effort::Low)))
        }
        Thinking::Adaptive | Thinking::Off => Wanted::Adaptive(None),
    }
}

fn takes_budget(said: &Conversation<'_>, target: &Target<'_>) -> bool {
    target.thinks_by_budget || said.said_in == Dialect::Messages
}

fn budget(said: &Conversation<'_>, thinking: Thinking, notes: &mut Notes<'_, '_>) -> Wanted {
    notes.changed(Field::Thinking, "the model takes a budget of tokens");
    let tokens: u64 = match thinking {
        Thinking::Effort(Effort::Minimal | Effort::Low) => 2048,
        Thinking::Effort(Effort::High) => 16_384,
        Thinking::Effort(Effort::XHigh | Effort::Max) => 32_768,
        _ => 8192,
    };
    let tokens = tokens.min(said.max_tokens.map_or(tokens, |most| most / 2));
    match tokens >= LEAST {
        true => Wanted::Budget(tokens),
        false => Wanted::Nothing,
    }
}

/// Whether the API would refuse to think: inside a tool loop, the turn that called must begin with
/// the thought that its maker sealed.
fn lacks_thought(said: &Conversation<'_>) -> bool {
    let mut turns = said.turns.iter().rev();
    let answered = turns.find(|turn| turn.role == Role::Assistant);
    let has_thought = answered.is_some_and(|turn| turn.blocks.iter().any(is_ours));
    said.is_inside_tool_loop() && !has_thought
}

fn is_ours(block: &Block<'_>) -> bool {
    matches!(block, Block::Reasoning(thought) if is_given_back(thought))
}

/// Whether a thought was made by a model of this dialect, and sealed.
pub(crate) fn is_given_back(thought: &Reasoning<'_>) -> bool {
    let seal = thought.seal.as_ref();
    seal.is_some_and(|seal| seal.by == Dialect::Messages)
}

impl Wanted {
    /// Tokens that the answer's limit must leave to thoughts when the caller sets none.
    pub(super) const fn tokens(self) -> u64 {
        match self {
            Self::Budget(tokens) => tokens,
            _ => 0,
        }
    }

    /// The effort, which stands in `output_config`.
    pub(super) const fn effort(self) -> Option<Effort> {
        match self {
            Self::Adaptive(effort) => effort,
            _ => None,
        }
    }

    /// Writes `thinking`.
    pub(super) fn write(self, o: &mut Object<'_>) {
        match self {
            Self::Nothing => {}
            Self::Disabled => o.object("thinking", |o| o.text("type", "disabled")),
            Self::Adaptive(_) => o.object("thinking", |o| o.text("type", "adaptive")),
            Self::Budget(tokens) => o.object("thinking", |o| {
                o.text("type", "enabled");
                o.count("budget_tokens", tokens);
            }),
        }
    }
}
