//! A response as an answer.

use super::request_in::{function_call, reasoning};
use super::{failure, status, usage};
use crate::json::{Fault, Fields, Json};
use crate::neutral::Unread;
use crate::{Answer, Body, Error, Said};

/// Reads an answer.
pub(crate) fn read(body: &Body<'_>) -> Result<Answer, Error> {
    failure::none_in(body)?;
    crate::neutral::read_at(body.root(), answer)
}

fn answer(root: Json<'_>) -> Result<Answer, Fault> {
    let mut unread = Unread::of(root);
    let mut answer = of_response(Fields::of(root)?, &mut unread)?;
    answer.lost = unread.lost();
    Ok(answer)
}

/// A response object: a body, or what the last event of a stream holds.
pub(super) fn of_response<'a>(
    mut fields: Fields<'a>,
    unread: &mut Unread<'a>,
) -> Result<Answer, Fault> {
    let mut answer = Answer {
        id: fields.text("id")?.unwrap_or_default().into_owned(),
        model: fields.text("model")?.unwrap_or_default().into_owned(),
        ..Answer::default()
    };
    for item in fields.need("output")?.items()? {
        push_item(&mut answer.said, item, unread)?;
    }
    answer.stop = status::read(&mut fields, answer.calls_tools())?;
    answer.usage = usage::read(fields.nested("usage")?)?;
    Ok(answer)
}

fn push_item<'a>(
    said: &mut Vec<Said>,
    item: Json<'a>,
    unread: &mut Unread<'a>,
) -> Result<(), Fault> {
    let mut fields = Fields::of(item)?;
    match &*fields.need_text("type")? {
        "message" => {
            for part in fields.need("content")?.items()? {
                said.extend(part_of(part, unread)?);
            }
        }
        "function_call" => said.push(Said::ToolCall(function_call(&mut fields)?.into_owned())),
        "reasoning" => said.push(Said::Reasoning(reasoning(&mut fields)?.into_owned())),
        _ => unread.note(item),
    }
    Ok(())
}

fn part_of<'a>(part: Json<'a>, unread: &mut Unread<'a>) -> Result<Option<Said>, Fault> {
    let mut fields = Fields::of(part)?;
    let said = match &*fields.need_text("type")? {
        "output_text" => Said::Text(fields.need_text("text")?.into_owned()),
        "refusal" => Said::Refusal(fields.need_text("refusal")?.into_owned()),
        _ => {
            unread.note(part);
            return Ok(None);
        }
    };
    fields.take_if("annotations", |list| list.raw().len() <= 2);
    if let Some(citations) = fields.take("annotations") {
        unread.note(citations);
    }
    Ok(Some(said))
}
