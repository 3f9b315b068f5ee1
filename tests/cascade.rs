//! Reading an answer before deciding: what it gains, what all its calls cost, and what it must not
//! learn from.

use std::fs;
use std::path::PathBuf;

use pointsman_evaluate::{
    Cascaded, Evaluation, Folds, Options as Evaluate, Report, RowKind, Sample, evaluate_folds,
};
use pointsman_logs::write_rows;
use pointsman_router::Router;
use pointsman_simulate::{Settings, Simulation, simulate};
use pointsman_train::{Options, TrainError, complete_costs, train};
use pointsman_types::{LogRow, LogTable};

use crate::program::{run, str, succeed, table, text};

fn simulation(prompts: usize) -> Simulation {
    simulate(&Settings {
        prompts,
        answers: true,
        ..Settings::default()
    })
}

fn log(simulation: &Simulation, rows: Vec<LogRow>) -> LogTable {
    let mut log = table(rows);
    complete_costs(&mut log, &simulation.catalog);
    log
}

fn router(log: LogTable, simulation: &Simulation) -> Result<Router, TrainError> {
    let options = Options {
        cascade: true,
        ..Options::default()
    };
    let trained = train(log, simulation.catalog.clone(), &options, |_| {})?;
    Ok(Router::new(trained.artifact)?)
}

fn cross_validated(simulation: &Simulation, rows: Vec<LogRow>) -> Report {
    let options = Evaluate {
        replicates: 200,
        ..Evaluate::default()
    };
    let folds = Folds {
        count: 3,
        cascade: true,
    };
    let fit = |log: LogTable| router(log, simulation);
    let found = evaluate_folds(&log(simulation, rows), folds, &options, fit, |_| {});
    let Evaluation { report, .. } = found.unwrap();
    report
}

/// AIQ of the cascade minus AIQ of the router, from the lower to the upper end of its interval.
fn gain(report: &Report) -> (f64, f64) {
    let row = report.row(RowKind::Cascade).unwrap();
    let lost = row.router_gain.unwrap();
    (-lost.high.unwrap(), -lost.low.unwrap())
}

#[test]
fn answers_that_tell_are_worth_reading() {
    let simulation = simulation(1500);
    let report = cross_validated(&simulation, simulation.rows.clone());
    let (low, _) = gain(&report);
    assert!(low > 0.005, "{:?}", report.row(RowKind::Cascade));
    let calls: Vec<f64> = report.cascade.iter().map(|point| point.calls).collect();
    assert!(calls.iter().all(|calls| (1.0..=3.0).contains(calls)));
    assert!(calls.iter().any(|calls| *calls > 1.1), "{calls:?}");
    assert!(
        calls[0] < 1.05,
        "where money matters most one call is enough"
    );
    assert!(
        report
            .finding
            .contains("Reading answers before deciding is better")
    );
}

#[test]
fn permuted_answers_gain_nothing() {
    let simulation = simulation(1500);
    let mut rows = simulation.rows.clone();
    // Every model's answers move on by some prompts.
    for name in &simulation.models {
        let of_model = || (0..rows.len()).filter(|at| rows[*at].model == *name);
        let places: Vec<usize> = of_model().collect();
        let signs: Vec<_> = places
            .iter()
            .map(|at| (rows[*at].answer_logprob, rows[*at].answer_chars))
            .collect();
        for (number, at) in places.iter().enumerate() {
            let (logprob, chars) = signs[(number + 101) % signs.len()];
            (rows[*at].answer_logprob, rows[*at].answer_chars) = (logprob, chars);
        }
    }
    let report = cross_validated(&simulation, rows);
    let (low, high) = gain(&report);
    assert!(low < 0.002 && high > -0.006, "from {low} to {high}");
    assert!(high < 0.01, "from {low} to {high}");
}

#[test]
fn half_of_the_log_probabilities_still_gain() {
    let simulation = simulation(1500);
    let mut rows = simulation.rows.clone();
    for (number, row) in rows.iter_mut().enumerate() {
        if number % 4 < 2 {
            row.answer_logprob = None;
        }
    }
    let report = cross_validated(&simulation, rows);
    assert!(gain(&report).0 > 0.0, "{:?}", report.row(RowKind::Cascade));
}

#[test]
fn every_call_is_paid_for() {
    let simulation = simulation(800);
    let log = log(&simulation, simulation.rows.clone());
    let router = router(log.clone(), &simulation).unwrap();
    let sample = Sample::of(&log, router.models(), |_| false, &Evaluate::default()).unwrap();
    let found = Cascaded::by(&router, &sample, &[200.0, 50.0, 5.0]).unwrap();
    assert_eq!(
        found,
        Cascaded::by(&router, &sample, &[200.0, 50.0, 5.0]).unwrap()
    );
    let mut several = 0;
    for step in 0..3 {
        for prompt in 0..sample.prompts().len() {
            let costs = sample.outcomes().cost().row(prompt);
            let scores = sample.outcomes().score().row(prompt);
            let (calls, cost) = (found.calls[(step, prompt)], found.cost[(step, prompt)]);
            let is_paid = subsets(costs.len())
                .filter(|subset| subset.len() as f64 == calls)
                .any(|subset| {
                    let sum: f64 = subset.iter().map(|model| costs[*model]).sum();
                    let quality = found.quality[(step, prompt)];
                    (sum - cost).abs() < 1e-12
                        && subset.iter().any(|model| scores[*model] == quality)
                });
            assert!(is_paid, "{calls} calls for {cost} of {costs:?}");
            several += usize::from(calls > 1.0);
        }
    }
    assert!(several > 100, "{several}");
}

