//! Requests at a rate: blocking connections on threads of their own, since a sleeping thread wakes within
//! some 60 µs of its time and an async timer within a millisecond.

use std::borrow::Cow;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::http::whole;

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
    /// Bytes of the last answer.
    held: usize,
}

/// The most bytes of an answer.
const ROOM: usize = 1 << 16;

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
            buffer: vec![0; ROOM],
            held: 0,
        }
    }

    /// Sends a request and reads its answer to the end.
    ///
    /// # Panics
    /// The answer is no 200.
    pub fn exchange(&mut self, request: &[u8], due: Instant) -> Answered {
        self.stream.write_all(request).expect("the server reads");
        let (mut held, mut first) = (0, None);
        while whole(&self.buffer[..held]).is_none() {
            let room = &mut self.buffer[held..];
            assert!(!room.is_empty(), "an answer is at most {ROOM} bytes");
            let read = self.stream.read(room).expect("the server answers");
            assert!(read > 0, "the server closed the connection");
            first.get_or_insert_with(|| due.elapsed());
            held += read;
        }
        self.held = held;
        assert!(self.said().starts_with("HTTP/1.1 200"), "{}", self.said());
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

    fn said(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.buffer[..self.held])
    }
}

/// So many requests a second, each sent when it is due, or as soon as its connection is free. Latency
/// counts from the time it was due, so that no stall hides the requests that it holds up. The first is due
/// once every connection is open.
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
    let (open, start) = (Barrier::new(connections), OnceLock::new());
    let each = (time.as_secs_f64() * rate / connections as f64) as u32;
    together(connections, |number| {
        let mut connection = Connection::open(address);
        open.wait();
        let start = *start.get_or_init(|| Instant::now() + Duration::from_millis(50));
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
