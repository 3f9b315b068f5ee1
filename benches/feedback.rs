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

use std::time::{Duration, Instant};

use pointsman_benches::closed::each_once;
use pointsman_benches::http::{get, request};
use pointsman_benches::load::{Connection, quantile};
use pointsman_benches::program::{Server, save_router};
use serde_json::{Value, json};

const CONNECTIONS: usize = 64;
const JUDGED: usize = 20_000;

fn main() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let router = home.path().join("router");
    save_router(&router);
    let server = Server::start(home.path(), &["--router", &router.display().to_string()]);
    let judgements = judgements(&server.address);
    let since = Instant::now();
    let answered = each_once(&server.address, &judgements, CONNECTIONS);
    let took = since.elapsed();
    let rate = answered.len() as f64 / took.as_secs_f64();
    let latency = |share| quantile(answered.iter().map(|one| one.whole), share);
    println!(
        "{} pieces of feedback in {took:.2?}: {rate:.0}/s, p50 {:.2} ms, p99 {:.2} ms",
        answered.len(),
        latency(0.5),
        latency(0.99),
    );
    println!("all of them learnt {:.2?} later", learnt(&server.address));
}

/// Three of four answers were good.
fn judgements(address: &str) -> Vec<Vec<u8>> {
    let mut connection = Connection::open(address);
    let judged = (0..JUDGED).map(|number| {
        let prompt = format!("question {number} about nothing in particular");
        let asked = request("/v1/route", &json!({ "prompt": prompt }).to_string());
        connection.exchange(&asked, Instant::now());
        let decided = read(&connection);
        let value = u8::from(number % 4 > 0);
        let judged = json!({ "decision_id": decided["decision_id"], "value": value });
        request("/v1/feedback", &judged.to_string())
    });
    judged.collect()
}

/// How long until every judgement was learnt.
fn learnt(address: &str) -> Duration {
    let since = Instant::now();
    let mut connection = Connection::open(address);
    loop {
        connection.exchange(&get("/v1/learning"), Instant::now());
        let status = read(&connection);
        if status["learnt"]["read"]["news"] == JUDGED {
            return since.elapsed();
        }
        assert!(since.elapsed() < Duration::from_secs(600), "{status}");
    }
}

fn read(connection: &Connection) -> Value {
    serde_json::from_str(&connection.body()).expect("the server answers in JSON")
}
