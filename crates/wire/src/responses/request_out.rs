//! A conversation as a responses request. Nothing is stored: a caller of another dialect never
//! asked for that, and brings the whole conversation every time.

use super::item_out;
use crate::chat::request_out as chat;
use crate::json::{List, Object, object};
use crate::neutral::{Field, Notes};
use crate::{
    Block, Conversation, Dialect, Error, Format, Image, Reasoning, Role, Target, Thinking, Tool,
    ToolChoice, ToolResult, Turn, Written,
};

/// Writes a request.
pub(crate) fn write(said: &Conversation<'_>, target: &Target<'_>) -> Result<Written, Error> {
    let mut notes = Notes::new(said, Dialect::Responses)?;
    note(said, &mut notes)?;
    let mut body = String::with_capacity(1024);
    object(&mut body, |o| fill(o, said, target));
    Ok(Written {
        body,
        lost: notes.finish(),
    })
}

/// Notes what is not said, or said differently.
fn note(said: &Conversation<'_>, notes: &mut Notes<'_, '_>) -> Result<(), Error> {
    if !said.stop.is_empty() {
        return Err(notes.refuse(Field::Stop, "stop sequences"));
    }
    let sampling = &said.sampling;
    notes.dropped_if(sampling.top_k.is_some(), Field::TopK);
    notes.dropped_if(
        sampling.frequency_penalty.is_some(),
        Field::FrequencyPenalty,
    );
    notes.dropped_if(sampling.presence_penalty.is_some(), Field::PresencePenalty);
    notes.dropped_if(sampling.seed.is_some(), Field::Seed);
    if let Some(Thinking::Budget(_) | Thinking::Adaptive) = said.thinking {
        notes.changed(Field::Thinking, "only how hard to think can be said");
    }
    chat::note_prefill(said, notes);
    for turn in &said.turns {
        turn.blocks
            .iter()
            .for_each(|block| note_block(turn, block, notes));
    }
    Ok(())
}

fn note_block(turn: &Turn<'_>, block: &Block<'_>, notes: &mut Notes<'_, '_>) {
    match block {
        Block::Reasoning(thought) if !is_given_back(thought) => {
            notes.dropped_at(turn.place, "a thought of another provider's model");
        }
        Block::ToolResult(result) if result.is_error => {
            notes.dropped_at(
                turn.place,
                "that a tool failed can be said in its text only",
            );
        }
        _ => {}
    }
}

/// Whether a thought was made by a model of this dialect, and can be given back: encrypted, or kept
/// by its maker under a name.
pub(crate) fn is_given_back(thought: &Reasoning<'_>) -> bool {
    match &thought.seal {
        Some(seal) => seal.by == Dialect::Responses,
        None => {
            let id = thought.id.as_ref();
            id.is_some_and(|id| !id.starts_with(item_out::UNKEPT))
        }
    }
}

fn fill(o: &mut Object<'_>, said: &Conversation<'_>, target: &Target<'_>) {
    o.text("model", target.model);
    let (instructions, turns) = split(&said.turns);
    o.text_if("instructions", instructions);
    o.list("input", |l| turns.iter().for_each(|turn| items(l, turn)));
    tools(o, said);
    if let Some(temperature) = &said.sampling.temperature {
        o.raw("temperature", temperature.digits());
    }
    if let Some(top_p) = &said.sampling.top_p {
        o.raw("top_p", top_p.digits());
    }
    if let Some(most) = said.max_tokens {
        o.count("max_output_tokens", most);
    }
    if let Some(format) = &said.format {
        o.object("text", |o| o.object("format", |o| text_format(o, format)));
    }
    if let Some(thinking) = said.thinking {
        reasoning(o, thinking);
    }
    o.text_if("user", said.user.as_deref());
    chat::metadata(o, said);
    o.flag("store", false);
    if said.stream {
        o.flag("stream", true);
    }
}

