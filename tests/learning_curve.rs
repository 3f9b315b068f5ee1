//! More labels make a better router, and the learning curve says by how much.

use std::cell::RefCell;
use std::fs;

use pointsman_evaluate::{
    LearningCurve, LearningError, LearningPlan, learning_curve, learning_table,
};
use pointsman_logs::write_rows;
use pointsman_router::Router;
use pointsman_simulate::{Settings, Simulation, simulate};
use pointsman_train::{Options, TrainError, complete_costs, train};
use pointsman_types::LogTable;

use crate::program::{run, str, succeed, table, text};

fn simulation(prompts: usize) -> Simulation {
    simulate(&Settings {
        prompts,
        ..Settings::default()
    })
}

fn log(simulation: &Simulation) -> LogTable {
    let mut log = table(simulation.rows.clone());
    complete_costs(&mut log, &simulation.catalog);
    log
}

fn plan() -> LearningPlan {
    LearningPlan {
        folds: 3,
        replicates: 200,
        ..LearningPlan::default()
    }
}

/// The curve where only tables of so many prompts make a router.
fn curve_from(
    simulation: &Simulation,
    plan: &LearningPlan,
    least: usize,
) -> Result<LearningCurve, LearningError<TrainError>> {
    let fit = |table: LogTable| {
        let found = table.prompts.len();
        if found < least {
            return Err(TrainError::FewPrompts { found, least });
        }
        let trained = train(
            table,
            simulation.catalog.clone(),
            &Options::default(),
            |_| {},
        )?;
        Ok(Router::new(trained.artifact)?)
    };
    learning_curve(&log(simulation), plan, fit, |_| {})
}

#[test]
fn more_labels_make_a_better_router_below_the_oracle() {
    let curve = curve_from(&simulation(1200), &plan(), 0).unwrap();
    let sizes: Vec<usize> = curve.sizes.iter().map(|size| size.prompts).collect();
    assert!(sizes.len() >= 4 && sizes.is_sorted(), "{sizes:?}");
    let (first, last) = (&curve.sizes[0], &curve.sizes[sizes.len() - 1]);
    assert!(last.aiq.estimate > first.aiq.estimate, "{curve:?}");
    assert!(last.gain_over_zero.low > Some(0.0), "{last:?}");
    assert!(curve.oracle.low > last.aiq.high, "{curve:?}");
    let text = learning_table(&curve);
    for words in ["zero router", "oracle", curve.advice.as_str()] {
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn every_fold_learns_nested_sets_and_never_what_it_is_tested_on() {
    let simulation = simulation(300);
    let learnt = RefCell::new(Vec::new());
    let fit = |table: LogTable| {
        let texts: Vec<String> = table
            .prompts
            .iter()
            .map(|row| row.text.to_string())
            .collect();
        learnt.borrow_mut().push(texts);
        let trained = train(
            table,
            simulation.catalog.clone(),
            &Options::default(),
            |_| {},
        )?;
        Ok::<_, TrainError>(Router::new(trained.artifact)?)
    };
    let plan = LearningPlan {
        sizes: vec![100],
        ..plan()
    };
    learning_curve(&log(&simulation), &plan, fit, |_| {}).unwrap();
    let learnt = learnt.into_inner();
    assert_eq!(learnt.len(), 6, "two sizes of three folds");
    for fold in 0..3 {
        let (few, all) = (&learnt[fold], &learnt[3 + fold]);
        assert_eq!(few.len(), 100);
        assert!(few.iter().all(|text| all.contains(text)));
        let held_out = 300 - all.len();
        assert!((50..150).contains(&held_out), "{held_out}");
    }
}

#[test]
fn a_size_that_makes_no_router_is_left_out_with_its_reason() {
    let curve = curve_from(&simulation(400), &plan(), 100).unwrap();
    assert!(curve.sizes.iter().all(|size| size.prompts >= 100));
    assert!(
        curve.left_out[0].contains("at least 100 are needed"),
        "{:?}",
        curve.left_out
    );
}

#[test]
fn a_log_that_makes_no_router_at_all_is_an_error() {
    let error = curve_from(&simulation(400), &plan(), 10_000).unwrap_err();
    assert!(
        matches!(error, LearningError::Fit(TrainError::FewPrompts { .. })),
        "{error}"
    );
}

#[test]
fn the_command_writes_the_curve_as_table_json_page_and_picture() {
    let home = tempfile::tempdir().unwrap();
    let (rows, catalog, out) = (
        home.path().join("log.jsonl"),
        home.path().join("catalog.toml"),
        home.path().join("out"),
    );
    let simulation = simulation(400);
    write_rows(&rows, simulation.rows.iter().cloned()).unwrap();
    fs::write(&catalog, toml::to_string(&simulation.catalog).unwrap()).unwrap();
    let json = succeed(&[
        "evaluate",
        "--learning-curve",
        "--logs",
        str(&rows),
        "--catalog",
        str(&catalog),
        "--out",
        str(&out),
        "--folds",
        "3",
        "--sizes",
        "60,120",
        "--replicates",
        "100",
        "--json",
    ]);
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    let sizes: Vec<u64> = found["sizes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|size| size["prompts"].as_u64().unwrap())
        .collect();
    assert_eq!(sizes[..2], [60, 120]);
    assert!((200..300).contains(&sizes[2]), "{sizes:?}");
    let page = fs::read_to_string(out.join("learning_curve.html")).unwrap();
    assert!(page.contains("<svg") && page.contains(found["advice"].as_str().unwrap()));
    for file in [
        "learning_curve.json",
        "learning_curve.svg",
        "learning_curve.png",
    ] {
        assert!(out.join(file).metadata().unwrap().len() > 1000, "{file}");
    }
}

#[test]
fn a_router_and_a_learning_curve_exclude_each_other_and_one_is_needed() {
    let check = |more: &[&str], says: &str| {
        let output = run(&[&["evaluate", "--logs", "x.csv", "--out", "never"], more].concat());
        assert_eq!(output.status.code(), Some(2), "{more:?}");
        let stderr = text(&output.stderr);
        assert!(stderr.contains(says), "{stderr:?} does not say {says:?}");
    };
    check(&[], "--router");
    check(
        &["--learning-curve", "--router", "x"],
        "cannot be used with",
    );
    check(
        &["--learning-curve", "--policy", "utility:1"],
        "cannot be used with",
    );
    check(&["--router", "x", "--folds", "3"], "cannot be used with");
    check(&["--learning-curve", "--sizes", "3"], "3 is not in 20");
}
