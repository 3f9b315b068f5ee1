//! What `POST /v1/feedback` answers and keeps.

use pointsman_types::{Quality, Tokens};
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

#[tokio::test]
async fn a_signal_is_kept_as_a_weak_label() {
    let running = start().await;
    let id = running.decide().await;
    let (status, answer) = running
        .feedback(&json!({"decision_id": id, "signal": "regenerate"}))
        .await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let news = running.store.news(0, 10).await.unwrap().remove(0);
    assert_eq!(news.feedback.metric_name, "signal:regenerate");
    assert!(news.feedback.is_signal() && news.feedback.value.get() < 0.5);
}

#[tokio::test]
async fn usage_is_kept_beside_a_judgement_and_alone() {
    let running = start().await;
    for judgement in [json!({}), json!({"value": 0.5})] {
        let mut body = judgement;
        body["decision_id"] = json!(running.decide().await);
        body["usage"] = json!({"output_tokens": 12, "cost_usd": 0.001, "error": "timeout"});
        let (status, first) = running.feedback(&body).await;
        assert_eq!(status, StatusCode::OK, "{first}");
        assert_eq!(first["repeated"], false);
        let (_, again) = running.feedback(&body).await;
        assert_eq!(again["repeated"], true);
        assert_eq!(again["feedback_id"], first["feedback_id"]);
    }
    let followed = running.store.decisions(0, 10).await.unwrap();
    for one in &followed {
        let outcome = one.outcome.as_ref().expect("it was reported");
        assert_eq!(outcome.output_tokens, Some(Tokens(12)));
        assert_eq!(outcome.error.as_deref(), Some("timeout"));
    }
    assert_eq!(followed[0].score, None);
    assert_eq!(followed[1].score, Some(Quality::clamped(0.5)));
}

#[tokio::test]
async fn a_new_judgement_beside_a_known_usage_is_new() {
    let running = start().await;
    let id = running.decide().await;
    let body = |value: f32| json!({"decision_id": id, "value": value, "usage": {"latency_ms": 5}});
    running.feedback(&body(1.0)).await;
    assert_eq!(running.feedback(&body(0.0)).await.1["repeated"], false);
}

#[tokio::test]
async fn feedback_of_another_key_is_403() {
    let running = start().await;
    let body = json!({"prompt": "Why?", "key_id": "ours", "tier": "gold"});
    let id = running.route(&body).await.1["decision_id"].clone();
    let kept = running.store.decisions(0, 1).await.unwrap().remove(0);
    assert_eq!(kept.decision.key_id.as_deref(), Some("ours"));
    assert_eq!(kept.decision.tier.as_deref(), Some("gold"));
    for said in [json!({"value": 1}), json!({"usage": {"latency_ms": 5}})] {
        let mut body = said;
        body["decision_id"] = id.clone();
        body["key_id"] = json!("theirs");
        let (status, answer) = running.feedback(&body).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert_eq!(answer["error"]["code"], "other_key");
        assert_eq!(answer["error"]["param"], "key_id");
        body["key_id"] = json!("ours");
        assert_eq!(running.feedback(&body).await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn feedback_for_an_erased_decision_is_410() {
    let running = start().await;
    let id = running.decide().await;
    running.store.erase(&id, 1).await.unwrap();
    let (status, answer) = running
        .feedback(&json!({"decision_id": id, "value": 1}))
        .await;
    assert_eq!(status, StatusCode::GONE);
    assert_eq!(answer["error"]["code"], "erased_decision");
}

#[tokio::test]
async fn a_wrong_usage_is_400_with_its_path() {
    let running = start().await;
    let id = running.decide().await;
    for (usage, param) in [
        (json!({"latency_ms": -1}), "usage.latency_ms"),
        (json!({"output_tokens": "many"}), "usage.output_tokens"),
        (json!({"tokens": 1}), "usage.tokens"),
    ] {
        let body = json!({"decision_id": id, "usage": usage});
        let (status, answer) = running.feedback(&body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(answer["error"]["param"], param);
    }
}
