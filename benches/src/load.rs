//! A load generator: blocking connections on threads of their own, since a sleeping thread wakes within
//! some 60 µs of its time and an async timer within a millisecond.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A request that was answered.
#[derive(Debug, Clone, Copy)]
pub struct Answered {
    /// Until the first byte, from the time it was due.
    pub first: Duration,
    /// Until the last one.
    pub whole: Duration,
}

/// A connection that is kept alive.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects to `HOST:PORT`.
    ///
    /// # Panics
    /// Nobody is there.
    #[must_use]
    pub fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the server accepts");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        Self {
            stream,
            buffer: Vec::with_capacity(1 << 16),
        }
    }

    /// Sends a request and reads its answer to the end.
    ///
    /// # Panics
    /// The answer is no 200.
    pub fn exchange(&mut self, request: &[u8], due: Instant) -> Answered {
        self.stream.write_all(request).expect("the server reads");
        self.buffer.clear();
        let mut first = None;
        while !is_whole(&self.buffer) {
            let mut chunk = [0; 1 << 14];
            let read = self.stream.read(&mut chunk).expect("the server answers");
            assert!(
                read > 0,
                "the server closed the connection: {}",
                self.said()
            );
            first.get_or_insert_with(|| due.elapsed());
            self.buffer.extend_from_slice(&chunk[..read]);
        }
        assert!(self.buffer.starts_with(b"HTTP/1.1 200"), "{}", self.said());
        Answered {
            first: first.unwrap_or_default(),
            whole: due.elapsed(),
        }
    }

    /// The body of the last answer, which has a length.
    #[must_use]
    pub fn body(&self) -> String {
        let said = self.said();
        let body = said.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
        body.unwrap_or_default()
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.buffer).into_owned()
    }
}

/// Whether an answer is complete: by its length, or by the last chunk.
fn is_whole(buffer: &[u8]) -> bool {
    let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    match length.and_then(|length| length.trim().parse::<usize>().ok()) {
        Some(length) => buffer.len() >= end + 4 + length,
        None => buffer.ends_with(b"0\r\n\r\n"),
    }
}

/// A whole HTTP request.
#[must_use]
pub fn request(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// A whole HTTP request without a body.
#[must_use]
pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes()
}

/// Every request once, dealt out to so many connections, each of which sends its next one as soon as it
/// is answered. Returns every answer.
///
/// # Panics
/// An answer is no 200.
#[must_use]
pub fn each_once(address: &str, requests: &[Vec<u8>], connections: usize) -> Vec<Answered> {
    together(connections, |number| {
        let mut connection = Connection::open(address);
        let mine = requests.iter().skip(number).step_by(connections);
        mine.map(|one| connection.exchange(one, Instant::now()))
            .collect()
    })
}

/// So many connections, each asks again as soon as it is answered. Returns every answer.
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
    let end = Instant::now() + time;
    together(connections, |number| {
        let mut connection = Connection::open(address);
        let mut answered = Vec::new();
        for next in (number * 31).. {
            let start = Instant::now();
            if start >= end {
                break;
            }
            answered.push(connection.exchange(&requests[next % requests.len()], start));
        }
        answered
    })
}

/// So many requests a second, each sent when it is due, or as soon as its connection is free. Latency
/// counts from the time it was due, so that no stall hides the requests that it holds up.
///
/// # Panics
/// An answer is no 200.
#[must_use]
pub fn open_loop(
    address: &str,
    requests: &[Vec<u8>],
    connections: usize,
    rate: f64,
    time: Duration,
) -> Vec<Answered> {
    let sent = AtomicUsize::new(0);
    let period = Duration::from_secs_f64(connections as f64 / rate);
    let start = Instant::now() + Duration::from_millis(50);
    let each = (time.as_secs_f64() * rate / connections as f64) as u32;
    together(connections, |number| {
        let mut connection = Connection::open(address);
        let offset = period.mul_f64(number as f64 / connections as f64);
        let ask = |turn| {
            let due = start + offset + period * turn;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let next = sent.fetch_add(1, Ordering::Relaxed);
            connection.exchange(&requests[next % requests.len()], due)
        };
        (0..each).map(ask).collect()
    })
}

fn together(connections: usize, run: impl Fn(usize) -> Vec<Answered> + Sync) -> Vec<Answered> {
    thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = (0..connections)
            .map(|number| scope.spawn(move || run(number)))
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .flat_map(|answered| answered.expect("a client does not fail"))
            .collect()
    })
}

/// The latency below which this share lies, in milliseconds.
#[must_use]
pub fn quantile(latencies: impl Iterator<Item = Duration>, share: f64) -> f64 {
    let mut sorted: Vec<Duration> = latencies.collect();
    sorted.sort_unstable();
    let at = ((sorted.len().saturating_sub(1)) as f64 * share) as usize;
    sorted
        .get(at)
        .map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
}
