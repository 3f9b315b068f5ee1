//! A responses request as a conversation.

use crate::chat::request_in as chat;
use crate::json::{Entry, Fault, Fields, Json};
use crate::neutral::{Unread, metadata};
use crate::{
    Block, Body, Conversation, Dialect, Error, Format, Image, ImageSource, Place, Reasoning, Role,
    Text, Thinking, Tool, ToolCall, ToolChoice, ToolResult, Turn,
};

/// Reads a request.
pub(crate) fn read<'b>(body: &'b Body<'_>) -> Result<Conversation<'b>, Error> {
    crate::neutral::read_at(body.root(), conversation)
}

fn conversation(root: Json<'_>) -> Result<Conversation<'_>, Fault> {
    let mut fields = Fields::of(root)?;
    let mut unread = Unread::of(root);
    let mut said = Conversation::new(fields.need_text("model")?);
    said.said_in = Dialect::Responses;
    if let Some(instructions) = fields.take("instructions") {
        let text = Block::Text(instructions.text()?);
        said.turns.push(at(instructions, Role::System, vec![text]));
    }
    input(fields.need("input")?, &mut said.turns, &mut unread)?;
    said.tools = tools(fields.take("tools"), &mut unread)?;
    said.tool_choice = tool_choice(fields.take("tool_choice"), &mut unread)?;
    said.parallel_tool_calls = fields.flag("parallel_tool_calls")?;
    said.sampling = chat::sampling(&mut fields)?;
    said.max_tokens = fields.count("max_output_tokens")?;
    said.format = format(fields.nested("text")?, &mut unread)?;
    said.thinking = thinking(fields.nested("reasoning")?, &mut unread)?;
    said.user = fields.text("user")?;
    said.metadata = metadata(fields.nested("metadata")?)?;
    said.stream = fields.flag("stream")?.unwrap_or(false);
    said.include_usage = true;
    include(fields.take("include"), &mut unread)?;
    unread.sort(without_defaults(fields), is_essential);
    said.unread = unread;
    Ok(said)
}

fn at<'a>(json: Json<'a>, role: Role, blocks: Vec<Block<'a>>) -> Turn<'a> {
    Turn {
        role,
        blocks,
        place: Place(json.start()),
    }
}

/// Whether a request without this field would be another request.
fn is_essential(entry: &Entry<'_>) -> bool {
    match &*entry.name {
        "background" => entry.value.raw() == "true",
        "top_logprobs" => entry.value.raw() != "0",
        "previous_response_id" | "conversation" | "prompt" => true,
        _ => false,
    }
}

/// Takes out what is so anyway.
fn without_defaults(mut fields: Fields<'_>) -> Fields<'_> {
    fields.take_if("store", |value| value.raw() == "false");
    fields.take_if("truncation", |value| value.raw() == "\"disabled\"");
    fields.take_if("service_tier", |value| value.raw() == "\"auto\"");
    fields
}

fn include<'a>(include: Option<Json<'a>>, unread: &mut Unread<'a>) -> Result<(), Fault> {
    let Some(include) = include else {
        return Ok(());
    };
    for wish in include.items()? {
        match &*wish.text()? {
            "reasoning.encrypted_content" => {}
            "message.output_text.logprobs" => unread.note_essential(wish),
            _ => unread.note(wish),
        }
    }
    Ok(())
}

fn input<'a>(
    input: Json<'a>,
    turns: &mut Vec<Turn<'a>>,
    unread: &mut Unread<'a>,
) -> Result<(), Fault> {
    if let Some(text) = input.as_text() {
        turns.push(at(input, Role::User, vec![Block::Text(text)]));
        return Ok(());
    }
    for item in input.items()? {
        if let Some(turn) = turn(item, unread)? {
            push(turns, turn);
        }
    }
    Ok(())
}

/// Items of one answer are one turn, and so are results of tools that follow each other.
fn push<'a>(turns: &mut Vec<Turn<'a>>, turn: Turn<'a>) {
    let joins = |last: &Turn<'_>| match turn.role {
        Role::Assistant => last.role == Role::Assistant,
        _ => chat::is_results(last) && chat::is_results(&turn),
    };
    match turns.last_mut() {
        Some(last) if joins(last) => last.blocks.extend(turn.blocks),
        _ => turns.push(turn),
    }
}

fn turn<'a>(item: Json<'a>, unread: &mut Unread<'a>) -> Result<Option<Turn<'a>>, Fault> {
    let mut fields = Fields::of(item)?;
    let kind = fields.text("type")?;
    let turn = match kind.as_deref().unwrap_or("message") {
        "message" => message(item, &mut fields, unread)?,
        "function_call" => {
            let call = Block::ToolCall(function_call(&mut fields)?);
            at(item, Role::Assistant, vec![call])
        }
        "function_call_output" => {
            let result = Block::ToolResult(function_output(&mut fields, unread)?);
            at(item, Role::User, vec![result])
        }
        "reasoning" => {
            let thought = Block::Reasoning(reasoning(&mut fields)?);
            at(item, Role::Assistant, vec![thought])
        }
        _ => {
            unread.note_essential(item);
            return Ok(None);
        }
    };
    fields.take("id");
    fields.take("status");
    unread.rest(fields);
    Ok(Some(turn))
}

