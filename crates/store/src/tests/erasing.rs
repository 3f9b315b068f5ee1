//! Erasure: what says something of a person is gone from the files, what counts stays.

use pointsman_types::{Probability, Usage};

use super::{decision, feedback, on, outcome, place, raw, rows, store_with_decision, usage};
use crate::{DecisionRecord, Shadow, Store, StoreError};

const SECRET: &str = "the secret of this test";

fn secretive(id: &str) -> DecisionRecord {
    DecisionRecord {
        prompt: Some(SECRET.into()),
        session_id: Some(SECRET.into()),
        metadata: serde_json::json!({"category": SECRET}).as_object().cloned(),
        key_id: Some(SECRET.into()),
        tier: Some(SECRET.into()),
        coordinates: Some(vec![0.5; 8]),
        shadow: Some(Shadow {
            version: SECRET.into(),
            against: SECRET.into(),
            after: 0,
            share: Probability::ZERO,
            lambda: Some(30.0),
            failed: false,
            candidates: Vec::new(),
            current: Vec::new(),
        }),
        ..decision(id)
    }
}

#[tokio::test]
async fn an_erased_decision_is_bare_and_still_counts() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    store.record(secretive("d")).unwrap();
    store.feedback(feedback("d", "f", 1.0)).await.unwrap();
    let took = Usage {
        answer_logprob: Some(-0.5),
        answer_chars: Some(40),
        ..usage(5)
    };
    store.outcome(outcome("d", "o", took)).await.unwrap();
    assert_eq!(store.erase("d", 42).await.unwrap(), 42);
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM outcome")
        .fetch_one(&mut raw(&path).await)
        .await
        .unwrap();
    assert_eq!(left, 0);

    let bare = store.decisions(0, 10).await.unwrap().remove(0);
    assert_eq!(
        (bare.feedback, bare.outcome, bare.score),
        (None, None, None)
    );
    let kept = bare.decision;
    assert_eq!(kept.erased_ms, Some(42));
    assert_eq!((kept.id.as_str(), kept.model.as_str()), ("d", "small"));
    assert_eq!(
        (kept.ts_ms, kept.policy_version.as_str()),
        (1_700_000_000_123, "v1")
    );
    assert_eq!(kept.propensity, decision("d").decision.propensity);
    assert_eq!((kept.key_id, kept.tier, kept.category), (None, None, None));
    assert_eq!(
        (kept.session_id, kept.coordinates, kept.shadow),
        (None, None, None)
    );
    assert!(store.news(0, 10).await.unwrap().is_empty());
    assert!(rows(&path).await.is_empty());
}

#[tokio::test]
async fn the_text_is_gone_from_the_files() {
    let (directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    let long = DecisionRecord {
        prompt: Some(SECRET.repeat(1000)),
        ..secretive("d")
    };
    store.record(long).unwrap();
    store
        .feedback(on(SECRET, feedback("d", "f", 1.0)))
        .await
        .unwrap();
    store.close().await;
    let holds_secret = || {
        let bytes = std::fs::read(&path).unwrap();
        bytes
            .windows(SECRET.len())
            .any(|window| window == SECRET.as_bytes())
    };
    assert!(holds_secret());
    let store = Store::open(&path).await.unwrap();
    store.erase("d", 42).await.unwrap();
    store.close().await;
    assert!(!holds_secret());
    assert!(!directory.path().join("store.db-wal").exists());
}

#[tokio::test]
async fn erasing_again_changes_nothing_and_survives_reopening() {
    let (directory, store) = store_with_decision().await;
    assert_eq!(store.erase("d", 42).await.unwrap(), 42);
    assert_eq!(store.erase("d", 43).await.unwrap(), 42);
    store.close().await;
    let store = Store::open(directory.path().join("store.db"))
        .await
        .unwrap();
    assert_eq!(store.erase("d", 44).await.unwrap(), 42);
}

#[tokio::test]
async fn an_erased_decision_takes_no_feedback() {
    let (_directory, store) = store_with_decision().await;
    store.erase("d", 42).await.unwrap();
    let said = store.feedback(feedback("d", "f", 1.0)).await.unwrap_err();
    assert!(matches!(said, StoreError::Erased { .. }), "{said}");
    let took = store
        .outcome(outcome("d", "o", usage(1)))
        .await
        .unwrap_err();
    assert!(matches!(took, StoreError::Erased { .. }), "{took}");
}

#[tokio::test]
async fn nobody_s_decision_cannot_be_erased() {
    let (_directory, store) = store_with_decision().await;
    let error = store.erase("nobody", 42).await.unwrap_err();
    assert!(
        matches!(error, StoreError::UnknownDecision { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_learner_misses_nothing_when_the_newest_feedback_is_erased() {
    let (directory, store) = store_with_decision().await;
    store.record(decision("e")).unwrap();
    store.feedback(feedback("d", "f", 1.0)).await.unwrap();
    let read_up_to = store.news(0, 10).await.unwrap()[0].feedback.seq;
    store.erase("d", 42).await.unwrap();
    store.close().await;
    let store = Store::open(directory.path().join("store.db"))
        .await
        .unwrap();
    store.feedback(feedback("e", "g", 0.0)).await.unwrap();
    let news = store.news(read_up_to, 10).await.unwrap();
    assert_eq!(news.len(), 1, "numbers are never given twice");
    assert_eq!(news[0].feedback.feedback_id, "g");
}
