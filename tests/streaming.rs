//! A log with more prompts than the table may hold: the others are streamed.

use std::fs;
use std::path::Path;

use pointsman_logs::write_rows;
use pointsman_policy::PolicySpec;
use pointsman_router::Router;
use pointsman_simulate::{Settings, SimulatedPrompt, Simulation, simulate};
use pointsman_types::{LogRow, Request};

use crate::program::{program, run, str, succeed, text};

/// Quality that a dollar must buy.
const LAMBDA: f64 = 30.0;

fn simulation(prompts: usize, seed: u64) -> Simulation {
    simulate(&Settings {
        prompts,
        seed,
        ..Settings::default()
    })
}

/// A directory with the log of these rows under this name and the catalogue.
fn home(name: &str, rows: Vec<LogRow>) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    write_rows(&home.path().join(name), rows).unwrap();
    fs::write(
        home.path().join("catalog.toml"),
        simulation(1, 1).catalog_toml(),
    )
    .unwrap();
    home
}

fn arguments(home: &Path, log: &str, out: &str, more: &[&str]) -> Vec<String> {
    let at = |name: &str| str(&home.join(name)).to_owned();
    let places = [
        ("--logs", log),
        ("--catalog", "catalog.toml"),
        ("--out", out),
    ];
    let mut all: Vec<String> = vec!["train".into(), "--max-prompts".into(), "300".into()];
    all.extend(
        places
            .iter()
            .flat_map(|(option, name)| [(*option).to_owned(), at(name)]),
    );
    all.extend(more.iter().map(|argument| (*argument).to_owned()));
    all
}

/// Trains on a table of 300 prompts; returns what it says.
fn train(home: &Path, log: &str, out: &str, more: &[&str]) -> String {
    let args = arguments(home, log, out, more);
    let output = run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stderr)
}

/// True mean utility of a router's choices on prompts that it was not trained on.
fn utility(router: &Path, fresh: &Simulation) -> f64 {
    let policy = PolicySpec::Utility { lambda: LAMBDA };
    let router = Router::open(router).unwrap().with_policy(policy).unwrap();
    let choose = |prompt: &SimulatedPrompt| {
        let chosen = router.decide(&Request::new(prompt.text.clone())).unwrap();
        let place = fresh.models.iter().position(|model| *model == chosen.model);
        place.unwrap()
    };
    let value = fresh.value(choose);
    value.quality - LAMBDA * value.cost_usd
}

/// The bytes of every file of a router, by name.
fn bytes(router: &Path) -> Vec<(String, Vec<u8>)> {
    let names = fs::read_dir(router)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut files: Vec<_> = names
        .map(|path| {
            (
                str(&path).rsplit('/').next().unwrap().to_owned(),
                fs::read(&path).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}

#[test]
fn prompts_beyond_the_table_make_a_better_router() {
    let home = home("log.jsonl", simulation(6000, 31).rows);
    let fresh = simulation(1500, 32);
    let alone = train(home.path(), "log.jsonl", "alone", &["--passes", "0"]);
    assert!(alone.contains("left out: --passes is 0"), "{alone}");
    let streamed = train(home.path(), "log.jsonl", "streamed", &[]);
    assert!(
        streamed.contains("scores of other prompts, streamed"),
        "{streamed}"
    );
    let of = |router: &str| utility(&home.path().join(router), &fresh);
    let (before, after) = (of("alone"), of("streamed"));
    assert!(after > before + 0.005, "{before} alone, {after} streamed");
}

#[test]
fn a_table_that_holds_the_log_leaves_nothing_to_stream() {
    let home = home("log.jsonl", simulation(200, 33).rows);
    let said = train(home.path(), "log.jsonl", "router", &[]);
    assert!(
        !said.contains("streamed") && !said.contains("left out"),
        "{said}"
    );
    assert!(!home.path().join("router/streamed.bin").exists());
}

#[test]
fn threads_and_formats_change_no_byte() {
    let rows = simulation(1500, 34).rows;
    let home = home("log.jsonl", rows.clone());
    write_rows(&home.path().join("log.parquet"), rows).unwrap();
    for (out, log, threads) in [
        ("one", "log.jsonl", "1"),
        ("three", "log.jsonl", "3"),
        ("parquet", "log.parquet", "2"),
    ] {
        let args = arguments(home.path(), log, out, &["--passes", "2"]);
        let done = program()
            .args(args)
            .env("RAYON_NUM_THREADS", threads)
            .status();
        assert!(done.unwrap().success());
    }
    let first = bytes(&home.path().join("one"));
    for other in ["three", "parquet"] {
        for (left, right) in first.iter().zip(bytes(&home.path().join(other))) {
            assert!(*left == right, "{} of {other} differs", left.0);
        }
    }
}

#[test]
fn held_out_prompts_are_not_streamed() {
    let log = simulation(3000, 35);
    let home = home("log.jsonl", log.rows.clone());
    train(home.path(), "log.jsonl", "router", &["--holdout", "0.5"]);
    let router = Router::open(&home.path().join("router")).unwrap();
    let seen = log
        .prompts
        .iter()
        .filter(|prompt| router.was_trained_on(&prompt.text));
    let share = seen.count() as f64 / log.prompts.len() as f64;
    assert!((0.45..0.56).contains(&share), "{share}");
    let evaluated = succeed(&[
        "evaluate",
        "--router",
        str(&home.path().join("router")),
        "--logs",
        str(&home.path().join("log.jsonl")),
        "--catalog",
        str(&home.path().join("catalog.toml")),
        "--replicates",
        "50",
        "--json",
        "--out",
        str(&home.path().join("report")),
    ]);
    let report: serde_json::Value = serde_json::from_str(&evaluated).unwrap();
    assert!(
        report["rows"]
            .as_array()
            .is_some_and(|rows| !rows.is_empty())
    );
}

#[test]
fn whole_categories_held_out_are_not_streamed_either() {
    let home = home("log.jsonl", simulation(1200, 36).rows);
    let said = train(home.path(), "log.jsonl", "router", &["--grouped"]);
    assert!(said.contains("left out: --grouped"), "{said}");
    assert!(!home.path().join("router/streamed.bin").exists());
}

#[test]
fn an_impossible_number_of_passes_is_wrong_usage() {
    let args = ["train", "--logs", "x", "--out", "y", "--passes", "101"];
    assert_eq!(run(&args).status.code(), Some(2));
}
