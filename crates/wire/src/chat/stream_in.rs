//! The chunks of a chat completion as events.
//!
//! Chunks do not say where a block ends. Texts, refusals and thoughts end where another kind
//! begins; calls of tools may grow in turns and end with the answer.

use super::{answer_in, failure, finish, usage};
use crate::json::{Document, Fault, Fields, Json};
use crate::{Delta, Error, Event, Likelihood, Opening, Stop};

/// What was read so far.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    id: Option<String>,
    speech: Option<(Speech, usize)>,
    calls: Vec<Call>,
    blocks: usize,
    has_stopped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speech {
    Text,
    Refusal,
    Thought,
}

#[derive(Debug)]
struct Call {
    index: Option<u64>,
    id: String,
    block: usize,
}

/// What stands for numbers that cannot be read: an answer whose likelihood is not known must not look
/// likelier than it is.
const UNREADABLE: Likelihood = Likelihood {
    logprob: f64::NEG_INFINITY,
    tokens: 1,
};

type Read = Result<(), Fault>;

impl Reader {
    /// Reads the data of one event.
    pub(crate) fn read(&mut self, data: &str, out: &mut Vec<Event>) -> Result<(), Error> {
        if data.trim() == "[DONE]" {
            self.end(out);
            return Ok(());
        }
        let document = Document::parse(data.as_bytes())?;
        let root = document.root();
        self.chunk(root, out).map_err(|fault| fault.within(root))
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        self.close_all(out);
        if !self.has_stopped {
            out.push(Event::Stop(Stop::End));
        }
        out.push(Event::End);
    }

    /// The stream is over: some servers say no `[DONE]`.
    pub(crate) fn finish(&mut self, out: &mut Vec<Event>) {
        if self.has_stopped {
            out.push(Event::End);
        }
    }

    fn chunk(&mut self, root: Json<'_>, out: &mut Vec<Event>) -> Read {
        let mut fields = Fields::of(root)?;
        if let Some(error) = fields.take("error") {
            out.push(Event::Failed(failure::of_json(error, None)));
            return Ok(());
        }
        let choices = items(fields.take("choices"))?;
        self.start(&mut fields, choices.is_empty(), out)?;
        for choice in choices {
            let mut choice = Fields::of(choice)?;
            if choice.count("index")?.unwrap_or(0) == 0 {
                self.choice(choice, out)?;
            }
        }
        out.extend(usage::read(fields.nested("usage")?)?.map(Event::Usage));
        Ok(())
    }

    /// Some servers begin with a chunk that says nothing and has no name.
    fn start(&mut self, fields: &mut Fields<'_>, is_empty: bool, out: &mut Vec<Event>) -> Read {
        let id = fields.text("id")?.unwrap_or_default().into_owned();
        if self.id.is_some() || (is_empty && id.is_empty()) {
            return Ok(());
        }
        self.id = Some(id.clone());
        let model = fields.text("model")?.unwrap_or_default().into_owned();
        out.push(Event::Start { id, model });
        Ok(())
    }

    fn choice(&mut self, mut choice: Fields<'_>, out: &mut Vec<Event>) -> Read {
        if let Some(mut delta) = choice.nested("delta")? {
            let thought = super::request_in::thought(&mut delta)?;
            self.speak(Speech::Thought, thought.map(|thought| thought.text), out);
            let text = delta.take("content").and_then(Json::as_text);
            self.speak(Speech::Text, text, out);
            self.speak(Speech::Refusal, delta.text("refusal")?, out);
            for call in items(delta.take("tool_calls"))? {
                self.call(call, out)?;
            }
        }
        out.extend(likelihood(choice.take("logprobs")).map(Event::Likelihood));
        let finish = choice.text("finish_reason")?;
        if let Some(word) = finish.filter(|word| !word.is_empty()) {
            self.stop(finish::read(&word), out);
        }
        Ok(())
    }

    fn stop(&mut self, stop: Stop, out: &mut Vec<Event>) {
        let has_called = !self.calls.is_empty();
        self.close_all(out);
        if !std::mem::replace(&mut self.has_stopped, true) {
            let stop = if has_called && stop == Stop::End {
                Stop::ToolCalls
            } else {
                stop
            };
            out.push(Event::Stop(stop));
        }
    }

    fn speak(&mut self, kind: Speech, text: Option<crate::Text<'_>>, out: &mut Vec<Event>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return;
        };
        let block = match self.speech {
            Some((open, block)) if open == kind => block,
            _ => {
                self.close_speech(out);
                let opening = match kind {
                    Speech::Text => Opening::Text,
                    Speech::Refusal => Opening::Refusal,
                    Speech::Thought => Opening::Reasoning { id: None },
                };
                let block = self.open(opening, out);
                self.speech = Some((kind, block));
                block
            }
        };
        out.push(Event::Grow(block, Delta::More(text.into_owned())));
    }

    fn open(&mut self, opening: Opening, out: &mut Vec<Event>) -> usize {
        let block = self.blocks;
        self.blocks += 1;
        out.push(Event::Open(block, opening));
        block
    }

    fn close_speech(&mut self, out: &mut Vec<Event>) {
        out.extend(self.speech.take().map(|(_, block)| Event::Close(block)));
    }

    fn close_all(&mut self, out: &mut Vec<Event>) {
        self.close_speech(out);
        out.extend(self.calls.drain(..).map(|call| Event::Close(call.block)));
    }

    fn call(&mut self, call: Json<'_>, out: &mut Vec<Event>) -> Read {
        let mut fields = Fields::of(call)?;
        let index = fields.count("index")?;
        let id = fields.text("id")?.filter(|id| !id.is_empty());
        let mut function = fields.nested("function")?;
        let block = match self.known(index, id.as_deref()) {
            Some(block) => block,
            None => {
                let name = match &mut function {
                    Some(function) => function.need_text("name")?,
                    None => return Err(Fault::missing(call, "function")),
                };
                self.begin(index, id.map(Into::into), name.into(), out)
            }
        };
        let arguments = function
            .map(|mut function| function.text("arguments"))
            .transpose()?
            .flatten();
        if let Some(more) = arguments.filter(|more| !more.is_empty()) {
            out.push(Event::Grow(block, Delta::More(more.into_owned())));
        }
        Ok(())
    }

    /// The call that a delta belongs to. Some servers give no number, or every call the same: then
    /// a new name means a new call.
    fn known(&self, index: Option<u64>, id: Option<&str>) -> Option<usize> {
        let mut calls = self.calls.iter().rev();
        let call = calls.find(|call| index.is_none() || call.index == index)?;
        id.is_none_or(|id| id == call.id).then_some(call.block)
    }

    fn begin(
        &mut self,
        index: Option<u64>,
        id: Option<String>,
        name: String,
        out: &mut Vec<Event>,
    ) -> usize {
        self.close_speech(out);
        let answer = self.id.as_deref().unwrap_or_default();
        let id = id.unwrap_or_else(|| format!("call_{answer}_{}", self.blocks));
        let opening = Opening::ToolCall {
            id: id.clone(),
            name,
        };
        let block = self.open(opening, out);
        self.calls.push(Call { index, id, block });
        block
    }
}

/// Nobody is told of it, so a stream goes on where it cannot be read.
fn likelihood(probabilities: Option<Json<'_>>) -> Option<Likelihood> {
    answer_in::likelihood(probabilities?).unwrap_or(Some(UNREADABLE))
}

fn items(list: Option<Json<'_>>) -> Result<Vec<Json<'_>>, Fault> {
    let items = list.map(Json::items).transpose()?;
    Ok(items.into_iter().flatten().collect())
}
