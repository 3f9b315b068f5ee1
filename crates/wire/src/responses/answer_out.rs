//! An answer as a response. Fields that echo the request have the values that they have by default.

use super::{failure, item_out, status, usage};
use crate::json::{List, Object, object};
use crate::neutral::AnswerNotes;
use crate::{Answer, Dialect, Envelope, Error, Failure, Said, Written};

/// Writes an answer.
pub(crate) fn write(answer: &Answer, envelope: &Envelope) -> Result<Written, Error> {
    let mut body = String::with_capacity(1024);
    object(&mut body, |o| {
        response(o, answer, envelope, &State::of(answer))
    });
    Ok(Written {
        body,
        lost: AnswerNotes::new(answer, Dialect::Responses).finish(),
    })
}

/// How far a response has come.
pub(super) enum State<'f> {
    /// It has begun and says nothing yet.
    InProgress,
    /// It has ended.
    Ended(&'static str, Option<&'static str>),
    /// It broke off.
    Failed(&'f Failure),
}

impl State<'_> {
    /// The state of a whole answer.
    pub(super) const fn of(answer: &Answer) -> Self {
        let (status, reason) = status::words(answer.stop);
        Self::Ended(status, reason)
    }

    /// The status.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Ended(status, _) => status,
            Self::Failed(_) => "failed",
        }
    }
}

/// Writes a response object.
pub(super) fn response(
    o: &mut Object<'_>,
    answer: &Answer,
    envelope: &Envelope,
    state: &State<'_>,
) {
    o.text("id", &format!("resp_{}", envelope.id));
    o.text("object", "response");
    o.count("created_at", envelope.created);
    o.text("status", state.word());
    match state {
        State::Failed(failure) => o.object("error", |o| failure::write(o, failure)),
        _ => o.raw("error", "null"),
    }
    match state {
        State::Ended(_, Some(reason)) => {
            o.object("incomplete_details", |o| o.text("reason", reason))
        }
        _ => o.raw("incomplete_details", "null"),
    }
    o.text("model", &envelope.model);
    o.list("output", |l| {
        for (index, said) in answer.said.iter().enumerate() {
            l.object(|o| item(o, index, said, envelope));
        }
    });
    match &answer.usage {
        Some(usage) => o.object("usage", |o| usage::write(o, usage)),
        None => o.raw("usage", "null"),
    }
    echo(o);
}

fn echo(o: &mut Object<'_>) {
    let nothing = [
        "instructions",
        "max_output_tokens",
        "previous_response_id",
        "temperature",
        "top_p",
        "user",
    ];
    nothing.into_iter().for_each(|name| o.raw(name, "null"));
    o.raw("metadata", "{}");
    o.flag("parallel_tool_calls", true);
    o.raw("reasoning", r#"{"effort":null,"summary":null}"#);
    o.flag("store", false);
    o.raw("text", r#"{"format":{"type":"text"}}"#);
    o.text("tool_choice", "auto");
    o.raw("tools", "[]");
    o.text("truncation", "disabled");
}

/// The name of an item. Thoughts have a mark in theirs: no provider keeps them.
pub(super) fn item_id(index: usize, said: &Said, envelope: &Envelope) -> String {
    let kind = match said {
        Said::Text(_) | Said::Refusal(_) => "msg",
        Said::Reasoning(_) => item_out::UNKEPT,
        Said::ToolCall(_) => "fc",
    };
    format!("{kind}_{}_{index}", envelope.id)
}

/// An item of an answer that has ended.
pub(super) fn item(o: &mut Object<'_>, index: usize, said: &Said, envelope: &Envelope) {
    let id = item_id(index, said, envelope);
    match said {
        Said::ToolCall(call) => {
            item_out::function_call(o, Some(&id), call);
            o.text("status", "completed");
        }
        Said::Reasoning(thought) => item_out::reasoning(o, Some(&id), thought),
        Said::Text(_) | Said::Refusal(_) => {
            o.text("type", "message");
            o.text("id", &id);
            o.text("status", "completed");
            o.text("role", "assistant");
            o.list("content", |l| content(l, said));
        }
    }
}

fn content(l: &mut List<'_>, said: &Said) {
    l.object(|o| part(o, said));
}

/// The part of a message's item.
pub(super) fn part(o: &mut Object<'_>, said: &Said) {
    match said {
        Said::Text(text) => {
            o.text("type", "output_text");
            o.text("text", text);
            o.raw("annotations", "[]");
            o.raw("logprobs", "[]");
        }
        Said::Refusal(text) => {
            o.text("type", "refusal");
            o.text("refusal", text);
        }
        Said::Reasoning(_) | Said::ToolCall(_) => {}
    }
}
