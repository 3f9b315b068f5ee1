//! Versions of a router, as people handle them: one command each, against a server or its store; a
//! kill at any moment leaves the old version or the new one; what is retrained gets into shadow.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pointsman_logs::write_rows;
use pointsman_policy::PolicySpec;
use pointsman_router::Router;
use pointsman_simulate::{Settings, simulate};
use pointsman_train::{Options, train};
use serde_json::{Value as Json, json};

use crate::program::{Server, program, run, str, succeed, table, text};

const PATIENCE: Duration = Duration::from_secs(60);

fn save_router(dir: &Path, lambda: f64) {
    let simulation = simulate(&Settings {
        prompts: 200,
        seed: 31,
        ..Settings::default()
    });
    let options = Options {
        policy: Some(PolicySpec::Utility { lambda }),
        ..Options::default()
    };
    let trained = train(table(simulation.rows), simulation.catalog, &options, |_| {});
    trained.unwrap().artifact.save(dir).unwrap();
}

/// A home with a router in `router` and another one in `other`.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        save_router(&home.at("router"), 30.0);
        save_router(&home.at("other"), 3000.0);
        home
    }

    fn at(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn version(&self, name: &str) -> String {
        let router = Router::open(&self.at(name)).unwrap();
        router.policy_version().to_owned()
    }

    fn start(&self, more: &[&str]) -> Server {
        let (router, store) = (self.at("router"), self.at("store.db"));
        Server::start(&[&["--router", str(&router), "--store", str(&store)], more].concat())
    }
}

