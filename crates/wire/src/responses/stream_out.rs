//! Events as those of a streamed response. Every block is an item of its own.

use super::answer_out::{State, item, item_id, part, response};
use super::failure;
use crate::json::{Object, object};
use crate::{Answer, Collector, Delta, Envelope, Event, Failure, Opening, Reasoning, Said, sse};

/// What was written so far.
#[derive(Debug)]
pub(crate) struct Writer {
    envelope: Envelope,
    sequence: u64,
    so_far: Collector,
    open: Vec<usize>,
}

impl Writer {
    pub(crate) fn new(envelope: Envelope) -> Self {
        Self {
            envelope,
            sequence: 0,
            so_far: Collector::default(),
            open: Vec::new(),
        }
    }

    /// Goes on after events of a response that somebody else wrote.
    pub(crate) fn go_on(&mut self, id: &str, model: &str, events: u64) {
        id.strip_prefix("resp_")
            .unwrap_or(id)
            .clone_into(&mut self.envelope.id);
        model.clone_into(&mut self.envelope.model);
        self.sequence = events;
    }

    /// Writes what an event says.
    pub(crate) fn write(&mut self, event: &Event, out: &mut String) {
        let had_text = self.has_text(event);
        self.so_far.push(event);
        match event {
            Event::Start { .. } => {
                self.whole(out, "response.created", &State::InProgress);
                self.whole(out, "response.in_progress", &State::InProgress);
            }
            Event::Open(block, opening) => self.open(*block, opening, out),
            Event::Grow(block, Delta::More(more)) => self.grow(*block, more, had_text, out),
            Event::Grow(_, Delta::Seal(_)) | Event::Stop(_) => {}
            Event::Usage(_) | Event::Likelihood(_) => {}
            Event::Close(block) => self.close(*block, out),
            Event::End => self.end(out),
            Event::Failed(error) => self.failed(error, out),
        }
    }

    fn said(&self, block: usize) -> Option<&Said> {
        self.so_far.so_far().said.get(block)
    }

    /// Whether a thought's first words have been written: its part begins with them.
    fn has_text(&self, event: &Event) -> bool {
        match event {
            Event::Grow(block, _) => {
                matches!(self.said(*block), Some(Said::Reasoning(thought)) if !thought.text.is_empty())
            }
            _ => false,
        }
    }

    fn event(&mut self, out: &mut String, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
        let mut data = String::with_capacity(160);
        object(&mut data, |o| {
            o.text("type", name);
            o.count("sequence_number", self.sequence);
            fill(o);
        });
        self.sequence += 1;
        sse::write(out, Some(name), &data);
    }

    fn whole(&mut self, out: &mut String, name: &str, state: &State<'_>) {
        let nothing = Answer::default();
        let mut data = String::new();
        let answer = match state {
            State::InProgress => &nothing,
            _ => self.so_far.so_far(),
        };
        object(&mut data, |o| response(o, answer, &self.envelope, state));
        self.event(out, name, |o| o.raw("response", &data));
    }

    fn open(&mut self, block: usize, opening: &Opening, out: &mut String) {
        self.open.push(block);
        let Some(said) = self.said(block) else {
            return;
        };
        let id = item_id(block, said, &self.envelope);
        let mut empty = String::new();
        object(&mut empty, |o| begun(o, &id, said));
        let mut first = String::new();
        object(&mut first, |o| part(o, said));
        self.event(out, "response.output_item.added", |o| {
            o.count("output_index", block as u64);
            o.raw("item", &empty);
        });
        if matches!(opening, Opening::Text | Opening::Refusal) {
            self.at(out, "response.content_part.added", block, |o| {
                o.raw("part", &first)
            });
        }
    }

