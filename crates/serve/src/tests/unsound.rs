//! Feedback and states that learning must not trust.

use pointsman_store::{FeedbackRecord, Snapshot, Store};
use pointsman_types::{Feedback, Quality};
use reqwest::StatusCode;
use serde_json::json;

use super::taught::*;
use super::{Running, start_in};

const DAY_MS: i64 = 24 * 3600 * 1000;

#[tokio::test]
async fn all_good_or_all_bad_feedback_moves_levels_within_bounds() {
    for value in [0.0, 1.0] {
        let running = start_learning().await;
        running.serve(150, |_, _| value).await;
        let status = running.read_up_to(150).await;
        for model in ["big", "middle", "small"] {
            let mean = mean(&status, model);
            assert!((-0.95..=0.4).contains(&mean), "{model}: {mean}");
        }
        assert_eq!(count(&status, "restarts"), 0);
        running.ask().await;
    }
}

#[tokio::test]
async fn the_same_ten_times_is_learnt_once() {
    let running = start_learning().await;
    let (id, _) = running.ask().await;
    for number in 0..10 {
        let body = json!({"decision_id": id, "value": 0, "idempotency_key": number.to_string()});
        assert!(running.feedback(&body).await.0.is_success());
    }
    let status = running.read_up_to(10).await;
    assert_eq!(count(&status, "learned"), 1, "{status}");
    assert_eq!(count(&status, "corrected"), 0);
}

#[tokio::test]
async fn a_correction_takes_the_place_of_what_it_corrects() {
    let (wrong, right) = (start_learning().await, start_learning().await);
    let (id, _) = wrong.ask().await;
    wrong.judge(&id, 0.0).await;
    wrong.judge(&id, 1.0).await;
    let (id, _) = right.ask().await;
    right.judge(&id, 1.0).await;
    let corrected = wrong.read_up_to(2).await;
    assert_eq!(count(&corrected, "corrected"), 1);
    let expected = mean(&right.read_up_to(1).await, "big");
    assert!((mean(&corrected, "big") - expected).abs() < 1e-9);
}

