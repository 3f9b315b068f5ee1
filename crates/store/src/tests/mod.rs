//! The laws of the store: what was acknowledged is there, once, in order, and counts as it should.

mod counting;
mod crashing;
mod erasing;
mod journal;
mod learning;
mod leases;
mod migrating;
mod opening;
mod outcomes;
mod snapshots;
mod versions;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pointsman_types::{
    Candidate, Decision, Feedback, LogRow, ModelName, Probability, Quality, Reason, Tokens, Usage,
    Usd, Verdict,
};
use serde_json::json;
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use crate::{
    Config, DecisionRecord, Export, FeedbackRecord, Filter, OutcomeRecord, Receipt, Store,
    StoreError,
};

fn decision(id: &str) -> DecisionRecord {
    let chosen = Candidate {
        model: ModelName::from("small"),
        quality: Quality::clamped(0.75),
        quality_lower: Quality::clamped(0.5),
        learned: None,
        cost: Usd::new(0.0001).unwrap(),
        output_tokens: Some(200.0),
        output_tokens_p50: None,
        output_tokens_p90: None,
        probability: Probability::new(0.9).unwrap(),
        refusal: None,
    };
    DecisionRecord {
        id: id.into(),
        ts_ms: 1_700_000_000_123,
        prompt_id: "0123456789abcdef".into(),
        prompt: Some("Why?".into()),
        session_id: Some("s-1".into()),
        metadata: json!({"category": "maths", "tier": "gold"})
            .as_object()
            .cloned(),
        input_tokens: Some(Tokens(7)),
        decision: Decision {
            model: chosen.model.clone(),
            reason: Reason::BestUtility,
            familiarity: 1.0,
            coordinates: Vec::new(),
            lambda: None,
            propensity: chosen.probability,
            policy_version: "v1".into(),
            candidates: vec![chosen],
        },
        key_id: None,
        tier: None,
        coordinates: None,
        lambda: None,
        arm: None,
        shadow: None,
    }
}

fn feedback(decision_id: &str, id: &str, value: f32) -> FeedbackRecord {
    FeedbackRecord {
        feedback_id: id.into(),
        ts_ms: 1_700_000_000_456,
        feedback: Feedback {
            decision_id: decision_id.into(),
            metric_name: "score".into(),
            value: Quality::clamped(value),
            verdict: None,
        },
        tags: None,
        idempotency_key: None,
        key_id: None,
    }
}

fn outcome(decision_id: &str, id: &str, usage: Usage) -> OutcomeRecord {
    OutcomeRecord {
        outcome_id: id.into(),
        ts_ms: 1_700_000_000_789,
        decision_id: decision_id.into(),
        key_id: None,
        usage,
    }
}

/// A call of that many tokens.
fn usage(output_tokens: u64) -> Usage {
    Usage {
        output_tokens: Some(Tokens(output_tokens)),
        cost: Some(Usd::new(0.000_25).unwrap()),
        latency_ms: Some(812.5),
        ..Usage::default()
    }
}

fn on(metric: &str, record: FeedbackRecord) -> FeedbackRecord {
    FeedbackRecord {
        feedback: Feedback {
            metric_name: metric.into(),
            ..record.feedback
        },
        ..record
    }
}

fn keyed(key: &str, record: FeedbackRecord) -> FeedbackRecord {
    FeedbackRecord {
        idempotency_key: Some(key.into()),
        ..record
    }
}

fn receipt(id: &str, repeated: bool) -> Receipt {
    Receipt {
        feedback_id: id.into(),
        repeated,
    }
}

fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    (directory, path)
}

/// A store with the decision `d`.
async fn store_with_decision() -> (TempDir, Store) {
    let (directory, path) = place();
    let store = Store::open(path).await.unwrap();
    store.record(decision("d")).unwrap();
    (directory, store)
}