fn message<'a>(
    item: Json<'a>,
    fields: &mut Fields<'a>,
    unread: &mut Unread<'a>,
) -> Result<Turn<'a>, Fault> {
    let role = fields.need("role")?;
    let speaker = match &*role.text()? {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        "developer" => Role::Developer,
        _ => {
            return Err(Fault::unknown(
                role,
                "`user`, `assistant`, `system` or `developer`",
            ));
        }
    };
    let blocks = content(fields.need("content")?, unread)?;
    Ok(at(item, speaker, blocks))
}

fn content<'a>(content: Json<'a>, unread: &mut Unread<'a>) -> Result<Vec<Block<'a>>, Fault> {
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
        "input_text" | "output_text" | "text" => Some(Block::Text(fields.need_text("text")?)),
        "refusal" => Some(Block::Refusal(fields.need_text("refusal")?)),
        "input_image" => image(&mut fields)?.map(Block::Image),
        _ => None,
    };
    if block.is_none() {
        unread.note_essential(part);
        return Ok(None);
    }
    fields.take_if("annotations", |list| list.raw().len() <= 2);
    fields.take_if("logprobs", |list| list.raw().len() <= 2);
    unread.rest(fields);
    Ok(block)
}

fn image<'a>(fields: &mut Fields<'a>) -> Result<Option<Image<'a>>, Fault> {
    let detail = fields.text("detail")?.filter(|detail| detail != "auto");
    let url = fields.text("image_url")?;
    Ok(url.map(|url| Image {
        source: ImageSource::of_url(url),
        detail,
    }))
}

/// A call of a tool, in a request or an answer.
pub(super) fn function_call<'a>(fields: &mut Fields<'a>) -> Result<ToolCall<'a>, Fault> {
    Ok(ToolCall {
        id: fields.need_text("call_id")?,
        name: fields.need_text("name")?,
        arguments: fields.text("arguments")?.unwrap_or_default(),
    })
}

fn function_output<'a>(
    fields: &mut Fields<'a>,
    unread: &mut Unread<'a>,
) -> Result<ToolResult<'a>, Fault> {
    Ok(ToolResult {
        call_id: fields.need_text("call_id")?,
        content: content(fields.need("output")?, unread)?,
        is_error: false,
    })
}

/// A thought, in a request or an answer: its summary, else its text, and what its maker encrypted.
pub(super) fn reasoning<'a>(fields: &mut Fields<'a>) -> Result<Reasoning<'a>, Fault> {
    let summary = texts(fields.take("summary"))?;
    let content = texts(fields.take("content"))?;
    let mut thought = Reasoning {
        id: fields.text("id")?,
        text: if summary.is_empty() { content } else { summary },
        seal: None,
    };
    if let Some(sealed) = fields.text("encrypted_content")? {
        thought.seal(Dialect::Responses, sealed);
    }
    Ok(thought)
}

/// The texts of parts, a blank line between them.
fn texts<'a>(parts: Option<Json<'a>>) -> Result<Text<'a>, Fault> {
    let mut all = Text::Borrowed("");
    for part in parts.map(Json::items).transpose()?.into_iter().flatten() {
        let text = Fields::of(part)?.need_text("text")?;
        match all.is_empty() {
            true => all = text,
            false => all.to_mut().extend(["\n\n", &*text]),
        }
    }
    Ok(all)
}

fn tools<'a>(tools: Option<Json<'a>>, unread: &mut Unread<'a>) -> Result<Vec<Tool<'a>>, Fault> {
    let mut known = Vec::new();
    let Some(tools) = tools else {
        return Ok(known);
    };
    for tool in tools.items()? {
        let mut fields = Fields::of(tool)?;
        match &*fields.need_text("type")? {
            "function" => known.push(chat::function_of(fields, unread)?),
            _ => unread.note_essential(tool),
        }
    }
    Ok(known)
}

fn tool_choice<'a>(
    choice: Option<Json<'a>>,
    unread: &mut Unread<'a>,
) -> Result<Option<ToolChoice<'a>>, Fault> {
    let Some(choice) = choice else {
        return Ok(None);
    };
    if let Some(word) = choice.as_text() {
        return Ok(chat::choice_word(&word).or_else(|| chat::noted(choice, unread)));
    }
    let mut fields = Fields::of(choice)?;
    match &*fields.need_text("type")? {
        "function" => Ok(Some(ToolChoice::Tool(fields.need_text("name")?))),
        _ => Ok(chat::noted(choice, unread)),
    }
}

fn format<'a>(
    text: Option<Fields<'a>>,
    unread: &mut Unread<'a>,
) -> Result<Option<Format<'a>>, Fault> {
    let Some(mut text) = text else {
        return Ok(None);
    };
    let format = text.nested("format")?;
    unread.rest(text);
    let Some(mut fields) = format else {
        return Ok(None);
    };
    let kind = fields.need("type")?;
    match &*kind.text()? {
        "text" => Ok(None),
        "json_object" => Ok(Some(Format::JsonObject)),
        "json_schema" => chat::schema(fields, unread).map(Some),
        _ => {
            unread.note_essential(kind);
            Ok(None)
        }
    }
}

fn thinking<'a>(
    reasoning: Option<Fields<'a>>,
    unread: &mut Unread<'a>,
) -> Result<Option<Thinking>, Fault> {
    let Some(mut fields) = reasoning else {
        return Ok(None);
    };
    let thinking = chat::thinking(fields.take("effort"), unread)?;
    fields.take("summary");
    unread.rest(fields);
    Ok(thinking)
}
