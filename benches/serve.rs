//! How many decisions a second does the server make over loopback, and how long do they take, with
//! the load generator on the same cores?
//!
//! Closed loop: 32 connections, each asks again as soon as it is answered. Open loop: 2,000 requests
//! a second at fixed times; latency counts from the time a request was due, so that a stall is not
//! hidden by the requests it holds up. Every decision is committed to the store before its answer.
//!
//! `cargo bench -p pointsman-benches --bench serve` (build the program first: `just build`).

use std::time::Duration;

use pointsman_benches::closed::closed_loop;
use pointsman_benches::http::request;
use pointsman_benches::load::{Answered, open_loop, quantile};
use pointsman_benches::program::{Server, prompts, save_router};

const TIME: Duration = Duration::from_secs(10);
const CLOSED_CONNECTIONS: usize = 32;
const OPEN_CONNECTIONS: usize = 40;
const OPEN_RATE: f64 = 2000.0;

fn main() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let router = home.path().join("router");
    save_router(&router);
    let server = Server::start(home.path(), &["--router", &router.display().to_string()]);
    let asked: Vec<Vec<u8>> = prompts(1000)
        .iter()
        .map(|prompt| {
            request(
                "/v1/route",
                &serde_json::json!({ "prompt": prompt }).to_string(),
            )
        })
        .collect();
    let address = &server.address;
    drop(closed_loop(
        address,
        &asked,
        CLOSED_CONNECTIONS,
        Duration::from_secs(1),
    ));
    let answered = closed_loop(address, &asked, CLOSED_CONNECTIONS, TIME);
    let rate = answered.len() as u64 / TIME.as_secs();
    report(
        &format!("closed loop, {CLOSED_CONNECTIONS} connections: {rate} requests/s"),
        &answered,
    );
    let answered = open_loop(address, &asked, OPEN_CONNECTIONS, OPEN_RATE, TIME);
    report(&format!("open loop, {OPEN_RATE} requests/s"), &answered);
    let (now, peak) = server.memory();
    eprintln!("memory: {now:.0} MiB now, {peak:.0} MiB at its peak");
}

fn report(what: &str, answered: &[Answered]) {
    let at = |share| quantile(answered.iter().map(|one| one.whole), share);
    eprintln!(
        "{what}: p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms",
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999)
    );
}