/// This test program again, to run one test on the store at `path`, which the variable names.
fn child(test: &str, variable: &str, path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--ignored", "--nocapture"])
        .env(variable, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The journal's files.
fn beside(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path.parent().unwrap()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.contains(".decisions-")).collect();
    names.sort();
    names
}

async fn rows(path: &Path) -> Vec<LogRow> {
    let mut export = Export::open(path, Filter::default()).await.unwrap();
    let mut rows = Vec::new();
    while let Some(row) = export.next().await.unwrap() {
        rows.push(row);
    }
    rows
}

async fn only_score(directory: &TempDir) -> Option<f32> {
    let rows = rows(&directory.path().join("store.db")).await;
    assert_eq!(rows.len(), 1);
    rows[0].score.map(Quality::get)
}

async fn raw(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path);
    options.create_if_missing(true).connect().await.unwrap()
}

fn close_to(score: Option<f32>, expected: f32) {
    let score = score.expect("there is a score");
    assert!((score - expected).abs() < 1e-6, "{score} is not {expected}");
}

#[tokio::test]
async fn a_decision_becomes_a_log_row_and_survives_reopening() {
    let (directory, store) = store_with_decision().await;
    store.feedback(feedback("d", "f", 0.25)).await.unwrap();
    store.close().await;
    let path = directory.path().join("store.db");
    let reopened = Store::open(&path).await.unwrap();
    let row = rows(&path).await.remove(0);
    reopened.close().await;

    close_to(row.score.map(Quality::get), 0.25);
    assert_eq!(row.prompt.text(), "Why?");
    assert_eq!(row.model, ModelName::from("small"));
    assert_eq!(row.decision_id.as_deref(), Some("d"));
    assert_eq!(row.prompt_id, "0123456789abcdef");
    assert_eq!(row.category.as_deref(), Some("maths"));
    assert_eq!(row.session_id.as_deref(), Some("s-1"));
    assert_eq!(row.policy_version.as_deref(), Some("v1"));
    assert_eq!(row.propensity, Some(Probability::new(0.9).unwrap()));
    assert_eq!(row.input_tokens, Some(Tokens(7)));
    assert_eq!(row.ts.as_deref(), Some("2023-11-14T22:13:20.123Z"));
    assert_eq!(
        (row.cost_usd, row.output_tokens),
        (None, None),
        "predictions are not logs"
    );
}

#[tokio::test]
async fn what_was_acknowledged_is_there_without_closing() {
    // The files as they lie at this moment are what a killed process leaves behind.
    let (directory, store) = store_with_decision().await;
    store.feedback(feedback("d", "f", 1.0)).await.unwrap();
    let left = tempfile::tempdir().unwrap();
    for file in ["store.db", "store.db-wal"] {
        fs::copy(directory.path().join(file), left.path().join(file)).unwrap();
    }
    let reopened = Store::open(left.path().join("store.db")).await.unwrap();
    let again = reopened.feedback(feedback("d", "g", 1.0)).await.unwrap();
    assert_eq!(again, receipt("f", true));
}

#[tokio::test]
async fn the_same_feedback_twice_is_kept_once() {
    let (directory, store) = store_with_decision().await;
    let first = store.feedback(feedback("d", "first", 1.0)).await.unwrap();
    let second = store.feedback(feedback("d", "second", 1.0)).await.unwrap();
    assert_eq!(first, receipt("first", false));
    assert_eq!(second, receipt("first", true));
    close_to(only_score(&directory).await, 1.0);
}

#[tokio::test]
async fn feedback_ten_times_is_kept_once() {
    let (_directory, store) = store_with_decision().await;
    let sending: Vec<_> = (0..10)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.feedback(feedback("d", &format!("f{n}"), 1.0)).await })
        })
        .collect();
    let mut receipts = Vec::new();
    for sent in sending {
        receipts.push(sent.await.unwrap().unwrap());
    }
    let new = receipts.iter().filter(|receipt| !receipt.repeated);
    assert_eq!(new.count(), 1);
    assert!(
        receipts
            .iter()
            .all(|receipt| receipt.feedback_id == receipts[0].feedback_id)
    );
    assert_eq!(store.news(0, 100).await.unwrap().len(), 1);
}

