//! A provider's server that says exactly the bytes that it is told to say.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a stand-in does with a call.
#[derive(Clone)]
pub(super) enum Act {
    /// Says these bytes.
    Say(Vec<u8>),
    /// Waits.
    Wait(Duration),
    /// Closes the connection with a reset.
    Reset,
}

/// A stand-in; it stops when dropped.
pub(super) struct StandIn {
    pub(super) address: SocketAddr,
    calls: Arc<Mutex<Calls>>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Calls {
    requests: Vec<String>,
    /// Connections that the caller closed before everything was said.
    hung_up: usize,
}

impl StandIn {
    /// One that does these scripts in turn, the last one for ever.
    pub(super) async fn new(scripts: Vec<Vec<Act>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::<Mutex<Calls>>::default();
        let task = tokio::spawn(serve(listener, scripts, Arc::clone(&calls)));
        Self {
            address,
            calls,
            task,
        }
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.calls.lock().unwrap().requests.clone()
    }

    /// Waits until a caller has hung up.
    pub(super) async fn is_hung_up_on(&self) {
        while self.calls.lock().unwrap().hung_up == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, scripts: Vec<Vec<Act>>, calls: Arc<Mutex<Calls>>) {
    let mut next = 0;
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let script = scripts[next.min(scripts.len() - 1)].clone();
        next += 1;
        tokio::spawn(answer(stream, script, Arc::clone(&calls)));
    }
}

async fn answer(mut stream: TcpStream, script: Vec<Act>, calls: Arc<Mutex<Calls>>) {
    let Some(request) = request(&mut stream).await else {
        return;
    };
    calls.lock().unwrap().requests.push(request);
    for act in script {
        let is_there = match act {
            Act::Say(bytes) => stream.write_all(&bytes).await.is_ok(),
            Act::Reset => {
                stream.set_zero_linger().unwrap();
                return;
            }
            Act::Wait(time) => is_there_after(&mut stream, time).await,
        };
        if !is_there {
            calls.lock().unwrap().hung_up += 1;
            return;
        }
    }
}

/// Waits; whether the caller is still there then.
async fn is_there_after(stream: &mut TcpStream, time: Duration) -> bool {
    let mut byte = [0];
    tokio::time::timeout(time, stream.read(&mut byte))
        .await
        .is_err()
}

/// A request with its body; connections that are closed without one are none.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut all = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&all);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text.into_owned());
            }
        }
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => all.extend_from_slice(&chunk[..count]),
        }
    }
}

/// An HTTP answer that ends the connection.
pub(super) fn http(status: u16, kind: &str, headers: &str, body: &str) -> Vec<Act> {
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status} Status\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n{headers}connection: close\r\n\r\n{body}"
    );
    vec![Act::Say(text.into())]
}

/// A whole answer of the chat dialect.
pub(super) fn whole(text: &str) -> Vec<Act> {
    http(200, "application/json", "", &answer_of(text))
}

pub(super) fn answer_of(text: &str) -> String {
    format!(
        r#"{{"id":"c","object":"chat.completion","created":1,"model":"its-name","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}},"extra":1.50}}"#
    )
}

/// The beginning of a streamed answer, without a length: it ends where the connection does.
pub(super) fn stream_head() -> Act {
    Act::Say(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n".to_vec(),
    )
}

/// An event of a streamed answer of the chat dialect that says so much.
pub(super) fn says(text: &str) -> Act {
    Act::Say(chunk(&format!(
        r#"{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}"#
    )))
}

/// The events that end such an answer.
pub(super) fn ends() -> Act {
    let mut bytes = chunk(r#"{"index":0,"delta":{},"finish_reason":"stop"}"#);
    bytes.extend_from_slice(b"data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"its-name\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\ndata: [DONE]\n\n");
    Act::Say(bytes)
}

fn chunk(choice: &str) -> Vec<u8> {
    format!(
        "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"its-name\",\"choices\":[{choice}]}}\n\n"
    )
    .into_bytes()
}
