//! The whole loop: a few rows make a first router, it serves, feedback comes in, the export is
//! trained on together with the first rows, and the new router is better on the truth. And the loop
//! without anybody: a retrained router goes from shadow to canary to current by its evidence, and
//! back when what it chooses gets worse.

use std::path::Path;

use pointsman_logs::write_rows;
use pointsman_policy::PolicySpec;
use pointsman_router::Router;
use pointsman_simulate::{Settings, SimulatedPrompt, Simulation, Value, simulate};
use pointsman_types::{LogRow, Quality, Request};
use serde_json::{Value as Json, json};

use crate::program::{Server, str, succeed};

/// Quality that a dollar must buy; utility is measured at the same rate.
const LAMBDA: f64 = 30.0;

fn simulation(prompts: usize, seed: u64) -> Simulation {
    simulate(&Settings {
        prompts,
        seed,
        ..Settings::default()
    })
}

/// True mean utility of a router's choices on prompts that nobody trained on.
fn utility(router: &Path, fresh: &Simulation) -> f64 {
    let router = Router::open(router)
        .unwrap()
        .with_policy(PolicySpec::Utility { lambda: LAMBDA })
        .unwrap();
    let choose = |prompt: &SimulatedPrompt| {
        let chosen = router
            .decide(&Request::new(prompt.text.clone()))
            .unwrap()
            .model;
        fresh
            .models
            .iter()
            .position(|model| *model == chosen)
            .unwrap()
    };
    let Value { quality, cost_usd } = fresh.value(choose);
    quality - LAMBDA * cost_usd
}

/// Asks for a decision on every prompt and reports what its answer was worth. Every third request
/// names its model, as pinned traffic does.
async fn live_through(server: &Server, traffic: &Simulation) {
    let client = reqwest::Client::new();
    for (number, prompt) in traffic.prompts.iter().enumerate() {
        let mut body = json!({ "prompt": prompt.text.text() });
        if number % 3 == 0 {
            body["models"] = json!([traffic.models[number / 3 % traffic.models.len()]]);
        }
        let decision = post(&client, &server.path("/v1/route"), &body).await;
        if let Some(score) = score(traffic, prompt, decision["model"].as_str().unwrap()) {
            judge(&client, server, &decision, score).await;
        }
    }
}

/// What the answer of a model was worth, where anybody said.
fn score(traffic: &Simulation, prompt: &SimulatedPrompt, model: &str) -> Option<f64> {
    let mut rows = traffic.rows.iter();
    let row = rows.find(|row| row.prompt_id == prompt.id && row.model.as_str() == model)?;
    row.score.map(|score| f64::from(score.get()))
}

async fn judge(client: &reqwest::Client, server: &Server, decision: &Json, value: f64) {
    let feedback = json!({ "decision_id": decision["decision_id"], "value": value });
    post(client, &server.path("/v1/feedback"), &feedback).await;
}

async fn post(client: &reqwest::Client, url: &str, body: &Json) -> Json {
    let answer = client.post(url).json(body).send().await.unwrap();
    assert!(
        answer.status().is_success(),
        "{url} answered {}",
        answer.status()
    );
    answer.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn feedback_makes_a_better_router() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    let (first, traffic, fresh) = (
        simulation(60, 11),
        simulation(1500, 12),
        simulation(1500, 13),
    );
    std::fs::write(at("catalog.toml"), first.catalog_toml()).unwrap();
    write_rows(&at("first.jsonl"), first.rows.clone()).unwrap();
    let catalog = at("catalog.toml");
    let train = |logs: &[&str], out: &Path| {
        let fixed = [
            "--catalog",
            str(&catalog),
            "--policy",
            "utility:30",
            "--out",
            str(out),
        ];
        succeed(&[&["train", "--logs"], logs, &fixed].concat());
    };
    train(&[str(&at("first.jsonl"))], &at("router"));
    let before = utility(&at("router"), &fresh);

    let server = Server::start(&[
        "--router",
        str(&at("router")),
        "--store",
        str(&at("store.db")),
        "--log-prompts",
    ]);
    live_through(&server, &traffic).await;
    assert!(server.terminate(), "the server ends well");
    succeed(&[
        "export",
        "--store",
        str(&at("store.db")),
        "--out",
        str(&at("served.jsonl")),
    ]);

    train(
        &[str(&at("first.jsonl")), str(&at("served.jsonl"))],
        &at("retrained"),
    );
    let after = utility(&at("retrained"), &fresh);
    assert!(
        after > before + 0.005,
        "true utility was {before:.4} before and is {after:.4} after"
    );
}

