//! The whole loop: a few rows make a first router, it serves, feedback comes in, the export is
//! trained on together with the first rows, and the new router is better on the truth.

use std::path::Path;

use pointsman_logs::write_rows;
use pointsman_policy::PolicySpec;
use pointsman_router::Router;
use pointsman_simulate::{Settings, SimulatedPrompt, Simulation, Value, simulate};
use pointsman_types::Request;
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
        let scored = traffic.rows.iter().find(|row| {
            row.prompt_id == prompt.id && row.model.as_str() == decision["model"].as_str().unwrap()
        });
        if let Some(score) = scored.and_then(|row| row.score) {
            let feedback = json!({ "decision_id": decision["decision_id"], "value": score.get() });
            post(&client, &server.path("/v1/feedback"), &feedback).await;
        }
    }
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
