//! A chat completion as an answer.

use super::request_in::{thought, tool_call};
use super::{failure, finish, usage};
use crate::json::{Fault, Fields, Json};
use crate::neutral::Unread;
use crate::{Answer, Body, Error, Likelihood, Reasoning, Said, Stop};

/// Reads an answer.
pub(crate) fn read(body: &Body<'_>) -> Result<Answer, Error> {
    failure::none_in(body)?;
    crate::neutral::read_at(body.root(), answer)
}

fn answer(root: Json<'_>) -> Result<Answer, Fault> {
    let mut fields = Fields::of(root)?;
    let mut unread = Unread::of(root);
    let mut choices = fields.need("choices")?.items()?;
    let Some(first) = choices.next() else {
        return Err(Fault::missing(root, "choices[0]"));
    };
    choices.for_each(|other| unread.note(other));
    let mut choice = Fields::of(first)?;
    let said = said(Fields::of(choice.need("message")?)?, &mut unread)?;
    let word = choice.text("finish_reason")?;
    let probabilities = choice.take("logprobs").filter(|value| !value.is_null());
    if let Some(probabilities) = probabilities {
        unread.note(probabilities);
    }
    let answer = Answer {
        id: fields.text("id")?.unwrap_or_default().into_owned(),
        model: fields.text("model")?.unwrap_or_default().into_owned(),
        stop: word.map_or(Stop::End, |word| finish::read(&word)),
        usage: usage::read(fields.nested("usage")?)?,
        likelihood: probabilities.map_or(Ok(None), likelihood)?,
        lost: unread.lost(),
        said,
    };
    Ok(answer.with_calls_told())
}

/// How likely the tokens were, where every one of them has a number.
pub(super) fn likelihood(probabilities: Json<'_>) -> Result<Option<Likelihood>, Fault> {
    let Some(tokens) = Fields::of(probabilities)?.take("content") else {
        return Ok(None);
    };
    let mut sum = Likelihood::default();
    for token in tokens.items()? {
        let number = Fields::of(token)?.need("logprob")?.number()?;
        sum.logprob += number.parse::<f64>().unwrap_or(f64::NEG_INFINITY);
        sum.tokens += 1;
    }
    Ok((sum.tokens > 0).then_some(sum))
}

fn said<'a>(mut message: Fields<'a>, unread: &mut Unread<'a>) -> Result<Vec<Said>, Fault> {
    let mut said = Vec::new();
    if let Some(thought) = thought(&mut message)? {
        said.push(Said::Reasoning(Reasoning {
            text: thought.text.into_owned().into(),
            ..Reasoning::default()
        }));
    }
    if let Some(content) = message.take("content") {
        let text = text_of(content)?;
        said.extend((!text.is_empty()).then_some(Said::Text(text)));
    }
    let refusal = message.text("refusal")?.filter(|text| !text.is_empty());
    said.extend(refusal.map(|text| Said::Refusal(text.into_owned())));
    for foreign in ["audio", "function_call"] {
        if let Some(value) = message.take(foreign) {
            unread.note(value);
        }
    }
    message.take_if("annotations", |list| list.raw().len() <= 2);
    if let Some(citations) = message.take("annotations") {
        unread.note(citations);
    }
    if let Some(calls) = message.take("tool_calls") {
        for call in calls.items()? {
            let call = tool_call(call, unread)?;
            said.extend(call.map(|call| Said::ToolCall(call.into_owned())));
        }
    }
    Ok(said)
}

/// The text of a content: a string, or the texts of its parts.
fn text_of(content: Json<'_>) -> Result<String, Fault> {
    if let Some(text) = content.as_text() {
        return Ok(text.into_owned());
    }
    let mut all = String::new();
    for part in content.items()? {
        all.push_str(&Fields::of(part)?.text("text")?.unwrap_or_default());
    }
    Ok(all)
}
