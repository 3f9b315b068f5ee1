//! Drift in service: what alarms, what follows, and that it is over by itself.

use pointsman_learn::drift::DriftSettings;
use serde_json::Value;

use super::taught::*;
use super::{Running, start_with};
use crate::Config;

fn watchful() -> Config {
    learning(|learning| {
        learning.drift = DriftSettings {
            requests_per_false_alarm: 2000.0,
            learn: 30,
            prove: 40,
            lapse: 300,
            reference: 100_000,
            ..DriftSettings::default()
        };
    })
}

/// Nine of ten answers are good, or none.
fn good(number: usize) -> f64 {
    f64::from(u8::from(number % 10 != 3))
}

fn is_alarmed(status: &Value) -> bool {
    status["drift"]["state"] == "alarm"
}

async fn events(running: &Running, kind: &str) -> Vec<Value> {
    let events = running.store.events(0, 1000).await.unwrap().into_iter();
    events
        .filter(|event| event.event.kind == kind)
        .map(|event| event.event.detail)
        .collect()
}

#[tokio::test]
async fn when_predictions_fail_training_decides_until_they_hold_again() {
    let running = start_with(watchful(), live()).await;
    running.serve(40, |_, number| good(number)).await;
    // Seen step by step: an alarm is over once the new level is known.
    let (mut judged, mut status) = (40, Value::Null);
    while !is_alarmed(&status) {
        assert!(judged < 800, "it never alarmed: {status}");
        running.serve(10, |_, _| 0.0).await;
        judged += 10;
        status = running.read_up_to(judged).await;
    }
    assert!(!status["drift"]["standing"].as_array().unwrap().is_empty());
    assert_eq!(status["consequence"]["stop_exploring"], true, "{status}");
    let found = events(&running, "drift").await;
    assert!(
        found.iter().any(|event| event["to"] == "alarm"),
        "{found:?}"
    );
    assert!(!events(&running, "drift_consequence").await.is_empty());
    let page = running.metrics().await;
    let alarms = page
        .lines()
        .find(|line| line.starts_with("pointsman_drift_alarms"));
    assert!(alarms.is_some_and(|line| !line.ends_with(" 0")), "{page}");
    // What comes is what was predicted all along, until everything is in order again.
    for round in 0..30 {
        running.serve(100, |_, number| good(number)).await;
        let status = running.read_up_to(judged + 100 * (round + 1)).await;
        if status["drift"]["state"] == "ok" {
            assert_eq!(status["consequence"]["use_reference"], false);
            let over = events(&running, "drift").await;
            assert!(over.iter().any(|event| event["to"] == "ok"), "{over:?}");
            return;
        }
    }
    panic!("it never recovered: {}", running.status().await);
}

#[tokio::test]
async fn while_predictions_hold_nothing_alarms() {
    let running = start_with(watchful(), live()).await;
    running.serve(400, |_, number| good(number)).await;
    let status = running.read_up_to(400).await;
    assert!(!is_alarmed(&status), "{status}");
    assert_eq!(status["consequence"]["use_reference"], false);
}
