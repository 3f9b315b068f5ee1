//! Logs of requests and responses: each value is looked for in the places where the logging tools
//! put it, the first that is there counts.

use std::borrow::Cow;

use pointsman_types::{LogRow, Prompt, Tokens};
use serde_json::Value;

use super::{cost_or_nan, missing, row_of, score_or_nan};
use crate::cell::Cell;
use crate::faults::Wrong;
use crate::messages;
use crate::scan::Record;
use crate::schema;
use crate::time;

/// Where a tool puts what: columns, or paths into nested values.
pub(super) struct Places {
    prompt: &'static [&'static str],
    prompt_id: &'static [&'static str],
    model: &'static [&'static str],
    score: &'static [&'static str],
    category: &'static [&'static str],
    cost: &'static [&'static str],
    input_tokens: &'static [&'static str],
    output_tokens: &'static [&'static str],
    cached_tokens: &'static [&'static str],
    ts: &'static [&'static str],
    session_id: &'static [&'static str],
    key_id: &'static [&'static str],
    latency_ms: &'static [&'static str],
    latency_s: &'static [&'static str],
}

/// Spend logs (`spend`, `startTime`, `proxy_server_request`) and logging payloads
/// (`response_cost`, `response_time`).
pub(super) const LITELLM: Places = Places {
    prompt: &[
        "messages",
        "proxy_server_request.messages",
        "proxy_server_request.body.messages",
        "request.messages",
        "prompt",
        "input",
    ],
    prompt_id: &["prompt_id", "metadata.prompt_id"],
    model: &["model", "request.model"],
    score: &["score", "metadata.score"],
    category: &["category", "metadata.category"],
    cost: &["response_cost", "spend", "cost"],
    input_tokens: &[
        "prompt_tokens",
        "usage.prompt_tokens",
        "response.usage.prompt_tokens",
    ],
    output_tokens: &[
        "completion_tokens",
        "usage.completion_tokens",
        "response.usage.completion_tokens",
    ],
    cached_tokens: &[
        "usage.prompt_tokens_details.cached_tokens",
        "response.usage.prompt_tokens_details.cached_tokens",
    ],
    ts: &["startTime", "start_time"],
    session_id: &["session_id", "metadata.session_id"],
    key_id: &["metadata.user_api_key_hash", "api_key"],
    latency_ms: &["request_duration_ms"],
    latency_s: &["response_time"],
};

/// `{request, response}` pairs, the files of the batch API (`body`), and flat rows.
pub(super) const OPENAI: Places = Places {
    prompt: &[
        "request.messages",
        "request.body.messages",
        "body.messages",
        "messages",
        "request.input",
        "body.input",
        "input",
        "request.prompt",
        "prompt",
    ],
    prompt_id: &[
        "prompt_id",
        "metadata.prompt_id",
        "request.metadata.prompt_id",
    ],
    model: &[
        "request.model",
        "request.body.model",
        "body.model",
        "model",
        "response.model",
        "response.body.model",
    ],
    score: &["score", "metadata.score", "response.score"],
    category: &["category", "metadata.category", "request.metadata.category"],
    cost: &["cost_usd", "cost", "response.usage.cost", "usage.cost"],
    input_tokens: &[
        "response.usage.prompt_tokens",
        "response.usage.input_tokens",
        "response.body.usage.prompt_tokens",
        "response.body.usage.input_tokens",
        "usage.prompt_tokens",
        "usage.input_tokens",
        "prompt_tokens",
        "input_tokens",
    ],
    output_tokens: &[
        "response.usage.completion_tokens",
        "response.usage.output_tokens",
        "response.body.usage.completion_tokens",
        "response.body.usage.output_tokens",
        "usage.completion_tokens",
        "usage.output_tokens",
        "completion_tokens",
        "output_tokens",
    ],
    cached_tokens: &[
        "response.usage.prompt_tokens_details.cached_tokens",
        "response.usage.input_tokens_details.cached_tokens",
        "response.body.usage.prompt_tokens_details.cached_tokens",
        "usage.prompt_tokens_details.cached_tokens",
    ],
    ts: &[
        "ts",
        "timestamp",
        "response.created",
        "response.created_at",
        "response.body.created",
        "created",
        "created_at",
    ],
    session_id: &["session_id", "metadata.session_id"],
    key_id: &["key_id"],
    latency_ms: &["latency_ms"],
    latency_s: &["latency_s"],
};

