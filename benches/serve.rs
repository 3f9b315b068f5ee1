//! How many decisions a second does the server make over loopback, and how long do they take, with
//! the load generator on the same cores?
//!
//! Closed loop: 32 connections, each asks again as soon as it is answered. Open loop: 2,000 requests
//! a second at fixed times; latency counts from the time a request was due, so that a stall is not
//! hidden by the requests it holds up. Every decision is committed to the store before its answer.
//!
//! `cargo bench -p pointsman-benches --bench serve` (build the program first: `just build`).

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pointsman_logs::{Budget, TableBuilder};
use pointsman_simulate::{Settings, simulate};
use pointsman_train::{Options, train};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};

const SECONDS: u64 = 10;
const CLOSED_CONNECTIONS: usize = 32;
const OPEN_CONNECTIONS: u64 = 40;
const OPEN_RATE: u64 = 2000;

fn main() {
    let home = tempfile::tempdir().expect("a temporary directory");
    save_router(&home.path().join("router"));
    let server = Server::start(home.path());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let bodies = Arc::new(requests());
    runtime.block_on(async {
        closed_loop(&server.address, &bodies, 1).await;
        let (count, latencies) = closed_loop(&server.address, &bodies, SECONDS).await;
        report(
            &format!(
                "closed loop, {CLOSED_CONNECTIONS} connections: {} requests/s",
                count / SECONDS
            ),
            latencies,
        );
        let latencies = open_loop(&server.address, &bodies).await;
        report(&format!("open loop, {OPEN_RATE} requests/s"), latencies);
    });
    tell_memory(&server);
}

fn save_router(dir: &std::path::Path) {
    let simulation = simulate(&Settings::default());
    let mut builder = TableBuilder::new(Budget::default());
    simulation
        .rows
        .into_iter()
        .for_each(|row| builder.push(row));
    let (table, _) = builder.finish().expect("the simulated log makes a table");
    let trained = train(table, simulation.catalog, &Options::default(), |_| {})
        .expect("it can be trained on");
    trained.artifact.save(dir).expect("it can be saved");
}

/// Whole HTTP requests with the prompts of a log that the router has not seen.
fn requests() -> Vec<Vec<u8>> {
    let prompts = simulate(&Settings {
        prompts: 1000,
        seed: 99,
        ..Settings::default()
    })
    .prompts;
    let request = |text: &str| {
        let body = serde_json::json!({ "prompt": text }).to_string();
        format!(
            "POST /v1/route HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    };
    prompts
        .iter()
        .map(|prompt| request(prompt.text.text()))
        .collect()
}

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(home: &std::path::Path) -> Self {
        let bench = std::env::current_exe().expect("a running benchmark has a path");
        let program: PathBuf = bench
            .ancestors()
            .nth(2)
            .expect("target/release/deps/<bench>")
            .join("pointsman");
        let mut child = Command::new(&program)
            .args(["serve", "--bind", "127.0.0.1:0", "--router"])
            .arg(home.join("router"))
            .arg("--store")
            .arg(home.join("store.db"))
            .env("POINTSMAN_LOG", "warn")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{}: {error}; build the program first", program.display())
            });
        let mut lines = BufReader::new(child.stderr.take().expect("piped"))
            .lines()
            .map_while(Result::ok);
        let address =
            lines.find_map(|line| Some(line.split_once("listening on http://")?.1.to_owned()));
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            address: address.expect("the server says where it listens"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already ended is fine.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One exchange on a kept-alive connection; the answer must be a 200.
async fn exchange(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) {
    stream.write_all(request).await.expect("the server reads");
    buffer.clear();
    let end = loop {
        assert!(
            stream.read_buf(buffer).await.expect("the server answers") > 0,
            "the server closed the connection"
        );
        if let Some(end) = answer_end(buffer) {
            break end;
        }
    };
    while buffer.len() < end {
        assert!(
            stream.read_buf(buffer).await.expect("the server answers") > 0,
            "the server closed the connection"
        );
    }
    assert!(
        buffer.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(buffer)
    );
}

/// Where an answer ends, once its headers are complete.
fn answer_end(buffer: &[u8]) -> Option<usize> {
    let headers = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&buffer[..headers])
        .expect("headers are ASCII")
        .to_ascii_lowercase();
    let length = text.lines().find_map(|line| {
        line.strip_prefix("content-length:")?
            .trim()
            .parse::<usize>()
            .ok()
    });
    Some(headers + length.expect("the server states the length"))
}

async fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address)
        .await
        .expect("the server accepts");
    stream.set_nodelay(true).expect("TCP_NODELAY");
    stream
}

async fn closed_loop(
    address: &str,
    bodies: &Arc<Vec<Vec<u8>>>,
    seconds: u64,
) -> (u64, Vec<Duration>) {
    let end = Instant::now() + Duration::from_secs(seconds);
    let tasks = (0..CLOSED_CONNECTIONS).map(|number| {
        let (bodies, address) = (Arc::clone(bodies), address.to_owned());
        tokio::spawn(async move {
            let (mut stream, mut buffer, mut latencies) =
                (connect(&address).await, Vec::new(), Vec::new());
            let mut next = number * 31;
            while Instant::now() < end {
                let start = Instant::now();
                exchange(&mut stream, &bodies[next % bodies.len()], &mut buffer).await;
                latencies.push(start.elapsed());
                next += 1;
            }
            latencies
        })
    });
    let all = join(tasks.collect()).await;
    (all.len() as u64, all)
}

async fn open_loop(address: &str, bodies: &Arc<Vec<Vec<u8>>>) -> Vec<Duration> {
    let sent = Arc::new(AtomicU64::new(0));
    let period = Duration::from_secs(1) * OPEN_CONNECTIONS as u32 / OPEN_RATE as u32;
    let tasks = (0..OPEN_CONNECTIONS).map(|number| {
        let (bodies, address, sent) = (Arc::clone(bodies), address.to_owned(), Arc::clone(&sent));
        tokio::spawn(async move {
            let (mut stream, mut buffer, mut latencies) =
                (connect(&address).await, Vec::new(), Vec::new());
            tokio::time::sleep(period * number as u32 / OPEN_CONNECTIONS as u32).await;
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            for _ in 0..SECONDS * OPEN_RATE / OPEN_CONNECTIONS {
                let due = ticks.tick().await;
                let body = sent.fetch_add(1, Ordering::Relaxed) as usize;
                exchange(&mut stream, &bodies[body % bodies.len()], &mut buffer).await;
                latencies.push(due.elapsed());
            }
            latencies
        })
    });
    join(tasks.collect()).await
}

async fn join(tasks: Vec<tokio::task::JoinHandle<Vec<Duration>>>) -> Vec<Duration> {
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.expect("a client does not fail"));
    }
    all
}

fn report(what: &str, mut latencies: Vec<Duration>) {
    latencies.sort();
    let at = |share: f64| {
        latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0
    };
    eprintln!(
        "{what}: p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms",
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999)
    );
}

fn tell_memory(server: &Server) {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap_or_default();
    status
        .lines()
        .filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"))
        .for_each(|line| eprintln!("{line}"));
}
