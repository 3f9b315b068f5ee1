//! What does the gateway add to a call, with the router in the path, every decision recorded and
//! metrics on? Load generator, gateway and the provider's stand-in share the same cores.
//!
//! Every line is measured twice in the same run, through the gateway and at the stand-in itself, and the
//! difference is what is added. Open loop: latency counts from the time a request was due.
//!
//! `cargo bench -p pointsman-benches --bench gateway` (build the program first: `just build`); with
//! `-- --soak SECONDS RATE` it holds one rate and tells memory and failures instead.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use pointsman_benches::closed::{closed_loop, each_once};
use pointsman_benches::http::request;
use pointsman_benches::load::{Answered, open_loop, quantile};
use pointsman_benches::program::{Server, prompts, save_router};
use pointsman_benches::stand_in;

const TIME: Duration = Duration::from_secs(8);
const CONNECTIONS: usize = 40;
const RATES: [f64; 4] = [500.0, 1000.0, 2500.0, 5000.0];
const PRICES: &str = "input_usd_per_million = 0.15\noutput_usd_per_million = 0.6\n";
const CHAT: &str = "/v1/chat/completions";

fn main() {
    let home = tempfile::tempdir().expect("a temporary directory");
    save_router(&home.path().join("router"));
    let provider = stand_in::start();
    let site = |more: &str| Site::open(home.path(), provider, more);
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "--soak") {
        Some(at) => site("").soak(number(&arguments, at + 1), number(&arguments, at + 2)),
        None => {
            site("").measure();
            site("[cache]\nttl_s = 3600\n").measure_hits();
        }
    }
}

fn number(arguments: &[String], at: usize) -> f64 {
    let number = arguments.get(at).and_then(|argument| argument.parse().ok());
    number.expect("--soak takes seconds and requests a second")
}

/// All models of the simulated log, at the stand-in; and these further settings.
fn settings(home: &Path, provider: SocketAddr, more: &str) -> String {
    let router = home.join("router").display().to_string();
    let mut text = format!("{more}[router]\npath = {router:?}\n");
    for model in [
        "sim-condor",
        "sim-finch",
        "sim-heron",
        "sim-tern",
        "sim-wren",
    ] {
        text.push_str(&format!(
            "[[models]]\nname = \"{model}\"\n{PRICES}[[models.deployments]]\ndialect = \"openai\"\nbase_url = \"http://{provider}/v1\"\n"
        ));
    }
    let file = home.join("pointsman.toml");
    fs::write(&file, text).expect("settings can be written");
    file.display().to_string()
}

