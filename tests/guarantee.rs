//! What is guaranteed holds on prompts that nobody has seen, is kept with the router, and is
//! refused where it cannot be given.

use std::fs;
use std::path::Path;

use pointsman_evaluate::{Options as EvaluateOptions, evaluate};
use pointsman_logs::write_rows;
use pointsman_policy::Guarantee;
use pointsman_router::Router;
use pointsman_simulate::{Settings, Simulation, simulate};
use pointsman_train::guarantee::Promise;
use pointsman_train::{Options, train};
use pointsman_types::{Prompt, Request};
use serde_json::Value;

use crate::program::{run, str, succeed, table, text};

fn simulation(prompts: usize, seed: u64) -> Simulation {
    simulate(&Settings {
        prompts,
        seed,
        missing: pointsman_types::Probability::ZERO,
        ..Settings::default()
    })
}

fn promise(alpha: f64) -> Promise {
    Promise {
        alpha,
        delta: 0.1,
        reference: None,
        by_category: false,
        share: 0.3,
    }
}

fn promised(log: &Simulation, promise: Promise) -> Router {
    let options = Options {
        guarantee: Some(promise),
        ..Options::default()
    };
    let log_table = table(log.rows.clone());
    let trained = train(log_table, log.catalog.clone(), &options, |_| {}).unwrap();
    Router::new(trained.artifact).unwrap()
}

#[test]
fn the_risk_on_new_prompts_is_within_alpha_and_something_is_saved() {
    let router = promised(&simulation(1500, 21), promise(0.08));
    let fresh = table(simulation(2000, 22).rows);
    let options = EvaluateOptions {
        replicates: 200,
        ..EvaluateOptions::default()
    };
    let report = evaluate(&router, &fresh, &options).unwrap().report;
    let here = report.guaranteed.unwrap().here.unwrap();
    assert!(here.regression_risk.low < Some(0.08), "{here:?}");
    assert!(here.saving.low > Some(0.05), "{here:?}");
}

#[test]
fn calibration_prompts_count_as_seen() {
    let log = simulation(400, 23);
    let router = promised(&log, promise(0.3));
    let seen = |text: &Prompt| router.was_trained_on(text);
    assert!(log.prompts.iter().all(|prompt| seen(&prompt.text)));
    let guarantee = router.guarantee().unwrap();
    assert!((60..180).contains(&guarantee.prompts), "{guarantee}");
}

#[test]
fn a_stricter_alpha_sends_more_to_the_reference() {
    let log = simulation(1500, 24);
    let share = |alpha: f64| {
        let router = promised(&log, promise(alpha));
        let reference = router.guarantee().unwrap().reference.clone();
        let kept = log.prompts.iter().filter(|prompt| {
            let request = Request::new(prompt.text.clone());
            router.decide(&request).unwrap().model == reference
        });
        kept.count()
    };
    let (strict, loose) = (share(0.03), share(0.15));
    assert!(strict > loose, "{strict} and {loose}");
}

/// A log of `prompts` made-up prompts on disk.
fn log(home: &Path, prompts: usize) -> [String; 2] {
    let made = simulation(prompts, 25);
    let (log, catalog) = (home.join("log.jsonl"), home.join("catalog.toml"));
    write_rows(&log, made.rows).unwrap();
    fs::write(&catalog, toml::to_string(&made.catalog).unwrap()).unwrap();
    [log, catalog].map(|path| str(&path).to_owned())
}

fn train_args<'a>(files: &'a [String; 2], out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec![
        "train",
        "--logs",
        &files[0],
        "--catalog",
        &files[1],
        "--out",
        out,
    ];
    args.extend(more);
    args
}

