//! A conversation as a messages request.

use std::borrow::Cow;

use super::thinking::{Wanted, is_given_back, wanted};
use crate::json::{List, Object, object};
use crate::neutral::{Field, Notes};
use crate::{
    Block, Conversation, Dialect, Error, Format, Image, ImageSource, Reasoning, Role, Sampling,
    Target, Tool, ToolCall, ToolChoice, ToolResult, Turn, Written,
};

/// Writes a request.
pub(crate) fn write(said: &Conversation<'_>, target: &Target<'_>) -> Result<Written, Error> {
    let mut notes = Notes::new(said, Dialect::Messages)?;
    note(said, target, &mut notes)?;
    let thinking = wanted(said, target, &mut notes);
    let mut body = String::with_capacity(1024);
    object(&mut body, |o| fill(o, said, target, thinking));
    Ok(Written {
        body,
        lost: notes.finish(),
    })
}

/// Notes what is not said, or said differently.
fn note(
    said: &Conversation<'_>,
    target: &Target<'_>,
    notes: &mut Notes<'_, '_>,
) -> Result<(), Error> {
    if said.format == Some(Format::JsonObject) {
        return Err(notes.refuse(Field::Format, "JSON without a schema"));
    }
    note_sampling(&said.sampling, target, notes);
    notes.dropped_if(!said.metadata.is_empty(), Field::Metadata);
    let mut has_begun = false;
    for turn in &said.turns {
        if turn.role.instructs() && has_begun {
            notes.changed_at(turn.place, "system prompts stand before the conversation");
        }
        has_begun |= !turn.role.instructs();
        turn.blocks
            .iter()
            .try_for_each(|block| note_block(turn, block, notes))?;
    }
    Ok(())
}

fn note_sampling(sampling: &Sampling<'_>, target: &Target<'_>, notes: &mut Notes<'_, '_>) {
    let is_dropped = |number: &Option<_>| number.is_some() && !target.takes_sampling;
    notes.dropped_if(is_dropped(&sampling.temperature), Field::Temperature);
    notes.dropped_if(is_dropped(&sampling.top_p), Field::TopP);
    notes.dropped_if(is_dropped(&sampling.top_k), Field::TopK);
    notes.dropped_if(
        sampling.frequency_penalty.is_some(),
        Field::FrequencyPenalty,
    );
    notes.dropped_if(sampling.presence_penalty.is_some(), Field::PresencePenalty);
    notes.dropped_if(sampling.seed.is_some(), Field::Seed);
    if target.takes_sampling && is_too_hot(sampling) {
        notes.changed(Field::Temperature, "1 is the most that can be said");
    }
}

fn note_block(turn: &Turn<'_>, block: &Block<'_>, notes: &mut Notes<'_, '_>) -> Result<(), Error> {
    match block {
        Block::Image(_) if turn.role != Role::User => {
            return Err(notes.refuse_at(turn.place, "an image outside of the user's turns"));
        }
        block if is_detailed(block) => {
            notes.dropped_at(
                turn.place,
                "how closely an image is looked at cannot be said",
            );
        }
        Block::Refusal(_) => notes.changed_at(turn.place, "a refusal is said as text"),
        Block::Reasoning(thought) if !is_given_back(thought) => {
            notes.dropped_at(turn.place, "a thought of another provider's model");
        }
        Block::ToolCall(call) if call.as_object().is_none() => {
            return Err(notes.refuse_at(turn.place, "arguments of a tool that are no JSON object"));
        }
        _ => {}
    }
    Ok(())
}

/// Whether it says how closely an image is to be looked at, its own or that of a tool's result.
fn is_detailed(block: &Block<'_>) -> bool {
    match block {
        Block::Image(image) => image.detail.is_some(),
        Block::ToolResult(result) => result.content.iter().any(is_detailed),
        _ => false,
    }
}

fn is_too_hot(sampling: &Sampling<'_>) -> bool {
    let temperature = sampling.temperature.as_ref();
    temperature.is_some_and(|temperature| temperature.value() > 1.0)
}

