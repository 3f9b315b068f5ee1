//! What `POST /v1/feedback` answers and keeps.

use reqwest::StatusCode;
use serde_json::json;

use super::{FirstAllowed, config, exported, read, start, start_with};
use crate::{Config, Live};

#[tokio::test]
async fn feedback_joins_its_decision() {
    let config = Config {
        log_prompts: true,
        ..config()
    };
    let running = start_with(config, Live::fixed(FirstAllowed::new("v1"))).await;
    let id = running.decide().await;
    let (status, answer) = running
        .feedback(&json!({"decision_id": id, "value": 0.25}))
        .await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let (rows, _) = exported(&running.store_path()).await;
    let score = rows[0].score.unwrap().get();
    assert!((score - 0.25).abs() < 1e-6, "{score}");
}

#[tokio::test]
async fn the_same_feedback_twice_has_one_id() {
    let running = start().await;
    let body = json!({"inference_id": running.decide().await, "verdict": "good_fit"});
    let (_, first) = running.feedback(&body).await;
    let (_, second) = running.feedback(&body).await;
    assert_eq!(first["repeated"], false);
    assert_eq!(second["repeated"], true);
    assert_eq!(first["feedback_id"], second["feedback_id"]);
    let page = running.metrics().await;
    assert!(
        page.contains(r#"pointsman_feedback_total{result="repeated"} 1"#),
        "{page}"
    );
}

#[tokio::test]
async fn a_key_in_the_header_names_the_submission() {
    let running = start().await;
    let id = running.decide().await;
    let send = async |key: &str, value: f32| {
        let body = json!({"decision_id": id, "value": value}).to_string();
        read(
            running
                .post("/v1/feedback", body)
                .header("idempotency-key", key),
        )
        .await
        .1
    };
    let first = send("a", 1.0).await;
    let second = send("b", 0.0).await;
    let retry = send("a", 1.0).await;
    assert_ne!(first["feedback_id"], second["feedback_id"]);
    assert_eq!(first["feedback_id"], retry["feedback_id"]);
}

#[tokio::test]
async fn feedback_for_an_unknown_decision_is_404() {
    let running = start().await;
    let (status, answer) = running
        .feedback(&json!({"decision_id": "nobody", "value": 1}))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(answer["error"]["code"], "unknown_decision");
    assert_eq!(answer["error"]["param"], "decision_id");
}

#[tokio::test]
async fn feedback_out_of_range_is_400() {
    let running = start().await;
    let id = running.decide().await;
    let (status, answer) = running
        .feedback(&json!({"decision_id": id, "value": 1.5}))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(answer["error"]["param"], "value");
}
