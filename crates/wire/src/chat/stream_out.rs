//! Events as the chunks of a chat completion.

use super::answer_out::head;
use super::{failure, finish, usage};
use crate::json::{Object, object};
use crate::{Delta, Envelope, Event, Opening, Stop, Usage, sse};

/// What was written so far.
#[derive(Debug)]
pub(crate) struct Writer {
    envelope: Envelope,
    include_usage: bool,
    blocks: Vec<Place>,
    calls: u64,
    usage: Option<Usage>,
    has_stopped: bool,
}

/// Where a block's text goes.
#[derive(Debug, Clone, Copy)]
enum Place {
    Field(&'static str),
    Call(u64),
}

impl Writer {
    pub(crate) const fn new(envelope: Envelope, include_usage: bool) -> Self {
        Self {
            envelope,
            include_usage,
            blocks: Vec::new(),
            calls: 0,
            usage: None,
            has_stopped: false,
        }
    }

    /// Writes what an event says.
    pub(crate) fn write(&mut self, event: &Event, out: &mut String) {
        match event {
            Event::Start { .. } => self.delta(out, |o| {
                o.text("role", "assistant");
                o.text("content", "");
            }),
            Event::Open(_, opening) => self.open(opening, out),
            Event::Grow(block, Delta::More(more)) => self.grow(*block, more, out),
            Event::Grow(_, Delta::Seal(_)) | Event::Close(_) | Event::Likelihood(_) => {}
            Event::Stop(stop) => self.stop(*stop, out),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::End => self.end(out),
            Event::Failed(failure) => sse::write(out, None, &failure::write(failure)),
        }
    }

    fn open(&mut self, opening: &Opening, out: &mut String) {
        let place = match opening {
            Opening::Text => Place::Field("content"),
            Opening::Refusal => Place::Field("refusal"),
            Opening::Reasoning { .. } => Place::Field("reasoning_content"),
            Opening::ToolCall { id, name } => self.call(id, name, out),
        };
        self.blocks.push(place);
    }

    fn call(&mut self, id: &str, name: &str, out: &mut String) -> Place {
        let index = self.calls;
        self.calls += 1;
        self.delta(out, |o| {
            call(o, index, |o| {
                o.text("id", id);
                o.text("type", "function");
                o.object("function", |o| {
                    o.text("name", name);
                    o.text("arguments", "");
                });
            });
        });
        Place::Call(index)
    }

    fn grow(&self, block: usize, more: &str, out: &mut String) {
        match self.blocks.get(block) {
            Some(Place::Field(name)) => self.delta(out, |o| o.text(name, more)),
            Some(Place::Call(index)) => self.delta(out, |o| {
                call(o, *index, |o| {
                    o.object("function", |o| o.text("arguments", more))
                });
            }),
            None => {}
        }
    }

    fn stop(&mut self, stop: Stop, out: &mut String) {
        if !std::mem::replace(&mut self.has_stopped, true) {
            self.choice(out, |_| {}, Some(finish::word(stop)));
        }
    }

    fn end(&mut self, out: &mut String) {
        self.stop(Stop::End, out);
        if let Some(usage) = self.usage.filter(|_| self.include_usage) {
            self.chunk(out, |o| {
                o.raw("choices", "[]");
                o.object("usage", |o| usage::write(o, &usage));
            });
        }
        sse::write(out, None, "[DONE]");
    }

    fn delta(&self, out: &mut String, fill: impl FnOnce(&mut Object<'_>)) {
        self.choice(out, fill, None);
    }

    fn choice(&self, out: &mut String, fill: impl FnOnce(&mut Object<'_>), finish: Option<&str>) {
        self.chunk(out, |o| {
            o.list("choices", |l| {
                l.object(|o| {
                    o.count("index", 0);
                    o.object("delta", fill);
                    o.raw("logprobs", "null");
                    o.text_or_null("finish_reason", finish);
                });
            });
        });
    }

    fn chunk(&self, out: &mut String, fill: impl FnOnce(&mut Object<'_>)) {
        let mut data = String::with_capacity(192);
        object(&mut data, |o| {
            head(o, &self.envelope, "chat.completion.chunk");
            fill(o);
        });
        sse::write(out, None, &data);
    }
}

fn call(o: &mut Object<'_>, index: u64, fill: impl FnOnce(&mut Object<'_>)) {
    o.list("tool_calls", |l| {
        l.object(|o| {
            o.count("index", index);
            fill(o);
        });
    });
}
