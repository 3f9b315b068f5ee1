//! Budgets over live traffic: a learnt cascade keeps their pace, and every call is charged once.

use pointsman_learn::pacing::{Goal, PacingSettings, Spend};
use pointsman_types::Usd;

use super::learned::{LAMBDA, LARGE, Reading, UNSURE, models};
use super::*;

fn dollars(amount: f64) -> Usd {
    Usd::new(amount).unwrap()
}

fn paced(mean_cost: f64, cap: Option<f64>) -> PacingSettings {
    PacingSettings {
        goal: Goal::MeanCost(dollars(mean_cost)),
        cap: cap.map(|cap| Spend {
            amount: dollars(cap),
            period_ms: 24 * 3600 * 1000,
        }),
        near: 0.02,
    }
}

/// A learnt cascade between `small` at $0.004, whose answers are unsure, and `large` at $0.01; that is
/// expected of their calls, which cost 90 and 900 millionths.
async fn reading(small: Act, pacing: PacingSettings, more: Value) -> Reading {
    let change = |config: &mut Config| config.learning.pacing = Some(pacing);
    Reading::changed(("utility:20", true), (&[small], &[LARGE]), more, change).await
}

fn lambda(told: &Value) -> f64 {
    told["calls"][0]["lambda"].as_f64().unwrap()
}

async fn status(site: &Site) -> Value {
    site.running.status().await["pacing"].clone()
}

fn close(status: &Value, name: &str, expected: f64) {
    let found = status[name].as_f64().unwrap();
    assert!((found - expected).abs() < 1e-9, "{name}: {status}");
}

#[tokio::test]
async fn a_learnt_cascade_keeps_the_pace_of_the_budget() {
    let little = reading(UNSURE, paced(0.000_05, None), json!({})).await;
    let much = reading(UNSURE, paced(0.5, None), json!({"max_calls": 1})).await;
    for _ in 0..3 {
        let (text, told) = little.ask().await;
        assert_eq!((text.as_str(), models(&told)), ("Perhaps.", vec!["small"]));
        assert!(lambda(&told) > 2.0 * LAMBDA, "{told}");
        let (text, told) = much.ask().await;
        assert_eq!((text.as_str(), models(&told)), ("No.", vec!["large"]));
        assert!(lambda(&told) < LAMBDA, "{told}");
    }
    let kept = little.site.running.store.decisions(0, 1).await.unwrap();
    assert!(
        kept[0].decision.lambda > Some(2.0 * LAMBDA),
        "kept with the decision"
    );
}

#[tokio::test]
async fn every_call_of_a_cascade_is_charged_and_its_own_lambda_comes_first() {
    let reading = reading(UNSURE, paced(0.000_05, None), json!({"lambda": LAMBDA})).await;
    for requests in 1..=3 {
        let (_, told) = reading.ask().await;
        assert_eq!(models(&told), ["small", "large"]);
        assert!((lambda(&told) - LAMBDA).abs() < 1e-9, "{told}");
        let status = status(&reading.site).await;
        close(&status, "spent_usd", f64::from(requests) * 0.000_99);
        close(&status, "reserved_usd", 0.0);
        assert_eq!(status["open"], 0);
    }
}

#[tokio::test]
async fn calls_that_fail_are_not_charged() {
    let reading = reading(Act::Fail(500), paced(0.000_05, None), json!({})).await;
    assert_eq!(reading.ask().await.0, "No.");
    let status = status(&reading.site).await;
    close(&status, "spent_usd", 0.000_9);
    close(&status, "reserved_usd", 0.0);
}

/// Room for the small model alone; for either, but not for both; for none.
#[tokio::test]
async fn a_cascade_stops_at_the_cap() {
    for cap in [0.009, 0.010_05] {
        let reading = reading(UNSURE, paced(0.5, Some(cap)), json!({})).await;
        assert_eq!(models(&reading.ask().await.1), ["small"], "{cap}");
        let status = status(&reading.site).await;
        close(&status, "spent_usd", 0.000_09);
        close(&status, "reserved_usd", 0.0);
    }
    let refused = reading_refused(0.003).await;
    assert!(refused.contains("budget"), "{refused}");
}

async fn reading_refused(cap: f64) -> String {
    let reading = reading(UNSURE, paced(0.5, Some(cap)), json!({})).await;
    for model in ["careful", "auto", "small"] {
        let (status, error) = reading.site.chat(&asking(model)).await;
        assert_eq!(status, StatusCode::PAYMENT_REQUIRED, "{model}: {error}");
    }
    assert!(reading.site.small.heard().is_empty() && reading.site.large.heard().is_empty());
    let (_, error) = reading.site.chat(&asking("careful")).await;
    error.to_string()
}

#[tokio::test]
async fn what_another_model_answers_in_place_of_one_that_fails_is_charged() {
    let reading = reading(Act::Fail(500), paced(0.005, None), json!({})).await;
    for model in ["auto", "auto"] {
        let response = reading
            .site
            .post("/v1/chat/completions", &asking(model))
            .await;
        assert_eq!(header(&response, "model"), "large");
        response.bytes().await.unwrap();
    }
    let status = status(&reading.site).await;
    close(&status, "spent_usd", 0.001_8);
    close(&status, "reserved_usd", 0.0);
    assert_eq!(status["open"], 0);
}
