//! Events as those of a streamed message.
//!
//! The dialect has one block open at a time. What grows while another block is open waits until
//! that one is closed, so that interleaved calls of tools come out whole, one after the other.

use std::collections::VecDeque;

use super::answer_out::head;
use super::{failure, stop, usage};
use crate::json::{Object, object};
use crate::{Delta, Dialect, Envelope, Event, Failure, Opening, Stop, Usage, sse};

/// What was written so far.
#[derive(Debug)]
pub(crate) struct Writer {
    envelope: Envelope,
    /// Blocks that have begun or wait; the first is the one that is written.
    open: VecDeque<Block>,
    written: u64,
    is_refusal: bool,
    stop: Stop,
    usage: Option<Usage>,
}

#[derive(Debug)]
struct Block {
    number: usize,
    opening: Opening,
    waiting: Vec<Delta>,
    has_begun: bool,
    is_closed: bool,
}

impl Writer {
    pub(crate) const fn new(envelope: Envelope) -> Self {
        Self {
            envelope,
            open: VecDeque::new(),
            written: 0,
            is_refusal: false,
            stop: Stop::End,
            usage: None,
        }
    }

    /// Writes what an event says.
    pub(crate) fn write(&mut self, event: &Event, out: &mut String) {
        match event {
            Event::Start { .. } => self.start(out),
            Event::Open(number, opening) => self.open(*number, opening, out),
            Event::Grow(number, delta) => {
                self.wait(*number, |block| block.waiting.push(delta.clone()), out)
            }
            Event::Close(number) => self.wait(*number, |block| block.is_closed = true, out),
            Event::Stop(stop) => self.stop = *stop,
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Likelihood(_) => {}
            Event::End => self.end(out),
            Event::Failed(error) => failed(error, out),
        }
    }

    fn start(&self, out: &mut String) {
        event(out, "message_start", |o| {
            o.object("message", |o| {
                head(o, &self.envelope);
                o.raw("content", "[]");
                o.raw("stop_reason", "null");
                o.raw("stop_sequence", "null");
                o.object("usage", |o| usage::write(o, self.usage.as_ref()));
            });
        });
    }

    fn open(&mut self, number: usize, opening: &Opening, out: &mut String) {
        self.is_refusal |= *opening == Opening::Refusal;
        self.open.push_back(Block {
            number,
            opening: opening.clone(),
            waiting: Vec::new(),
            has_begun: false,
            is_closed: false,
        });
        self.flush(out);
    }

    fn wait(&mut self, number: usize, change: impl FnOnce(&mut Block), out: &mut String) {
        let mut blocks = self.open.iter_mut();
        if let Some(block) = blocks.find(|block| block.number == number) {
            change(block);
            self.flush(out);
        }
    }

    /// Writes the first block as far as it has come; where it is closed, the next one too.
    fn flush(&mut self, out: &mut String) {
        while let Some(block) = self.open.front_mut() {
            block.write(self.written, out);
            if !block.is_closed {
                return;
            }
            event(out, "content_block_stop", |o| {
                o.count("index", self.written)
            });
            self.written += 1;
            self.open.pop_front();
        }
    }

    fn end(&mut self, out: &mut String) {
        self.open
            .iter_mut()
            .for_each(|block| block.is_closed = true);
        self.flush(out);
        event(out, "message_delta", |o| {
            o.object("delta", |o| {
                o.text("stop_reason", stop::word(self.stop, self.is_refusal));
                o.raw("stop_sequence", "null");
            });
            o.object("usage", |o| usage::write(o, self.usage.as_ref()));
        });
        event(out, "message_stop", |_| {});
    }
}

impl Block {
    fn write(&mut self, index: u64, out: &mut String) {
        // Whether the text of a thought is withheld shows with its first piece only.
        let is_thought = matches!(self.opening, Opening::Reasoning { .. });
        if is_thought && self.waiting.is_empty() && !self.is_closed {
            return;
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            self.begin(index, out);
        }
        for delta in std::mem::take(&mut self.waiting) {
            self.grow(index, &delta, out);
        }
    }

    fn begin(&mut self, index: u64, out: &mut String) {
        event(out, "content_block_start", |o| {
            o.count("index", index);
            o.object("content_block", |o| self.content_block(o));
        });
    }

    fn content_block(&mut self, o: &mut Object<'_>) {
        match (&self.opening, self.waiting.first()) {
            (Opening::Text | Opening::Refusal, _) => {
                o.text("type", "text");
                o.text("text", "");
            }
            (Opening::ToolCall { id, name }, _) => {
                o.text("type", "tool_use");
                o.text("id", &super::request_out::call_id(id));
                o.text("name", name);
                o.raw("input", "{}");
            }
            (Opening::Reasoning { id }, Some(Delta::Seal(seal))) if seal.is_redacted => {
                o.text("type", "redacted_thinking");
                o.text("data", &seal.within(Dialect::Messages, id.as_deref()));
                self.waiting.remove(0);
            }
            (Opening::Reasoning { .. }, _) => {
                o.text("type", "thinking");
                o.text("thinking", "");
                o.text("signature", "");
            }
        }
    }

    fn grow(&self, index: u64, delta: &Delta, out: &mut String) {
        let (kind, field, text) = match (&self.opening, delta) {
            (Opening::Text | Opening::Refusal, Delta::More(more)) => {
                ("text_delta", "text", more.into())
            }
            (Opening::ToolCall { .. }, Delta::More(more)) => {
                ("input_json_delta", "partial_json", more.into())
            }
            (Opening::Reasoning { .. }, Delta::More(more)) => {
                ("thinking_delta", "thinking", more.into())
            }
            (Opening::Reasoning { id }, Delta::Seal(seal)) => (
                "signature_delta",
                "signature",
                seal.within(Dialect::Messages, id.as_deref()),
            ),
            (_, Delta::Seal(_)) => return,
        };
        event(out, "content_block_delta", |o| {
            o.count("index", index);
            o.object("delta", |o| {
                o.text("type", kind);
                o.text(field, &text);
            });
        });
    }
}

fn event(out: &mut String, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
    let mut data = String::with_capacity(128);
    object(&mut data, |o| {
        o.text("type", name);
        fill(o);
    });
    sse::write(out, Some(name), &data);
}

fn failed(error: &Failure, out: &mut String) {
    sse::write(out, Some("error"), &failure::write(error));
}
