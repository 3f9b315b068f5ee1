//! A messages request as a conversation.

use super::thinking;
use crate::json::{Entry, Fault, Fields, Json};
use crate::neutral::{Unread, stops};
use crate::{
    Block, Body, Conversation, Dialect, Error, Format, Image, ImageSource, Place, Reasoning, Role,
    Seal, Tool, ToolCall, ToolChoice, ToolResult, Turn,
};

/// Reads a request.
pub(crate) fn read<'b>(body: &'b Body<'_>) -> Result<Conversation<'b>, Error> {
    crate::neutral::read_at(body.root(), conversation)
}

fn conversation(root: Json<'_>) -> Result<Conversation<'_>, Fault> {
    let mut fields = Fields::of(root)?;
    let mut unread = Unread::of(root);
    let mut said = Conversation::new(fields.need_text("model")?);
    said.said_in = Dialect::Messages;
    if let Some(system) = fields.take("system") {
        said.turns
            .push(turn(Role::System, system, system, &mut unread)?);
    }
    for message in fields.need("messages")?.items()? {
        said.turns.push(message_turn(message, &mut unread)?);
    }
    said.tools = tools(fields.take("tools"), &mut unread)?;
    choose(&mut said, fields.nested("tool_choice")?, &mut unread)?;
    said.sampling = crate::chat::request_in::sampling(&mut fields)?;
    said.max_tokens = fields.count("max_tokens")?;
    said.stop = stops(fields.take("stop_sequences"))?;
    let mut output = fields.nested("output_config")?;
    said.format = format(output.as_mut(), &mut unread)?;
    said.thinking = thinking::read(fields.take("thinking"), output.as_mut(), &mut unread)?;
    if let Some(output) = output {
        unread.rest(output);
    }
    if let Some(mut metadata) = fields.nested("metadata")? {
        said.user = metadata.text("user_id")?;
        unread.rest(metadata);
    }
    said.stream = fields.flag("stream")?.unwrap_or(false);
    said.include_usage = true;
    unread.sort(fields, is_essential);
    said.unread = unread;
    Ok(said)
}

/// Whether a request without this field would be another request.
fn is_essential(entry: &Entry<'_>) -> bool {
    matches!(&*entry.name, "container" | "mcp_servers" | "inference_geo")
}

fn message_turn<'a>(message: Json<'a>, unread: &mut Unread<'a>) -> Result<Turn<'a>, Fault> {
    let mut fields = Fields::of(message)?;
    let role = fields.need("role")?;
    let speaker = match &*role.text()? {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => return Err(Fault::unknown(role, "`user` or `assistant`")),
    };
    let turn = turn(speaker, message, fields.need("content")?, unread)?;
    unread.rest(fields);
    Ok(turn)
}

fn turn<'a>(
    role: Role,
    at: Json<'a>,
    content: Json<'a>,
    unread: &mut Unread<'a>,
) -> Result<Turn<'a>, Fault> {
    Ok(Turn {
        role,
        blocks: blocks(content, unread)?,
        place: Place(at.start()),
    })
}

fn blocks<'a>(content: Json<'a>, unread: &mut Unread<'a>) -> Result<Vec<Block<'a>>, Fault> {
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
        "text" => Some(Block::Text(fields.need_text("text")?)),
        "image" => image(&mut fields)?.map(Block::Image),
        "tool_use" => Some(Block::ToolCall(tool_use(&mut fields)?)),
        "tool_result" => Some(Block::ToolResult(tool_result(&mut fields, unread)?)),
        "thinking" => Some(Block::Reasoning(thought(&mut fields)?)),
        "redacted_thinking" => Some(Block::Reasoning(redacted(&mut fields)?)),
        _ => None,
    };
    match block.is_some() {
        true => unread.rest(fields),
        false => unread.note_essential(part),
    }
    Ok(block)
}

fn image<'a>(fields: &mut Fields<'a>) -> Result<Option<Image<'a>>, Fault> {
    let mut source = Fields::of(fields.need("source")?)?;
    let source = match &*source.need_text("type")? {
        "url" => ImageSource::Url(source.need_text("url")?),
        "base64" => ImageSource::Base64 {
            media_type: source.need_text("media_type")?,
            data: source.need_text("data")?,
        },
        _ => return Ok(None),
    };
    Ok(Some(Image {
        source,
        detail: None,
    }))
}

