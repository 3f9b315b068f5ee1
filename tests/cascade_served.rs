//! The gateway reads answers as the evaluation does: the same models are asked, and the same answer is
//! returned. What it reads it keeps, so that the next cascade is trained on live traffic.

use std::collections::HashMap;
use std::path::Path;

use pointsman_policy::PolicySpec;
use pointsman_router::{AnswerSeen, CascadeRules, Next, Router};
use pointsman_simulate::{Settings, Simulation, simulate};
use pointsman_train::{Options, complete_costs, train};
use pointsman_types::{LogRow, Prompt, Request};
use serde_json::{Value, json};

use crate::program::{Server, run, str, succeed, table, text};
use crate::provider::{Provider, Say};

fn simulation() -> Simulation {
    simulate(&Settings {
        prompts: 500,
        answers: true,
        seed: 51,
        ..Settings::default()
    })
}

fn save_router(simulation: &Simulation, directory: &Path, cascade: bool) {
    let mut log = table(simulation.rows.clone());
    complete_costs(&mut log, &simulation.catalog);
    let options = Options {
        cascade,
        ..Options::default()
    };
    let trained = train(log, simulation.catalog.clone(), &options, |_| {}).unwrap();
    trained.artifact.save(directory).unwrap();
}

/// Rows by the text of the prompt and the model.
type Rows = HashMap<(String, String), LogRow>;

fn rows(simulation: &Simulation) -> Rows {
    let rows = simulation.rows.iter();
    rows.map(|row| {
        let at = (row.prompt.text().to_owned(), row.model.to_string());
        (at, row.clone())
    })
    .collect()
}

/// Answers as the log has it: so long, and so sure.
async fn provider(rows: Rows) -> Provider {
    Provider::new(move |asked| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let at = (
            text(&asked["messages"][0]["content"]),
            text(&asked["model"]),
        );
        let row = &rows[&at];
        let chars = row.answer_chars.unwrap() as usize;
        Say {
            logprob: row.answer_logprob.filter(|_| asked["logprobs"] == true),
            ..Say::at_once(&"é".repeat(chars))
        }
    })
    .await
}

/// Whom the offline code calls, and whose answer it returns.
fn offline(router: &Router, prompt: &Prompt, rows: &Rows, rules: &CascadeRules) -> Vec<String> {
    let begun = router.cascade(&Request::new(prompt.clone())).unwrap();
    let (mut seen, mut steps) = (Vec::new(), Vec::new());
    loop {
        match begun.after(&seen, rules).unwrap() {
            Next::Stop { answer, .. } => {
                let last: &AnswerSeen = &seen[answer];
                steps.push(last.model.to_string());
                return steps;
            }
            Next::Call { model, .. } => {
                let row = &rows[&(prompt.text().to_owned(), model.to_string())];
                steps.push(model.to_string());
                seen.push(AnswerSeen {
                    model,
                    logprob: row.answer_logprob,
                    chars: row.answer_chars.map(|chars| chars as usize),
                    cost: None,
                });
            }
        }
    }
}

