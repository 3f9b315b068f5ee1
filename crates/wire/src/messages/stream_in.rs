//! The events of a streamed message as neutral events.

use super::request_in::redacted;
use super::stop;
use super::usage::Counts;
use crate::chat::failure;
use crate::json::{Document, Fault, Fields, Json};
use crate::{Delta, Dialect, Error, Event, Opening, Reasoning};

/// What was read so far.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    counts: Counts,
    /// By the provider's number.
    blocks: Vec<Option<Block>>,
    opened: usize,
    has_stopped: bool,
}

/// A block; `None` in its place for one that no other dialect knows.
#[derive(Debug, Clone, Copy)]
struct Block {
    number: usize,
    /// A call that has no arguments yet.
    is_bare_call: bool,
}

type Read = Result<(), Fault>;

/// More blocks than any answer has.
const MOST_BLOCKS: u64 = 10_000;

impl Reader {
    /// Reads the data of one event.
    pub(crate) fn read(&mut self, data: &str, out: &mut Vec<Event>) -> Result<(), Error> {
        let document = Document::parse(data.as_bytes())?;
        let root = document.root();
        self.event(root, out).map_err(|fault| fault.within(root))
    }

    /// The stream is over: some servers leave out `message_stop`.
    pub(crate) fn finish(&mut self, out: &mut Vec<Event>) {
        if self.has_stopped {
            out.push(Event::End);
        }
    }

    fn event(&mut self, root: Json<'_>, out: &mut Vec<Event>) -> Read {
        let mut fields = Fields::of(root)?;
        match &*fields.need_text("type")? {
            "message_start" => self.start(Fields::of(fields.need("message")?)?, out)?,
            "content_block_start" => self.open(fields, out)?,
            "content_block_delta" => self.grow(fields, out)?,
            "content_block_stop" => self.close(fields, out)?,
            "message_delta" => self.delta(fields, out)?,
            "message_stop" => out.push(Event::End),
            "error" => {
                let error = failure::of_json(fields.need("error")?, None);
                out.push(Event::Failed(error));
            }
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, mut message: Fields<'_>, out: &mut Vec<Event>) -> Read {
        out.push(Event::Start {
            id: message.text("id")?.unwrap_or_default().into_owned(),
            model: message.text("model")?.unwrap_or_default().into_owned(),
        });
        self.count(message.nested("usage")?, out)
    }

    fn count(&mut self, usage: Option<Fields<'_>>, out: &mut Vec<Event>) -> Read {
        if let Some(usage) = usage {
            self.counts.update(usage)?;
            out.push(Event::Usage(self.counts.usage()));
        }
        Ok(())
    }

    fn open(&mut self, mut fields: Fields<'_>, out: &mut Vec<Event>) -> Read {
        let index = fields.need("index")?;
        if index.count()? != self.blocks.len() as u64 || self.blocks.len() as u64 >= MOST_BLOCKS {
            return Err(Fault::at(index, format!("must be {}", self.blocks.len())));
        }
        let mut block = Fields::of(fields.need("content_block")?)?;
        let kind = block.need_text("type")?;
        let opening = match &*kind {
            "text" => Opening::Text,
            "thinking" | "redacted_thinking" => Opening::Reasoning { id: None },
            "tool_use" => Opening::ToolCall {
                id: block.need_text("id")?.into_owned(),
                name: block.need_text("name")?.into_owned(),
            },
            _ => {
                self.blocks.push(None);
                return Ok(());
            }
        };
        let number = self.opened;
        self.opened += 1;
        self.blocks.push(Some(Block {
            number,
            is_bare_call: kind == "tool_use",
        }));
        out.push(Event::Open(number, opening));
        self.begin(number, &kind, block, out)
    }

    /// What a block has from its beginning.
    fn begin(
        &mut self,
        number: usize,
        kind: &str,
        mut block: Fields<'_>,
        out: &mut Vec<Event>,
    ) -> Read {
        let text = match kind {
            "text" => block.text("text")?,
            "thinking" => block.text("thinking")?,
            "tool_use" => {
                let input = block.take("input").map(Json::raw);
                input.filter(|input| !is_bare(input)).map(Into::into)
            }
            _ => {
                let seal = redacted(&mut block)?.into_owned().seal;
                out.extend(seal.map(|seal| Event::Grow(number, Delta::Seal(seal))));
                None
            }
        };
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.has_arguments(number);
            out.push(Event::Grow(number, Delta::More(text.into_owned())));
        }
        Ok(())
    }

    fn has_arguments(&mut self, number: usize) {
        let mut blocks = self.blocks.iter_mut().flatten();
        if let Some(block) = blocks.rfind(|block| block.number == number) {
            block.is_bare_call = false;
        }
    }

    fn block(&self, fields: &mut Fields<'_>) -> Result<Option<Block>, Fault> {
        let index = fields.need("index")?;
        let place = usize::try_from(index.count()?).ok();
        let block = place.and_then(|place| self.blocks.get(place));
        block
            .copied()
            .ok_or_else(|| Fault::at(index, "is of a block that has not begun"))
    }

    fn grow(&mut self, mut fields: Fields<'_>, out: &mut Vec<Event>) -> Read {
        let Some(block) = self.block(&mut fields)? else {
            return Ok(());
        };
        let mut delta = Fields::of(fields.need("delta")?)?;
        let more = match &*delta.need_text("type")? {
            "text_delta" => delta.need_text("text")?,
            "thinking_delta" => delta.need_text("thinking")?,
            "input_json_delta" => delta.need_text("partial_json")?,
            "signature_delta" => {
                let mut thought = Reasoning::default();
                thought.seal(Dialect::Messages, delta.need_text("signature")?);
                let seal = thought.into_owned().seal;
                out.extend(seal.map(|seal| Event::Grow(block.number, Delta::Seal(seal))));
                return Ok(());
            }
            _ => return Ok(()),
        };
        if !more.is_empty() {
            self.has_arguments(block.number);
            out.push(Event::Grow(block.number, Delta::More(more.into_owned())));
        }
        Ok(())
    }

    /// A call without arguments has an empty object, which other dialects must say.
    fn close(&mut self, mut fields: Fields<'_>, out: &mut Vec<Event>) -> Read {
        if let Some(block) = self.block(&mut fields)? {
            if block.is_bare_call {
                out.push(Event::Grow(block.number, Delta::More("{}".into())));
            }
            out.push(Event::Close(block.number));
        }
        Ok(())
    }

    fn delta(&mut self, mut fields: Fields<'_>, out: &mut Vec<Event>) -> Read {
        if let Some(mut delta) = fields.nested("delta")?
            && let Some(word) = delta.text("stop_reason")?
        {
            self.has_stopped = true;
            out.push(Event::Stop(stop::read(&word)));
        }
        self.count(fields.nested("usage")?, out)
    }
}

/// Whether an input is `{}`, however it is spaced.
fn is_bare(input: &str) -> bool {
    input
        .chars()
        .all(|letter| matches!(letter, '{' | '}' | ' ' | '\n' | '\t' | '\r'))
}
