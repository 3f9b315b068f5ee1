//! A chat request as a conversation.

use crate::json::{Entry, Fault, Fields, Json};
use crate::neutral::{Unread, metadata, stops};
use crate::{
    Block, Body, Conversation, Dialect, Effort, Error, Format, Image, ImageSource, Number, Place,
    Reasoning, Role, Sampling, Text, Thinking, Tool, ToolCall, ToolChoice, ToolResult, Turn,
};

/// Reads a request.
pub(crate) fn read<'b>(body: &'b Body<'_>) -> Result<Conversation<'b>, Error> {
    crate::neutral::read_at(body.root(), conversation)
}

fn conversation(root: Json<'_>) -> Result<Conversation<'_>, Fault> {
    let mut fields = Fields::of(root)?;
    let mut unread = Unread::of(root);
    let mut said = Conversation::new(fields.need_text("model")?);
    said.said_in = Dialect::Chat;
    said.turns = turns(fields.need("messages")?, &mut unread)?;
    said.tools = tools(fields.take("tools"), &mut unread)?;
    said.tool_choice = tool_choice(fields.take("tool_choice"), &mut unread)?;
    said.parallel_tool_calls = fields.flag("parallel_tool_calls")?;
    said.sampling = sampling(&mut fields)?;
    said.max_tokens = max_tokens(&mut fields)?;
    said.stop = stops(fields.take("stop"))?;
    said.format = format(fields.nested("response_format")?, &mut unread)?;
    said.thinking = thinking(fields.take("reasoning_effort"), &mut unread)?;
    said.user = fields.text("user")?;
    said.metadata = metadata(fields.nested("metadata")?)?;
    said.stream = fields.flag("stream")?.unwrap_or(false);
    said.include_usage = include_usage(fields.nested("stream_options")?, &mut unread)?;
    unread.sort(without_defaults(fields), is_essential);
    said.unread = unread;
    Ok(said)
}

/// Takes out what is so anyway.
fn without_defaults(mut fields: Fields<'_>) -> Fields<'_> {
    let defaults = [
        ("n", "1"),
        ("logprobs", "false"),
        ("top_logprobs", "0"),
        ("logit_bias", "{}"),
        ("modalities", "[\"text\"]"),
        ("store", "false"),
        ("service_tier", "\"auto\""),
    ];
    for (name, default) in defaults {
        fields.take_if(name, |value| value.raw() == default);
    }
    fields
}

/// Whether a request without this field would be another request.
fn is_essential(entry: &Entry<'_>) -> bool {
    match &*entry.name {
        "n" | "logprobs" | "top_logprobs" | "logit_bias" => true,
        "audio" | "functions" | "function_call" | "web_search_options" => true,
        "modalities" => entry.value.raw().contains("audio"),
        _ => false,
    }
}

fn max_tokens(fields: &mut Fields<'_>) -> Result<Option<u64>, Fault> {
    let newer = fields.count("max_completion_tokens")?;
    let older = fields.count("max_tokens")?;
    Ok(newer.or(older))
}

fn include_usage(options: Option<Fields<'_>>, unread: &mut Unread<'_>) -> Result<bool, Fault> {
    let Some(mut options) = options else {
        return Ok(false);
    };
    let include_usage = options.flag("include_usage")?;
    unread.rest(options);
    Ok(include_usage.unwrap_or(false))
}

/// The fields of sampling; those that a dialect does not know are not there.
pub(crate) fn sampling<'a>(fields: &mut Fields<'a>) -> Result<Sampling<'a>, Fault> {
    let mut number = |name| {
        let digits = fields.take(name).map(Json::number).transpose()?;
        Ok(digits.map(|digits| Number(digits.into())))
    };
    Ok(Sampling {
        temperature: number("temperature")?,
        top_p: number("top_p")?,
        top_k: number("top_k")?,
        frequency_penalty: number("frequency_penalty")?,
        presence_penalty: number("presence_penalty")?,
        seed: number("seed")?,
    })
}

/// The word of an effort; a word that is not known is noted.
pub(crate) fn thinking(
    effort: Option<Json<'_>>,
    unread: &mut Unread<'_>,
) -> Result<Option<Thinking>, Fault> {
    let Some(effort) = effort else {
        return Ok(None);
    };
    let word = effort.text()?;
    if word == "none" {
        return Ok(Some(Thinking::Off));
    }
    let known = Effort::named(&word).map(Thinking::Effort);
    if known.is_none() {
        unread.note(effort);
    }
    Ok(known)
}

