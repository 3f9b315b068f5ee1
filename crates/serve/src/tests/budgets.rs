//! Spending meets its target, and never passes a cap.

use pointsman_learn::pacing::{Goal, PacingSettings, Spend};
use pointsman_router::Router;
use pointsman_types::Usd;
use reqwest::StatusCode;
use serde_json::json;

use super::taught::*;
use super::{Running, start_in, start_with};
use crate::{Adaptive, Config, Live, Mode};

fn paced(goal: Goal, cap: Option<Spend>) -> Config {
    let pacing = PacingSettings {
        goal,
        cap,
        near: 0.02,
    };
    learning(|learning| learning.pacing = Some(pacing))
}

fn dollars(amount: f64) -> Usd {
    Usd::new(amount).unwrap()
}

fn a_day(amount: f64) -> Spend {
    Spend {
        amount: dollars(amount),
        period_ms: 24 * 3600 * 1000,
    }
}

/// By quality alone the big one at $0.01 would be asked each time.
fn live() -> Live {
    Live::fixed(Adaptive::new(
        Router::new(artifact(3, "utility:1")).unwrap(),
    ))
}

fn cost(model: &str) -> f64 {
    match model {
        "big" => 0.01,
        "middle" => 0.004,
        _ => 0.001,
    }
}

/// What so many calls cost, each reported.
async fn spend(running: &Running, calls: usize) -> f64 {
    let mut spent = 0.0;
    for _ in 0..calls {
        let (id, model) = running.ask().await;
        let body = json!({"decision_id": id, "usage": {"cost_usd": cost(&model)}});
        assert!(running.feedback(&body).await.0.is_success());
        spent += cost(&model);
    }
    spent
}

#[tokio::test]
async fn a_mean_cost_is_met() {
    let running = start_with(paced(Goal::MeanCost(dollars(0.003)), None), live()).await;
    spend(&running, 100).await;
    running
        .until(|status| status["learnt"]["bills"].as_u64() == Some(100))
        .await;
    let mean = spend(&running, 300).await / 300.0;
    assert!((0.0027..=0.00315).contains(&mean), "{mean}");
    let status = running.status().await;
    assert!(status["pacing"]["lambda"].as_f64() > Some(1.0), "{status}");
    let kept = running.store.decisions(400 - 1, 1).await.unwrap().remove(0);
    assert!(kept.decision.lambda > Some(1.0), "kept with the decision");
}

#[tokio::test]
async fn without_a_budget_the_policy_decides() {
    let running = start_with(learning(|_| {}), live()).await;
    assert_eq!(running.ask().await.1, "big");
    assert_eq!(running.status().await["pacing"], serde_json::Value::Null);
    let mut bypassed = paced(Goal::MeanCost(dollars(0.001)), None);
    bypassed.learning.mode = Mode::Bypass;
    let running = start_with(bypassed, live()).await;
    spend(&running, 50).await;
    assert_eq!(running.ask().await.1, "big");
}

/// Asks until the budget is spent, and tells what was spent.
async fn exhaust(running: &Running) -> f64 {
    let mut spent = 0.0;
    for _ in 0..1000 {
        let (status, answer) = running.route(&json!({"prompt": "Why?"})).await;
        if status == StatusCode::PAYMENT_REQUIRED {
            let refusals = answer["error"]["refusals"].to_string();
            assert!(refusals.contains("budget_spent"), "{answer}");
            return spent;
        }
        spent += cost(answer["model"].as_str().unwrap());
        let actual = cost(answer["model"].as_str().unwrap());
        let body = json!({"decision_id": answer["decision_id"], "usage": {"cost_usd": actual}});
        assert!(running.feedback(&body).await.0.is_success());
    }
    panic!("the cap was never reached: {}", running.status().await);
}

#[tokio::test]
async fn a_cap_is_never_passed_not_even_across_a_crash() {
    let capped = || paced(Goal::MeanCost(dollars(0.003)), Some(a_day(0.3)));
    let running = start_with(capped(), live()).await;
    let first = spend(&running, 40).await;
    let home = running.crash().await;
    let running = start_in(home, capped(), live()).await;
    let spent = first + exhaust(&running).await;
    assert!((0.25..=0.3).contains(&spent), "{spent}");
}
