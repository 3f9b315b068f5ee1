//! How many pieces of feedback a second does a server take that learns from them, with the load
//! generator on the same cores? Each is synced before it is acknowledged.
//!
//! 64 connections, each judges its next decision as soon as the last judgement is acknowledged. Then:
//! how far behind is learning?
//!
//! `cargo bench -p pointsman-benches --bench feedback` (build the program first: `just build`).

#![expect(
    clippy::print_stdout,
    reason = "the figures are what the benchmark is for"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pointsman_logs::{Budget, TableBuilder};
use pointsman_simulate::{Settings, simulate};
use pointsman_train::{Options, train};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CONNECTIONS: usize = 64;
const JUDGED: usize = 20_000;

fn main() {
    let home = tempfile::tempdir().expect("a temporary directory");
    save_router(&home.path().join("router"));
    let server = Server::start(home.path());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let ids = decisions(&server.address).await;
        let since = Instant::now();
        judge(&server.address, &ids).await;
        let took = since.elapsed();
        let rate = ids.len() as f64 / took.as_secs_f64();
        println!(
            "{} pieces of feedback in {took:.2?}: {rate:.0}/s",
            ids.len()
        );
        println!(
            "all of them learnt {:.2?} later",
            learnt(&server.address).await
        );
    });
}

fn save_router(dir: &Path) {
    let simulation = simulate(&Settings::default());
    let mut builder = TableBuilder::new(Budget::default());
    let rows = simulation.rows.into_iter();
    rows.for_each(|row| builder.push(row));
    let (table, _) = builder.finish().expect("the simulated log makes a table");
    let trained = train(table, simulation.catalog, &Options::default(), |_| {});
    let artifact = trained
        .expect("the simulated log can be trained on")
        .artifact;
    artifact.save(dir).expect("the directory can be written");
}

/// A server; ended when dropped.
struct Server {
    address: String,
    child: Child,
}

impl Server {
    fn start(home: &Path) -> Self {
        let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/release/pointsman");
        let mut child = Command::new(program)
            .args(["serve", "--bind", "127.0.0.1:0", "--router"])
            .arg(home.join("router"))
            .arg("--store")
            .arg(home.join("store.db"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program is built");
        let stderr = child.stderr.take().expect("standard error is piped");
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        let address = lines.find_map(|line| Some(line.split_once("http://")?.1.to_owned()));
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            address: address.expect("the server says where it listens"),
            child,
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

fn request(method: &str, path: &str, body: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The body of the answer, which has a content-length.
async fn exchange(stream: &mut TcpStream, request: &str) -> String {
    stream
        .write_all(request.as_bytes())
        .await
        .expect("the server reads");
    let mut answer = Vec::new();
    let mut piece = [0; 8192];
    loop {
        let read = stream.read(&mut piece).await.expect("the server answers");
        assert!(read > 0, "the server closed the connection");
        answer.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        assert!(head.starts_with("HTTP/1.1 200"), "{text}");
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length
            .and_then(|length| length.parse().ok())
            .expect("a length");
        if body.len() >= length {
            return body.to_owned();
        }
    }
}

fn field<'a>(body: &'a str, name: &str) -> &'a str {
    let (_, rest) = body
        .split_once(&format!("\"{name}\":"))
        .expect("the field is there");
    rest.split([',', '}'])
        .next()
        .unwrap_or(rest)
        .trim_matches('"')
}

async fn decisions(address: &str) -> Vec<String> {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    let mut ids = Vec::with_capacity(JUDGED);
    for number in 0..JUDGED {
        let body = format!(r#"{{"prompt": "question {number} about nothing in particular"}}"#);
        let answer = exchange(&mut stream, &request("POST", "/v1/route", &body)).await;
        ids.push(field(&answer, "decision_id").to_owned());
    }
    ids
}

async fn judge(address: &str, ids: &[String]) {
    let share = ids.len().div_ceil(CONNECTIONS);
    let tasks: Vec<_> = ids
        .chunks(share)
        .map(|ids| {
            let (ids, address) = (ids.to_vec(), address.to_owned());
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.expect("it listens");
                for (number, id) in ids.iter().enumerate() {
                    let value = u8::from(number % 4 > 0);
                    let body = format!(r#"{{"decision_id": "{id}", "value": {value}}}"#);
                    exchange(&mut stream, &request("POST", "/v1/feedback", &body)).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no judge fails");
    }
}

/// How long until every judgement was learnt.
async fn learnt(address: &str) -> Duration {
    let since = Instant::now();
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    loop {
        let status = exchange(&mut stream, &request("GET", "/v1/learning", "")).await;
        if field(&status, "news").parse() == Ok(JUDGED) {
            return since.elapsed();
        }
        assert!(since.elapsed() < Duration::from_secs(600), "{status}");
    }
}