    /// An event of a block: of its part, or of its call.
    fn at(
        &mut self,
        out: &mut String,
        name: &str,
        block: usize,
        fill: impl FnOnce(&mut Object<'_>),
    ) {
        let Some(said) = self.said(block) else {
            return;
        };
        let id = item_id(block, said, &self.envelope);
        let index = match said {
            Said::Text(_) | Said::Refusal(_) => Some("content_index"),
            Said::Reasoning(_) => Some("summary_index"),
            Said::ToolCall(_) => None,
        };
        self.event(out, name, |o| {
            o.text("item_id", &id);
            o.count("output_index", block as u64);
            if let Some(index) = index {
                o.count(index, 0);
            }
            fill(o);
        });
    }

    fn grow(&mut self, block: usize, more: &str, had_text: bool, out: &mut String) {
        let name = match self.said(block) {
            Some(Said::Text(_)) => {
                return self.at(out, "response.output_text.delta", block, |o| {
                    o.text("delta", more);
                    o.raw("logprobs", "[]");
                });
            }
            Some(Said::Refusal(_)) => "response.refusal.delta",
            Some(Said::ToolCall(_)) => "response.function_call_arguments.delta",
            Some(Said::Reasoning(_)) => "response.reasoning_summary_text.delta",
            None => return,
        };
        if name == "response.reasoning_summary_text.delta" && !had_text {
            self.at(out, "response.reasoning_summary_part.added", block, |o| {
                o.object("part", |o| summary(o, ""));
            });
        }
        self.at(out, name, block, |o| o.text("delta", more));
    }

    fn close(&mut self, block: usize, out: &mut String) {
        self.open.retain(|open| *open != block);
        let Some(said) = self.said(block).cloned() else {
            return;
        };
        match &said {
            Said::Text(text) => self.close_text(out, block, text, &said),
            Said::Refusal(text) => {
                self.at(out, "response.refusal.done", block, |o| {
                    o.text("refusal", text)
                });
                self.at(out, "response.content_part.done", block, |o| {
                    o.object("part", |o| part(o, &said))
                });
            }
            Said::ToolCall(call) => {
                self.at(out, "response.function_call_arguments.done", block, |o| {
                    o.text("name", &call.name);
                    o.text("arguments", &call.arguments);
                })
            }
            Said::Reasoning(thought) => self.close_thought(out, block, thought),
        }
        let mut whole = String::new();
        object(&mut whole, |o| item(o, block, &said, &self.envelope));
        self.event(out, "response.output_item.done", |o| {
            o.count("output_index", block as u64);
            o.raw("item", &whole);
        });
    }

    fn close_text(&mut self, out: &mut String, block: usize, text: &str, said: &Said) {
        self.at(out, "response.output_text.done", block, |o| {
            o.text("text", text);
            o.raw("logprobs", "[]");
        });
        self.at(out, "response.content_part.done", block, |o| {
            o.object("part", |o| part(o, said))
        });
    }

    fn close_thought(&mut self, out: &mut String, block: usize, thought: &Reasoning<'_>) {
        if thought.text.is_empty() {
            return;
        }
        self.at(out, "response.reasoning_summary_text.done", block, |o| {
            o.text("text", &thought.text)
        });
        self.at(out, "response.reasoning_summary_part.done", block, |o| {
            o.object("part", |o| summary(o, &thought.text));
        });
    }

    fn end(&mut self, out: &mut String) {
        for block in std::mem::take(&mut self.open) {
            self.close(block, out);
        }
        let state = State::of(self.so_far.so_far());
        let name = match state.word() {
            "completed" => "response.completed",
            _ => "response.incomplete",
        };
        self.whole(out, name, &state);
    }

    fn failed(&mut self, error: &Failure, out: &mut String) {
        // The documented fields, and the object that clients raise on.
        self.event(out, "error", |o| {
            failure::write(o, error);
            o.text_or_null("param", error.param.as_deref());
            o.object("error", |o| crate::chat::failure::fields(o, error));
        });
        self.whole(out, "response.failed", &State::Failed(error));
    }
}

/// An item that has just begun.
fn begun(o: &mut Object<'_>, id: &str, said: &Said) {
    match said {
        Said::ToolCall(call) => {
            super::item_out::function_call(o, Some(id), call);
            o.text("status", "in_progress");
        }
        Said::Reasoning(thought) => super::item_out::reasoning(o, Some(id), thought),
        Said::Text(_) | Said::Refusal(_) => {
            o.text("type", "message");
            o.text("id", id);
            o.text("status", "in_progress");
            o.text("role", "assistant");
            o.raw("content", "[]");
        }
    }
}

fn summary(o: &mut Object<'_>, text: &str) {
    o.text("type", "summary_text");
    o.text("text", text);
}