/// Quick steps: the gates are those of a real server, their least numbers are not. Nothing is learnt
/// between the versions, so that they are all that differs.
const SETTINGS: &str = r#"
[learning]
mode = "bypass"

[serve]
log_prompts = true
steward_ms = 20
explore = { rule = "epsilon", share = 0.3 }

[serve.promotion]
least_judged = 60
canary_share = 0.5
cost_factor = 20.0
group_margin = 0.5
"#;

/// Most requests until a step is taken.
const PATIENCE: usize = 12_000;

/// A server whose answers may get worse.
struct Life<'a> {
    client: reqwest::Client,
    server: &'a Server,
    traffic: &'a Simulation,
    /// Models whose answers are worth nothing any more.
    fallen: Vec<String>,
    requests: usize,
}

impl<'a> Life<'a> {
    fn new(server: &'a Server, traffic: &'a Simulation) -> Self {
        Self {
            client: reqwest::Client::new(),
            server,
            traffic,
            fallen: Vec::new(),
            requests: 0,
        }
    }

    /// One request, whose answer is judged. Returns the decision.
    async fn step(&mut self) -> Json {
        let prompt = &self.traffic.prompts[self.requests % self.traffic.prompts.len()];
        self.requests += 1;
        let body = json!({ "prompt": prompt.text.text() });
        let decision = post(&self.client, &self.server.path("/v1/route"), &body).await;
        let model = decision["model"].as_str().unwrap();
        let worth = match self.fallen.iter().any(|one| one == model) {
            true => Some(0.0),
            false => score(self.traffic, prompt, model),
        };
        if let Some(worth) = worth {
            judge(&self.client, self.server, &decision, worth).await;
        }
        decision
    }

    async fn versions(&self) -> Json {
        let answer = self.client.get(self.server.path("/v1/versions")).send();
        answer.await.unwrap().json().await.unwrap()
    }

    async fn learning(&self) -> Json {
        let answer = self.client.get(self.server.path("/v1/learning")).send();
        answer.await.unwrap().json().await.unwrap()
    }

    /// Goes on until the drift of a model's quality is in this state; returns how learning stands.
    async fn until_quality(&mut self, model: &str, state: &str) -> Json {
        for _ in 0..PATIENCE / 10 {
            let learning = self.learning().await;
            let mut models = learning["drift"]["models"].as_array().unwrap().iter();
            if models.any(|one| one["model"] == model && one["quality"] == state) {
                return learning;
            }
            for _ in 0..10 {
                self.step().await;
            }
        }
        panic!("{model} is not {state}: {:#}", self.learning().await);
    }

    /// Goes on until a version stands somewhere.
    async fn until(&mut self, version: &str, stage: &str) {
        for _ in 0..PATIENCE / 10 {
            let versions = self.versions().await;
            let mut all = versions["versions"].as_array().unwrap().iter();
            if all.any(|one| one["version"] == version && one["stage"] == stage) {
                return;
            }
            for _ in 0..10 {
                self.step().await;
            }
        }
        panic!("{version} is not {stage}: {:#}", self.versions().await);
    }

    /// The model that the current version chooses most.
    async fn favourite(&mut self) -> String {
        let mut chosen = std::collections::BTreeMap::new();
        for _ in 0..50 {
            let model = self.step().await["model"].as_str().unwrap().to_owned();
            *chosen.entry(model).or_insert(0) += 1;
        }
        let most = chosen.into_iter().max_by_key(|(_, count)| *count);
        most.unwrap().0
    }
}

/// The same rows by a judge who has it the wrong way round.
fn misjudged(simulation: &Simulation) -> Vec<LogRow> {
    let turned = |row: &LogRow| LogRow {
        score: row.score.map(|score| Quality::clamped(1.0 - score.get())),
        ..row.clone()
    };
    simulation.rows.iter().map(turned).collect()
}

/// A server whose router learnt from a judge who had it the wrong way round.
fn misled(home: &Path) -> Server {
    write_rows(&home.join("better.jsonl"), simulation(150, 22).rows).unwrap();
    let first = simulation(80, 21);
    started(home, &first, misjudged(&first), SETTINGS)
}

