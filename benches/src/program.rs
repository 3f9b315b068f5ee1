//! The program under load, and what it takes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pointsman_logs::{Budget, TableBuilder};
use pointsman_simulate::{Settings, simulate};
use pointsman_train::{Options, train};

/// Clock ticks a second that `/proc` counts processor time in.
const TICKS: f64 = 100.0;

/// A server that runs; it ends when dropped.
pub struct Server {
    child: Child,
    /// `HOST:PORT`.
    pub address: String,
}

impl Server {
    /// Starts `pointsman serve` with a store in this directory and these further arguments.
    ///
    /// # Panics
    /// The program was not built, or does not start.
    #[must_use]
    pub fn start(home: &Path, arguments: &[&str]) -> Self {
        let program = program();
        let mut child = Command::new(&program)
            .args(["serve", "--bind", "127.0.0.1:0", "--store"])
            .arg(home.join("store.db"))
            .args(arguments)
            .env("POINTSMAN_LOG", "warn")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{}: {error}; build the program first", program.display())
            });
        let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let mut lines = lines.map_while(Result::ok);
        let address =
            lines.find_map(|line| Some(line.split_once("listening on http://")?.1.to_owned()));
        std::thread::spawn(move || lines.for_each(|line| eprintln!("server: {line}")));
        Self {
            child,
            address: address.expect("the server says where it listens"),
        }
    }

    /// Processor time so far, in seconds.
    #[must_use]
    pub fn cpu_seconds(&self) -> f64 {
        let stat =
            fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let after = stat.rsplit_once(") ").map_or("", |(_, after)| after);
        let ticks = after.split(' ').skip(11).take(2);
        ticks
            .filter_map(|ticks| ticks.parse::<f64>().ok())
            .sum::<f64>()
            / TICKS
    }

    /// Resident memory now and at its peak, in MiB.
    #[must_use]
    pub fn memory(&self) -> (f64, f64) {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name));
            let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
            kib.unwrap_or(f64::NAN) / 1024.0
        };
        (field("VmRSS"), field("VmHWM"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already ended is fine.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The program beside the running benchmark: `target/release/deps/<bench>`.
fn program() -> PathBuf {
    let bench = std::env::current_exe().expect("a running benchmark has a path");
    bench
        .ancestors()
        .nth(2)
        .expect("two directories up")
        .join("pointsman")
}

/// Trains a router on the simulated log.
///
/// # Panics
/// It cannot be trained or saved.
pub fn save_router(dir: &Path) {
    let simulation = simulate(&Settings::default());
    let mut builder = TableBuilder::new(Budget::default());
    simulation
        .rows
        .into_iter()
        .for_each(|row| builder.push(row));
    let (table, _) = builder.finish().expect("the simulated log makes a table");
    let trained = train(table, simulation.catalog, &Options::default(), |_| {});
    trained
        .expect("it can be trained on")
        .artifact
        .save(dir)
        .expect("it can be saved");
}

/// Prompts of a simulated log that the router has not seen.
#[must_use]
pub fn prompts(count: usize) -> Vec<String> {
    let settings = Settings {
        prompts: count,
        seed: 99,
        ..Settings::default()
    };
    let prompts = simulate(&settings).prompts;
    prompts
        .iter()
        .map(|prompt| prompt.text.text().to_owned())
        .collect()
}
