//! What callers get who send something wrong: always the same form, always the place.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{FirstAllowed, config, read, start, start_with};
use crate::{Config, Live};

/// Checks the form of the error and its code.
fn check_error(got: (StatusCode, Value), status: StatusCode, code: &str) {
    assert_eq!(got.0, status, "{}", got.1);
    let error = &got.1["error"];
    assert_eq!(error["code"], code, "{error}");
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|text| !text.is_empty()),
        "{error}"
    );
    let kind = if status.is_server_error() {
        "server_error"
    } else {
        "invalid_request_error"
    };
    assert_eq!(error["type"], kind);
    assert!(error.get("param").is_some(), "{error}");
}

async fn check_body(body: impl Into<reqwest::Body>, status: StatusCode, code: &str) {
    let running = start().await;
    check_error(read(running.post("/v1/route", body)).await, status, code);
}

#[tokio::test]
async fn not_json() {
    check_body("prompt=why", StatusCode::BAD_REQUEST, "invalid_json").await;
}

#[tokio::test]
async fn not_utf8() {
    let body = b"{\"prompt\": \"\xff\xfe\"}".to_vec();
    check_body(body, StatusCode::BAD_REQUEST, "invalid_json").await;
}

#[tokio::test]
async fn no_body() {
    check_body("", StatusCode::BAD_REQUEST, "invalid_json").await;
}

#[tokio::test]
async fn a_wrong_type() {
    check_body(r#"{"prompt": 7}"#, StatusCode::BAD_REQUEST, "invalid_value").await;
}

#[tokio::test]
async fn an_unknown_field() {
    let body = r#"{"prompt": "Why?", "temperature": 1}"#;
    check_body(body, StatusCode::BAD_REQUEST, "unknown_field").await;
}

#[tokio::test]
async fn an_unknown_model() {
    let body = r#"{"prompt": "Why?", "models": ["tiny"]}"#;
    check_body(body, StatusCode::BAD_REQUEST, "unknown_model").await;
}

#[tokio::test]
async fn a_body_of_11_mb() {
    let body = json!({"prompt": "x".repeat(11_000_000)}).to_string();
    check_body(body, StatusCode::PAYLOAD_TOO_LARGE, "body_too_long").await;
}

#[tokio::test]
async fn limits_that_no_model_satisfies() {
    let running = start().await;
    let got = running
        .route(&json!({"prompt": "Why?", "max_cost_usd": 0}))
        .await;
    let error = got.1["error"].clone();
    check_error(got, StatusCode::UNPROCESSABLE_ENTITY, "no_candidate");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("`small`") && message.contains("`large`"),
        "{message}"
    );
    assert_eq!(error["refusals"][1]["model"], "large");
    assert_eq!(error["refusals"][1]["code"], "max_cost");
}

#[tokio::test]
async fn a_wrong_path_and_a_wrong_method() {
    let running = start().await;
    let path = running.client.get(running.url("/v1/rout"));
    check_error(read(path).await, StatusCode::NOT_FOUND, "unknown_path");
    let method = running.client.get(running.url("/v1/route"));
    check_error(
        read(method).await,
        StatusCode::METHOD_NOT_ALLOWED,
        "wrong_method",
    );
}

#[tokio::test]
async fn a_defect_of_the_router_costs_one_request() {
    let running = start().await;
    for prompt in ["panic".to_owned(), format!("panic {}", "x".repeat(1 << 17))] {
        let got = running.route(&json!({"prompt": prompt})).await;
        check_error(got, StatusCode::INTERNAL_SERVER_ERROR, "internal_error");
    }
    running.decide().await;
}

#[tokio::test]
async fn a_closed_store_is_503_with_a_time_to_retry() {
    let running = start().await;
    running.store.close().await;
    let body = json!({"prompt": "Why?"}).to_string();
    let response = running.post("/v1/route", body).send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "1");
    let got = (response.status(), response.json().await.unwrap());
    check_error(got, StatusCode::SERVICE_UNAVAILABLE, "not_ready");
    let ready = running.client.get(running.url("/readyz"));
    check_error(
        read(ready).await,
        StatusCode::SERVICE_UNAVAILABLE,
        "not_ready",
    );
}

/// Sends the text, then nothing more, and reads what comes until the server hangs up.
async fn stalled(config: Config, text: &str) -> String {
    let running = start_with(config, Live::fixed(FirstAllowed::new("v1"))).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    tokio::time::timeout(Duration::from_secs(20), read)
        .await
        .unwrap()
        .unwrap();
    answer
}

#[tokio::test]
async fn a_body_that_does_not_come() {
    let config = Config {
        body_timeout_ms: 20,
        ..config()
    };
    let text = "POST /v1/route HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{";
    let answer = stalled(config, text).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("body_too_slow"), "{answer}");
}

#[tokio::test]
async fn headers_that_do_not_come() {
    let config = Config {
        header_timeout_ms: 20,
        ..config()
    };
    assert_eq!(stalled(config, "POST /v1/route HTTP/1.1\r\n").await, "");
}