#[tokio::test]
async fn another_value_is_a_new_version_and_the_last_one_counts() {
    let (directory, store) = store_with_decision().await;
    for (id, value) in [("a", 1.0), ("b", 0.0), ("c", 1.0)] {
        let kept = store.feedback(feedback("d", id, value)).await.unwrap();
        assert_eq!(kept, receipt(id, false));
    }
    close_to(only_score(&directory).await, 1.0);
    let mut db = raw(&directory.path().join("store.db")).await;
    let versions: Vec<(i64, f64)> =
        sqlx::query_as("SELECT version, value FROM feedback ORDER BY seq")
            .fetch_all(&mut db)
            .await
            .unwrap();
    assert_eq!(
        versions.iter().map(|row| row.0).collect::<Vec<_>>(),
        [1, 2, 3]
    );
}

#[tokio::test]
async fn a_late_retry_with_its_key_does_not_overtake() {
    let (directory, store) = store_with_decision().await;
    for (key, id, value) in [("k1", "a", 1.0), ("k2", "b", 0.0)] {
        let record = keyed(key, feedback("d", id, value));
        store.feedback(record).await.unwrap();
    }
    let retry = keyed("k1", feedback("d", "c", 1.0));
    assert_eq!(store.feedback(retry).await.unwrap(), receipt("a", true));
    close_to(only_score(&directory).await, 0.0);
}

#[tokio::test]
async fn another_verdict_or_other_tags_with_the_same_value_are_kept() {
    let (_directory, store) = store_with_decision().await;
    let mut record = feedback("d", "a", 1.0);
    record.feedback.verdict = Some(Verdict::GoodFit);
    store.feedback(record.clone()).await.unwrap();
    record.feedback_id = "b".into();
    record.feedback.verdict = Some(Verdict::Overprovisioned);
    assert_eq!(
        store.feedback(record.clone()).await.unwrap(),
        receipt("b", false)
    );
    record.feedback_id = "c".into();
    record.tags = json!({"by": "judge"}).as_object().cloned();
    assert_eq!(store.feedback(record).await.unwrap(), receipt("c", false));
}

#[tokio::test]
async fn the_score_is_the_mean_over_metrics() {
    let (directory, store) = store_with_decision().await;
    for (metric, id, value) in [
        ("score", "a", 0.0),
        ("thumbs", "b", 0.5),
        ("score", "c", 1.0),
    ] {
        let record = on(metric, feedback("d", id, value));
        store.feedback(record).await.unwrap();
    }
    close_to(only_score(&directory).await, 0.75);
}

#[tokio::test]
async fn what_users_say_outweighs_what_they_do() {
    let (directory, store) = store_with_decision().await;
    for (metric, id, value, expected) in [
        ("signal:edit", "a", 0.3, 0.3),
        ("signal:retry", "b", 0.0, 0.15),
        ("score", "c", 1.0, 1.0),
    ] {
        let record = on(metric, feedback("d", id, value));
        store.feedback(record).await.unwrap();
        close_to(only_score(&directory).await, expected);
    }
}

/// A decision of the key `own`, and feedback of this one.
async fn sent_by(own: Option<&str>, key: Option<&str>) -> Result<Receipt, StoreError> {
    let (_directory, path) = place();
    let store = Store::open(path).await.unwrap();
    let made = DecisionRecord {
        key_id: own.map(str::to_owned),
        ..decision("d")
    };
    store.record(made).unwrap();
    let sent = FeedbackRecord {
        key_id: key.map(str::to_owned),
        ..feedback("d", "f", 1.0)
    };
    let said = store.feedback(sent).await;
    let took = OutcomeRecord {
        key_id: key.map(str::to_owned),
        ..outcome("d", "o", usage(1))
    };
    let took = store.outcome(took).await;
    assert_eq!(said.is_ok(), took.is_ok(), "one rule for both");
    said
}

#[tokio::test]
async fn feedback_comes_from_the_key_that_asked() {
    for (own, key) in [
        (None, None),
        (None, Some("a")),
        (Some("a"), None),
        (Some("a"), Some("a")),
    ] {
        assert_eq!(sent_by(own, key).await.unwrap(), receipt("f", false));
    }
    let error = sent_by(Some("a"), Some("b")).await.unwrap_err();
    assert!(matches!(error, StoreError::OtherKey { .. }), "{error}");
    assert!(!error.to_string().contains("`a`"), "{error} tells the key");
}

