//! A provider's server on loopback that always says the same, as fast as it can.

use std::net::SocketAddr;
use std::time::Duration;

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::http::whole;

/// Starts a stand-in on threads of its own; it runs until the program ends.
///
/// # Panics
/// There is no free port.
#[must_use]
pub fn start() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener
        .set_nonblocking(true)
        .expect("a listener that does not block");
    let address = listener
        .local_addr()
        .expect("a bound listener has an address");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(accept(listener));
    });
    address
}

async fn accept(listener: std::net::TcpListener) {
    let listener = TcpListener::from_std(listener).expect("a listener within a runtime");
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).ok();
            tokio::spawn(serve(stream));
        }
    }
}

/// Answers requests on one connection until it closes.
async fn serve(mut stream: TcpStream) -> Option<()> {
    let (mut held, answer) = (Vec::with_capacity(1 << 15), answer());
    loop {
        let end = loop {
            if let Some(end) = whole(&held) {
                break end;
            }
            if stream.read_buf(&mut held).await.ok()? == 0 {
                return None;
            }
        };
        let is_stream = memmem::find(&held[..end], b"\"stream\":true").is_some();
        held.drain(..end);
        match is_stream {
            true => say_in_chunks(&mut stream).await?,
            false => stream.write_all(&answer).await.ok()?,
        }
    }
}

const USAGE: &str = r#"{"prompt_tokens":12,"completion_tokens":20,"total_tokens":32}"#;

fn answer() -> Vec<u8> {
    let body = format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"It is what it is, and it is so because it was so before; nobody remembers why."}},"finish_reason":"stop"}}],"usage":{USAGE}}}"#
    );
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// Twenty words, 50 ms apart.
async fn say_in_chunks(stream: &mut TcpStream) -> Option<()> {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.ok()?;
    for word in 0..20 {
        let delta = format!(r#"{{"content":"word{word} "}}"#);
        say(
            stream,
            &chunk(
                &format!(r#"[{{"index":0,"delta":{delta},"finish_reason":null}}]"#),
                "null",
            ),
        )
        .await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    say(
        stream,
        &chunk(r#"[{"index":0,"delta":{},"finish_reason":"stop"}]"#, "null"),
    )
    .await?;
    say(stream, &chunk("[]", USAGE)).await?;
    say(stream, "data: [DONE]\n\n").await?;
    stream.write_all(b"0\r\n\r\n").await.ok()
}

fn chunk(choices: &str, usage: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":{choices},\"usage\":{usage}}}\n\n"
    )
}

async fn say(stream: &mut TcpStream, text: &str) -> Option<()> {
    let framed = format!("{:x}\r\n{text}\r\n", text.len());
    stream.write_all(framed.as_bytes()).await.ok()
}
