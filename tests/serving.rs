//! What was evaluated is what is served, and nothing acknowledged is lost.

use std::path::{Path, PathBuf};

use pointsman_logs::{ReadOptions, read_prompts, write_rows};
use pointsman_router::Router;
use pointsman_simulate::{Settings, simulate};
use pointsman_train::{Options, train};
use pointsman_types::Request;
use serde_json::{Value as Json, json};

use crate::program::{Server, run, str, succeed, table, text};

/// A home with a trained router in `router`.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    save_router(&home.path().join("router"), 21);
    home
}

fn save_router(dir: &Path, seed: u64) {
    let simulation = simulate(&Settings {
        prompts: 300,
        seed,
        ..Settings::default()
    });
    let trained = train(
        table(simulation.rows),
        simulation.catalog,
        &Options::default(),
        |_| {},
    )
    .unwrap();
    trained.artifact.save(dir).unwrap();
}

fn start(home: &Path, more: &[&str]) -> Server {
    let (router, store): (PathBuf, PathBuf) = (home.join("router"), home.join("store.db"));
    Server::start(&[&["--router", str(&router), "--store", str(&store)], more].concat())
}

async fn post(server: &Server, path: &str, body: &Json) -> (u16, Json) {
    let answer = reqwest::Client::new()
        .post(server.path(path))
        .json(body)
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_and_http_decide_alike_on_a_thousand_prompts() {
    let home = home();
    let server = start(home.path(), &[]);
    let router = Router::open(&home.path().join("router")).unwrap();
    let client = reqwest::Client::new();
    let prompts = simulate(&Settings {
        prompts: 1000,
        seed: 22,
        ..Settings::default()
    })
    .prompts;
    for prompt in prompts {
        let replayed = router.decide(&Request::new(prompt.text.clone())).unwrap();
        let body = json!({ "prompt": prompt.text.text(), "explain": true });
        let served: Json = client
            .post(server.path("/v1/route"))
            .json(&body)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(served["model"], replayed.model.as_str());
        assert_eq!(served["policy_version"], replayed.policy_version);
        let first = &served["candidates"][0];
        assert_eq!(
            first["quality"].as_f64().map(|quality| quality as f32),
            Some(replayed.chosen().quality.get())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_seen_alike_over_http_in_logs_and_after_export() {
    let home = home();
    let messages = json!([
        {"role": "system", "content": "You write SQL."},
        {"role": "user", "content": "List the customers."},
        {"role": "assistant", "content": "SELECT * FROM customers"},
        {"role": "user", "content": "Only those of last year."}
    ]);
    let log = home.path().join("log.jsonl");
    std::fs::write(&log, json!({"messages": messages}).to_string()).unwrap();
    let logged = read_prompts(&[log], &ReadOptions::default()).unwrap().0;
    let router = Router::open(&home.path().join("router")).unwrap();
    let expected = router.decide(&Request::new(logged[0].prompt.clone()));
    let server = start(home.path(), &["--log-prompts"]);
    let body = json!({ "messages": messages, "explain": true });
    let (_, served) = post(&server, "/v1/route", &body).await;
    let first = &served["candidates"][0];
    assert_eq!(
        first["quality"].as_f64().map(|quality| quality as f32),
        expected
            .ok()
            .map(|decision| decision.chosen().quality.get())
    );
    assert!(first["output_tokens_p50"].as_f64() < first["output_tokens_p90"].as_f64());
    server.kill();
    let (store, out) = (home.path().join("store.db"), home.path().join("rows.jsonl"));
    succeed(&[
        "export",
        "--store",
        str(&store),
        "--out",
        str(&out),
        "--all",
    ]);
    let row: Json = serde_json::from_str(&std::fs::read_to_string(out).unwrap()).unwrap();
    assert_eq!(row["messages"], messages);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_by_a_kill() {
    let home = home();
    let server = start(home.path(), &["--log-prompts"]);
    let mut acknowledged = Vec::new();
    for number in 0..50 {
        let (_, decision) = post(
            &server,
            "/v1/route",
            &json!({ "prompt": format!("question {number}") }),
        )
        .await;
        let id = decision["decision_id"].clone();
        let (status, _) = post(
            &server,
            "/v1/feedback",
            &json!({ "decision_id": id, "value": 0.5 }),
        )
        .await;
        assert_eq!(status, 200);
        acknowledged.push(id.as_str().unwrap().to_owned());
    }
    server.kill();
    let again = start(home.path(), &["--log-prompts"]);
    let (status, _) = post(
        &again,
        "/v1/feedback",
        &json!({ "decision_id": acknowledged[0], "value": 0.5 }),
    )
    .await;
    assert_eq!(
        status, 200,
        "a decision from before the kill is known after it"
    );
    let out = home.path().join("rows.jsonl");
    succeed(&[
        "export",
        "--store",
        str(&home.path().join("store.db")),
        "--out",
        str(&out),
    ]);
    let rows = std::fs::read_to_string(out).unwrap();
    assert!(
        acknowledged.iter().all(|id| rows.contains(id)),
        "every acknowledged decision is exported"
    );
    assert_eq!(rows.lines().count(), acknowledged.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_router_is_taken_up_without_losing_a_request() {
    let home = home();
    let server = start(home.path(), &[]);
    let client = reqwest::Client::new();
    let mut versions = std::collections::BTreeSet::new();
    for number in 0..40_000 {
        if number == 200 {
            save_router(&home.path().join("router"), 23);
        }
        let body = json!({ "prompt": format!("question {number}") });
        let answer = client
            .post(server.path("/v1/route"))
            .json(&body)
            .send()
            .await
            .unwrap();
        assert!(
            answer.status().is_success(),
            "request {number} got {}",
            answer.status()
        );
        versions.insert(answer.json::<Json>().await.unwrap()["policy_version"].to_string());
        if versions.len() == 2 {
            return;
        }
    }
    panic!("the new router was never taken up: {versions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_router_is_not_taken_up() {
    let home = home();
    let server = start(home.path(), &[]);
    let (_, before) = post(&server, "/v1/route", &json!({ "prompt": "hello" })).await;
    std::fs::write(home.path().join("router/weights.safetensors"), "broken").unwrap();
    let manifest = home.path().join("router/manifest.json");
    let touched = std::fs::read_to_string(&manifest).unwrap() + "\n";
    std::fs::write(&manifest, touched).unwrap();
    let refused = |metrics: &str| {
        metrics.lines().any(|line| {
            line.starts_with("pointsman_router_reloads_total")
                && line.contains("refused")
                && !line.ends_with(" 0")
        })
    };
    for _ in 0..20_000 {
        let metrics = reqwest::get(server.path("/metrics"))
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        if refused(&metrics) {
            let (_, after) = post(&server, "/v1/route", &json!({ "prompt": "hello" })).await;
            assert_eq!(after["policy_version"], before["policy_version"]);
            return;
        }
    }
    panic!("the broken router was never noticed");
}

#[test]
fn a_port_in_use_is_named() {
    let home = home();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (router, store) = (home.path().join("router"), home.path().join("store.db"));
    let output = run(&[
        "serve",
        "--router",
        str(&router),
        "--store",
        str(&store),
        "--bind",
        &address,
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains(&address),
        "{}",
        text(&output.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_unjudged_decisions_has_missing_scores() {
    let home = home();
    let server = start(home.path(), &["--log-prompts"]);
    post(
        &server,
        "/v1/route",
        &json!({ "prompt": "nobody judges this" }),
    )
    .await;
    let out = home.path().join("rows.jsonl");
    succeed(&[
        "export",
        "--store",
        str(&home.path().join("store.db")),
        "--out",
        str(&out),
        "--all",
    ]);
    let row: Json = serde_json::from_str(std::fs::read_to_string(&out).unwrap().trim()).unwrap();
    assert_eq!(
        (row["prompt"].as_str(), row.get("score")),
        (Some("nobody judges this"), None),
        "{row}"
    );
}

#[test]
fn a_log_without_categories_or_ids_is_enough() {
    let home = tempfile::tempdir().unwrap();
    let simulation = simulate(&Settings {
        prompts: 120,
        seed: 24,
        ..Settings::default()
    });
    let (log, out) = (home.path().join("log.csv"), home.path().join("router"));
    write_rows(
        &log,
        simulation
            .rows
            .into_iter()
            .map(|row| pointsman_types::LogRow {
                category: None,
                ..row
            }),
    )
    .unwrap();
    succeed(&["train", "--logs", str(&log), "--out", str(&out)]);
    assert!(Router::open(&out).is_ok());
}