fn turns<'a>(messages: Json<'a>, unread: &mut Unread<'a>) -> Result<Vec<Turn<'a>>, Fault> {
    let mut turns: Vec<Turn<'a>> = Vec::new();
    for message in messages.items()? {
        let turn = turn(message, unread)?;
        match turns.last_mut() {
            Some(last) if is_results(last) && is_results(&turn) => last.blocks.extend(turn.blocks),
            _ => turns.push(turn),
        }
    }
    Ok(turns)
}

/// Whether a turn is results of tools alone: the next result then belongs to the same turn.
pub(crate) fn is_results(turn: &Turn<'_>) -> bool {
    let is_result = |block: &Block<'_>| matches!(block, Block::ToolResult(_));
    !turn.blocks.is_empty() && turn.blocks.iter().all(is_result)
}

fn turn<'a>(message: Json<'a>, unread: &mut Unread<'a>) -> Result<Turn<'a>, Fault> {
    let mut fields = Fields::of(message)?;
    let role = fields.need("role")?;
    let (role, blocks) = match &*role.text()? {
        "system" => (Role::System, content(&mut fields, unread)?),
        "developer" => (Role::Developer, content(&mut fields, unread)?),
        "user" => (Role::User, content(&mut fields, unread)?),
        "assistant" => (Role::Assistant, answered(&mut fields, unread)?),
        "tool" => (Role::User, vec![result(&mut fields, unread)?]),
        _ => {
            unread.note_essential(role);
            (Role::User, content(&mut fields, unread)?)
        }
    };
    unread.rest(fields);
    Ok(Turn {
        role,
        blocks,
        place: Place(message.start()),
    })
}

fn content<'a>(fields: &mut Fields<'a>, unread: &mut Unread<'a>) -> Result<Vec<Block<'a>>, Fault> {
    let Some(content) = fields.take("content") else {
        return Ok(Vec::new());
    };
    if let Some(text) = content.as_text() {
        return Ok(Block::said(text));
    }
    let mut blocks = Vec::new();
    for part in content.items()? {
        blocks.extend(block(part, unread)?);
    }
    Ok(blocks)
}

fn block<'a>(part: Json<'a>, unread: &mut Unread<'a>) -> Result<Option<Block<'a>>, Fault> {
    let mut fields = Fields::of(part)?;
    let block = match &*fields.need_text("type")? {
        "text" => Block::Text(fields.need_text("text")?),
        "refusal" => Block::Refusal(fields.need_text("refusal")?),
        "image_url" => Block::Image(image(Fields::of(fields.need("image_url")?)?, unread)?),
        _ => {
            unread.note_essential(part);
            return Ok(None);
        }
    };
    unread.rest(fields);
    Ok(Some(block))
}

fn image<'a>(mut fields: Fields<'a>, unread: &mut Unread<'a>) -> Result<Image<'a>, Fault> {
    let image = Image {
        source: ImageSource::of_url(fields.need_text("url")?),
        detail: fields.text("detail")?.filter(|detail| detail != "auto"),
    };
    unread.rest(fields);
    Ok(image)
}

fn answered<'a>(fields: &mut Fields<'a>, unread: &mut Unread<'a>) -> Result<Vec<Block<'a>>, Fault> {
    let mut blocks: Vec<Block<'a>> = thought(fields)?.into_iter().map(Block::Reasoning).collect();
    blocks.extend(content(fields, unread)?);
    blocks.extend(fields.text("refusal")?.map(Block::Refusal));
    for foreign in ["audio", "function_call"] {
        if let Some(value) = fields.take(foreign) {
            unread.note_essential(value);
        }
    }
    if let Some(calls) = fields.take("tool_calls") {
        for call in calls.items()? {
            blocks.extend(tool_call(call, unread)?.map(Block::ToolCall));
        }
    }
    Ok(blocks)
}

/// What compatible servers call `reasoning_content` or `reasoning`.
pub(super) fn thought<'a>(fields: &mut Fields<'a>) -> Result<Option<Reasoning<'a>>, Fault> {
    let older = fields.text("reasoning_content")?;
    let text = match older {
        Some(text) => Some(text),
        None => fields.take("reasoning").and_then(Json::as_text),
    };
    Ok(text.filter(|text| !text.is_empty()).map(|text| Reasoning {
        text,
        ..Reasoning::default()
    }))
}