/// The log row of one request.
pub(super) fn row(
    places: &Places,
    record: &dyn Record,
    score: Option<&str>,
) -> Result<Vec<LogRow>, Wrong> {
    let prompt = first(record, places.prompt, conversation)?.ok_or_else(|| missing("messages"))?;
    let model = first(record, places.model, Cell::label)?.ok_or_else(|| missing("model"))?;
    let id = first(record, places.prompt_id, Cell::label)?;
    let scores = score.map_or(places.score.to_vec(), |path| vec![path]);
    let seconds = first(record, places.latency_s, schema::milliseconds)?;
    let latency = first(record, places.latency_ms, schema::milliseconds)?;
    let tokens = |places| Ok::<_, Wrong>(first(record, places, Cell::count)?.map(Tokens));
    let row = LogRow {
        score: first(record, &scores, score_or_nan)?,
        category: first(record, places.category, Cell::label)?,
        cost_usd: first(record, places.cost, cost_or_nan)?,
        input_tokens: tokens(places.input_tokens)?,
        output_tokens: tokens(places.output_tokens)?,
        cached_tokens: tokens(places.cached_tokens)?,
        ts: first(record, places.ts, timestamp)?,
        session_id: first(record, places.session_id, Cell::label)?,
        key_id: first(record, places.key_id, Cell::label)?,
        latency_ms: latency.or(seconds.map(|seconds| seconds * 1000.0)),
        ..row_of(prompt, model.into(), id)
    };
    Ok(vec![row])
}

/// Reads the first place that has something.
fn first<'a, T>(
    record: &'a dyn Record,
    places: &[&str],
    reading: impl Fn(Cell<'a>) -> Result<Option<T>, String>,
) -> Result<Option<T>, Wrong> {
    for place in places {
        let cell = at_path(record, place);
        if !is_nothing(&cell) {
            let read = reading(cell).map_err(|reason| Wrong::new(place, reason))?;
            if read.is_some() {
                return Ok(read);
            }
        }
    }
    Ok(None)
}

/// Tools that do not store a value write an empty list or object for it.
fn is_nothing(cell: &Cell<'_>) -> bool {
    match cell {
        Cell::Tree(tree) => match tree.as_ref() {
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            _ => false,
        },
        Cell::Text(text) => text.is_empty() || text == "{}" || text == "[]",
        Cell::Field(text) => *text == "{}" || *text == "[]",
        other => other.is_missing(),
    }
}

/// The value at a path: a column of that very name, or what lies within the column that the
/// first step names. Text is looked into as JSON, because databases store it so.
fn at_path<'a>(record: &'a dyn Record, path: &str) -> Cell<'a> {
    let whole = record.get(path);
    let Some((column, rest)) = path.split_once('.') else {
        return whole;
    };
    if !whole.is_missing() {
        return whole;
    }
    match record.get(column) {
        Cell::Tree(Cow::Borrowed(tree)) => walk(tree, rest).map_or(Cell::Missing, Cell::from),
        Cell::Tree(Cow::Owned(tree)) => owned(walk(&tree, rest)),
        Cell::Text(text) => within_json(&text, rest),
        Cell::Field(text) => within_json(text, rest),
        _ => Cell::Missing,
    }
}

fn within_json<'a>(text: &str, path: &str) -> Cell<'a> {
    match serde_json::from_str::<Value>(text) {
        Ok(tree) => owned(walk(&tree, path)),
        Err(_) => Cell::Missing,
    }
}

fn walk<'a>(tree: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(tree, |tree, step| tree.get(step))
}

fn owned<'a>(value: Option<&Value>) -> Cell<'a> {
    match value.map(Cell::from) {
        None => Cell::Missing,
        Some(Cell::Text(text)) => Cell::Text(Cow::Owned(text.into_owned())),
        Some(Cell::Tree(tree)) => Cell::Tree(Cow::Owned(tree.into_owned())),
        Some(Cell::Int(number)) => Cell::Int(number),
        Some(Cell::Float(number)) => Cell::Float(number),
        Some(Cell::Bool(truth)) => Cell::Bool(truth),
        Some(Cell::Missing | Cell::Field(_) | Cell::Unreadable(_)) => Cell::Missing,
    }
}

/// Messages, messages as JSON text, or plain text.
fn conversation(cell: Cell<'_>) -> Result<Option<Prompt>, String> {
    let text = match cell {
        Cell::Tree(_) => return prompt_of(messages::messages(cell)?),
        other => other.text()?,
    };
    let Some(text) = text else {
        return Ok(None);
    };
    match messages::messages(Cell::Text(Cow::Borrowed(&*text))) {
        Ok(read) => prompt_of(read),
        Err(_) => Ok((!text.is_empty()).then(|| Prompt::from(&*text))),
    }
}

fn prompt_of(messages: Option<Vec<pointsman_types::Message>>) -> Result<Option<Prompt>, String> {
    let messages = messages.unwrap_or_default();
    match messages::prompt(&messages) {
        Some(prompt) => Ok(Some(prompt)),
        None => Err("must hold some text".to_owned()),
    }
}

/// Text as it is, or seconds since 1970.
fn timestamp(cell: Cell<'_>) -> Result<Option<String>, String> {
    match cell {
        Cell::Int(seconds) => Ok(Some(time::rfc3339_from_seconds(seconds as f64))),
        Cell::Float(seconds) if seconds.is_finite() => {
            Ok(Some(time::rfc3339_from_seconds(seconds)))
        }
        other => other.label(),
    }
}
