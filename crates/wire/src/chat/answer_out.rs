//! An answer as a chat completion.

use super::request_out::tool_call;
use super::{finish, usage};
use crate::json::{Object, object};
use crate::neutral::AnswerNotes;
use crate::{Answer, Dialect, Envelope, Error, Said, ToolCall, Written};

/// Writes an answer.
pub(crate) fn write(answer: &Answer, envelope: &Envelope) -> Result<Written, Error> {
    let mut notes = AnswerNotes::new(answer, Dialect::Chat);
    note(answer, &mut notes);
    let mut body = String::with_capacity(512);
    object(&mut body, |o| fill(o, answer, envelope));
    Ok(Written {
        body,
        lost: notes.finish(),
    })
}

fn note(answer: &Answer, notes: &mut AnswerNotes) {
    let mut has_called = false;
    for (index, said) in answer.said.iter().enumerate() {
        match said {
            Said::ToolCall(_) => has_called = true,
            Said::Text(_) if has_called => {
                notes.changed(index, "calls of tools come after the text")
            }
            Said::Reasoning(thought) if thought.seal.is_some() => {
                notes.dropped(index, "thoughts have no seal");
            }
            _ => {}
        }
    }
}

fn fill(o: &mut Object<'_>, answer: &Answer, envelope: &Envelope) {
    head(o, envelope, "chat.completion");
    o.list("choices", |l| {
        l.object(|o| {
            o.count("index", 0);
            o.object("message", |o| message(o, answer));
            o.raw("logprobs", "null");
            o.text("finish_reason", finish::word(answer.stop));
        });
    });
    if let Some(usage) = &answer.usage {
        o.object("usage", |o| usage::write(o, usage));
    }
}

/// What completions and their chunks begin with.
pub(super) fn head(o: &mut Object<'_>, envelope: &Envelope, kind: &str) {
    o.text("id", &format!("chatcmpl-{}", envelope.id));
    o.text("object", kind);
    o.count("created", envelope.created);
    o.text("model", &envelope.model);
}

fn message(o: &mut Object<'_>, answer: &Answer) {
    let joined = |pick: fn(&Said) -> Option<&str>| {
        let texts: Vec<&str> = answer.said.iter().filter_map(pick).collect();
        (!texts.is_empty()).then(|| texts.concat())
    };
    o.text("role", "assistant");
    o.text_or_null("content", joined(text).as_deref());
    o.text_or_null("refusal", joined(refusal).as_deref());
    o.text_if("reasoning_content", joined(thought).as_deref());
    let calls: Vec<&ToolCall<'_>> = answer.said.iter().filter_map(call).collect();
    if !calls.is_empty() {
        o.list("tool_calls", |l| {
            calls
                .iter()
                .for_each(|call| l.object(|o| tool_call(o, call)))
        });
    }
}

fn text(said: &Said) -> Option<&str> {
    match said {
        Said::Text(text) => Some(text),
        _ => None,
    }
}

fn refusal(said: &Said) -> Option<&str> {
    match said {
        Said::Refusal(text) => Some(text),
        _ => None,
    }
}

fn thought(said: &Said) -> Option<&str> {
    match said {
        Said::Reasoning(thought) if !thought.text.is_empty() => Some(&thought.text),
        _ => None,
    }
}

fn call(said: &Said) -> Option<&ToolCall<'static>> {
    match said {
        Said::ToolCall(call) => Some(call),
        _ => None,
    }
}