async fn served(
    client: &reqwest::Client,
    url: &str,
    pipeline: &str,
    prompt: &Prompt,
) -> Vec<String> {
    let body = json!({
        "model": pipeline, "messages": [{"role": "user", "content": prompt.text()}],
        "pointsman": {"explain": true},
    });
    let request = client
        .post(format!("{url}/v1/chat/completions"))
        .json(&body);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    let told = &answer["pointsman"];
    let calls = told["calls"]
        .as_array()
        .unwrap_or_else(|| panic!("{answer}"));
    let models = calls.iter().chain([told]).map(|one| &one["model"]);
    models
        .map(|model| model.as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_goes_the_way_of_the_evaluation() {
    let (home, simulation) = (tempfile::tempdir().unwrap(), simulation());
    let directory = home.path().join("router");
    save_router(&simulation, &directory, true);
    let router = Router::open(&directory).unwrap();
    let rows = rows(&simulation);
    let provider = provider(rows.clone()).await;
    let settings = format!(
        "[learning]\nmode = 'bypass'\n[router]\npath = '{}'\n{}\
         [[pipelines]]\nkind = 'learned_cascade'\nname = 'own'\n\
         [[pipelines]]\nkind = 'learned_cascade'\nname = 'careful'\nlambda = 10.0\nmax_calls = 2\n",
        directory.display(),
        provider.catalog(&simulation.catalog),
    );
    let server = Server::at_home(home.path(), &settings);
    let client = reqwest::Client::new();
    let own = CascadeRules::at(router.lambda().unwrap());
    let careful = CascadeRules {
        most_calls: 2,
        ..CascadeRules::at(10.0)
    };
    let mut calls = [0; 4];
    for prompt in simulation
        .prompts
        .iter()
        .map(|prompt| &prompt.text)
        .take(150)
    {
        let is_whole = |model| rows.contains_key(&(prompt.text().to_owned(), format!("{model}")));
        // A conversation's text has separators, which a message of its own would not mean.
        let is_one_turn = !prompt.text().contains('\u{1e}') && !prompt.text().contains('\u{1f}');
        if !is_one_turn || !simulation.models.iter().all(is_whole) {
            continue;
        }
        for (pipeline, rules) in [("own", &own), ("careful", &careful)] {
            let expected = offline(&router, prompt, &rows, rules);
            let got = served(&client, &server.url, pipeline, prompt).await;
            assert_eq!(got, expected, "{pipeline} on {}", prompt.text());
            calls[got.len() - 1] += 1;
        }
    }
    assert!(
        calls[1] > 20 && calls[2] > 20,
        "one and two calls each happen: {calls:?}"
    );
}

#[tokio::test]
async fn a_router_without_a_cascade_is_told_of_before_it_serves() {
    let (home, simulation) = (tempfile::tempdir().unwrap(), simulation());
    let directory = home.path().join("router");
    save_router(&simulation, &directory, false);
    let provider = provider(rows(&simulation)).await;
    let check = |policy: &str| {
        let settings = format!(
            "[router]\npath = '{}'\n{policy}\n{}\
             [[pipelines]]\nkind = 'learned_cascade'\nname = 'own'\n",
            directory.display(),
            provider.catalog(&simulation.catalog),
        );
        let file = home.path().join("pointsman.toml");
        std::fs::write(&file, settings).unwrap();
        let checked = run(&["check", str(&file)]);
        (checked.status.code(), text(&checked.stderr))
    };
    let (code, said) = check("");
    let untrained = "pipeline `own`: the router has learnt no cascade; train it with --cascade";
    assert!(code == Some(2) && said.contains(untrained), "{said}");
    save_router(&simulation, &directory, true);
    let (code, said) = check("policy = 'adequate:0.5'");
    assert!(
        code == Some(2) && said.contains("set `lambda` of the pipeline"),
        "{said}"
    );
    assert_eq!(check("").0, Some(0));
    let policy = PolicySpec::Utility { lambda: 5.0 };
    assert_eq!(check(&format!("policy = '{policy}'")).0, Some(0));
}

/// Asks a model for its answer, in a stream or whole, and says what it was worth.
async fn asked_and_judged(client: &reqwest::Client, url: &str, row: &LogRow, stream: bool) {
    let body = json!({
        "model": row.model, "messages": [{"role": "user", "content": row.prompt.text()}],
        "logprobs": row.answer_logprob.is_some(), "stream": stream,
    });
    let request = client.post(format!("{url}/v1/chat/completions"));
    let answer = request.json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{:?}", answer.text().await);
    let id = answer.headers()["x-pointsman-decision-id"].clone();
    answer.bytes().await.unwrap();
    let score = row.score.map(|score| score.get());
    let feedback = json!({"decision_id": id.to_str().unwrap(), "value": score});
    let request = client.post(format!("{url}/v1/feedback")).json(&feedback);
    let judged = request.send().await.unwrap();
    assert!(judged.status().is_success(), "{:?}", judged.text().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cascade_is_trained_on_what_the_gateway_kept() {
    let (home, simulation) = (tempfile::tempdir().unwrap(), simulation());
    let rows = rows(&simulation);
    let provider = provider(rows.clone()).await;
    let settings = format!(
        "[server]\nlog_prompts = true\n{}",
        provider.catalog(&simulation.catalog)
    );
    let server = Server::at_home(home.path(), &settings);
    let client = reqwest::Client::new();
    let asked: Vec<&LogRow> = simulation
        .rows
        .iter()
        .filter(|row| row.score.is_some() && !row.prompt.text().contains(['\u{1e}', '\u{1f}']))
        .take(600)
        .collect();
    for (number, row) in asked.iter().enumerate() {
        asked_and_judged(&client, &server.url, row, number % 3 == 0).await;
    }
    assert!(server.terminate(), "the server ends well");
    let at = |name: &str| home.path().join(name);
    let (store, log, router) = (at("store.db"), at("served.jsonl"), at("router"));
    succeed(&["export", "--store", str(&store), "--out", str(&log)]);
    let kept = std::fs::read_to_string(&log).unwrap();
    let kept: Vec<Value> = kept
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(kept.len(), asked.len());
    for (kept, row) in kept.iter().zip(&asked) {
        assert_eq!(kept["answer_chars"].as_u64(), row.answer_chars, "{kept}");
        match (kept["answer_logprob"].as_f64(), row.answer_logprob) {
            (Some(kept), Some(logged)) => assert!((kept - logged).abs() < 1e-9),
            (kept, logged) => assert_eq!(kept, logged),
        }
    }
    let train = [
        "train",
        "--logs",
        str(&log),
        "--cascade",
        "--out",
        str(&router),
    ];
    succeed(&train);
    assert!(Router::open(&router).unwrap().has_cascade());
}