fn fill(o: &mut Object<'_>, said: &Conversation<'_>, target: &Target<'_>, thinking: Wanted) {
    o.text("model", target.model);
    let most = said
        .max_tokens
        .unwrap_or(target.default_max_tokens + thinking.tokens());
    o.count("max_tokens", most);
    system(o, &said.turns);
    o.list("messages", |l| messages(l, &said.turns));
    tools(o, said);
    if target.takes_sampling {
        sampling(o, &said.sampling);
    }
    if !said.stop.is_empty() {
        o.list("stop_sequences", |l| {
            said.stop.iter().for_each(|stop| l.text(stop))
        });
    }
    thinking.write(o);
    output_config(o, said, thinking);
    if let Some(user) = &said.user {
        o.object("metadata", |o| o.text("user_id", user));
    }
    if said.stream {
        o.flag("stream", true);
    }
}

fn system(o: &mut Object<'_>, turns: &[Turn<'_>]) {
    let instructions = turns.iter().filter(|turn| turn.role.instructs());
    let texts: Vec<&str> = instructions
        .flat_map(|turn| &turn.blocks)
        .filter_map(|block| match block {
            Block::Text(text) | Block::Refusal(text) if !text.is_empty() => Some(&**text),
            _ => None,
        })
        .collect();
    match texts[..] {
        [] => {}
        [text] => o.text("system", text),
        _ => o.list("system", |l| {
            texts
                .iter()
                .for_each(|text| l.object(|o| text_block(o, text)))
        }),
    }
}

/// Turns of one role that follow each other are one message: all results of parallel calls must
/// stand in one.
fn messages(l: &mut List<'_>, turns: &[Turn<'_>]) {
    let spoken: Vec<&Turn<'_>> = turns
        .iter()
        .filter(|turn| !turn.role.instructs() && turn.blocks.iter().any(is_said))
        .collect();
    for group in spoken.chunk_by(|one, next| one.role == next.role) {
        let blocks = || {
            group
                .iter()
                .flat_map(|turn| &turn.blocks)
                .filter(|block| is_said(block))
        };
        l.object(|o| {
            o.text(
                "role",
                if group[0].role == Role::User {
                    "user"
                } else {
                    "assistant"
                },
            );
            content(o, &blocks().collect::<Vec<_>>());
        });
    }
}

/// Whether a block is written: not empty text, which the API refuses, nor others' thoughts.
fn is_said(block: &Block<'_>) -> bool {
    match block {
        Block::Text(text) => !text.is_empty(),
        Block::Reasoning(thought) => is_given_back(thought),
        _ => true,
    }
}

/// Results of tools come first: the API demands it.
fn content(o: &mut Object<'_>, blocks: &[&Block<'_>]) {
    if let [Block::Text(text)] = blocks {
        return o.text("content", text);
    }
    let is_result = |block: &&&Block<'_>| matches!(block, Block::ToolResult(_));
    let results = blocks.iter().filter(is_result);
    let others = blocks.iter().filter(|block| !is_result(block));
    o.list("content", |l| {
        results
            .chain(others)
            .for_each(|block| l.object(|o| block_of(o, block)))
    });
}

fn block_of(o: &mut Object<'_>, block: &Block<'_>) {
    match block {
        Block::Text(text) | Block::Refusal(text) => text_block(o, text),
        Block::Image(image) => image_block(o, image),
        Block::ToolCall(call) => tool_use(o, call),
        Block::ToolResult(result) => tool_result(o, result),
        Block::Reasoning(thought) => thought_block(o, thought),
    }
}

/// Text, in a request or an answer.
pub(super) fn text_block(o: &mut Object<'_>, text: &str) {
    o.text("type", "text");
    o.text("text", text);
}

fn image_block(o: &mut Object<'_>, image: &Image<'_>) {
    o.text("type", "image");
    o.object("source", |o| match &image.source {
        ImageSource::Url(url) => {
            o.text("type", "url");
            o.text("url", url);
        }
        ImageSource::Base64 { media_type, data } => {
            o.text("type", "base64");
            o.text("media_type", media_type);
            o.text("data", data);
        }
    });
}

