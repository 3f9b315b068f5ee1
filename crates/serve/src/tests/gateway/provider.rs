//! A provider's server on loopback that answers in the chat or the messages dialect, as told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What a provider does with a call.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Answers with this text, as a stream where one is asked for.
    Say(&'static str),
    /// Answers with this text whose tokens have this mean log-probability, in nats; as a stream where
    /// one is asked for.
    SayAt(&'static str, f64),
    /// Streams so many bytes, as fast as they are read.
    SayMuch(usize),
    /// The same without usage.
    SayWithoutUsage(&'static str),
    /// Fails with this status.
    Fail(u16),
    /// Streams this much of an answer, then breaks off.
    BreakOff,
    /// Never answers.
    Hang,
    /// Calls a tool.
    CallTool,
}

/// A provider; it stops when dropped.
pub(super) struct Provider {
    pub(super) address: SocketAddr,
    calls: Arc<Calls>,
    task: tokio::task::JoinHandle<()>,
}

struct Calls {
    acts: Mutex<Vec<Act>>,
    heard: Mutex<Vec<Heard>>,
}

/// One call as the provider heard it.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Heard {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Provider {
    /// Does these in turn, the last one for ever.
    pub(super) async fn new(acts: &[Act]) -> Self {
        let calls = Arc::new(Calls {
            acts: Mutex::new(acts.iter().rev().cloned().collect()),
            heard: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&calls));
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self {
            address,
            calls,
            task,
        }
    }

    pub(super) fn heard(&self) -> Vec<Heard> {
        self.calls.heard.lock().unwrap().clone()
    }

    /// What it does from now on.
    pub(super) fn now(&self, act: Act) {
        *self.calls.acts.lock().unwrap() = vec![act];
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Calls {
    fn next(&self) -> Act {
        let mut acts = self.acts.lock().unwrap();
        match acts.len() {
            1 => acts[0].clone(),
            _ => acts.pop().unwrap(),
        }
    }
}

async fn answer(
    State(calls): State<Arc<Calls>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = String::from_utf8(body.to_vec()).unwrap();
    let asked: Value = serde_json::from_str(&body).unwrap();
    let path = uri.path().to_owned();
    let speaks_messages = path.ends_with("/messages");
    let is_stream = asked["stream"] == true;
    calls.heard.lock().unwrap().push(Heard {
        path,
        headers,
        body,
    });
    let (text, has_usage) = match calls.next() {
        Act::Say(text) => (text, true),
        Act::SayAt(text, mean) if is_stream => return events(scored_stream(text, mean)),
        Act::SayAt(text, mean) => return json_response(&scored(text, mean)),
        Act::SayMuch(bytes) => return much(bytes),
        Act::SayWithoutUsage(text) => (text, false),
        Act::Fail(status) => return failed(status),
        Act::BreakOff => return broken(),
        Act::Hang => std::future::pending().await,
        Act::CallTool => return json_response(&tool_call()),
    };
    match (speaks_messages, is_stream) {
        (false, false) => json_response(&chat(text, has_usage)),
        (false, true) => events(chat_stream(text, has_usage)),
        (true, false) => json_response(&message(text)),
        (true, true) => events(message_stream(text)),
    }
}

fn json_response(value: &Value) -> Response {
    kind(Response::new(value.to_string().into()), "application/json")
}

fn events(text: String) -> Response {
    kind(Response::new(text.into()), "text/event-stream")
}

fn kind(mut response: Response, kind: &'static str) -> Response {
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert("content-type", kind);
    response
}

fn failed(status: u16) -> Response {
    let error = json!({"error": {"message": "the provider says no", "type": "x"}});
    let mut response = json_response(&error);
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// Half an answer, then the connection breaks.
fn broken() -> Response {
    let first = chunk(
        json!({"role": "assistant", "content": "Half an"}),
        Value::Null,
    );
    let said = Bytes::from(format!("data: {first}\n\n"));
    let stream = futures_util::stream::unfold(Some(said), |said| async {
        match said {
            Some(said) => Some((Ok(said), None)),
            None => {
                // What was said is on its way before the connection breaks.
                tokio::time::sleep(Duration::from_millis(50)).await;
                Some((Err(std::io::Error::other("it broke")), None))
            }
        }
    });
    kind(
        Response::new(Body::from_stream(stream)),
        "text/event-stream",
    )
}

fn much(bytes: usize) -> Response {
    let word = chunk(json!({"content": "a".repeat(1 << 16)}), Value::Null);
    let event = Bytes::from(format!("data: {word}\n\n"));
    let events = (0..bytes >> 16).map(move |_| Ok::<_, std::io::Error>(event.clone()));
    let body = Body::from_stream(futures_util::stream::iter(events));
    kind(Response::new(body), "text/event-stream")
}

fn usage() -> Value {
    json!({"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30})
}

fn chat(text: &str, has_usage: bool) -> Value {
    let mut answer = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "its-name",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "system_fingerprint": "fp_1",
    });
    if has_usage {
        answer["usage"] = usage();
    }
    answer
}

fn tokens(logprobs: &[f64]) -> Value {
    let tokens = logprobs.iter().map(
        |logprob| json!({"token": "a", "logprob": logprob, "bytes": null, "top_logprobs": []}),
    );
    json!({"content": tokens.collect::<Vec<_>>(), "refusal": null})
}

/// Two tokens, as far from the mean as each other.
fn scored(text: &str, mean: f64) -> Value {
    let mut answer = chat(text, true);
    answer["choices"][0]["logprobs"] = tokens(&[0.5 * mean, 1.5 * mean]);
    answer
}

/// The same in two chunks, of one token and of two.
fn scored_stream(text: &str, mean: f64) -> String {
    let half = text.char_indices().nth(text.chars().count() / 2).unwrap().0;
    let said = |text: &str, logprobs: &[f64]| {
        let mut chunk = chunk(json!({"content": text}), Value::Null);
        chunk["choices"][0]["logprobs"] = tokens(logprobs);
        chunk
    };
    let chunks = [
        said(&text[..half], &[0.5 * mean]),
        said(&text[half..], &[mean, 1.5 * mean]),
    ];
    let said = chunks.map(|chunk| format!("data: {chunk}\n\n"));
    said.concat() + &chat_stream("", true)
}

fn tool_call() -> Value {
    let call = json!({"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Ulm\"}"}});
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "its-name",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": null, "tool_calls": [call]}, "finish_reason": "tool_calls"}],
        "usage": usage(),
    })
}

fn chunk(delta: Value, finish: Value) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "its-name",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    })
}