/// Whole requests with these prompts.
fn requests(prompts: &[String], stream: bool) -> Vec<Vec<u8>> {
    let body = |prompt: &String| {
        let content = serde_json::json!(prompt);
        let stream = if stream { ",\"stream\":true" } else { "" };
        format!(r#"{{"model":"auto","messages":[{{"role":"user","content":{content}}}]{stream}}}"#)
    };
    prompts
        .iter()
        .map(|prompt| request(CHAT, &body(prompt)))
        .collect()
}

struct Site {
    provider: String,
    server: Server,
}

impl Site {
    /// A gateway with an empty store.
    fn open(home: &Path, provider: SocketAddr, more: &str) -> Self {
        let config = settings(home, provider, more);
        let store = tempfile::tempdir_in(home).expect("a directory for the store");
        Self {
            provider: provider.to_string(),
            server: Server::start(&store.keep(), &["--config", &config]),
        }
    }

    fn measure(&self) {
        let short = prompts(1000);
        let asked = requests(&short, false);
        drop(closed_loop(
            &self.server.address,
            &asked,
            CONNECTIONS,
            Duration::from_secs(1),
        ));
        for rate in RATES {
            self.added(&format!("short prompt, {rate}/s"), &asked, rate, |one| {
                one.whole
            });
        }
        let long = requests(&long(&short), false);
        self.added("10 kB prompt, 500/s", &long, 500.0, |one| one.whole);
        let streams = requests(&short, true);
        for concurrent in [20.0, 200.0] {
            self.first_byte(&streams, concurrent);
        }
        self.saturated("closed loop", &asked);
        let (now, peak) = self.server.memory();
        eprintln!("memory: {now:.0} MiB now, {peak:.0} MiB at its peak");
    }

    /// The same requests again, whose answers it has: what a hit takes beyond a bare answer of the
    /// stand-in.
    fn measure_hits(&self) {
        let asked = requests(&prompts(1000), false);
        drop(each_once(&self.server.address, &asked, CONNECTIONS));
        for rate in [500.0, 5000.0] {
            let what = format!("exact-cache hit, {rate}/s");
            self.added(&what, &asked, rate, |one| one.whole);
        }
        self.saturated("hits, closed loop", &asked);
    }

    /// What the gateway adds at a rate.
    fn added(&self, what: &str, asked: &[Vec<u8>], rate: f64, of: fn(&Answered) -> Duration) {
        let alone = open_loop(&self.provider, asked, CONNECTIONS, rate, TIME);
        let through = open_loop(&self.server.address, asked, CONNECTIONS, rate, TIME);
        tell(what, &alone, &through, of);
    }

    /// What it adds to the first byte of a stream, with so many at a time. A stream takes a second.
    fn first_byte(&self, asked: &[Vec<u8>], concurrent: f64) {
        let (connections, rate) = (concurrent as usize * 2, concurrent * 0.95);
        let run = |address: &str| open_loop(address, asked, connections, rate, TIME);
        let (alone, through) = (run(&self.provider), run(&self.server.address));
        let what = format!("first byte, {concurrent} streams at a time");
        tell(&what, &alone, &through, |one| one.first);
    }

    fn saturated(&self, what: &str, asked: &[Vec<u8>]) {
        let (before, start) = (self.server.cpu_seconds(), Instant::now());
        let done = closed_loop(&self.server.address, asked, CONNECTIONS, TIME).len() as f64;
        let (took, cpu) = (start.elapsed(), self.server.cpu_seconds() - before);
        let rate = done / took.as_secs_f64();
        eprintln!(
            "{what}: {rate:.0}/s, {:.3} ms of processor time a request",
            cpu * 1e3 / done
        );
    }

    /// Holds one rate and tells memory every tenth of the time. A failed request ends it.
    fn soak(&self, seconds: f64, rate: f64) {
        let asked = requests(&prompts(1000), false);
        for part in 1..=10 {
            let time = Duration::from_secs_f64(seconds / 10.0);
            let done = open_loop(&self.server.address, &asked, CONNECTIONS, rate, time);
            let (now, peak) = self.server.memory();
            let p99 = quantile(done.iter().map(|one| one.whole), 0.99);
            eprintln!(
                "{part}/10: {} answered, none failed, p99 {p99:.2} ms, {now:.1} MiB now, {peak:.1} MiB peak",
                done.len()
            );
        }
    }
}

/// Prompts of ten kilobytes.
fn long(short: &[String]) -> Vec<String> {
    let long = |at: usize| {
        let mut text = String::new();
        for prompt in short.iter().cycle().skip(at * 7) {
            text.push_str(prompt);
            text.push('\n');
            if text.len() >= 10_000 {
                return text;
            }
        }
        text
    };
    (0..200).map(long).collect()
}

fn tell(what: &str, alone: &[Answered], through: &[Answered], of: fn(&Answered) -> Duration) {
    let at = |answered: &[Answered], share| quantile(answered.iter().map(of), share);
    let added = |share| at(through, share) - at(alone, share);
    eprintln!(
        "{what}: p50 +{:.3} ms, p99 +{:.3} ms (alone {:.3} and {:.3}; {} answered)",
        added(0.5),
        added(0.99),
        at(alone, 0.5),
        at(alone, 0.99),
        through.len(),
    );
}
