//! A conversation as a chat request.

use crate::json::{List, Object, object};
use crate::neutral::{Field, Notes};
use crate::{
    Block, Conversation, Dialect, Effort, Error, Format, Image, Role, Sampling, Target, Thinking,
    Tool, ToolCall, ToolChoice, ToolResult, Turn, Written,
};

/// Writes a request.
pub(crate) fn write(said: &Conversation<'_>, target: &Target<'_>) -> Result<Written, Error> {
    let mut notes = Notes::new(said, Dialect::Chat)?;
    note(said, &mut notes);
    let mut body = String::with_capacity(1024);
    object(&mut body, |o| fill(o, said, target));
    Ok(Written {
        body,
        lost: notes.finish(),
    })
}

/// Notes what is not said, or said differently.
fn note(said: &Conversation<'_>, notes: &mut Notes<'_, '_>) {
    notes.dropped_if(said.sampling.top_k.is_some(), Field::TopK);
    if let Some(Thinking::Budget(_) | Thinking::Adaptive) = said.thinking {
        notes.changed(Field::Thinking, "only how hard to think can be said");
    }
    note_prefill(said, notes);
    said.turns.iter().for_each(|turn| note_turn(turn, notes));
}

/// An answer that the caller began is continued by Anthropic's models only.
pub(crate) fn note_prefill(said: &Conversation<'_>, notes: &mut Notes<'_, '_>) {
    let last = said
        .turns
        .last()
        .filter(|turn| turn.role == Role::Assistant);
    if let Some(turn) = last.filter(|_| said.said_in == Dialect::Messages) {
        notes.changed_at(
            turn.place,
            "an answer that was begun for the model may not be continued",
        );
    }
}

fn note_turn(turn: &Turn<'_>, notes: &mut Notes<'_, '_>) {
    let mut has_called = false;
    for block in &turn.blocks {
        match block {
            Block::Reasoning(_) => notes.dropped_at(turn.place, "thoughts cannot be given back"),
            Block::ToolResult(result) => note_result(turn, result, notes),
            Block::ToolCall(_) => has_called = true,
            Block::Text(_) | Block::Refusal(_) if has_called => {
                notes.changed_at(turn.place, "calls of tools come after the text");
            }
            _ => {}
        }
    }
}

fn note_result(turn: &Turn<'_>, result: &ToolResult<'_>, notes: &mut Notes<'_, '_>) {
    if result.is_error {
        notes.dropped_at(
            turn.place,
            "that a tool failed can be said in its text only",
        );
    }
    if result.has_image() {
        notes.changed_at(
            turn.place,
            "the image of a tool's result stands in the user's next message",
        );
    }
}

fn fill(o: &mut Object<'_>, said: &Conversation<'_>, target: &Target<'_>) {
    o.text("model", target.model);
    o.list("messages", |l| {
        said.turns.iter().for_each(|turn| messages(l, turn, target));
    });
    tools(o, said);
    sampling(o, &said.sampling);
    if let Some(most) = said.max_tokens {
        o.count(limit_name(target), most);
    }
    if !said.stop.is_empty() {
        o.list("stop", |l| said.stop.iter().for_each(|stop| l.text(stop)));
    }
    if let Some(format) = &said.format {
        o.object("response_format", |o| response_format(o, format));
    }
    o.text_if("reasoning_effort", said.thinking.map(effort));
    o.text_if("user", said.user.as_deref());
    metadata(o, said);
    if said.stream {
        o.flag("stream", true);
        o.object("stream_options", |o| o.flag("include_usage", true));
    }
}

const fn limit_name(target: &Target<'_>) -> &'static str {
    match target.older_chat {
        true => "max_tokens",
        false => "max_completion_tokens",
    }
}

/// The labels of a request, in both of OpenAI's dialects.
pub(crate) fn metadata(o: &mut Object<'_>, said: &Conversation<'_>) {
    if !said.metadata.is_empty() {
        o.object("metadata", |o| {
            said.metadata
                .iter()
                .for_each(|(name, value)| o.text(name, value));
        });
    }
}

fn sampling(o: &mut Object<'_>, sampling: &Sampling<'_>) {
    let numbers = [
        ("temperature", &sampling.temperature),
        ("top_p", &sampling.top_p),
        ("frequency_penalty", &sampling.frequency_penalty),
        ("presence_penalty", &sampling.presence_penalty),
        ("seed", &sampling.seed),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            o.raw(name, number.digits());
        }
    }
}

/// The word for how hard to think. Budgets by the usual thirds: up to 2,048 tokens a little, up to
/// 8,192 as usual, above that much.
pub(crate) const fn effort(thinking: Thinking) -> &'static str {
    match thinking {
        Thinking::Off => "none",
        Thinking::Effort(Effort::Minimal) => "minimal",
        Thinking::Effort(Effort::Low) | Thinking::Budget(..=2048) => "low",
        Thinking::Effort(Effort::Medium) | Thinking::Budget(..=8192) | Thinking::Adaptive => {
            "medium"
        }
        Thinking::Effort(Effort::High) | Thinking::Budget(_) => "high",
        Thinking::Effort(Effort::XHigh) => "xhigh",
        Thinking::Effort(Effort::Max) => "max",
    }
}

/// A turn: results of tools are messages of their own and come first.
fn messages(l: &mut List<'_>, turn: &Turn<'_>, target: &Target<'_>) {
    for block in &turn.blocks {
        if let Block::ToolResult(result) = block {
            l.object(|o| tool_message(o, result));
        }
    }
    let parts: Vec<Part<'_>> = parts(turn).collect();
    let is_results_alone = parts.is_empty() && !turn.blocks.is_empty();
    match turn.role {
        Role::Assistant => l.object(|o| assistant(o, turn)),
        Role::User if is_results_alone => {}
        role => l.object(|o| {
            o.text("role", role_word(role, target));
            content(o, &parts);
        }),
    }
}