/// A call of a tool, in a request or an answer.
pub(super) fn tool_use(o: &mut Object<'_>, call: &ToolCall<'_>) {
    o.text("type", "tool_use");
    o.text("id", &call_id(&call.id));
    o.text("name", &call.name);
    o.raw(
        "input",
        call.as_object()
            .expect("calls without an object are refused before"),
    );
}

/// A call's name with the letters that the API takes; others become `_`, in the call and in its
/// result alike.
pub(super) fn call_id(id: &str) -> Cow<'_, str> {
    let is_taken = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    match id.chars().all(is_taken) {
        true => Cow::Borrowed(id),
        false => id
            .chars()
            .map(|letter| if is_taken(letter) { letter } else { '_' })
            .collect(),
    }
}

fn tool_result(o: &mut Object<'_>, result: &ToolResult<'_>) {
    o.text("type", "tool_result");
    o.text("tool_use_id", &call_id(&result.call_id));
    let said: Vec<&Block<'_>> = result
        .content
        .iter()
        .filter(|block| is_said(block))
        .collect();
    if !said.is_empty() {
        content(o, &said);
    }
    if result.is_error {
        o.flag("is_error", true);
    }
}

fn thought_block(o: &mut Object<'_>, thought: &Reasoning<'_>) {
    let seal = thought.seal.as_ref().map_or("", |seal| &seal.value);
    match thought.is_redacted() {
        true => {
            o.text("type", "redacted_thinking");
            o.text("data", seal);
        }
        false => {
            o.text("type", "thinking");
            o.text("thinking", &thought.text);
            o.text("signature", seal);
        }
    }
}

fn tools(o: &mut Object<'_>, said: &Conversation<'_>) {
    if said.tools.is_empty() {
        return;
    }
    o.list("tools", |l| {
        said.tools
            .iter()
            .for_each(|tool| l.object(|o| custom(o, tool)))
    });
    if said.tool_choice.is_some() || said.parallel_tool_calls.is_some() {
        o.object("tool_choice", |o| tool_choice(o, said));
    }
}

fn custom(o: &mut Object<'_>, tool: &Tool<'_>) {
    o.text("name", &tool.name);
    o.text_if("description", tool.description.as_deref());
    o.raw(
        "input_schema",
        tool.parameters.as_deref().unwrap_or(r#"{"type":"object"}"#),
    );
    if tool.is_strict {
        o.flag("strict", true);
    }
}

fn tool_choice(o: &mut Object<'_>, said: &Conversation<'_>) {
    match &said.tool_choice {
        None | Some(ToolChoice::Auto) => o.text("type", "auto"),
        Some(ToolChoice::None) => return o.text("type", "none"),
        Some(ToolChoice::Required) => o.text("type", "any"),
        Some(ToolChoice::Tool(name)) => {
            o.text("type", "tool");
            o.text("name", name);
        }
    }
    if let Some(is_parallel) = said.parallel_tool_calls {
        o.flag("disable_parallel_tool_use", !is_parallel);
    }
}

fn sampling(o: &mut Object<'_>, sampling: &Sampling<'_>) {
    match &sampling.temperature {
        Some(_) if is_too_hot(sampling) => o.raw("temperature", "1"),
        Some(temperature) => o.raw("temperature", temperature.digits()),
        None => {}
    }
    if let Some(top_p) = &sampling.top_p {
        o.raw("top_p", top_p.digits());
    }
    if let Some(top_k) = &sampling.top_k {
        o.raw("top_k", top_k.digits());
    }
}

fn output_config(o: &mut Object<'_>, said: &Conversation<'_>, thinking: Wanted) {
    let schema = match &said.format {
        Some(Format::JsonSchema { schema, .. }) => Some(schema),
        _ => None,
    };
    if schema.is_none() && thinking.effort().is_none() {
        return;
    }
    o.object("output_config", |o| {
        o.text_if("effort", thinking.effort().map(crate::Effort::as_str));
        if let Some(schema) = schema {
            o.object("format", |o| {
                o.text("type", "json_schema");
                o.raw("schema", schema);
            });
        }
    });
}
