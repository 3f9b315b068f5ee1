//! A version on trial: what it may do, what is recorded of it, and how it gets through or does not.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pointsman_learn::drift::{DriftEvent, Evidence, InputSeries, State, Subject};
use pointsman_learn::promotion::Rails;
use pointsman_router::Unsatisfiable;
use pointsman_store::{EventRecord, Followed, Snapshot};
use pointsman_types::{Decision, ModelCard, ModelName, Probability, Request};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use super::{FirstAllowed, Running, config, read, start_with};
use crate::{Config, Decide, Live, LoadError};

const PATIENCE: Duration = Duration::from_secs(60);

/// Always chooses one model, as its manifest says: `VERSION MODEL [panics]`. A learner's state says
/// the same again.
pub(super) struct Always {
    like: FirstAllowed,
    model: ModelName,
    panics: bool,
}

impl Decide for Always {
    fn models(&self) -> &[ModelName] {
        self.like.models()
    }

    fn cards(&self) -> &[ModelCard] {
        self.like.cards()
    }

    fn policy_version(&self) -> &str {
        self.like.policy_version()
    }

    fn taught(&self, state: &[u8]) -> Result<Box<dyn Decide>, LoadError> {
        Ok(Box::new(said(std::str::from_utf8(state)?)?))
    }

    fn decide(&self, request: &Request) -> Result<Decision, Unsatisfiable> {
        assert!(!self.panics, "the manifest asked for it");
        let mut request = request.clone();
        request.limits.models = Some(vec![self.model.clone()]);
        let mut decision = self.like.decide(&request)?;
        for other in &mut decision.candidates[1..] {
            other.probability = Probability::ZERO;
        }
        Ok(decision)
    }
}

pub(super) fn load(directory: &Path) -> io::Result<Always> {
    said(&fs::read_to_string(directory.join("manifest.json"))?)
}

fn said(manifest: &str) -> io::Result<Always> {
    let mut words = manifest.split_whitespace();
    let missing = || io::Error::other("the manifest is not whole");
    Ok(Always {
        like: FirstAllowed::new(words.next().ok_or_else(missing)?),
        model: words.next().ok_or_else(missing)?.into(),
        panics: words.next() == Some("panics"),
    })
}

/// A home with directories of routers.
pub(super) struct Routers(pub(super) TempDir);

impl Routers {
    pub(super) fn new(manifests: &[&str]) -> Self {
        let routers = Self(tempfile::tempdir().unwrap());
        for manifest in manifests {
            let name = manifest.split_whitespace().next().unwrap();
            routers.write(name, manifest);
        }
        routers
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn write(&self, name: &str, manifest: &str) {
        fs::create_dir_all(self.at(name)).unwrap();
        let aside = self.0.path().join("aside");
        fs::write(&aside, manifest).unwrap();
        fs::rename(aside, self.at(name).join("manifest.json")).unwrap();
    }
}

pub(super) fn quick() -> Config {
    Config {
        steward_ms: 5,
        promotion: Rails {
            least_judged: 20,
            least_group: 20,
            least_calls: 20,
            canary_share: 0.5,
            ..Rails::default()
        },
        ..config()
    }
}

/// A server whose directory holds `v1`, which always chooses `small`.
async fn start(manifests: &[&str], config: Config) -> (Routers, Running) {
    let routers = Routers::new(&[&["v1 small"], manifests].concat());
    let live = Live::open(&routers.at("v1"), load).unwrap();
    let running = start_with(config, live).await;
    (routers, running)
}

impl Running {
    pub(super) async fn versions(&self) -> Value {
        self.get("/v1/versions").await.json().await.unwrap()
    }

    pub(super) async fn register(&self, path: &Path) -> (StatusCode, Value) {
        read(self.post("/v1/versions", json!({ "path": path }).to_string())).await
    }

    pub(super) async fn promote(&self, body: Value) -> (StatusCode, Value) {
        read(self.post("/v1/promote", body.to_string())).await
    }