const fn role_word(role: Role, target: &Target<'_>) -> &'static str {
    match role {
        Role::Developer if !target.older_chat => "developer",
        Role::System | Role::Developer => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

/// What a content list holds.
enum Part<'c> {
    Text(&'c str),
    Refusal(&'c str),
    Image(&'c Image<'c>),
}

/// The parts of a turn, images of tools' results first.
fn parts<'c>(turn: &'c Turn<'c>) -> impl Iterator<Item = Part<'c>> {
    let of_results = turn.blocks.iter().flat_map(|block| match block {
        Block::ToolResult(result) => result.content.as_slice(),
        _ => &[],
    });
    let images = of_results.filter(|block| matches!(block, Block::Image(_)));
    images.chain(&turn.blocks).filter_map(|block| match block {
        Block::Text(text) => Some(Part::Text(text)),
        Block::Refusal(text) => Some(Part::Refusal(text)),
        Block::Image(image) => Some(Part::Image(image)),
        _ => None,
    })
}

fn content(o: &mut Object<'_>, parts: &[Part<'_>]) {
    match parts {
        [] => o.text("content", ""),
        [Part::Text(text)] => o.text("content", text),
        _ => o.list("content", |l| {
            parts.iter().for_each(|part| l.object(|o| part_of(o, part)))
        }),
    }
}

fn part_of(o: &mut Object<'_>, part: &Part<'_>) {
    match part {
        Part::Text(text) => {
            o.text("type", "text");
            o.text("text", text);
        }
        Part::Refusal(text) => {
            o.text("type", "refusal");
            o.text("refusal", text);
        }
        Part::Image(image) => {
            o.text("type", "image_url");
            o.object("image_url", |o| {
                o.text("url", &image.source.to_url());
                o.text_if("detail", image.detail.as_deref());
            });
        }
    }
}

fn tool_message(o: &mut Object<'_>, result: &ToolResult<'_>) {
    o.text("role", "tool");
    o.text("tool_call_id", &result.call_id);
    let texts = result.content.iter().filter_map(|block| match block {
        Block::Text(text) => Some(Part::Text(text)),
        _ => None,
    });
    content(o, &texts.collect::<Vec<_>>());
}

fn assistant(o: &mut Object<'_>, turn: &Turn<'_>) {
    o.text("role", "assistant");
    let calls: Vec<&ToolCall<'_>> = turn
        .blocks
        .iter()
        .filter_map(|block| match block {
            Block::ToolCall(call) => Some(call),
            _ => None,
        })
        .collect();
    let parts: Vec<Part<'_>> = parts(turn).collect();
    match parts.is_empty() && !calls.is_empty() {
        true => o.raw("content", "null"),
        false => content(o, &parts),
    }
    if !calls.is_empty() {
        o.list("tool_calls", |l| {
            calls
                .iter()
                .for_each(|call| l.object(|o| tool_call(o, call)))
        });
    }
}

/// A call of a tool, in a request or an answer.
pub(super) fn tool_call(o: &mut Object<'_>, call: &ToolCall<'_>) {
    o.text("id", &call.id);
    o.text("type", "function");
    o.object("function", |o| {
        o.text("name", &call.name);
        o.text("arguments", &call.arguments);
    });
}

fn tools(o: &mut Object<'_>, said: &Conversation<'_>) {
    if !said.tools.is_empty() {
        o.list("tools", |l| {
            said.tools
                .iter()
                .for_each(|tool| l.object(|o| function(o, tool)))
        });
    }
    match &said.tool_choice {
        None => {}
        Some(ToolChoice::Tool(name)) => o.object("tool_choice", |o| {
            o.text("type", "function");
            o.object("function", |o| o.text("name", name));
        }),
        Some(choice) => o.text("tool_choice", choice_word(choice)),
    }
    if let Some(parallel) = said.parallel_tool_calls {
        o.flag("parallel_tool_calls", parallel);
    }
}

/// The word of a choice that names no tool.
pub(crate) const fn choice_word(choice: &ToolChoice<'_>) -> &'static str {
    match choice {
        ToolChoice::None => "none",
        ToolChoice::Required => "required",
        ToolChoice::Auto | ToolChoice::Tool(_) => "auto",
    }
}

fn function(o: &mut Object<'_>, tool: &Tool<'_>) {
    o.text("type", "function");
    o.object("function", |o| {
        o.text("name", &tool.name);
        o.text_if("description", tool.description.as_deref());
        if let Some(schema) = &tool.parameters {
            o.raw("parameters", schema);
        }
        if tool.is_strict {
            o.flag("strict", true);
        }
    });
}

fn response_format(o: &mut Object<'_>, format: &Format<'_>) {
    match format {
        Format::JsonObject => o.text("type", "json_object"),
        Format::JsonSchema { .. } => {
            o.text("type", "json_schema");
            o.object("json_schema", |o| schema(o, format));
        }
    }
}

/// A schema with its name; the dialects of OpenAI demand a name.
pub(crate) fn schema(o: &mut Object<'_>, format: &Format<'_>) {
    if let Format::JsonSchema {
        name,
        description,
        schema,
        is_strict,
    } = format
    {
        o.text("name", name.as_deref().unwrap_or("answer"));
        o.text_if("description", description.as_deref());
        o.raw("schema", schema);
        o.flag("strict", *is_strict);
    }
}