/// The first system prompt, if it is one text, and the turns after it.
fn split<'c, 'a>(turns: &'c [Turn<'a>]) -> (Option<&'c str>, &'c [Turn<'a>]) {
    if let [first, rest @ ..] = turns
        && first.role == Role::System
        && let [Block::Text(text)] = &first.blocks[..]
    {
        return (Some(text), rest);
    }
    (None, turns)
}

/// A turn as items; its messages hold what stands together.
fn items(l: &mut List<'_>, turn: &Turn<'_>) {
    let is_part =
        |block: &Block<'_>| matches!(block, Block::Text(_) | Block::Refusal(_) | Block::Image(_));
    for group in turn
        .blocks
        .chunk_by(|one, next| is_part(one) && is_part(next))
    {
        match &group[0] {
            Block::ToolCall(call) => l.object(|o| item_out::function_call(o, None, call)),
            Block::ToolResult(result) => l.object(|o| function_output(o, result)),
            Block::Reasoning(thought) if !is_given_back(thought) => {}
            Block::Reasoning(thought) => {
                l.object(|o| item_out::reasoning(o, thought.id.as_deref(), thought))
            }
            _ => l.object(|o| message(o, turn.role, group)),
        }
    }
}

fn message(o: &mut Object<'_>, role: Role, parts: &[Block<'_>]) {
    o.text("type", "message");
    let word = match role {
        Role::System => "system",
        Role::Developer => "developer",
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    o.text("role", word);
    content(o, "content", role, parts);
}

fn content(o: &mut Object<'_>, name: &str, role: Role, parts: &[Block<'_>]) {
    match parts {
        [Block::Text(text)] => o.text(name, text),
        _ => o.list(name, |l| {
            parts
                .iter()
                .for_each(|part| l.object(|o| part_of(o, role, part)))
        }),
    }
}

fn part_of(o: &mut Object<'_>, role: Role, part: &Block<'_>) {
    match part {
        Block::Refusal(text) => {
            o.text("type", "refusal");
            o.text("refusal", text);
        }
        Block::Image(image) => input_image(o, image),
        Block::Text(text) => {
            o.text(
                "type",
                if role == Role::Assistant {
                    "output_text"
                } else {
                    "input_text"
                },
            );
            o.text("text", text);
        }
        _ => {}
    }
}

fn input_image(o: &mut Object<'_>, image: &Image<'_>) {
    o.text("type", "input_image");
    o.text("image_url", &image.source.to_url());
    o.text("detail", image.detail.as_deref().unwrap_or("auto"));
}

fn function_output(o: &mut Object<'_>, result: &ToolResult<'_>) {
    o.text("type", "function_call_output");
    o.text("call_id", &result.call_id);
    match result.content.is_empty() {
        true => o.text("output", ""),
        false => content(o, "output", Role::User, &result.content),
    }
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
            o.text("name", name);
        }),
        Some(choice) => o.text("tool_choice", chat::choice_word(choice)),
    }
    if let Some(parallel) = said.parallel_tool_calls {
        o.flag("parallel_tool_calls", parallel);
    }
}

/// A function that is offered. Strictness is always said, since its default differs between the
/// dialects.
fn function(o: &mut Object<'_>, tool: &Tool<'_>) {
    o.text("type", "function");
    o.text("name", &tool.name);
    o.text_if("description", tool.description.as_deref());
    o.raw("parameters", tool.parameters.as_deref().unwrap_or("null"));
    o.flag("strict", tool.is_strict);
}

fn text_format(o: &mut Object<'_>, format: &Format<'_>) {
    match format {
        Format::JsonObject => o.text("type", "json_object"),
        Format::JsonSchema { .. } => {
            o.text("type", "json_schema");
            chat::schema(o, format);
        }
    }
}

/// Thoughts come back summarised and encrypted, so that the next request can bring them along.
fn reasoning(o: &mut Object<'_>, thinking: Thinking) {
    o.object("reasoning", |o| {
        o.text("effort", chat::effort(thinking));
        if thinking != Thinking::Off {
            o.text("summary", "auto");
        }
    });
    if thinking != Thinking::Off {
        o.list("include", |l| l.text("reasoning.encrypted_content"));
    }
}
