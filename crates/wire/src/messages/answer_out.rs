//! An answer as a message.

use super::request_out::{text_block, tool_use};
use super::{stop, usage};
use crate::json::{Object, object};
use crate::neutral::AnswerNotes;
use crate::{Answer, Dialect, Envelope, Error, Reasoning, Said, Written};

/// Writes an answer.
///
/// # Errors
/// It calls a tool with arguments that are no JSON object: the dialect has no place for them.
pub(crate) fn write(answer: &Answer, envelope: &Envelope) -> Result<Written, Error> {
    let mut notes = AnswerNotes::new(answer, Dialect::Messages);
    for (index, said) in answer.said.iter().enumerate() {
        match said {
            Said::Refusal(_) => notes.changed(index, "a refusal is said as text"),
            Said::ToolCall(call) if call.as_object().is_none() => {
                return Err(notes.refuse(index, "arguments of a tool that are no JSON object"));
            }
            _ => {}
        }
    }
    let mut body = String::with_capacity(512);
    object(&mut body, |o| fill(o, answer, envelope));
    Ok(Written {
        body,
        lost: notes.finish(),
    })
}

fn fill(o: &mut Object<'_>, answer: &Answer, envelope: &Envelope) {
    head(o, envelope);
    o.list("content", |l| {
        answer
            .said
            .iter()
            .for_each(|said| l.object(|o| block(o, said)))
    });
    let is_refusal = answer
        .said
        .iter()
        .any(|said| matches!(said, Said::Refusal(_)));
    o.text("stop_reason", stop::word(answer.stop, is_refusal));
    o.raw("stop_sequence", "null");
    o.object("usage", |o| usage::write(o, answer.usage.as_ref()));
}

/// What messages begin with, streamed or not.
pub(super) fn head(o: &mut Object<'_>, envelope: &Envelope) {
    o.text("id", &format!("msg_{}", envelope.id));
    o.text("type", "message");
    o.text("role", "assistant");
    o.text("model", &envelope.model);
}

fn block(o: &mut Object<'_>, said: &Said) {
    match said {
        Said::Text(text) | Said::Refusal(text) => text_block(o, text),
        Said::ToolCall(call) => tool_use(o, call),
        Said::Reasoning(thought) => thought_block(o, thought),
    }
}

fn thought_block(o: &mut Object<'_>, thought: &Reasoning<'_>) {
    let carried = |seal| crate::Seal::within(seal, Dialect::Messages, thought.id.as_deref());
    let seal = thought.seal.as_ref().map_or("".into(), carried);
    if thought.is_redacted() {
        o.text("type", "redacted_thinking");
        o.text("data", &seal);
    } else {
        o.text("type", "thinking");
        o.text("thinking", &thought.text);
        o.text("signature", &seal);
    }
}
