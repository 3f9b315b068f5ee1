//! What `POST /v1/route` and the lists answer.

use reqwest::StatusCode;
use serde_json::json;

use super::{FirstAllowed, config, exported, start, start_with};
use crate::{Config, Live, ROUTES};

#[tokio::test]
async fn a_prompt_gets_a_model_and_the_reason() {
    let running = start().await;
    let (status, answer) = running.route(&json!({"prompt": "Why?"})).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["model"], "small");
    assert_eq!(answer["reason"], "best_utility");
    assert_eq!(answer["policy_version"], "v1");
    assert_eq!(answer["propensity"], 1.0);
    assert_eq!(answer["decision_id"].as_str().unwrap().len(), 36);
    assert!(answer.get("candidates").is_none(), "only on request");
}

#[tokio::test]
async fn limits_reach_the_router() {
    let running = start().await;
    let body = json!({
        "messages": [{"role": "user", "content": "Why?"}],
        "models": ["large"],
    });
    assert_eq!(running.route(&body).await.1["model"], "large");
}

#[tokio::test]
async fn an_explanation_lists_every_candidate() {
    let running = start().await;
    let (_, answer) = running
        .route(&json!({"prompt": "Why?", "explain": true}))
        .await;
    let candidates = answer["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 2);
    assert!(candidates[0]["refusal"].is_null());
    assert_eq!(candidates[0]["cost_usd"], 0.001);
    assert_eq!(candidates[1]["refusal"]["code"], "lower_utility");
    let message = candidates[1]["refusal"]["message"].as_str().unwrap();
    assert!(
        message.contains("does not make up for what it costs more"),
        "{message}"
    );
}

#[tokio::test]
async fn a_long_prompt_is_decided_too() {
    let running = start().await;
    let (status, answer) = running.route(&json!({"prompt": "x".repeat(9 << 20)})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

#[tokio::test]
async fn a_decision_is_recorded_before_it_is_answered_and_without_its_prompt() {
    let running = start().await;
    running.decide().await;
    let (rows, without_prompt) = exported(&running.store_path()).await;
    assert_eq!((rows.len(), without_prompt), (0, 1));
}

#[tokio::test]
async fn prompts_are_kept_where_the_settings_say_so() {
    let config = Config {
        log_prompts: true,
        ..config()
    };
    let running = start_with(config, Live::fixed(FirstAllowed::new("v1"))).await;
    let body = json!({
        "prompt": "Why?", "session_id": "s", "input_tokens": 2,
        "metadata": {"category": "maths"},
    });
    let (_, answer) = running.route(&body).await;
    let (rows, _) = exported(&running.store_path()).await;
    assert_eq!(rows[0].prompt.text(), "Why?");
    assert_eq!(
        rows[0].decision_id.as_deref(),
        answer["decision_id"].as_str()
    );
    assert_eq!(rows[0].category.as_deref(), Some("maths"));
    assert_eq!(rows[0].session_id.as_deref(), Some("s"));
    assert_eq!(rows[0].prompt_id, rows[0].prompt.default_id());
}

#[tokio::test]
async fn models_are_listed_with_what_is_known_of_them() {
    let running = start().await;
    let list: serde_json::Value = running.get("/v1/models").await.json().await.unwrap();
    assert_eq!(list["object"], "list");
    assert_eq!(list["data"][0]["id"], "small");
    assert_eq!(list["data"][0]["object"], "model");
    assert_eq!(list["data"][0]["context_window"], 8192);
}

#[tokio::test]
async fn every_get_route_answers() {
    let running = start().await;
    for (method, path) in ROUTES {
        if method == "get" {
            assert_eq!(running.get(path).await.status(), StatusCode::OK, "{path}");
        }
    }
}

#[tokio::test]
async fn metrics_count_and_take_no_label_from_a_caller() {
    let running = start().await;
    running.decide().await;
    running.get("/no/such/path").await;
    running
        .route(&json!({"prompt": "Why?", "models": ["no-such-model"]}))
        .await;
    let page = running.metrics().await;
    for line in [
        r#"pointsman_requests_total{route="/v1/route",status="2xx"} 1"#,
        r#"pointsman_requests_total{route="/v1/route",status="4xx"} 1"#,
        r#"pointsman_requests_total{route="other",status="4xx"} 1"#,
        r#"pointsman_decisions_total{model="small",reason="best_utility"} 1"#,
        "pointsman_decision_seconds_count 1",
        r#"pointsman_request_seconds_count{route="/v1/route"} 2"#,
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
    assert!(
        !page.contains("no-such-model") && !page.contains("/no/such"),
        "{page}"
    );
}
