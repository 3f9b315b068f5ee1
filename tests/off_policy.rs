//! What `ope` says of a router, on decisions of another policy, against a truth that is known.

use std::fs;
use std::path::{Path, PathBuf};

use pointsman_logs::write_rows;
use pointsman_policy::PolicySpec;
use pointsman_router::Router;
use pointsman_simulate::{Settings, SimulatedPrompt, Simulation, simulate};
use pointsman_train::{Options, complete_costs, train};
use pointsman_types::{LogRow, Probability, Request, fold_of};
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::program::{run, str, succeed, table, text};

/// Evenly spread over `[0, 1)`, the same on every machine.
fn chance(what: &str, number: usize) -> f64 {
    const PARTS: u64 = 1 << 40;
    fold_of(what, number as u64, PARTS) as f64 / PARTS as f64
}

fn simulation(prompts: usize, seed: u64) -> Simulation {
    simulate(&Settings {
        prompts,
        seed,
        missing: Probability::ZERO,
        ..Settings::default()
    })
}

/// Explores with this probability around one model.
struct Logging {
    explored: f64,
    model: usize,
}

impl Logging {
    fn propensity(&self, model: usize, models: usize) -> f64 {
        let share = self.explored / models as f64;
        share
            + if model == self.model {
                1.0 - self.explored
            } else {
                0.0
            }
    }

    fn choose(&self, number: usize, models: usize) -> usize {
        match chance("explore", number) < self.explored {
            true => (chance("model", number) * models as f64) as usize,
            false => self.model,
        }
    }

    fn value(&self, traffic: &Simulation) -> f64 {
        let models = traffic.models.len();
        let of = |model: usize| {
            let value = traffic.value(|_| model).quality;
            self.propensity(model, models) * value
        };
        (0..models).map(of).sum()
    }

    /// Decisions of which about this share has feedback.
    fn rows(&self, traffic: &Simulation, rated: f64) -> Vec<LogRow> {
        let models = traffic.models.len();
        let row = |(number, prompt): (usize, &SimulatedPrompt)| {
            let model = self.choose(number, models);
            let name = &traffic.models[model];
            let mut rows = traffic.rows.iter();
            let row = rows.find(|row| row.prompt_id == prompt.id && row.model == *name);
            let score = row.unwrap().score;
            LogRow {
                score: score.filter(|_| chance("rated", number) < rated),
                propensity: Some(Probability::new(self.propensity(model, models)).unwrap()),
                policy_version: Some("explorer".into()),
                decision_id: Some(format!("d{number}")),
                session_id: Some(format!("s{}", number / 2)),
                ..LogRow::new(prompt.text.clone(), name.clone())
            }
        };
        traffic.prompts.iter().enumerate().map(row).collect()
    }
}

/// A router on disk that learnt from other prompts than the traffic's.
struct Scene {
    home: TempDir,
    traffic: Simulation,
    router: Router,
}