/// A server whose router learnt from these rows.
fn started(home: &Path, first: &Simulation, rows: Vec<LogRow>, settings: &str) -> Server {
    let at = |name: &str| home.join(name);
    std::fs::write(at("catalog.toml"), first.catalog_toml()).unwrap();
    std::fs::write(at("settings.toml"), settings).unwrap();
    write_rows(&at("judged.jsonl"), rows).unwrap();
    let (logs, router, catalog) = (at("judged.jsonl"), at("router"), at("catalog.toml"));
    let (store, settings) = (at("store.db"), at("settings.toml"));
    let learns = ["--policy", "utility:30", "--catalog", str(&catalog)];
    let paths = ["train", "--logs", str(&logs), "--out", str(&router)];
    succeed(&[&paths[..], &learns[..]].concat());
    Server::start(&[
        "--router",
        str(&router),
        "--store",
        str(&store),
        "--config",
        str(&settings),
    ])
}

/// Trains on a better log and on what was served, sends the router into shadow, and tells what was
/// measured.
fn retrain(home: &Path, server: &Server) -> Json {
    let at = |name: &str| home.join(name);
    let printed = succeed(&[
        "retrain",
        "--router",
        str(&at("router")),
        "--logs",
        str(&at("better.jsonl")),
        "--store",
        str(&at("store.db")),
        "--promote",
        "--server",
        &server.url,
        "--json",
    ]);
    serde_json::from_str(&printed).unwrap()
}

fn check_steps(listing: &Json) {
    let told = listing["events"].as_array().unwrap();
    for kind in ["advanced", "rolled_back"] {
        let event = told.iter().find(|event| event["kind"] == kind).unwrap();
        assert_eq!(event["detail"]["by"], "steward", "{event:#}");
        let judged = &event["detail"]["step"]["evidence"]["judged"];
        assert!(judged.as_u64().unwrap() >= 60, "{event:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retrained_router_takes_over_by_itself_and_goes_back_when_it_gets_worse() {
    let home = tempfile::tempdir().unwrap();
    let (server, traffic) = (misled(home.path()), simulation(1000, 23));
    let mut life = Life::new(&server, &traffic);
    for _ in 0..250 {
        life.step().await;
    }
    let spared = life.favourite().await;
    let old = life.versions().await["current"].clone();
    let report = retrain(home.path(), &server);
    assert!(report["judged"].as_u64().unwrap() > 200, "{report:#}");
    let listing = life.versions().await;
    let mut versions = listing["versions"].as_array().unwrap().iter();
    let shadow = versions.find(|one| one["stage"] == "shadow").unwrap();
    let new = shadow["version"].as_str().unwrap().to_owned();

    life.until(&new, "canary").await;
    life.until(&new, "current").await;
    // One model's fall would not be enough: what is left may still be better than the old choices.
    let others = traffic.models.iter().map(ToString::to_string);
    life.fallen = others.filter(|model| *model != spared).collect();
    life.until(&new, "rolled_back").await;

    let listing = life.versions().await;
    assert_eq!(listing["current"], old);
    assert_eq!(life.step().await["policy_version"], old);
    check_steps(&listing);
}

const LEARNS: &str = r#"
[server]
explore = { rule = "epsilon", share = 0.1 }
"#;

fn level(learning: &Json, model: &str) -> f64 {
    let mut models = learning["learnt"]["models"].as_array().unwrap().iter();
    let found = models.find(|one| one["model"] == model).unwrap();
    found["mean"].as_f64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_learns_moves_traffic_and_drift_is_raised_with_its_evidence() {
    let home = tempfile::tempdir().unwrap();
    let first = simulation(150, 24);
    let server = started(home.path(), &first, first.rows.clone(), LEARNS);
    let traffic = simulation(1000, 25);
    let mut life = Life::new(&server, &traffic);
    for _ in 0..200 {
        life.step().await;
    }
    let favourite = life.favourite().await;
    let before = level(&life.learning().await, &favourite);
    life.fallen = vec![favourite.clone()];
    let alarmed = life.until_quality(&favourite, "alarm").await;
    assert!(level(&alarmed, &favourite) < before, "{alarmed:#}");
    assert_eq!(alarmed["consequence"]["stop_exploring"], true);
    let standing = alarmed["drift"]["standing"].to_string();
    assert!(standing.contains("has become worse"), "{standing}");
    for _ in 0..20 {
        if life.favourite().await != favourite {
            return;
        }
    }
    panic!("traffic does not move: {:#}", life.learning().await);
}
