//! A provider's server on loopback, in the chat dialect: answers as a test's rule says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pointsman_types::Catalog;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What a provider says.
#[derive(Debug, Clone)]
pub(crate) struct Say {
    pub(crate) text: String,
    /// The mean log-probability of its tokens, in nats; `None` tells none.
    pub(crate) logprob: Option<f64>,
    /// How long it takes; where a stream is asked for, between two words.
    pub(crate) after: Duration,
}

impl Say {
    pub(crate) fn at_once(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            logprob: None,
            after: Duration::ZERO,
        }
    }
}

type Rule = dyn Fn(&Value) -> Say + Send + Sync;

/// A provider; it stops when dropped.
pub(crate) struct Provider {
    pub(crate) url: String,
    heard: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Provider {
    /// Answers every request by this rule.
    pub(crate) async fn new(rule: impl Fn(&Value) -> Say + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let heard = Arc::new(AtomicUsize::new(0));
        let (rule, counter): (Arc<Rule>, _) = (Arc::new(rule), Arc::clone(&heard));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (rule, counter) = (Arc::clone(&rule), Arc::clone(&counter));
                // A caller who hangs up ends it.
                tokio::spawn(async move { serve(stream, &*rule, &counter).await.ok() });
            }
        });
        Self { url, heard, task }
    }

    /// How many requests came.
    pub(crate) fn heard(&self) -> usize {
        self.heard.load(Ordering::Relaxed)
    }

    /// Models of these names here, as settings list them; each is asked for by its name.
    pub(crate) fn models(&self, names: &[&str]) -> String {
        let priced = |name: &&str| {
            format!(
                "[[models]]\nname = '{name}'\ninput_usd_per_million = 1.0\noutput_usd_per_million = 2.0\n{}",
                self.deployment(name)
            )
        };
        names.iter().map(priced).collect()
    }

    /// The models of a catalogue, all of them here.
    pub(crate) fn catalog(&self, catalog: &Catalog) -> String {
        let cards = catalog.cards().map(|card| {
            let card_toml = toml::to_string(card).unwrap();
            format!(
                "[[models]]\n{card_toml}{}",
                self.deployment(card.name.as_str())
            )
        });
        cards.collect()
    }

    fn deployment(&self, name: &str) -> String {
        let url = &self.url;
        format!(
            "[[models.deployments]]\ndialect = 'openai'\nbase_url = '{url}'\nmodel = '{name}'\n"
        )
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, rule: &Rule, heard: &AtomicUsize) -> std::io::Result<()> {
    let mut read = Vec::new();
    while let Some(asked) = request(&mut stream, &mut read).await? {
        heard.fetch_add(1, Ordering::Relaxed);
        let say = rule(&asked);
        match asked["stream"] == true {
            true => streamed(&mut stream, &say).await?,
            false => whole(&mut stream, &say).await?,
        }
    }
    Ok(())
}

/// The body of the next request; `None` once the caller is gone.
async fn request(stream: &mut TcpStream, read: &mut Vec<u8>) -> std::io::Result<Option<Value>> {
    loop {
        if let Some((end, length)) = head(read).filter(|(end, length)| read.len() >= end + length) {
            let body = serde_json::from_slice(&read[end..end + length])?;
            read.drain(..end + length);
            return Ok(Some(body));
        }
        if stream.read_buf(read).await? == 0 {
            return Ok(None);
        }
    }
}

/// Where the head ends, and the length of the body.
fn head(read: &[u8]) -> Option<(usize, usize)> {
    let end = read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
    let (_, length) = head.split_once("content-length:")?;
    Some((end, length.lines().next()?.trim().parse().ok()?))
}

async fn whole(stream: &mut TcpStream, say: &Say) -> std::io::Result<()> {
    tokio::time::sleep(say.after).await;
    let mut choice = json!({"index": 0, "message": {"role": "assistant", "content": say.text}, "finish_reason": "stop"});
    choice["logprobs"] = logprobs(say);
    let answer = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "its-name",
        "choices": [choice], "usage": usage(),
    });
    let body = answer.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await
}

async fn streamed(stream: &mut TcpStream, say: &Say) -> std::io::Result<()> {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    for word in say.text.split_inclusive(' ') {
        let mut said = chunk(json!({"content": word}), Value::Null);
        said["choices"][0]["logprobs"] = logprobs(say);
        event(stream, &said).await?;
        tokio::time::sleep(say.after).await;
    }
    event(stream, &chunk(json!({}), json!("stop"))).await?;
    let mut last = chunk(json!({}), Value::Null);
    (last["choices"], last["usage"]) = (json!([]), usage());
    event(stream, &last).await?;
    stream
        .write_all(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        .await
}

/// Of one token.
fn logprobs(say: &Say) -> Value {
    let token = |logprob: f64| json!({"content": [{"token": "a", "logprob": logprob}]});
    say.logprob.map_or(Value::Null, token)
}

async fn event(stream: &mut TcpStream, event: &Value) -> std::io::Result<()> {
    let said = format!("data: {event}\n\n");
    let chunk = format!("{:x}\r\n{said}\r\n", said.len());
    stream.write_all(chunk.as_bytes()).await
}

fn chunk(delta: Value, finish: Value) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "its-name",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    })
}

fn usage() -> Value {
    json!({"prompt_tokens": 11, "completion_tokens": 22, "total_tokens": 33})
}
