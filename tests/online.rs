//! Learning while serving, by the program itself: feedback shifts the choice, `kill -9` loses none
//! of it, and settings switch it off.

use std::fs;
use std::path::Path;

use pointsman_policy::PolicySpec;
use pointsman_simulate::{Settings, simulate};
use pointsman_train::{Options, train};
use serde_json::{Value as Json, json};

use crate::program::{Server, run, str, succeed, table, text};

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let simulation = simulate(&Settings {
        prompts: 300,
        seed: 31,
        ..Settings::default()
    });
    let options = Options {
        policy: Some(PolicySpec::Utility { lambda: 1.0 }),
        ..Options::default()
    };
    let trained = train(table(simulation.rows), simulation.catalog, &options, |_| {});
    let router = home.path().join("router");
    trained.unwrap().artifact.save(&router).unwrap();
    home
}

fn start(home: &Path, settings: &str) -> Server {
    let file = home.join("settings.toml");
    fs::write(&file, settings).unwrap();
    let (router, store) = (home.join("router"), home.join("store.db"));
    let args = ["--router", str(&router), "--store", str(&store)];
    Server::start(&[args.as_slice(), &["--config", str(&file)]].concat())
}

async fn post(server: &Server, path: &str, body: &Json) -> Json {
    let client = reqwest::Client::new();
    let answer = client.post(server.path(path)).json(body).send().await;
    let answer = answer.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.json().await.unwrap()
}

async fn status(server: &Server) -> Json {
    let answer = reqwest::get(server.path("/v1/learning")).await.unwrap();
    answer.json().await.unwrap()
}

async fn choice(server: &Server) -> String {
    let body = json!({"prompt": "Is this a question?"});
    let answer = post(server, "/v1/route", &body).await;
    answer["model"].as_str().unwrap().to_owned()
}

/// Whatever `bad` answers is worthless, until that many judgements were read.
async fn judge(server: &Server, bad: &str, judgements: i64) {
    for _ in 0..judgements {
        let body = json!({"prompt": "Is this a question?"});
        let answer = post(server, "/v1/route", &body).await;
        let value = i32::from(answer["model"] != bad);
        let body = json!({"decision_id": answer["decision_id"], "value": value});
        post(server, "/v1/feedback", &body).await;
    }
    for _ in 0..20_000 {
        let read = status(server).await["learnt"]["read"]["news"].as_i64();
        if read >= Some(judgements) {
            return;
        }
    }
    panic!("the feedback was never read: {}", status(server).await);
}

/// What people are shown while it runs.
fn check_page(server: &Server, home: &Path, judged: &str) {
    let dir = home.join("shown");
    let (url, out) = (server.path(""), str(&dir));
    let told = succeed(&["learning", "--server", &url, "--out", out]);
    let page = fs::read_to_string(dir.join("learning.html")).unwrap();
    for text in [&told, &page] {
        assert!(text.contains("from 150 judgements"), "{text}");
        assert!(text.contains(judged), "{text}");
    }
    assert!(dir.join("learning.svg").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_loses_nothing_of_what_feedback_taught() {
    let home = home();
    // Kept so rarely that most of it is in no snapshot.
    let rarely = "[learning]\nsnapshot_ms = 86400000\n";
    let server = start(home.path(), rarely);
    let first = choice(&server).await;
    judge(&server, &first, 150).await;
    let second = choice(&server).await;
    assert_ne!(second, first);
    let before = status(&server).await;
    check_page(&server, home.path(), &first);
    server.kill();
    let server = start(home.path(), rarely);
    assert_eq!(choice(&server).await, second);
    let after = status(&server).await;
    assert_eq!(
        after["learnt"]["judgements"],
        before["learnt"]["judgements"]
    );
    assert!(server.terminate());
    let server = start(home.path(), "[learning]\nmode = 'bypass'\n");
    assert_eq!(choice(&server).await, first, "switched off");
}

#[test]
fn odds_need_learning_and_that_is_said() {
    let home = home();
    let settings = home.path().join("settings.toml");
    let odds = "[serve]\nexplore = { rule = 'odds', doubt = 0.2, share = 0.1 }\n[learning]\nmode = 'observe'\n";
    fs::write(&settings, odds).unwrap();
    let (router, store) = (home.path().join("router"), home.path().join("store.db"));
    let args = ["serve", "--router", str(&router), "--store", str(&store)];
    let more = ["--bind", "127.0.0.1:0", "--config", str(&settings)];
    let output = run(&[args.as_slice(), &more].concat());
    assert!(!output.status.success());
    let said = text(&output.stderr);
    assert!(
        said.contains("server.explore") && said.contains("learning.mode"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_the_catalogue_retires_is_not_chosen_from_then_on() {
    let home = home();
    let catalog = home.path().join("models.toml");
    fs::copy(home.path().join("router/catalog.toml"), &catalog).unwrap();
    let (router, store) = (home.path().join("router"), home.path().join("store.db"));
    let args = ["--router", str(&router), "--store", str(&store)];
    let server = Server::start(&[args.as_slice(), &["--catalog", str(&catalog)]].concat());
    let first = choice(&server).await;
    let named = format!("name = \"{first}\"");
    let text = fs::read_to_string(&catalog).unwrap();
    fs::write(
        &catalog,
        text.replace(&named, &format!("{named}\nretired = true")),
    )
    .unwrap();
    let changed = async {
        while choice(&server).await == first {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let patience = std::time::Duration::from_secs(60);
    tokio::time::timeout(patience, changed).await.unwrap();
    let body = json!({"prompt": "Is this a question?", "models": [first]});
    let client = reqwest::Client::new();
    let answer = client.post(server.path("/v1/route")).json(&body).send();
    let answer: Json = answer.await.unwrap().json().await.unwrap();
    assert!(answer.to_string().contains("\"retired\""), "{answer}");
}
