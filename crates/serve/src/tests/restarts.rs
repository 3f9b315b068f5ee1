//! Which version serves after a start: the one that the store says, unless somebody put another
//! router into the directory.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pointsman_store::{Snapshot, Store};
use pointsman_types::Stage;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::promotion::{Routers, load, quick};
use super::{Running, read};
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
async fn what_a_learner_had_learnt_serves_after_a_restart() {
    let routers = routers();
    let store = routers.at("store.db");
    let running = start_on(&routers, &store).await;
    let seq = running.store.save_snapshot(Snapshot {
        base: "v1".into(),
        cursor: 0,
        ts_ms: 0,
        state: "v1+3 large".into(),
    });
    let body = json!({"snapshot": seq.await.unwrap()}).to_string();
    let (status, answer) = read(running.post("/v1/versions", body)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let body = json!({"version": "v1+3", "to": "current", "force": true, "reason": "a test"});
    assert_eq!(running.promote(body).await.0, StatusCode::OK);
    stop(running).await;
    assert_eq!(serving(&start_on(&routers, &store).await).await, "v1+3");
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

/// Names the home, and the number of the point at which the child ends itself, as a kill would end it.
const HOME: &str = "POINTSMAN_SERVE_HOME";
const DIES_AT: &str = "POINTSMAN_SERVE_DIES_AT";

/// Points passed so far.
static PASSED: AtomicUsize = AtomicUsize::new(0);

/// A point of a change at which a kill is tried: ends the process without any clean-up if it is its
/// turn.
pub(crate) fn pass_point() {
    let Ok(last) = std::env::var(DIES_AT) else {
        return;
    };
    let passed = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
    if last.parse() == Ok(passed) {
        std::process::abort();
    }
}

#[tokio::test]
#[ignore = "the process that `a_kill_at_any_point_leaves_the_old_state_or_the_new_one` ends"]
async fn go_all_the_way() {
    let Ok(home) = std::env::var(HOME) else {
        return;
    };
    let home = Path::new(&home);
    let pausing = |directory: &Path| {
        pass_point();
        load(directory)
    };
    let live = Live::open(&home.join("live"), pausing).unwrap();
    let store = Store::open(home.join("store.db")).await.unwrap();
    let server = Server::bind(&quick(), live, store.clone()).await.unwrap();
    let app = server.app();
    app.register(&home.join("v2")).await.unwrap();
    for to in [Stage::Shadow, Stage::Canary, Stage::Current] {
        let order = crate::Order {
            version: "v2".into(),
            to,
            share: None,
            force: true,
            reason: Some("a test".into()),
        };
        app.order(&order).await.unwrap();
    }
    app.roll_back(None).await.unwrap();
}

fn spawn(home: &Path, point: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["tests::restarts::go_all_the_way", "--exact", "--ignored"])
        .env(HOME, home)
        .env(DIES_AT, point.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The states that a promotion goes through: where the old version stands, and where the new one.
const STATES: [[Option<Stage>; 2]; 8] = [
    [None, None],
    [Some(Stage::Candidate), None],
    [Some(Stage::Current), None],
    [Some(Stage::Current), Some(Stage::Candidate)],
    [Some(Stage::Current), Some(Stage::Shadow)],
    [Some(Stage::Current), Some(Stage::Canary)],
    [Some(Stage::Previous), Some(Stage::Current)],
    [Some(Stage::Current), Some(Stage::RolledBack)],
];

/// Which of the states the store is in.
async fn state(store: &Store) -> usize {
    let versions = Versions::of(store).all().await.unwrap();
    let stage = |id: &str| {
        let mut found = versions.iter().filter(|one| one.id == id);
        found.next().map(|one| one.stage)
    };
    let found = [stage("v1"), stage("v2")];
    let mut states = STATES.iter();
    let state = states.position(|state| *state == found);
    state.unwrap_or_else(|| panic!("{found:?} is between the states"))
}

/// The state that a start finds, after which it serves what that state says.
async fn found_by_a_start(routers: &Routers) -> usize {
    let path = routers.at("store.db");
    let store = Store::open(&path).await.unwrap();
    let left = state(&store).await;
    store.close().await;
    let again = start_on(routers, &path).await;
    let versions = again.versions().await;
    let expected = if left == 6 { "v2" } else { "v1" };
    assert_eq!(versions["current"], expected, "in state {left}");
    if left != 5 {
        assert_eq!(serving(&again).await, expected, "in state {left}");
    }
    // What was begun can be done again.
    if left < 6 {
        send(&again, routers, "v2", "current").await;
        assert_eq!(serving(&again).await, "v2", "in state {left}");
    }
    stop(again).await;
    left
}

#[tokio::test]
async fn a_kill_at_any_point_leaves_the_old_state_or_the_new_one() {
    let mut found = Vec::new();
    for point in 1.. {
        let routers = routers();
        if spawn(routers.0.path(), point).wait().unwrap().success() {
            break;
        }
        found.push(found_by_a_start(&routers).await);
    }
    assert!(found.is_sorted(), "a later kill goes less far: {found:?}");
    let seen: BTreeSet<usize> = found.into_iter().collect();
    assert!(
        (0..STATES.len()).all(|state| seen.contains(&state)),
        "{seen:?}"
    );
}