#[tokio::test]
async fn numbers_that_are_none_are_refused() {
    let (_directory, store) = store_with_decision().await;
    let check = async |record: DecisionRecord, names: &str| {
        let error = store.record(record).unwrap_err();
        assert!(
            matches!(error, StoreError::Invalid { field, .. } if field == names),
            "{error}"
        );
    };
    for coordinates in [vec![f32::NAN], vec![f32::INFINITY], vec![0.0; 65]] {
        let coordinates = Some(coordinates);
        check(
            DecisionRecord {
                coordinates,
                ..decision("e")
            },
            "coordinates",
        )
        .await;
    }
    let lambda = Some(f64::NAN);
    check(
        DecisionRecord {
            lambda,
            ..decision("e")
        },
        "lambda",
    )
    .await;
    let latency = |number| Usage {
        latency_ms: Some(number),
        ..Usage::default()
    };
    let logprob = |number| Usage {
        answer_logprob: Some(number),
        ..Usage::default()
    };
    for (usage, wrong) in [
        (latency(f64::NAN), "latency_ms"),
        (latency(-1.0), "latency_ms"),
        (logprob(f64::NEG_INFINITY), "answer_logprob"),
        (logprob(0.1), "answer_logprob"),
    ] {
        let error = store.outcome(outcome("d", "o", usage)).await.unwrap_err();
        let is_it = matches!(error, StoreError::Invalid { field, .. } if field == wrong);
        assert!(is_it, "{error}");
    }
    assert!(
        Quality::new(f64::NAN).is_err(),
        "and so no feedback carries one"
    );
    let whole = DecisionRecord {
        coordinates: Some(vec![0.5; 64]),
        ..decision("e")
    };
    store.record(whole).unwrap();
}

#[tokio::test]
async fn feedback_needs_its_decision() {
    let (_directory, store) = store_with_decision().await;
    let (unknown, known) = tokio::join!(
        store.feedback(feedback("nobody", "f", 1.0)),
        store.feedback(feedback("d", "g", 1.0)),
    );
    let error = unknown.unwrap_err();
    assert!(
        matches!(&error, StoreError::UnknownDecision { decision_id } if decision_id == "nobody"),
        "{error}"
    );
    assert_eq!(
        known.unwrap(),
        receipt("g", false),
        "a neighbour is not harmed"
    );
}

#[tokio::test]
async fn prompts_that_were_not_kept_are_counted() {
    let (directory, store) = store_with_decision().await;
    for id in ["e", "f"] {
        let record = DecisionRecord {
            prompt: None,
            ..decision(id)
        };
        store.record(record).unwrap();
    }
    let path = directory.path().join("store.db");
    let mut export = Export::open(&path, Filter::default()).await.unwrap();
    assert!(export.next().await.unwrap().is_some());
    assert_eq!(export.next().await.unwrap(), None);
    assert_eq!(export.without_prompt(), 2);
}

#[tokio::test]
async fn export_keeps_order_and_takes_what_the_filter_says() {
    let (directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    for n in 0..200_i64 {
        let record = DecisionRecord {
            ts_ms: 1000 + n,
            ..decision(&format!("d{n:03}"))
        };
        store.record(record).unwrap();
    }
    store.feedback(feedback("d150", "f", 1.0)).await.unwrap();
    let ids = async |filter: Filter| {
        let mut export = store.export(filter).await.unwrap();
        let mut ids = Vec::new();
        while let Some(row) = export.next().await.unwrap() {
            ids.push(row.decision_id.unwrap());
        }
        ids
    };
    let all: Vec<String> = (0..200).map(|n| format!("d{n:03}")).collect();
    assert_eq!(ids(Filter::default()).await, all);
    let window = Filter {
        since_ms: Some(1010),
        until_ms: Some(1190),
        only_judged: false,
    };
    assert_eq!(ids(window).await, all[10..190]);
    let judged = Filter {
        only_judged: true,
        ..window
    };
    assert_eq!(ids(judged).await, ["d150"]);
    drop(directory);
}

#[tokio::test]
async fn a_nul_byte_in_a_prompt_is_kept() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    let record = DecisionRecord {
        prompt: Some("a\0b".into()),
        ..decision("d")
    };
    store.record(record).unwrap();
    assert_eq!(rows(&path).await[0].prompt.text(), "a\0b");
}