impl Scene {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let first = simulation(500, 21);
        let mut log = table(first.rows.clone());
        complete_costs(&mut log, &first.catalog);
        let options = Options {
            policy: Some(PolicySpec::Utility { lambda: 20.0 }),
            ..Options::default()
        };
        let trained = train(log, first.catalog, &options, |_| {}).unwrap();
        trained.artifact.save(&home.path().join("router")).unwrap();
        let router = Router::open(&home.path().join("router")).unwrap();
        let traffic = simulation(4000, 22);
        Self {
            home,
            traffic,
            router,
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn log(&self, rows: impl IntoIterator<Item = LogRow>) -> PathBuf {
        let log = self.at("decisions.jsonl");
        write_rows(&log, rows).unwrap();
        log
    }

    /// The router's true value on the traffic that it has not seen, as `ope` leaves it.
    fn truth(&self) -> f64 {
        let models = &self.traffic.models;
        let value = self.traffic.value(|prompt| {
            let decision = self.router.decide(&Request::new(prompt.text.clone()));
            let chosen = decision.unwrap().model;
            models.iter().position(|model| *model == chosen).unwrap()
        });
        value.quality
    }

    fn ope(&self, log: &Path, more: &[&str]) -> Json {
        let router = self.at("router");
        let fixed = [
            "ope",
            "--policy",
            str(&router),
            "--logs",
            str(log),
            "--json",
        ];
        serde_json::from_str(&succeed(&[&fixed[..], more].concat())).unwrap()
    }

    /// Fails with this status and says all of this.
    fn check_refused(&self, log: &Path, more: &[&str], status: i32, says: &[&str]) {
        let router = self.at("router");
        let fixed = ["ope", "--policy", str(&router), "--logs", str(log)];
        let output = run(&[&fixed[..], more].concat());
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{stderr}");
        for words in says {
            assert!(stderr.contains(words), "{stderr:?} does not say {words:?}");
        }
    }
}

fn number(json: &Json, path: &str) -> f64 {
    let found = json.pointer(path).and_then(Json::as_f64);
    found.unwrap_or_else(|| panic!("no number at {path} of {json}"))
}

/// Value, low and high of an estimator.
fn estimate(report: &Json, estimator: &str) -> [f64; 3] {
    let rows = report["estimates"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["estimator"] == estimator)
        .unwrap();
    ["/value", "/low", "/high"].map(|path| number(row, path))
}

#[test]
fn a_router_is_worth_what_the_log_of_another_policy_says() {
    let scene = Scene::new();
    let logging = Logging {
        explored: 0.5,
        model: 0,
    };
    let log = scene.log(logging.rows(&scene.traffic, 0.6));
    let out = scene.at("out");
    let report = scene.ope(&log, &["--out", str(&out), "--synthetic"]);
    let (truth, current) = (scene.truth(), logging.value(&scene.traffic));
    for estimator in ["ips", "snips", "dr", "switch_dr"] {
        let [value, low, high] = estimate(&report, estimator);
        assert!(
            low < truth && truth < high,
            "{estimator}: {value} [{low}, {high}], truly {truth}"
        );
    }
    let width = |estimator: &str| estimate(&report, estimator)[2] - estimate(&report, estimator)[1];
    assert!(width("dr") < width("ips"), "{report}");
    let gain = truth - current;
    let difference = &report["difference"];
    assert!(
        number(difference, "/low") < gain && gain < number(difference, "/high"),
        "{difference}, truly {gain}"
    );
    assert!(
        number(difference, "/at_least") > 0.0 && gain > 0.0,
        "{difference}"
    );
    let with_reward =
        number(&report, "/overlap/with_reward") / number(&report, "/overlap/decisions");
    assert!((with_reward - 0.6).abs() < 0.05, "{with_reward}");
    let page = fs::read_to_string(out.join("off_policy.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("switch-DR"));
    for file in ["off_policy.json", "off_policy.svg", "off_policy.png"] {
        assert!(out.join(file).is_file(), "{file} is missing");
    }
}

#[test]
fn a_log_that_cannot_tell_is_refused_with_the_reason() {
    let scene = Scene::new();
    let rows =
        |explored: f64, rated: f64| Logging { explored, model: 0 }.rows(&scene.traffic, rated);
    let log = scene.log(rows(0.0, 1.0));
    scene.check_refused(&log, &[], 1, &["deterministic", "exploration"]);
    let log = scene.log(rows(0.5, 0.0));
    scene.check_refused(&log, &[], 1, &["none of the", "has a reward"]);
    let log = scene.log(rows(0.5, 1.0).into_iter().take(60));
    scene.check_refused(&log, &[], 1, &["effective sample size"]);
    let wrong = rows(0.5, 1.0).into_iter().map(|row| LogRow {
        propensity: Some(Probability::new(0.9).unwrap()),
        ..row
    });
    let log = scene.log(wrong);
    scene.check_refused(&log, &[], 1, &["importance weights", "propensities"]);
}

#[test]
fn rows_that_cannot_be_used_are_counted_listed_or_refused() {
    let scene = Scene::new();
    let logging = Logging {
        explored: 0.5,
        model: 0,
    };
    let mut rows = logging.rows(&scene.traffic, 1.0);
    rows[3].propensity = None;
    rows[4].model = "a-stranger".into();
    rows[5].decision_id = rows[6].decision_id.clone();
    let log = scene.log(rows);
    let report = scene.ope(&log, &["--reward", "utility", "--replicates", "100"]);
    let left_out = &report["left_out"];
    for kind in ["without_propensity", "unknown_model", "repeated"] {
        assert_eq!(left_out[kind], 1, "{kind}: {left_out}");
    }
    assert_eq!(left_out["first"][0]["id"], "d3");
    assert_eq!(number(&report, "/facts/reward/lambda") as u64, 20);
    scene.check_refused(&log, &["--strict"], 1, &["`d3`", "no propensity"]);
    scene.check_refused(
        &log,
        &["--reward", "score", "--lambda", "3"],
        2,
        &["--lambda"],
    );
    scene.check_refused(&log, &["--confidence", "1.5"], 2, &["between 0 and 1"]);
}
