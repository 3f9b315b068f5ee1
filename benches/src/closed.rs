//! Requests one after the other: each connection asks again as soon as it is answered. All of them on one
//! thread, so that asking takes little of the processors that the server shares.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::http::whole;
use crate::load::Answered;

/// Every request once, dealt out to so many connections. Returns every answer.
///
/// # Panics
/// An answer is no 200.
#[must_use]
pub fn each_once(address: &str, requests: &[Vec<u8>], connections: usize) -> Vec<Answered> {
    let all = requests.len();
    together(address, requests, connections, |number| {
        (number..all).step_by(connections)
    })
}

/// So many connections ask for so long. Returns every answer.
///
/// # Panics
/// An answer is no 200.
#[must_use]
pub fn closed_loop(
    address: &str,
    requests: &[Vec<u8>],
    connections: usize,
    time: Duration,
) -> Vec<Answered> {
    let (end, all) = (Instant::now() + time, requests.len());
    together(address, requests, connections, |number| {
        let turns = (number * 31..).map(move |next| next % all);
        turns.take_while(move |_| Instant::now() < end)
    })
}

fn together<I: Iterator<Item = usize> + Send + 'static>(
    address: &str,
    requests: &[Vec<u8>],
    connections: usize,
    mine: impl Fn(usize) -> I,
) -> Vec<Answered> {
    let requests: Arc<[Vec<u8>]> = requests.into();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build();
    runtime.expect("a runtime").block_on(async {
        let mut clients = JoinSet::new();
        for number in 0..connections {
            let (address, requests) = (address.to_owned(), Arc::clone(&requests));
            clients.spawn(ask(address, requests, mine(number)));
        }
        clients.join_all().await.concat()
    })
}

async fn ask(
    address: String,
    requests: Arc<[Vec<u8>]>,
    mine: impl Iterator<Item = usize>,
) -> Vec<Answered> {
    let stream = TcpStream::connect(address).await;
    let mut stream = stream.expect("the server accepts");
    stream.set_nodelay(true).expect("TCP_NODELAY");
    let mut held = Vec::with_capacity(1 << 14);
    let mut answered = Vec::new();
    for next in mine {
        answered.push(exchange(&mut stream, &mut held, &requests[next]).await);
    }
    answered
}

async fn exchange(stream: &mut TcpStream, held: &mut Vec<u8>, request: &[u8]) -> Answered {
    let (start, mut first) = (Instant::now(), None);
    let sent = stream.write_all(request).await;
    sent.expect("the server reads");
    held.clear();
    while whole(held).is_none() {
        let read = stream.read_buf(held).await.expect("the server answers");
        assert!(read > 0, "the server closed the connection");
        first.get_or_insert_with(|| start.elapsed());
    }
    let said = || String::from_utf8_lossy(held);
    assert!(held.starts_with(b"HTTP/1.1 200"), "{}", said());
    Answered {
        first: first.unwrap_or_default(),
        whole: start.elapsed(),
    }
}
