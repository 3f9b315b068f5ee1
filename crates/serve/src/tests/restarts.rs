//! Which version serves after a start: the one that the store says, unless somebody put another
//! router into the directory.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pointsman_store::{Stage, Store};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Running;
use super::promotion::{Routers, load, quick};
use crate::{Live, Server, Versions};

const PATIENCE: Duration = Duration::from_secs(60);

/// Starts on a store that may be there already.
async fn start_on(routers: &Routers, store: &Path) -> Running {
    let live = Live::open(&routers.at("live"), load).unwrap();
    let store = Store::open(store).await.unwrap();
    let server = Server::bind(&quick(), live, store.clone()).await.unwrap();
    let stop = CancellationToken::new();
    Running {
        address: server.address(),
        store,
        directory: tempfile::tempdir().unwrap(),
        client: Client::new(),
        task: tokio::spawn(server.run(stop.clone().cancelled_owned())),
        stop,
    }
}

async fn stop(running: Running) {
    running.stop.cancel();
    let ended = timeout(PATIENCE, running.task).await;
    ended.unwrap().unwrap().unwrap();
}

async fn serving(running: &Running) -> Value {
    let (status, answer) = running.route(&json!({"prompt": "Why?"})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer["policy_version"].clone()
}

async fn send(running: &Running, routers: &Routers, version: &str, to: &str) {
    let (status, answer) = running.register(&routers.at(version)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let body = json!({"version": version, "to": to, "force": true, "reason": "a test"});
    let (status, answer) = running.promote(body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

fn routers() -> Routers {
    let routers = Routers::new(&["v2 large", "v3 large"]);
    routers.write("live", "v1 small");
    routers
}

#[tokio::test]
async fn what_was_promoted_serves_after_a_restart() {
    let routers = routers();
    let store = routers.at("store.db");
    let running = start_on(&routers, &store).await;
    send(&running, &routers, "v2", "current").await;
    stop(running).await;
    // Where it came from may be gone.
    fs::remove_dir_all(routers.at("v2")).unwrap();
    let again = start_on(&routers, &store).await;
    assert_eq!(serving(&again).await, "v2");
    assert_eq!(again.stage("v1").await, "previous");
}

#[tokio::test]
async fn a_router_put_into_the_directory_while_nobody_served_is_current() {
    let routers = routers();
    let store = routers.at("store.db");
    let running = start_on(&routers, &store).await;
    send(&running, &routers, "v2", "current").await;
    stop(running).await;
    routers.write("live", "v3 large");
    let again = start_on(&routers, &store).await;
    assert_eq!(serving(&again).await, "v3");
    let event = &again.versions().await["events"][0];
    assert_eq!(event["detail"]["directory"], "v3");
    stop(again).await;
    // It was seen, so the store's word counts again.
    let third = start_on(&routers, &store).await;
    assert_eq!(serving(&third).await, "v3");
}

#[tokio::test]
async fn a_trial_goes_on_after_a_restart() {
    let routers = routers();
    let store = routers.at("store.db");
    let running = start_on(&routers, &store).await;
    send(&running, &routers, "v2", "canary").await;
    stop(running).await;
    let again = start_on(&routers, &store).await;
    let both = async {
        let mut seen = [false, false];
        while seen != [true, true] {
            seen[usize::from(serving(&again).await == "v2")] = true;
        }
    };
    timeout(PATIENCE, both).await.unwrap();
}

#[tokio::test]
async fn a_copy_that_is_gone_leaves_the_service_to_the_directory() {
    let routers = routers();
    let store = routers.at("store.db");
    let running = start_on(&routers, &store).await;
    send(&running, &routers, "v2", "current").await;
    stop(running).await;
    fs::remove_dir_all(routers.at("store.db.versions/v2")).unwrap();
    let again = start_on(&routers, &store).await;
    assert_eq!(serving(&again).await, "v1");
}

/// Names the home and the step at which the child ends itself, as a kill would end it.
const HOME: &str = "POINTSMAN_SERVE_HOME";
const DIES_AT: &str = "POINTSMAN_SERVE_DIES_AT";

/// The steps of a promotion at which a kill is tried.
const STEPS: [&str; 4] = ["loading", "copied", "registered", "promoted"];

/// Ends the process without any clean-up.
fn die(step: &str) {
    if std::env::var(DIES_AT).as_deref() == Ok(step) {
        std::process::abort();
    }
}

#[tokio::test]
#[ignore = "the process that `a_kill_at_any_step_leaves_the_old_version_or_the_new_one` ends"]
async fn promote_and_die() {
    let Ok(home) = std::env::var(HOME) else {
        return;
    };
    let home = Path::new(&home);
    let dying = |directory: &Path| {
        if directory.ends_with("v2") && !directory.to_string_lossy().contains("versions") {
            die("loading");
        }
        if directory.to_string_lossy().contains("store.db.versions") {
            // The copy is whole and the change not yet made.
            die("copied");
        }
        load(directory)
    };
    let live = Live::open(&home.join("live"), dying).unwrap();
    let store = Store::open(home.join("store.db")).await.unwrap();
    let server = Server::bind(&quick(), live, store.clone()).await.unwrap();
    let app = server.app();
    app.register(&home.join("v2")).await.unwrap();
    die("registered");
    let order = crate::Order {
        version: "v2".into(),
        to: pointsman_learn::promotion::Stage::Current,
        share: None,
        force: true,
        reason: Some("a test".into()),
    };
    app.order(&order).await.unwrap();
    die("promoted");
}

fn spawn(home: &Path, step: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["tests::restarts::promote_and_die", "--exact", "--ignored"])
        .env(HOME, home)
        .env(DIES_AT, step)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_kill_at_any_step_leaves_the_old_version_or_the_new_one() {
    for step in STEPS {
        let routers = routers();
        let status = spawn(routers.0.path(), step).wait().unwrap();
        assert!(!status.success(), "{step} was not reached");
        let again = start_on(&routers, &routers.at("store.db")).await;
        let expected = if step == "promoted" { "v2" } else { "v1" };
        assert_eq!(serving(&again).await, expected, "{step}");
        let versions = Versions::of(&again.store).all().await.unwrap();
        let current = versions.iter().filter(|one| one.stage == Stage::Current);
        assert_eq!(current.count(), 1, "{step}");
        // What was begun can be done again.
        if expected == "v1" {
            send(&again, &routers, "v2", "current").await;
            assert_eq!(serving(&again).await, "v2", "{step}");
        }
        stop(again).await;
    }
}
