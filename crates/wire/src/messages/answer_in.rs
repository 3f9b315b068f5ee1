//! A message as an answer.

use super::request_in::{redacted, thought, tool_use};
use super::usage::Counts;
use super::{failure, stop};
use crate::json::{Fault, Fields, Json};
use crate::neutral::Unread;
use crate::{Answer, Body, Error, Said, Stop};

/// Reads an answer.
pub(crate) fn read(body: &Body<'_>) -> Result<Answer, Error> {
    failure::none_in(body)?;
    crate::neutral::read_at(body.root(), answer)
}

fn answer(root: Json<'_>) -> Result<Answer, Fault> {
    let mut fields = Fields::of(root)?;
    let mut unread = Unread::of(root);
    let mut said = Vec::new();
    for block in fields.need("content")?.items()? {
        said.extend(part(block, &mut unread)?);
    }
    let word = fields.text("stop_reason")?;
    let usage = match fields.nested("usage")? {
        None => None,
        Some(fields) => {
            let mut counts = Counts::default();
            counts.update(fields)?;
            Some(counts.usage())
        }
    };
    Ok(Answer {
        id: fields.text("id")?.unwrap_or_default().into_owned(),
        model: fields.text("model")?.unwrap_or_default().into_owned(),
        said,
        stop: word.map_or(Stop::End, |word| stop::read(&word)),
        usage,
        lost: unread.lost(),
        likelihood: None,
    })
}

fn part<'a>(block: Json<'a>, unread: &mut Unread<'a>) -> Result<Option<Said>, Fault> {
    let mut fields = Fields::of(block)?;
    let said = match &*fields.need_text("type")? {
        "text" => Said::Text(fields.need_text("text")?.into_owned()),
        "tool_use" => Said::ToolCall(tool_use(&mut fields)?.into_owned()),
        "thinking" => Said::Reasoning(thought(&mut fields)?.into_owned()),
        "redacted_thinking" => Said::Reasoning(redacted(&mut fields)?.into_owned()),
        _ => {
            unread.note(block);
            return Ok(None);
        }
    };
    if let Some(citations) = fields.take("citations") {
        unread.note(citations);
    }
    Ok(Some(said))
}
