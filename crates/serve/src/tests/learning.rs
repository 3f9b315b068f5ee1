//! Learning end to end over HTTP: feedback shifts the choice, and what was learnt stays.

use pointsman_types::{Prompt, Request};
use serde_json::{Value, json};

use super::taught::*;
use super::{start_in, start_with};
use crate::{Adaptive, Config, Decide, Mode};

/// Big fails always, the others never.
fn big_fails(model: &str, _: usize) -> f64 {
    f64::from(u8::from(model != "big"))
}

#[tokio::test]
async fn feedback_shifts_the_choice() {
    let running = start_learning().await;
    assert_eq!(running.ask().await.1, "big");
    running.serve(60, big_fails).await;
    let status = running.read_up_to(60).await;
    assert_eq!(status["state"], "learning");
    assert_eq!(status["applies"], true);
    assert!(mean(&status, "big") < -0.1, "{status}");
    assert!(of(&status, "big")["effective_weight"].as_f64() > Some(10.0));
    let (_, answer) = running.route(&json!({"prompt": "Why?"})).await;
    assert_eq!(answer["model"], "middle");
    let version = answer["policy_version"].as_str().unwrap();
    assert!(version.contains('+'), "{version}");
    let page = running.metrics().await;
    assert!(
        page.contains(r#"judgements_total{outcome="learned"}"#),
        "{page}"
    );
}

#[tokio::test]
async fn before_any_feedback_the_router_is_as_training_left_it() {
    let running = start_learning().await;
    let (_, answer) = running.route(&json!({"prompt": "Why?"})).await;
    assert_eq!(answer["policy_version"], router().policy_version());
    let status = running.status().await;
    assert_eq!(status["applies"], false, "{status}");
}

#[tokio::test]
async fn a_snapshot_of_what_was_observed_can_be_a_version() {
    let observing = learning(|learning| {
        learning.mode = Mode::Observe;
        learning.snapshot_ms = 10;
    });
    let running = start_with(observing, live()).await;
    running.serve(60, big_fails).await;
    let status = running
        .until(|status| status["snapshot"]["cursor"].as_i64() >= Some(60))
        .await;
    let seq = status["snapshot"]["seq"].as_i64().unwrap();
    let kept = running.store.snapshot(seq).await.unwrap().unwrap();
    let untaught = Adaptive::new(router());
    let taught = untaught.taught(&kept.snapshot.state).unwrap();
    assert_ne!(taught.policy_version(), untaught.policy_version());
    let again = untaught.taught(&kept.snapshot.state).unwrap();
    assert_eq!(taught.policy_version(), again.policy_version());
    let request = Request::new(Prompt::from("Why?"));
    assert_eq!(untaught.decide(&request).unwrap().model.as_str(), "big");
    assert_eq!(taught.decide(&request).unwrap().model.as_str(), "middle");
    assert!(untaught.taught(&kept.snapshot.state[1..]).is_err());
}

#[tokio::test]
async fn what_was_learnt_survives_the_end_of_the_server() {
    let running = start_learning().await;
    running.serve(60, big_fails).await;
    let before = running.read_up_to(60).await;
    let home = running.end().await;
    let running = start_in(home, learning(|_| {}), live()).await;
    // The very first decision is by what was learnt.
    assert_eq!(running.ask().await.1, "middle");
    let after = running.status().await;
    assert_eq!(after["learnt"]["models"], before["learnt"]["models"]);
    assert_eq!(after["learnt"]["read"]["news"], 60);
}

#[tokio::test]
async fn what_was_acknowledged_is_learnt_after_a_crash() {
    let never_kept = || learning(|learning| learning.snapshot_ms = 24 * 3600 * 1000);
    let running = start_with(never_kept(), live()).await;
    running.serve(60, big_fails).await;
    let before = running.read_up_to(60).await;
    assert!(before["snapshot"]["cursor"].as_i64() < Some(60), "{before}");
    let home = running.crash().await;
    let running = start_in(home, never_kept(), live()).await;
    assert_eq!(running.ask().await.1, "middle");
    let after = running.status().await;
    assert_eq!(count(&after, "learned"), count(&before, "learned"));
    let close = |model| (mean(&after, model) - mean(&before, model)).abs() < 1e-9;
    assert!(close("big") && close("middle") && close("small"), "{after}");
}

#[tokio::test]
async fn who_observes_learns_and_decides_as_before() {
    let running = start_with(in_mode(Mode::Observe), live()).await;
    running.serve(60, big_fails).await;
    let status = running.read_up_to(60).await;
    assert!(mean(&status, "big") < -0.1, "{status}");
    assert_eq!(status["applies"], false);
    let (_, answer) = running.route(&json!({"prompt": "Why?"})).await;
    assert_eq!(answer["model"], "big");
    assert_eq!(answer["policy_version"], router().policy_version());
}

#[tokio::test]
async fn who_bypasses_learns_nothing() {
    let running = start_with(in_mode(Mode::Bypass), live()).await;
    running.serve(60, big_fails).await;
    let status = running.status().await;
    assert_eq!(status["state"], "bypassed");
    assert_eq!(status["learnt"], Value::Null);
    assert_eq!(running.ask().await.1, "big");
}

#[tokio::test]
async fn what_was_not_learnt_while_bypassed_is_learnt_when_it_is_switched_on() {
    let running = start_with(in_mode(Mode::Bypass), live()).await;
    running.serve(60, big_fails).await;
    let home = running.end().await;
    let running = start_in(home, learning(|_| {}), live()).await;
    assert_eq!(running.ask().await.1, "middle");
}

#[tokio::test]
async fn a_router_with_a_promise_is_left_as_it_is() {
    let mut promised = artifact(3, "reference:big:0");
    promised.guarantee = Some(guarantee());
    let router = pointsman_router::Router::new(promised).unwrap();
    let live = crate::Live::fixed(crate::Adaptive::new(router));
    let running = start_with(learning(|_| {}), live).await;
    running.serve(60, big_fails).await;
    let status = running.read_up_to(60).await;
    assert!(mean(&status, "big") < -0.1, "{status}");
    assert_eq!(status["applies"], false);
    assert_eq!(running.ask().await.1, "big");
}

#[tokio::test]
async fn what_was_learnt_is_explored_by_its_odds() {
    let explores = Config {
        explore: odds(),
        ..learning(|_| {})
    };
    let router = router().with_exploration(odds()).unwrap();
    let live = crate::Live::fixed(crate::Adaptive::new(router));
    let running = start_with(explores, live).await;
    let body = json!({"prompt": "Why?", "explain": true});
    let (_, answer) = running.route(&body).await;
    let candidates = answer["candidates"].as_array().unwrap();
    let chances: Vec<f64> = candidates
        .iter()
        .map(|one| one["probability"].as_f64().unwrap())
        .collect();
    assert!(
        (chances.iter().sum::<f64>() - 1.0).abs() < 1e-9,
        "{chances:?}"
    );
    // By the prior alone the middle one may be better than the big one.
    let middle = candidates.iter().find(|one| one["model"] == "middle");
    let chance = middle.unwrap()["probability"].as_f64().unwrap();
    assert!((0.01..0.5).contains(&chance), "{chances:?}");
    let refused = json!({"prompt": "Why?", "no_explore": true});
    assert_eq!(running.route(&refused).await.1["propensity"], 1.0);
}

#[tokio::test]
async fn bills_correct_what_calls_are_expected_to_cost() {
    let running = start_learning().await;
    for _ in 0..60 {
        let (id, _) = running.ask().await;
        let body = json!({"decision_id": id, "usage": {"cost_usd": 0.03}});
        assert!(running.feedback(&body).await.0.is_success());
    }
    let status = running
        .until(|status| status["learnt"]["bills"].as_u64() == Some(60))
        .await;
    let factor = of(&status, "big")["cost_factor"].as_f64().unwrap();
    assert!((2.0..3.2).contains(&factor), "{factor}");
    let (_, answer) = running
        .route(&json!({"prompt": "Why?", "explain": true}))
        .await;
    let big = answer["candidates"].as_array().unwrap().iter();
    let cost = usd(&big.clone().find(|one| one["model"] == "big").unwrap()["cost_usd"]);
    assert!((cost / 0.01 - factor).abs() < 0.01, "{cost}");
}