fn subsets(models: usize) -> impl Iterator<Item = Vec<usize>> {
    (0..1_usize << models)
        .map(move |bits| (0..models).filter(|model| bits >> model & 1 == 1).collect())
}

struct Home {
    dir: tempfile::TempDir,
    log: PathBuf,
    catalog: PathBuf,
}

fn home(simulation: &Simulation) -> Home {
    let dir = tempfile::tempdir().unwrap();
    let (log, catalog) = (dir.path().join("log.jsonl"), dir.path().join("models.toml"));
    write_rows(&log, simulation.rows.iter().cloned()).unwrap();
    fs::write(&catalog, toml::to_string(&simulation.catalog).unwrap()).unwrap();
    Home { dir, log, catalog }
}

impl Home {
    fn path(&self, name: &str) -> String {
        str(&self.dir.path().join(name)).to_owned()
    }

    fn on_logs<'a>(&'a self, command: &[&'a str]) -> Vec<&'a str> {
        let logs = ["--logs", str(&self.log), "--catalog", str(&self.catalog)];
        [command, &logs].concat()
    }
}

#[test]
fn the_command_line_trains_and_measures_a_cascade() {
    let home = home(&simulation(600));
    let (router, out) = (home.path("router"), home.path("out"));
    succeed(&home.on_logs(&["train", "--cascade", "--holdout", "0.3", "--out", &router]));
    assert!(fs::metadata(home.dir.path().join("router/cascade.json")).is_ok());
    let evaluate = [
        "evaluate",
        "--cascade",
        "--replicates",
        "50",
        "--out",
        &out,
        "--json",
    ];
    let by_router = [&evaluate[..], &["--router", &router]].concat();
    let found = json(&succeed(&home.on_logs(&by_router)));
    let kinds: Vec<&str> = rows(&found)
        .map(|row| row["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds[..2], ["router", "cascade"]);
    assert!(found["cascade"].as_array().unwrap().len() > 10);
    let page = fs::read_to_string(home.dir.path().join("out/report.html")).unwrap();
    assert!(page.contains("The cascade") && page.contains("cascade, all its calls counted"));

    let in_folds = [&evaluate[..], &["--folds", "3"]].concat();
    let found = json(&succeed(&home.on_logs(&in_folds)));
    assert_eq!(found["prompts"].as_u64().unwrap() / 500, 1);
    assert_eq!(rows(&found).nth(1).unwrap()["kind"], "cascade");
    assert_eq!(found["policy_version"], "3 folds");
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

fn rows(report: &serde_json::Value) -> impl Iterator<Item = &serde_json::Value> {
    report["rows"].as_array().unwrap().iter()
}

#[test]
fn what_is_missing_for_a_cascade_is_said() {
    let silent = simulate(&Settings {
        prompts: 200,
        ..Settings::default()
    });
    let home = home(&silent);
    let (router, out) = (home.path("router"), home.path("out"));
    let check = |command: &[&str], code: i32, says: &str| {
        let output = run(&home.on_logs(command));
        assert_eq!(output.status.code(), Some(code), "{command:?}");
        let stderr = text(&output.stderr);
        assert!(stderr.contains(says), "{stderr:?} does not say {says:?}");
    };
    let train = ["train", "--out", &router];
    let neither = "neither `answer_logprob` nor `answer_chars`";
    check(&[&train[..], &["--cascade"]].concat(), 1, neither);
    assert!(!PathBuf::from(&router).exists());
    succeed(&home.on_logs(&train));
    let evaluate = ["evaluate", "--cascade", "--out", &out];
    let of_router = [&evaluate[..], &["--router", &router, "--include-training"]].concat();
    check(&of_router, 1, "train it with --cascade");
    check(
        &[&evaluate[..], &["--folds", "2"]].concat(),
        1,
        "no router can be made",
    );
    check(&evaluate, 2, "--router");
    check(
        &[&evaluate[..], &["--learning-curve"]].concat(),
        2,
        "cannot be used with",
    );
}

/// The figures stand in `benches/RESULTS.md`; here is what a change must not lose.
#[test]
fn on_a_real_log_it_keeps_what_it_promises() {
    let path = crate::program::root().join("../shared/data/cascades.parquet");
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
        return;
    }
    let mut builder = pointsman_logs::TableBuilder::new(pointsman_logs::Budget {
        max_prompts: 1500,
        ..pointsman_logs::Budget::default()
    });
    pointsman_logs::read(&[path], &pointsman_logs::ReadOptions::default(), |row| {
        builder.push(row);
        Ok(())
    })
    .unwrap();
    let log = builder.finish().unwrap().0;
    let catalog = pointsman_types::Catalog::default();
    let folds = Folds {
        count: 2,
        cascade: true,
    };
    let fit = |log: LogTable| {
        let options = Options {
            cascade: true,
            ..Options::default()
        };
        let trained = train(log, catalog.clone(), &options, |_| {})?;
        Ok::<_, TrainError>(Router::new(trained.artifact)?)
    };
    let options = Evaluate {
        replicates: 100,
        ..Evaluate::default()
    };
    let found = evaluate_folds(&log, folds, &options, fit, |_| {}).unwrap();
    assert!(
        gain(&found.report).0 > 0.0,
        "{:?}",
        found.report.row(RowKind::Cascade)
    );
}
