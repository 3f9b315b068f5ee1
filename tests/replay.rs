//! Serving with feedback on a log whose truth is known: learning does no harm, what happens is
//! noticed, and the command prints what it promises.

use pointsman_logs::{ReadOptions, read};
use pointsman_replay::{Plan, Regime, Replay, Scenario, ScenarioReport, replay};
use pointsman_router::read_catalog;
use pointsman_train::complete_costs;

use crate::program::{root, run, str, succeed, table, text};

/// A dollar is worth what it is in the other tests of this log; at far more, costs alone decide.
fn plan() -> Plan {
    Plan {
        seeds: 2,
        delay: 100,
        lambda: 30.0,
        ..Plan::default()
    }
}

/// On the bundled log.
fn replayed(plan: &Plan) -> Replay {
    let datasets = root().join("datasets");
    let catalog = read_catalog(&datasets.join("synthetic.catalog.toml")).unwrap();
    let mut rows = Vec::new();
    let keep = |row| {
        rows.push(row);
        Ok(())
    };
    let log = datasets.join("synthetic.jsonl.zst");
    read(&[log], &ReadOptions { strict: true }, keep).unwrap();
    let mut log = table(rows);
    complete_costs(&mut log, &catalog);
    replay(&log, &catalog, plan, |_| {}).unwrap()
}

#[test]
fn learning_does_no_harm_and_hindsight_is_better() {
    for regime in [Regime::Iid, Regime::Shift] {
        let report = replayed(&Plan { regime, ..plan() }).report;
        let utility = report.utility;
        // Measured: 0.0023 and 0.0003 below frozen; never below by more than 0.0079 and 0.0162.
        assert!(utility.online > utility.frozen - 0.005, "{report:?}");
        assert!(report.worst_drop_after_500.unwrap() < 0.02, "{report:?}");
        // Measured: 0.035 and 0.047 above.
        assert!(utility.fitted > utility.frozen + 0.02, "{report:?}");
    }
}

#[test]
fn a_replay_is_the_same_each_time() {
    let plan = Plan { seeds: 1, ..plan() };
    assert_eq!(replayed(&plan).report, replayed(&plan).report);
}

#[test]
fn without_feedback_nothing_is_learnt_of_quality() {
    let silent = Plan {
        feedback: 0.0,
        ..plan()
    };
    let levels = replayed(&silent).trace.into_iter();
    let mut levels = levels.filter(|row| row.kind == "level");
    assert!(levels.all(|row| row.value.abs() < 1e-12));
}

#[test]
fn a_poisoned_key_does_little() {
    let poisoned = Plan {
        scenario: Some(Scenario::Poison),
        ..plan()
    };
    let Some(ScenarioReport::Poison(report)) = replayed(&poisoned).report.happened else {
        panic!("a replay of a scenario reports it");
    };
    assert!(report.lost_share < 0.02, "{report:?}");
}

#[test]
fn the_command_prints_its_figures_and_writes_its_trace() {
    let dir = tempfile::tempdir().unwrap();
    let (log, prices) = (dir.path().join("log.jsonl"), dir.path().join("prices.toml"));
    let trace = dir.path().join("trace.csv");
    let made = ["simulate", "--prompts", "1200", "--out", str(&log)];
    succeed(&[made.as_slice(), &["--catalog-out", str(&prices)]].concat());
    let args = ["replay", "--logs", str(&log), "--catalog", str(&prices)];
    let small = ["--seeds", "1", "--labels", "100", "--regime", "shift"];
    let more = ["--json", "--trace", str(&trace)];
    let printed = succeed(&[args.as_slice(), &small, &more].concat());
    let report: serde_json::Value = serde_json::from_str(&printed).unwrap();
    for policy in [
        "frozen",
        "best_single",
        "online",
        "greedy",
        "linucb",
        "thompson",
        "epsilon_greedy",
        "fitted",
    ] {
        assert!(report["utility"][policy].is_f64(), "{policy}: {printed}");
    }
    for field in ["worst_drop_after_500", "prompts", "seeds"] {
        assert!(report.get(field).is_some(), "{field}: {printed}");
    }
    let trace = std::fs::read_to_string(trace).unwrap();
    assert!(trace.contains("regret,online") && trace.contains("level,"));
    assert!(succeed(&[args.as_slice(), &small].concat()).contains("best_single"));
}

#[test]
fn too_few_prompts_are_an_error_that_says_how_many_are_needed() {
    let dir = tempfile::tempdir().unwrap();
    let (log, prices) = (dir.path().join("log.jsonl"), dir.path().join("prices.toml"));
    let made = ["simulate", "--prompts", "300", "--out", str(&log)];
    succeed(&[made.as_slice(), &["--catalog-out", str(&prices)]].concat());
    let failed = run(&["replay", "--logs", str(&log), "--catalog", str(&prices)]);
    assert!(!failed.status.success());
    let said = text(&failed.stderr);
    assert!(said.contains("offline") && said.contains("300"), "{said}");
}