fn chat_stream(text: &str, has_usage: bool) -> String {
    let mut chunks = vec![chunk(
        json!({"role": "assistant", "content": ""}),
        Value::Null,
    )];
    chunks.extend(
        text.split_inclusive(' ')
            .map(|word| chunk(json!({"content": word}), Value::Null)),
    );
    chunks.push(chunk(json!({}), json!("stop")));
    if has_usage {
        chunks.push(json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "its-name",
            "choices": [], "usage": usage(),
        }));
    }
    let said: String = chunks
        .iter()
        .map(|chunk| format!("data: {chunk}\n\n"))
        .collect();
    said + "data: [DONE]\n\n"
}

fn message(text: &str) -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "its-name",
        "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 10, "output_tokens": 20},
    })
}

fn message_stream(text: &str) -> String {
    let start = json!({"type": "message_start", "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "its-name", "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 10, "output_tokens": 1},
    }});
    let mut said = vec![
        start,
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    ];
    said.extend(text.split_inclusive(' ').map(|word| {
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}})
    }));
    said.push(json!({"type": "content_block_stop", "index": 0}));
    said.push(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": {"output_tokens": 20}}));
    said.push(json!({"type": "message_stop"}));
    said.iter()
        .map(|event| {
            format!(
                "event: {}\ndata: {event}\n\n",
                event["type"].as_str().unwrap()
            )
        })
        .collect()
}