#[tokio::test]
async fn what_is_no_number_is_refused_and_not_learnt() {
    let running = start_learning().await;
    let (id, _) = running.ask().await;
    let body = format!(r#"{{"decision_id": "{id}", "value": NaN}}"#);
    let answer = running.post("/v1/feedback", body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    running.judge(&id, 1.0).await;
    assert_eq!(count(&running.read_up_to(1).await, "learned"), 1);
}

#[tokio::test]
async fn another_key_is_refused_and_not_learnt() {
    let running = start_learning().await;
    let (_, answer) = running
        .route(&json!({"prompt": "Why?", "key_id": "mine"}))
        .await;
    let judge = async |key: &str| {
        let body = json!({"decision_id": answer["decision_id"], "value": 0, "key_id": key});
        running.feedback(&body).await.0
    };
    assert_eq!(judge("yours").await, StatusCode::FORBIDDEN);
    assert_eq!(judge("mine").await, StatusCode::OK);
    let status = running.read_up_to(1).await;
    assert_eq!(count(&status, "learned"), 1);
    assert_eq!(status["learnt"]["keys"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_erased_decision_is_not_learnt() {
    let running = start_learning().await;
    let (id, _) = running.ask().await;
    running.store.erase(&id, 1).await.unwrap();
    let body = json!({"decision_id": id, "value": 0});
    assert_eq!(running.feedback(&body).await.0, StatusCode::GONE);
    running.serve(1, |_, _| 1.0).await;
    let status = running.until(|status| count(status, "learned") == 1).await;
    assert!(mean(&status, "big") > 0.0, "{status}");
}

#[tokio::test]
async fn a_model_without_feedback_stays_where_it_was() {
    let running = start_learning().await;
    running
        .serve(60, |model, _| f64::from(u8::from(model != "big")))
        .await;
    let status = running.read_up_to(60).await;
    let small = of(&status, "small");
    assert_eq!(small["judgements"], 0);
    assert!(mean(&status, "small").abs() < mean(&status, "big").abs() / 2.0);
    assert!(small["effective_weight"].as_f64() < of(&status, "big")["effective_weight"].as_f64());
}

/// Feedback that came so many milliseconds after now, by its own account.
async fn said_at(running: &Running, id: &str, after_ms: i64) {
    let record = FeedbackRecord {
        feedback_id: format!("{id} {after_ms}"),
        ts_ms: crate::learning::now_ms() + after_ms,
        feedback: Feedback {
            decision_id: id.to_owned(),
            metric_name: "score".into(),
            value: Quality::clamped(0.0),
            verdict: None,
        },
        tags: None,
        idempotency_key: None,
        key_id: None,
    };
    running.store.feedback(record).await.unwrap();
}

#[tokio::test]
async fn feedback_beyond_the_horizon_is_kept_and_not_learnt() {
    let running = start_learning().await;
    let (id, _) = running.ask().await;
    said_at(&running, &id, 8 * DAY_MS).await;
    let status = running.read_up_to(1).await;
    assert_eq!((count(&status, "late"), count(&status, "learned")), (1, 0));
    assert_eq!(running.store.news(0, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_clock_that_goes_back_makes_nothing_late() {
    let running = start_learning().await;
    let (id, _) = running.ask().await;
    said_at(&running, &id, -400 * DAY_MS).await;
    let status = running.read_up_to(1).await;
    assert_eq!((count(&status, "late"), count(&status, "learned")), (0, 1));
}

#[tokio::test]
async fn a_key_that_inverts_is_set_aside_and_that_is_recorded() {
    let running = start_learning().await;
    for number in 0..700 {
        let key = if number % 4 == 0 {
            "liar".to_owned()
        } else {
            format!("key {}", number % 9)
        };
        let body = json!({"prompt": "Why?", "key_id": key});
        let (_, answer) = running.route(&body).await;
        // Nine of ten answers are good.
        let is_good = number % 10 != 3;
        let value = if is_good == (key != "liar") { 1 } else { 0 };
        let body = json!({"decision_id": answer["decision_id"], "value": value, "key_id": key});
        assert!(running.feedback(&body).await.0.is_success());
    }
    let status = running.read_up_to(700).await;
    let keys = status["learnt"]["keys"].as_array().unwrap();
    let aside: Vec<_> = keys
        .iter()
        .filter(|key| key["is_quarantined"] == true)
        .collect();
    assert_eq!(aside.len(), 1, "{status}");
    let hash = &pointsman_models::sha256(b"liar")[..16];
    assert_eq!(aside[0]["key"], hash);
    assert!(mean(&status, "big").abs() < 0.1, "{status}");
    let events = running.store.events(0, 1000).await.unwrap();
    let set_aside = events
        .iter()
        .find(|event| event.event.kind == "key_quarantined");
    assert_eq!(set_aside.unwrap().event.subject.as_deref(), Some(hash));
}

/// A server that finds this state instead of its own.
async fn restarted_from(state: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Running {
    let running = start_learning().await;
    running
        .serve(60, |model, _| f64::from(u8::from(model != "big")))
        .await;
    running.read_up_to(60).await;
    let home = running.end().await;
    let store = Store::open(home.path().join("store.db")).await.unwrap();
    let base = router().identity().to_owned();
    let kept = store
        .latest_snapshot(&base)
        .await
        .unwrap()
        .unwrap()
        .snapshot;
    let unsound = Snapshot {
        state: state(kept.state.clone()),
        ..kept
    };
    store.save_snapshot(unsound).await.unwrap();
    store.close().await;
    start_in(home, learning(|_| {}), live()).await
}

async fn check_restarts(state: impl FnOnce(Vec<u8>) -> Vec<u8>, says: &str) {
    let running = restarted_from(state).await;
    let status = running.read_up_to(60).await;
    assert_eq!(count(&status, "learned"), 60, "learnt again from the store");
    assert_eq!(running.ask().await.1, "middle");
    let events = running.store.events(0, 1000).await.unwrap();
    let restarted = events
        .iter()
        .find(|event| event.event.kind == "learning_restarted");
    let why = restarted.unwrap().event.detail.to_string();
    assert!(why.contains(says), "{why}");
}

#[tokio::test]
async fn a_truncated_state_is_learnt_again() {
    check_restarts(|state| state[..100].to_vec(), "ends early").await;
    check_restarts(|state| state[..state.len() - 1].to_vec(), "cannot be read").await;
    check_restarts(|_| Vec::new(), "no state").await;
}

#[tokio::test]
async fn a_state_of_another_version_is_learnt_again() {
    let newer = |mut state: Vec<u8>| {
        state[8] = 9;
        state
    };
    check_restarts(newer, "version 9").await;
}