#[test]
fn the_promise_is_shown_wherever_the_router_is() {
    let home = tempfile::tempdir().unwrap();
    let files = log(home.path(), 1000);
    let (out, report) = (home.path().join("router"), home.path().join("report"));
    let trained = run(&train_args(
        &files,
        str(&out),
        &["--guarantee", "0.1,0.1", "--holdout", "0.3"],
    ));
    assert!(text(&trained.stderr).contains("guaranteed: regression risk against"));
    let kept: Guarantee =
        serde_json::from_slice(&fs::read(out.join("guarantee.json")).unwrap()).unwrap();
    assert!(kept.bound <= 0.1 && kept.saving > 0.0, "{kept}");
    assert!(succeed(&["inspect", str(&out)]).contains(&kept.to_string()));
    let shown: Value = serde_json::from_str(&succeed(&["inspect", str(&out), "--json"])).unwrap();
    assert_eq!(shown["guarantee"]["prompts"], kept.prompts);
    let evaluate = [
        "evaluate",
        "--router",
        str(&out),
        "--logs",
        &files[0],
        "--out",
        str(&report),
    ];
    let told = succeed(&[&evaluate[..], &["--replicates", "50"]].concat());
    assert!(told.contains(&kept.to_string()), "{told}");
    let found: Value =
        serde_json::from_slice(&fs::read(report.join("report.json")).unwrap()).unwrap();
    assert_eq!(found["guaranteed"]["promise"]["alpha"], 0.1);
    assert!(found["guaranteed"]["here"]["regression_risk"]["estimate"].is_number());
    let page = fs::read_to_string(report.join("report.html")).unwrap();
    assert!(page.contains("What is guaranteed") && page.contains(&kept.assumption));
    // by another policy nothing is promised
    let told = succeed(
        &[
            &evaluate[..],
            &["--replicates", "50", "--policy", "utility:100"],
        ]
        .concat(),
    );
    assert!(!told.contains("guaranteed:"), "{told}");
}

#[test]
fn every_category_can_be_promised_where_there_is_enough_of_each() {
    let log = simulation(3000, 26);
    let by_category = Promise {
        by_category: true,
        share: 0.5,
        ..promise(0.25)
    };
    let router = promised(&log, by_category);
    let guarantee = router.guarantee().unwrap();
    assert_eq!(guarantee.categories.len(), 20);
    assert!(guarantee.categories.iter().all(|one| one.bound <= 0.25));
    assert!(guarantee.bound <= 0.25 && guarantee.saving > 0.0);
}

#[test]
fn a_guarantee_that_cannot_be_met_names_the_smallest_alpha_that_can() {
    let home = tempfile::tempdir().unwrap();
    let files = log(home.path(), 600);
    let out = home.path().join("router");
    let output = run(&train_args(
        &files,
        str(&out),
        &["--guarantee", "0.0001,0.1"],
    ));
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(!out.exists());
    let (_, rest) = stderr
        .split_once("the smallest alpha that can is ")
        .unwrap();
    let smallest = rest.split(';').next().unwrap();
    let levels = format!("{smallest},0.1");
    succeed(&train_args(&files, str(&out), &["--guarantee", &levels]));
}

#[test]
fn a_reference_that_is_the_cheapest_or_unknown_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let files = log(home.path(), 300);
    let out = home.path().join("router");
    for (model, says) in [
        ("sim-wren", "no policy costs less"),
        ("gpt-5", "none of the router's models"),
    ] {
        let more = ["--guarantee", "0.5,0.1", "--reference", model];
        let output = run(&train_args(&files, str(&out), &more));
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(says) && stderr.contains(model), "{stderr}");
        assert!(!out.exists());
    }
}

#[test]
fn wrong_levels_are_wrong_usage() {
    let home = tempfile::tempdir().unwrap();
    let files = log(home.path(), 50);
    let out = home.path().join("router");
    for more in [
        &["--guarantee", "0.05"][..],
        &["--guarantee", "0.05,0"],
        &["--guarantee", "1,0.1"],
        &["--guarantee", "much,0.1"],
        &["--guarantee", "0.05,0.1", "--policy", "utility:1"],
        &["--guarantee", "0.05,0.1", "--calibration-share", "1"],
        &["--reference", "sim-wren"],
        &["--guarantee-by", "category"],
    ] {
        let output = run(&train_args(&files, str(&out), more));
        assert_eq!(
            output.status.code(),
            Some(2),
            "{more:?}: {}",
            text(&output.stderr)
        );
    }
}