/// A call of a tool, in a request or an answer.
pub(super) fn tool_use<'a>(fields: &mut Fields<'a>) -> Result<ToolCall<'a>, Fault> {
    Ok(ToolCall {
        id: fields.need_text("id")?,
        name: fields.need_text("name")?,
        arguments: fields.need("input")?.raw().into(),
    })
}

fn tool_result<'a>(
    fields: &mut Fields<'a>,
    unread: &mut Unread<'a>,
) -> Result<ToolResult<'a>, Fault> {
    let content = fields.take("content");
    Ok(ToolResult {
        call_id: fields.need_text("tool_use_id")?,
        content: content.map_or(Ok(Vec::new()), |content| blocks(content, unread))?,
        is_error: fields.flag("is_error")?.unwrap_or(false),
    })
}

/// A thought with its signature, in a request or an answer.
pub(super) fn thought<'a>(fields: &mut Fields<'a>) -> Result<Reasoning<'a>, Fault> {
    let mut thought = Reasoning {
        text: fields.text("thinking")?.unwrap_or_default(),
        ..Reasoning::default()
    };
    if let Some(signature) = fields.text("signature")?.filter(|seal| !seal.is_empty()) {
        thought.seal(Dialect::Messages, signature);
    }
    Ok(thought)
}

/// A thought that the provider withholds, in a request or an answer.
pub(super) fn redacted<'a>(fields: &mut Fields<'a>) -> Result<Reasoning<'a>, Fault> {
    Ok(Reasoning {
        seal: Some(Seal {
            by: Dialect::Messages,
            value: fields.need_text("data")?,
            is_redacted: true,
        }),
        ..Reasoning::default()
    })
}

fn tools<'a>(tools: Option<Json<'a>>, unread: &mut Unread<'a>) -> Result<Vec<Tool<'a>>, Fault> {
    let mut known = Vec::new();
    let Some(tools) = tools else {
        return Ok(known);
    };
    for tool in tools.items()? {
        let mut fields = Fields::of(tool)?;
        match fields.text("type")?.is_none_or(|kind| kind == "custom") {
            true => known.push(custom(fields, unread)?),
            false => unread.note_essential(tool),
        }
    }
    Ok(known)
}

fn custom<'a>(mut fields: Fields<'a>, unread: &mut Unread<'a>) -> Result<Tool<'a>, Fault> {
    let tool = Tool {
        name: fields.need_text("name")?,
        description: fields.text("description")?,
        parameters: Some(fields.need("input_schema")?.raw().into()),
        is_strict: fields.flag("strict")?.unwrap_or(false),
    };
    unread.rest(fields);
    Ok(tool)
}

fn choose<'a>(
    said: &mut Conversation<'a>,
    choice: Option<Fields<'a>>,
    unread: &mut Unread<'a>,
) -> Result<(), Fault> {
    let Some(mut fields) = choice else {
        return Ok(());
    };
    let kind = fields.need("type")?;
    said.tool_choice = match &*kind.text()? {
        "auto" => Some(ToolChoice::Auto),
        "any" => Some(ToolChoice::Required),
        "none" => Some(ToolChoice::None),
        "tool" => Some(ToolChoice::Tool(fields.need_text("name")?)),
        _ => crate::chat::request_in::noted(kind, unread),
    };
    let is_single = fields.flag("disable_parallel_tool_use")?;
    said.parallel_tool_calls = is_single.map(|is_single| !is_single);
    unread.rest(fields);
    Ok(())
}

fn format<'a>(
    output: Option<&mut Fields<'a>>,
    unread: &mut Unread<'a>,
) -> Result<Option<Format<'a>>, Fault> {
    let Some(format) = output.and_then(|output| output.take("format")) else {
        return Ok(None);
    };
    let mut fields = Fields::of(format)?;
    if fields.need_text("type")? != "json_schema" {
        unread.note_essential(format);
        return Ok(None);
    }
    let schema = fields.need("schema")?.raw().into();
    unread.rest(fields);
    Ok(Some(Format::JsonSchema {
        name: None,
        description: None,
        schema,
        is_strict: true,
    }))
}
