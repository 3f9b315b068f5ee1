//! The events of a streamed response as neutral events.

use super::request_in::reasoning;
use super::{failure, status, usage};
use crate::json::{Document, Fault, Fields, Json};
use crate::{Delta, Error, Event, Failure, FailureKind, Opening, Reasoning};

/// What was read so far.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    has_started: bool,
    open: Vec<Block>,
    opened: usize,
    has_called: bool,
}

#[derive(Debug)]
struct Block {
    /// Numbers of the item and of its part.
    at: (u64, u64),
    number: usize,
    has_grown: bool,
}

type Read = Result<(), Fault>;
type Out<'o> = &'o mut Vec<Event>;

impl Reader {
    /// Reads the data of one event.
    pub(crate) fn read(&mut self, data: &str, out: Out<'_>) -> Result<(), Error> {
        if data.trim() == "[DONE]" {
            return Ok(());
        }
        let document = Document::parse(data.as_bytes())?;
        let root = document.root();
        self.event(root, out).map_err(|fault| fault.within(root))
    }

    fn event(&mut self, root: Json<'_>, out: Out<'_>) -> Read {
        let mut fields = Fields::of(root)?;
        match &*fields.need_text("type")? {
            "response.created" | "response.in_progress" => self.start(fields, out),
            "response.output_item.added" => self.add(fields, out),
            "response.content_part.added" => self.add_part(fields, out),
            "response.output_text.delta" => self.grow(fields, Opening::Text, out),
            "response.refusal.delta" => self.grow(fields, Opening::Refusal, out),
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                self.grow(fields, Opening::Reasoning { id: None }, out)
            }
            "response.reasoning_summary_part.added" => self.add_paragraph(fields, out),
            "response.function_call_arguments.delta" => self.grow_call(fields, out),
            "response.content_part.done" => self.close_part(fields, out),
            "response.output_item.done" => self.done(fields, out),
            "response.completed" | "response.incomplete" => self.end(fields, out),
            "response.failed" => failed(fields, out),
            "error" => {
                out.push(Event::Failed(failure::of_event(fields)));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn start(&mut self, mut fields: Fields<'_>, out: Out<'_>) -> Read {
        if std::mem::replace(&mut self.has_started, true) {
            return Ok(());
        }
        let mut response = Fields::of(fields.need("response")?)?;
        out.push(Event::Start {
            id: response.text("id")?.unwrap_or_default().into_owned(),
            model: response.text("model")?.unwrap_or_default().into_owned(),
        });
        Ok(())
    }

    fn add(&mut self, mut fields: Fields<'_>, out: Out<'_>) -> Read {
        let item = fields.need("output_index")?.count()?;
        let mut added = Fields::of(fields.need("item")?)?;
        let opening = match &*added.need_text("type")? {
            "reasoning" => Opening::Reasoning {
                id: added.text("id")?.map(Into::into),
            },
            "function_call" => {
                self.has_called = true;
                Opening::ToolCall {
                    id: added.need_text("call_id")?.into_owned(),
                    name: added.need_text("name")?.into_owned(),
                }
            }
            _ => return Ok(()),
        };
        self.open((item, 0), opening, out);
        Ok(())
    }

    fn add_part(&mut self, mut fields: Fields<'_>, out: Out<'_>) -> Read {
        let at = place(&mut fields)?;
        let mut part = Fields::of(fields.need("part")?)?;
        match &*part.need_text("type")? {
            "output_text" => self.open(at, Opening::Text, out),
            "refusal" => self.open(at, Opening::Refusal, out),
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, at: (u64, u64), opening: Opening, out: Out<'_>) {
        out.push(Event::Open(self.opened, opening));
        self.open.push(Block {
            at,
            number: self.opened,
            has_grown: false,
        });
        self.opened += 1;
    }

    fn find(&mut self, at: (u64, u64)) -> Option<&mut Block> {
        self.open.iter_mut().rev().find(|block| block.at == at)
    }

    /// Some servers leave out the beginning of a part.
    fn grow(&mut self, mut fields: Fields<'_>, opening: Opening, out: Out<'_>) -> Read {
        let at = match opening {
            Opening::Reasoning { .. } => (fields.need("output_index")?.count()?, 0),
            _ => place(&mut fields)?,
        };
        if self.find(at).is_none() {
            self.open(at, opening, out);
        }
        self.push(at, fields.need_text("delta")?.into_owned(), out);
        Ok(())
    }

    fn grow_call(&mut self, mut fields: Fields<'_>, out: Out<'_>) -> Read {
        let item = fields.need("output_index")?;
        let at = (item.count()?, 0);
        if self.find(at).is_none() {
            return Err(Fault::at(item, "is of a call that has not begun"));
        }
        self.push(at, fields.need_text("delta")?.into_owned(), out);
        Ok(())
    }

    fn push(&mut self, at: (u64, u64), more: String, out: Out<'_>) {
        if let Some(block) = self.find(at).filter(|_| !more.is_empty()) {
            block.has_grown = true;
            out.push(Event::Grow(block.number, Delta::More(more)));
        }
    }

    /// A summary's paragraphs stand apart.
    fn add_paragraph(&mut self, mut fields: Fields<'_>, out: Out<'_>) -> Read {
        let at = (fields.need("output_index")?.count()?, 0);
        if self.find(at).is_some_and(|block| block.has_grown) {
            self.push(at, "\n\n".into(), out);
        }
        Ok(())
    }

    fn close_part(&mut self, mut fields: Fields<'_>, out: Out<'_>) -> Read {
        let at = place(&mut fields)?;
        self.close(|block| block.at == at, out);
        Ok(())
    }

    fn close(&mut self, is_closed: impl Fn(&Block) -> bool, out: Out<'_>) {
        let closed = self.open.extract_if(.., |block| is_closed(block));
        out.extend(closed.map(|block| Event::Close(block.number)));
    }

    /// What an item has at its end and did not have before.
    fn done(&mut self, mut fields: Fields<'_>, out: Out<'_>) -> Read {
        let item = fields.need("output_index")?.count()?;
        let mut done = Fields::of(fields.need("item")?)?;
        match &*done.need_text("type")? {
            "function_call" => self.complete_call(item, &mut done, out)?,
            "reasoning" => self.complete_thought(item, reasoning(&mut done)?, out),
            _ => {}
        }
        self.close(|block| block.at.0 == item, out);
        Ok(())
    }

    fn complete_call(&mut self, item: u64, done: &mut Fields<'_>, out: Out<'_>) -> Read {
        let arguments = done.text("arguments")?.unwrap_or_default();
        if self.find((item, 0)).is_some_and(|block| !block.has_grown) {
            self.push((item, 0), arguments.into_owned(), out);
        }
        Ok(())
    }

    fn complete_thought(&mut self, item: u64, thought: Reasoning<'_>, out: Out<'_>) {
        let Some(block) = self.find((item, 0)) else {
            return;
        };
        let number = block.number;
        if !block.has_grown {
            self.push((item, 0), thought.text.clone().into_owned(), out);
        }
        let seal = thought.into_owned().seal;
        out.extend(seal.map(|seal| Event::Grow(number, Delta::Seal(seal))));
    }

    fn end(&mut self, mut fields: Fields<'_>, out: Out<'_>) -> Read {
        self.close(|_| true, out);
        let mut response = Fields::of(fields.need("response")?)?;
        out.extend(usage::read(response.nested("usage")?)?.map(Event::Usage));
        out.push(Event::Stop(status::read(&mut response, self.has_called)?));
        out.push(Event::End);
        Ok(())
    }
}

fn place(fields: &mut Fields<'_>) -> Result<(u64, u64), Fault> {
    let item = fields.need("output_index")?.count()?;
    Ok((item, fields.count("content_index")?.unwrap_or(0)))
}

fn failed(mut fields: Fields<'_>, out: Out<'_>) -> Read {
    let mut response = Fields::of(fields.need("response")?)?;
    let failure = match response.nested("error")? {
        Some(error) => failure::of_event(error),
        None => Failure::new(FailureKind::Server, "the response failed"),
    };
    out.push(Event::Failed(failure));
    Ok(())
}
