//! Five thousand connections at once, most of them idle, to a server that was given files for a
//! thousand.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::program::{Server, at_home, program, str};
use crate::provider::{Provider, Say};

const CONNECTIONS: usize = 5000;
/// Of them so many ask, all at the same time.
const ACTIVE: usize = 1000;
/// Files that this process needs besides.
const SPARE: u64 = 2000;
/// What a connection may cost the server, in bytes, and what it may take in all.
const BYTES_EACH: u64 = 32 << 10;
const BYTES_IN_ALL: u64 = 300 << 20;

/// Resident bytes of a process.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}

/// The program as a shell starts it whose limit of open files is a thousand, and may be raised.
fn within_a_thousand_files() -> Command {
    let mut command = Command::new("sh");
    let script = "ulimit -Sn 1024 && exec \"$0\" \"$@\"";
    command.args(["-c", script, str(Path::new(program().get_program()))]);
    command
}

async fn opened(address: &str) -> Vec<TcpStream> {
    let mut all = Vec::with_capacity(CONNECTIONS);
    while all.len() < CONNECTIONS {
        // Fewer at a time than wait to be accepted at most.
        let some = join_all((0..100).map(|_| TcpStream::connect(address))).await;
        all.extend(some.into_iter().map(Result::unwrap));
    }
    all
}

/// Asks on a connection that stays open; whether the answer is whole.
async fn is_answered(stream: &mut TcpStream, text: &str) -> bool {
    let body = json!({"model": "small", "messages": [{"role": "user", "content": "Why?"}]});
    let body = body.to_string();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut heard = Vec::with_capacity(4096);
    while !is_whole(&heard) {
        if stream.read_buf(&mut heard).await.unwrap() == 0 {
            return false;
        }
    }
    heard.starts_with(b"HTTP/1.1 200") && String::from_utf8_lossy(&heard).contains(text)
}

/// Whether an answer has come to its end.
fn is_whole(heard: &[u8]) -> bool {
    let heard = String::from_utf8_lossy(heard);
    let Some((head, body)) = heard.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    length.is_some_and(|length| length.parse() == Ok(body.len()))
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_connections_are_borne() {
    let wanted = CONNECTIONS as u64 + SPARE;
    if rlimit::increase_nofile_limit(wanted).unwrap() < wanted {
        eprintln!("skipped: the hard limit of open files is below {wanted}; raise `ulimit -Hn`");
        return;
    }
    let slowly = |_: &serde_json::Value| Say {
        after: Duration::from_millis(200),
        ..Say::at_once("Since it is.")
    };
    let (provider, home) = (Provider::new(slowly).await, tempfile::tempdir().unwrap());
    let settings = format!(
        "[server]\nmax_connections = 6000\nheader_timeout_ms = 120000\n{}",
        provider.models(&["small"])
    );
    let args = at_home(home.path(), &settings);
    let args = args.each_ref().map(String::as_str);
    let server = Server::start_by(within_a_thousand_files(), &args);
    let address = server.url.trim_start_matches("http://").to_owned();
    let before = resident(server.pid());
    let mut connections = opened(&address).await;
    let (active, idle) = connections.split_at_mut(ACTIVE);
    for _ in 0..2 {
        let asking = active
            .iter_mut()
            .map(|one| is_answered(one, "Since it is."));
        let answered = timeout(Duration::from_secs(60), join_all(asking))
            .await
            .unwrap();
        assert_eq!(answered.iter().filter(|one| **one).count(), ACTIVE);
    }
    let last = idle.last_mut().unwrap();
    assert!(
        is_answered(last, "Since it is.").await,
        "the last one is not forgotten"
    );
    let after = resident(server.pid());
    println!("{} MiB before, {} MiB with them", before >> 20, after >> 20);
    let grown = after.saturating_sub(before);
    assert!(grown < BYTES_EACH * CONNECTIONS as u64, "{grown} bytes");
    assert!(after < BYTES_IN_ALL, "{after} bytes");
    assert_eq!(provider.heard(), 2 * ACTIVE + 1);
    assert!(
        server.terminate(),
        "idle connections do not hold up the end"
    );
}