#[tokio::test]
async fn closing_writes_what_waits_and_refuses_the_rest() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    let writes: Vec<_> = (0..300)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.record(decision(&format!("d{n}"))) })
        })
        .collect();
    tokio::task::yield_now().await;
    store.close().await;
    let mut kept = 0;
    for write in writes {
        kept += usize::from(write.await.unwrap().is_ok());
    }
    assert_eq!(rows(&path).await.len(), kept);
    assert!(!store.is_open());
    let refused = store.record(decision("late")).unwrap_err();
    assert!(matches!(refused, StoreError::Closed), "{refused}");
}

#[tokio::test]
async fn a_full_queue_refuses_and_loses_nothing_it_took() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    // On one thread these all come before the writer's turn.
    let writes: Vec<_> = (0..6000)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.record(decision(&format!("d{n}"))) })
        })
        .collect();
    let (mut kept, mut busy) = (0, 0);
    for write in writes {
        match write.await.unwrap() {
            Ok(()) => kept += 1,
            Err(StoreError::Busy { .. }) => busy += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(busy > 0 && kept > 0, "kept {kept}, busy {busy}");
    assert_eq!(rows(&path).await.len(), kept);
}

#[tokio::test]
async fn a_full_store_says_so_and_keeps_what_it_acknowledged() {
    let (_directory, path) = place();
    let config = Config {
        max_bytes: Some(1 << 20),
        ..Config::at(&path)
    };
    let store = Store::with(config).await.unwrap();
    let mut kept = 0;
    let error = loop {
        let record = DecisionRecord {
            prompt: Some("x".repeat(20_000)),
            ..decision(&format!("d{kept}"))
        };
        match store.record(record) {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
        store.settle().await;
        assert!(kept < 1000, "the bound does not hold");
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    let waits = format!("d{}", kept - 1);
    let error = store.feedback(feedback(&waits, "f", 1.0)).await;
    assert!(matches!(error, Err(StoreError::Full { .. })), "{error:?}");
    store.close().await;
    assert_eq!(rows(&path).await.len(), kept);
    let roomier = Store::open(&path).await.unwrap();
    roomier.record(decision("more")).unwrap();
    roomier.feedback(feedback(&waits, "f", 1.0)).await.unwrap();
    roomier.close().await;
    assert_eq!(rows(&path).await.len(), kept + 1);
}

/// Reports share a transaction, which SQLite itself ends where there is no room.
#[tokio::test]
async fn a_full_store_takes_all_kinds_of_records_again_once_there_is_room() {
    let (_directory, path) = place();
    let config = Config {
        max_bytes: Some(1 << 20),
        ..Config::at(&path)
    };
    let store = Store::with(config).await.unwrap();
    let mut kept = 0;
    let long = |number: usize| DecisionRecord {
        prompt: Some("x".repeat(20_000)),
        ..decision(&format!("d{number}"))
    };
    while store.record(long(kept)).is_ok() {
        kept += 1;
        store.settle().await;
    }
    let mut judged = 0;
    let error = loop {
        let report = on(
            &format!("m{judged}"),
            feedback("d0", &format!("f{judged}"), 0.5),
        );
        match store.feedback(report).await {
            Ok(_) => judged += 1,
            Err(error) => break error,
        }
        assert!(judged < 10_000, "the bound does not hold");
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    // One makes room for what waits in the journal.
    for erased in ["d1", "d2"] {
        store.erase(erased, 1).await.unwrap();
    }
    store.feedback(feedback("d0", "again", 0.5)).await.unwrap();
    store.record(decision("more")).unwrap();
    store.close().await;
    assert_eq!(beside(&path), Vec::<String>::new());
    // Of the two that were erased nothing is left.
    assert_eq!(rows(&path).await.len(), kept - 2 + 1);
}