/// A call of a function; calls of other kinds are noted.
pub(super) fn tool_call<'a>(
    call: Json<'a>,
    unread: &mut Unread<'a>,
) -> Result<Option<ToolCall<'a>>, Fault> {
    let mut fields = Fields::of(call)?;
    let id = fields.need_text("id")?;
    let Some(mut function) = fields.nested("function")? else {
        unread.note_essential(call);
        return Ok(None);
    };
    fields.take("type");
    fields.take("index");
    unread.rest(fields);
    let call = ToolCall {
        id,
        name: function.need_text("name")?,
        arguments: function.text("arguments")?.unwrap_or_default(),
    };
    unread.rest(function);
    Ok(Some(call))
}

fn result<'a>(fields: &mut Fields<'a>, unread: &mut Unread<'a>) -> Result<Block<'a>, Fault> {
    Ok(Block::ToolResult(ToolResult {
        call_id: fields.need_text("tool_call_id")?,
        content: content(fields, unread)?,
        is_error: false,
    }))
}

fn tools<'a>(tools: Option<Json<'a>>, unread: &mut Unread<'a>) -> Result<Vec<Tool<'a>>, Fault> {
    let mut known = Vec::new();
    let Some(tools) = tools else {
        return Ok(known);
    };
    for tool in tools.items()? {
        let mut fields = Fields::of(tool)?;
        match fields.nested("function")? {
            None => unread.note_essential(tool),
            Some(function) => {
                known.push(function_of(function, unread)?);
                fields.take("type");
                unread.rest(fields);
            }
        }
    }
    Ok(known)
}

/// A function that is offered: `name`, `description`, `parameters`, `strict`.
pub(crate) fn function_of<'a>(
    mut fields: Fields<'a>,
    unread: &mut Unread<'a>,
) -> Result<Tool<'a>, Fault> {
    let tool = Tool {
        name: fields.need_text("name")?,
        description: fields.text("description")?,
        parameters: fields.take("parameters").map(|schema| schema.raw().into()),
        is_strict: fields.flag("strict")?.unwrap_or(false),
    };
    unread.rest(fields);
    Ok(tool)
}

fn tool_choice<'a>(
    choice: Option<Json<'a>>,
    unread: &mut Unread<'a>,
) -> Result<Option<ToolChoice<'a>>, Fault> {
    let Some(choice) = choice else {
        return Ok(None);
    };
    if let Some(word) = choice.as_text() {
        return Ok(choice_word(&word).or_else(|| noted(choice, unread)));
    }
    let mut fields = Fields::of(choice)?;
    match fields.nested("function")? {
        Some(mut function) => Ok(Some(ToolChoice::Tool(function.need_text("name")?))),
        None => Ok(noted(choice, unread)),
    }
}

/// The choices that are words in both of OpenAI's dialects.
pub(crate) fn choice_word(word: &str) -> Option<ToolChoice<'static>> {
    match word {
        "auto" => Some(ToolChoice::Auto),
        "none" => Some(ToolChoice::None),
        "required" => Some(ToolChoice::Required),
        _ => None,
    }
}

/// Notes a choice that is not known.
pub(crate) fn noted<'a>(choice: Json<'a>, unread: &mut Unread<'a>) -> Option<ToolChoice<'a>> {
    unread.note_essential(choice);
    None
}

fn format<'a>(
    format: Option<Fields<'a>>,
    unread: &mut Unread<'a>,
) -> Result<Option<Format<'a>>, Fault> {
    let Some(mut fields) = format else {
        return Ok(None);
    };
    let kind = fields.need("type")?;
    match &*kind.text()? {
        "text" => Ok(None),
        "json_object" => Ok(Some(Format::JsonObject)),
        "json_schema" => schema(Fields::of(fields.need("json_schema")?)?, unread).map(Some),
        _ => {
            unread.note_essential(kind);
            Ok(None)
        }
    }
}

/// A schema with its name, in both of OpenAI's dialects.
pub(crate) fn schema<'a>(
    mut fields: Fields<'a>,
    unread: &mut Unread<'a>,
) -> Result<Format<'a>, Fault> {
    let schema: Text<'a> = fields.need("schema")?.raw().into();
    let format = Format::JsonSchema {
        name: fields.text("name")?,
        description: fields.text("description")?,
        schema,
        is_strict: fields.flag("strict")?.unwrap_or(false),
    };
    unread.rest(fields);
    Ok(format)
}