async fn post(url: &str, body: &Json) -> (u16, Json) {
    let client = reqwest::Client::new();
    let answer = client.post(url).json(body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn serving(server: &Server) -> String {
    let (status, answer) = post(&server.path("/v1/route"), &json!({"prompt": "Why?"})).await;
    assert_eq!(status, 200, "{answer}");
    answer["policy_version"].as_str().unwrap().to_owned()
}

fn stage_of(listing: &str, version: &str) -> String {
    let listing: Json = serde_json::from_str(listing).unwrap();
    let mut versions = listing["versions"].as_array().unwrap().iter();
    let found = versions.find(|one| one["version"] == version).unwrap();
    found["stage"].as_str().unwrap().to_owned()
}

fn how_many_are_current(listing: &str) -> usize {
    let listing: Json = serde_json::from_str(listing).unwrap();
    let versions = listing["versions"].as_array().unwrap().iter();
    versions.filter(|one| one["stage"] == "current").count()
}

const FORCED: [&str; 5] = ["--to", "current", "--force", "--reason", "a test"];

#[tokio::test(flavor = "multi_thread")]
async fn one_command_each_against_a_server() {
    let home = Home::new();
    let server = home.start(&[]);
    let (old, new) = (home.version("router"), home.version("other"));
    let at = ["--server", &server.url];
    let other = home.at("other");
    let promoted = succeed(&[&["promote", str(&other)], &at[..]].concat());
    assert_eq!(promoted.trim(), new);
    let listing = || succeed(&[&["versions", "--json"], &at[..]].concat());
    assert_eq!(stage_of(&listing(), &new), "shadow");
    assert_eq!(serving(&server).await, old);
    succeed(&[&["promote", &new], &FORCED[..], &at[..]].concat());
    assert_eq!(serving(&server).await, new);
    succeed(&[&["rollback", "--reason", "users complain"], &at[..]].concat());
    assert_eq!(serving(&server).await, old);
    assert_eq!(stage_of(&listing(), &new), "rolled_back");
    let shown = succeed(&[&["versions"], &at[..]].concat());
    assert!(shown.contains("users complain"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_each_on_the_store_of_a_server_that_does_not_run() {
    let home = Home::new();
    home.start(&[]).kill();
    let (old, new) = (home.version("router"), home.version("other"));
    let (store, other) = (home.at("store.db"), home.at("other"));
    let at = ["--store", str(&store)];
    succeed(&[&["promote", str(&other)], &FORCED[..], &at[..]].concat());
    let server = home.start(&[]);
    assert_eq!(serving(&server).await, new);
    server.kill();
    succeed(&[&["rollback"], &at[..]].concat());
    assert_eq!(serving(&home.start(&[])).await, old);
}

fn check_fails(args: &[&str], code: i32, says: &str) {
    let output = run(args);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {told}");
    assert!(told.contains(says), "{args:?}: {told}");
}

#[test]
fn what_cannot_be_is_said() {
    let home = Home::new();
    let server = home.start(&[]);
    let url = server.url.clone();
    let at = ["--server", url.as_str()];
    let (store, other) = (home.at("store.db"), home.at("other"));
    let with = |words: &[&str], code, says: &str| {
        check_fails(&[words, &at[..]].concat(), code, says);
    };
    with(
        &["promote", "no-such-version"],
        1,
        "no version `no-such-version`",
    );
    with(
        &["promote", str(&other), "--to", "current"],
        1,
        "has not passed the gate",
    );
    with(&["promote", str(&other), "--force"], 2, "--reason");
    with(
        &["promote", str(&other), "--share", "0.5"],
        2,
        "belongs to canary",
    );
    with(
        &["promote", str(&home.at("store.db.versions"))],
        1,
        "cannot load a router",
    );
    with(&["rollback"], 1, "none to go back to");
    check_fails(
        &["versions", "--store", str(&store)],
        1,
        "in use by another process",
    );
    server.kill();
    with(&["versions"], 1, "no server answers");
    check_fails(
        &["versions", "--store", str(&home.at("none.db"))],
        1,
        "no store at",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_that_is_killed_is_made_or_not_made() {
    let home = Home::new();
    let (old, new) = (home.version("router"), home.version("other"));
    let mut server = home.start(&[]);
    let other = home.at("other");
    succeed(&["promote", str(&other), "--server", &server.url]);
    for acknowledged in [0, 1, 2, 3, 5] {
        let current = serving(&server).await;
        let last = swap_until_killed(server, &current, [&old, &new], acknowledged).await;
        server = home.start(&[]);
        let found = serving(&server).await;
        assert!(
            last.contains(&found),
            "{found} serves, {last:?} were asked for"
        );
        let listing = succeed(&["versions", "--json", "--server", &server.url]);
        assert_eq!(how_many_are_current(&listing), 1, "{listing}");
        assert_eq!(stage_of(&listing, &found), "current");
    }
}

/// Lets two versions take turns and kills the server in the middle of a turn, after so many. Returns
/// the version that was last said to serve, and the one that was asked for then.
async fn swap_until_killed(
    server: Server,
    current: &str,
    both: [&String; 2],
    acknowledged: usize,
) -> [String; 2] {
    let url = server.path("/v1/promote");
    let done = AtomicUsize::new(0);
    let turns = async {
        let mut current = current.to_owned();
        loop {
            let next = both.into_iter().find(|one| **one != current).unwrap();
            let body = json!({"version": next, "to": "current", "force": true, "reason": "a turn"});
            let sent = reqwest::Client::new().post(&url).json(&body).send().await;
            match sent {
                Ok(answer) if answer.status().is_success() => current.clone_from(next),
                _ => return [current, next.clone()],
            }
            done.fetch_add(1, Ordering::Relaxed);
        }
    };
    let kill = async {
        while done.load(Ordering::Relaxed) < acknowledged {
            tokio::task::yield_now().await;
        }
        server.kill();
    };
    tokio::join!(turns, kill).0
}

/// Ends a command that is in the middle of something.
fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_on_the_store_that_is_killed_leaves_the_old_or_the_new_version() {
    let home = Home::new();
    home.start(&[]).kill();
    let (old, new) = (home.version("router"), home.version("other"));
    let (store, other) = (home.at("store.db"), home.at("other"));
    let args = [
        &["promote", str(&other), "--store", str(&store)],
        &FORCED[..],
    ]
    .concat();
    // From hardly begun to done, in steps that the machine's speed spaces.
    for looks in [0, 1, 10, 100, 1000, 10_000] {
        let child = program().args(&args).spawn().unwrap();
        (0..looks).for_each(|_| drop(store.metadata()));
        kill(child);
        let server = home.start(&[]);
        let found = serving(&server).await;
        assert!(found == old || found == new, "{found}");
        server.kill();
    }
    succeed(&["versions", "--store", str(&store)]);
}

/// Writes an old log and lets a server make decisions that are judged.
async fn live_through(home: &Home, server: &Server, requests: usize) {
    let simulation = simulate(&Settings {
        prompts: 150,
        seed: 32,
        ..Settings::default()
    });
    write_rows(&home.at("old.jsonl"), simulation.rows.clone()).unwrap();
    for prompt in simulation.prompts.iter().take(requests) {
        let body = json!({"prompt": prompt.text.text()});
        let (_, decision) = post(&server.path("/v1/route"), &body).await;
        let body = json!({"decision_id": decision["decision_id"], "value": 1.0});
        assert_eq!(post(&server.path("/v1/feedback"), &body).await.0, 200);
    }
}

/// The command that retrains on the old log and the server's decisions.
fn retrain(home: &Home, more: &[&str]) -> Command {
    let (router, logs, store) = (home.at("router"), home.at("old.jsonl"), home.at("store.db"));
    let mut command = program();
    command.args(["retrain", "--router", str(&router), "--logs", str(&logs)]);
    command.args(["--store", str(&store)]).args(more);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_retrained_gets_into_shadow() {
    let home = Home::new();
    let server = home.start(&["--log-prompts"]);
    live_through(&home, &server, 60).await;
    let output = retrain(&home, &["--promote", "--server", &server.url, "--json"]).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["decisions"], &report["judged"]),
        (&json!(60), &json!(60))
    );
    assert!(home.at("router.candidate.report/retrain.json").is_file());
    let version = home.version("router.candidate");
    assert_eq!(report["policy_version"], version);
    let listing = succeed(&["versions", "--json", "--server", &server.url]);
    assert_eq!(stage_of(&listing, &version), "shadow");
    shaded(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_schedule_nothing_is_retrained_without_news() {
    let home = Home::new();
    let server = home.start(&["--log-prompts"]);
    live_through(&home, &server, 30).await;
    let mut command = retrain(&home, &["--every", "1s"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let told: Vec<String> = lines
        .map_while(Result::ok)
        .filter(|line| line.starts_with("wrote ") || line.starts_with("no judged"))
        .take(2)
        .collect();
    kill(child);
    assert!(told[0].starts_with("wrote "), "{told:?}");
    assert!(
        told[1].starts_with("no judged decision has come in"),
        "{told:?}"
    );
}

/// Until the version in shadow has decided.
async fn shaded(server: &Server) {
    let since = Instant::now();
    loop {
        serving(server).await;
        let page = reqwest::get(server.path("/metrics")).await.unwrap();
        let page = page.text().await.unwrap();
        if page.contains(r#"pointsman_beside_total{result="decided"}"#) {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "{page}");
    }
}