    async fn send(&self, version: &str, to: &str) {
        let body = json!({"version": version, "to": to, "force": true, "reason": "a test"});
        let (status, answer) = self.promote(body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }

    pub(super) async fn stage(&self, version: &str) -> String {
        let versions = self.versions().await;
        let mut all = versions["versions"].as_array().unwrap().iter();
        let found = all.find(|one| one["version"] == version).unwrap();
        found["stage"].as_str().unwrap().to_owned()
    }

    /// Whether a version is at a stage, and serves where it is current: that is durable first.
    async fn stands(&self, version: &str, stage: &str) -> bool {
        let serves = self.versions().await["current"] == version;
        self.stage(version).await == stage && (stage != "current" || serves)
    }

    async fn recorded(&self) -> Vec<Followed> {
        self.store.decisions(0, 10_000).await.unwrap()
    }

    /// Decides once and says that the answer was as good as its model is.
    async fn live_through(&self, quality_of: impl Fn(&str) -> f64) {
        let (status, answer) = self.route(&json!({"prompt": "Why?"})).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let value = quality_of(answer["model"].as_str().unwrap());
        let body = json!({"decision_id": answer["decision_id"], "value": value});
        assert_eq!(self.feedback(&body).await.0, StatusCode::OK);
    }

    /// Goes on deciding and judging until a version is at a stage.
    async fn live_until(&self, version: &str, stage: &str, quality_of: impl Fn(&str) -> f64) {
        let lived = async {
            while !self.stands(version, stage).await {
                self.live_through(&quality_of).await;
            }
        };
        let lived = timeout(PATIENCE, lived).await;
        assert!(lived.is_ok(), "{:#}", self.versions().await["trial"]);
    }
}

#[tokio::test]
async fn in_shadow_a_version_decides_beside_the_current_one_and_never_for_it() {
    let (routers, running) = start(&["v2 large"], config()).await;
    let (_, registered) = running.register(&routers.at("v2")).await;
    assert_eq!(registered, json!({"version": "v2", "new": true}));
    let (status, _) = running.promote(json!({"version": "v2"})).await;
    assert_eq!(status, StatusCode::OK);
    for _ in 0..5 {
        let (_, answer) = running.route(&json!({"prompt": "Why?"})).await;
        assert_eq!(
            (&answer["model"], &answer["policy_version"]),
            (&json!("small"), &json!("v1"))
        );
        assert_eq!(answer["propensity"], 1.0);
    }
    let all_shaded = async {
        while !running
            .recorded()
            .await
            .iter()
            .all(|one| one.decision.shadow.is_some())
        {}
    };
    timeout(PATIENCE, all_shaded).await.unwrap();
    let shadow = running.recorded().await[0].decision.shadow.clone().unwrap();
    assert_eq!(
        (shadow.version.as_str(), shadow.against.as_str()),
        ("v2", "v1")
    );
    assert_eq!(shadow.candidates[0].model.as_str(), "large");
    assert!(!shadow.failed);
}

#[tokio::test]
async fn a_version_that_panics_in_shadow_hurts_nobody_and_is_rejected() {
    let rails = Rails {
        least_judged: 20,
        failure_share: 0.1,
        ..Rails::default()
    };
    let config = Config {
        promotion: rails,
        ..quick()
    };
    let (routers, running) = start(&["v2 large panics"], config).await;
    running.register(&routers.at("v2")).await;
    running.promote(json!({"version": "v2"})).await;
    running.live_until("v2", "rejected", |_| 1.0).await;
    let page = running.metrics().await;
    assert!(
        page.contains(r#"pointsman_beside_total{result="panicked"}"#),
        "{page}"
    );
    let versions = running.versions().await;
    let reason = versions["events"][0]["detail"]["reason"].as_str().unwrap();
    assert!(reason.contains("failed or was too slow"), "{reason}");
}

#[tokio::test]
async fn drift_that_is_raised_stops_the_steps_up() {
    let (routers, running) = start(&["v2 large"], quick()).await;
    running.register(&routers.at("v2")).await;
    running.send("v2", "canary").await;
    let event = DriftEvent {
        number: 1,
        requests: 9,
        subject: Subject::Inputs {
            series: InputSeries::Distance,
        },
        from: State::Ok,
        to: State::Alarm,
        evidence: Evidence {
            sentence: "is unlike before".into(),
            ..Evidence::default()
        },
    };
    let record = EventRecord {
        ts_ms: 1,
        kind: "drift".into(),
        subject: Some(event.subject.to_string()),
        detail: serde_json::to_value(&event).unwrap(),
    };
    running.store.add_event(record).await.unwrap();
    let told = async {
        loop {
            running
                .live_through(|model| f64::from(u8::from(model == "large")))
                .await;
            let alarms = running.versions().await["trial"]["evidence"]["alarms"].take();
            if alarms[0] == "inputs, kernel distance: is unlike before" {
                return;
            }
        }
    };
    timeout(PATIENCE, told).await.unwrap();
    assert_eq!(running.stage("v2").await, "canary");
}

#[tokio::test]
async fn in_canary_the_recorded_probabilities_are_those_of_the_mixture() {
    let config = Config {
        steward_ms: 0,
        ..config()
    };
    let (routers, running) = start(&["v2 large"], config).await;
    running.register(&routers.at("v2")).await;
    let body =
        json!({"version": "v2", "to": "canary", "share": 0.25, "force": true, "reason": "a test"});
    assert_eq!(running.promote(body).await.0, StatusCode::OK);
    let mut by = [0, 0];
    for _ in 0..200 {
        let (_, answer) = running
            .route(&json!({"prompt": "Why?", "explain": true}))
            .await;
        let (at, version, propensity) = match answer["model"].as_str() {
            Some("large") => (1, "v2", 0.25),
            _ => (0, "v1", 0.75),
        };
        by[at] += 1;
        assert_eq!(answer["policy_version"], version);
        assert!((answer["propensity"].as_f64().unwrap() - propensity).abs() < 1e-12);
        let candidates = answer["candidates"].as_array().unwrap().iter();
        let sum: f64 = candidates
            .map(|one| one["probability"].as_f64().unwrap())
            .sum();
        assert!((sum - 1.0).abs() < 1e-12);
    }
    // Six standard deviations around a quarter.
    assert!((13..=87).contains(&by[1]), "{by:?}");
    let recorded = running.recorded().await;
    let shadow = recorded[0].decision.shadow.as_ref().unwrap();
    assert_eq!(shadow.current[0].model.as_str(), "small");
    assert!((shadow.share.get() - 0.25).abs() < 1e-12);
}

#[tokio::test]
async fn a_canary_that_panics_leaves_the_decision_to_the_current_version() {
    let config = Config {
        steward_ms: 0,
        ..config()
    };
    let (routers, running) = start(&["v2 large panics"], config).await;
    running.register(&routers.at("v2")).await;
    let body =
        json!({"version": "v2", "to": "canary", "share": 0.9, "force": true, "reason": "a test"});
    running.promote(body).await;
    for _ in 0..20 {
        let (status, answer) = running.route(&json!({"prompt": "Why?"})).await;
        assert_eq!(
            (status, &answer["policy_version"]),
            (StatusCode::OK, &json!("v1"))
        );
        assert_eq!(answer["propensity"], 1.0);
    }
    assert!(
        running.recorded().await[0]
            .decision
            .shadow
            .as_ref()
            .unwrap()
            .failed
    );
}

#[tokio::test]
async fn a_canary_that_is_better_becomes_current_by_itself() {
    let (routers, running) = start(&["v2 large"], quick()).await;
    running.register(&routers.at("v2")).await;
    running.send("v2", "canary").await;
    let better = |model: &str| if model == "large" { 1.0 } else { 0.2 };
    running.live_until("v2", "current", better).await;
    assert_eq!(running.stage("v1").await, "previous");
    let (_, answer) = running.route(&json!({"prompt": "Why?"})).await;
    assert_eq!(
        (&answer["model"], &answer["policy_version"]),
        (&json!("large"), &json!("v2"))
    );
    let event = &running.versions().await["events"][0];
    assert_eq!(
        (&event["kind"], &event["detail"]["by"]),
        (&json!("advanced"), &json!("steward"))
    );
    let utility = &event["detail"]["step"]["evidence"]["worth"]["utility"];
    assert!(utility["low"].as_f64().unwrap() > 0.0, "{event:#}");
}

#[tokio::test]
async fn a_canary_that_is_worse_is_rejected_by_itself() {
    let (routers, running) = start(&["v2 large"], quick()).await;
    running.register(&routers.at("v2")).await;
    running.send("v2", "canary").await;
    let worse = |model: &str| if model == "large" { 0.2 } else { 1.0 };
    running.live_until("v2", "rejected", worse).await;
    assert_eq!(running.stage("v1").await, "current");
}

#[tokio::test]
async fn a_version_that_was_forced_and_is_worse_is_rolled_back_by_itself() {
    let (routers, running) = start(&["v2 large"], quick()).await;
    let worse = |model: &str| if model == "large" { 0.2 } else { 1.0 };
    for _ in 0..40 {
        running.live_through(worse).await;
    }
    running.register(&routers.at("v2")).await;
    running.send("v2", "current").await;
    running.live_until("v2", "rolled_back", worse).await;
    assert_eq!(running.stage("v1").await, "current");
    let event = &running.versions().await["events"][0];
    assert_eq!(event["kind"], "rolled_back");
    let reason = event["detail"]["reason"].as_str().unwrap();
    assert!(reason.contains("1.0000 before and is 0.2000"), "{reason}");
}

#[tokio::test]
async fn a_rollback_by_hand_needs_one_call() {
    let (routers, running) = start(&["v2 large"], config()).await;
    running.register(&routers.at("v2")).await;
    running.send("v2", "current").await;
    let body = json!({"reason": "users complain"});
    let (status, answer) = read(running.post("/v1/rollback", body.to_string())).await;
    assert_eq!((status, &answer["current"]), (StatusCode::OK, &json!("v1")));
    let (_, answer) = running.route(&json!({"prompt": "Why?"})).await;
    assert_eq!(answer["policy_version"], "v1");
    let (status, answer) = read(running.post("/v1/rollback", "{}")).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    let event = &running.versions().await["events"][0];
    assert_eq!(event["detail"]["reason"], "users complain");
}

async fn check_refused(running: &Running, body: Value, status: StatusCode, code: &str) {
    let (got, answer) = running.promote(body).await;
    assert_eq!(
        (got, answer["error"]["code"].as_str()),
        (status, Some(code)),
        "{answer}"
    );
}

#[tokio::test]
async fn what_cannot_be_is_said_and_changes_nothing() {
    let (routers, running) = start(&["v2 large", "v3"], config()).await;
    running.register(&routers.at("v2")).await;
    let before = running.versions().await["versions"].clone();
    let (not_found, conflict) = (StatusCode::NOT_FOUND, StatusCode::CONFLICT);
    let bad = StatusCode::BAD_REQUEST;
    check_refused(
        &running,
        json!({"version": "x"}),
        not_found,
        "unknown_version",
    )
    .await;
    let early = json!({"version": "v2", "to": "current"});
    check_refused(&running, early, conflict, "gate_closed").await;
    let mute = json!({"version": "v2", "to": "current", "force": true});
    check_refused(&running, mute, bad, "invalid_value").await;
    let again = json!({"version": "v1", "to": "shadow"});
    check_refused(&running, again, conflict, "wrong_stage").await;
    let (status, answer) = running.register(&routers.at("v3")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("not whole"), "{message}");
    assert_eq!(running.versions().await["versions"], before);
}

#[tokio::test]
async fn a_server_with_one_router_has_no_versions_to_change() {
    let running = super::start().await;
    let (status, answer) = running.register(Path::new("/nowhere")).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    assert_eq!(running.versions().await["current"], "v1");
}

fn snapshot(state: &str) -> Snapshot {
    Snapshot {
        base: "v1".into(),
        cursor: 0,
        ts_ms: 0,
        state: state.into(),
    }
}

#[tokio::test]
async fn what_a_learner_has_learnt_is_a_candidate_like_any_other() {
    let (_routers, running) = start(&[], quick()).await;
    let seq = running.store.save_snapshot(snapshot("v1+3 large")).await;
    let body = json!({"snapshot": seq.unwrap()}).to_string();
    let (_, registered) = read(running.post("/v1/versions", body)).await;
    assert_eq!(registered, json!({"version": "v1+3", "new": true}));
    running.send("v1+3", "canary").await;
    let better = |model: &str| if model == "large" { 1.0 } else { 0.2 };
    running.live_until("v1+3", "current", better).await;
    let (_, answer) = running.route(&json!({"prompt": "Why?"})).await;
    assert_eq!(answer["model"], "large");
}

#[tokio::test]
async fn a_snapshot_that_says_nothing_is_no_candidate() {
    let (_routers, running) = start(&[], config()).await;
    let seq = running.store.save_snapshot(snapshot("v1+3")).await.unwrap();
    for (seq, says) in [(seq, "not whole"), (seq + 1, "no whole snapshot")] {
        let body = json!({"snapshot": seq}).to_string();
        let (status, answer) = read(running.post("/v1/versions", body)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(says), "{message}");
    }
}
