//! Names that lead nowhere, and callers who take their time: others are served all the same.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);
const LIMIT: u64 = 300;

/// A model whose name in the network nobody knows.
fn nowhere() -> Value {
    json!({"deployments": [{
        "dialect": "openai", "base_url": "https://nowhere.invalid/v1", "breaker": {"consecutive": 2},
    }]})
}

#[tokio::test]
async fn a_back_end_whose_name_does_not_resolve_is_gone_round() {
    let more = json!({"small": nowhere()});
    let router = FirstAllowed::new("v1");
    let site = Site::with(&[Act::Say("")], &[Act::Say("Yes.")], &more, router).await;
    for retries in ["1", "0"] {
        let response = site.post("/v1/chat/completions", &asking("auto")).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "model"), "large");
        assert_eq!(header(&response, "reason"), "fallback");
        assert_eq!(
            header(&response, "retries"),
            retries,
            "the second time it rests"
        );
    }
    let fresh = Site::with(
        &[Act::Say("")],
        &[Act::Say("Yes.")],
        &more,
        FirstAllowed::new("v1"),
    );
    let (status, error) = fresh.await.chat(&asking("small")).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    let message = error["error"]["message"].as_str().unwrap();
    assert_eq!(message, "the back end's name cannot be resolved");
    let (status, error) = site.chat(&asking("small")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{error}");
}

/// A site with small limits for what callers send and read.
async fn hurried(acts: &[Act], max_connections: usize) -> Site {
    let (small, large) = (Provider::new(acts).await, Provider::new(acts).await);
    let config = Config {
        max_connections,
        header_timeout_ms: LIMIT,
        body_timeout_ms: LIMIT,
        write_timeout_ms: LIMIT,
        ..gateway(&small, &large, &json!({}))
    };
    Site {
        running: start_with(config, Live::fixed(FirstAllowed::new("v1"))).await,
        small,
        large,
    }
}

/// Says this, one byte after the other, until the server hangs up; what came back, and when.
async fn dripped(site: &Site, at_once: &str, dripped: &str) -> (String, Duration) {
    let mut stream = TcpStream::connect(site.running.address).await.unwrap();
    let since = Instant::now();
    stream.write_all(at_once.as_bytes()).await.unwrap();
    let (mut from, mut to) = stream.split();
    let dripping = async {
        for byte in dripped.bytes() {
            sleep(Duration::from_millis(10)).await;
            if to.write_all(&[byte]).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let mut heard = Vec::new();
    // A connection that is reset is as closed as one that ends.
    let reading = async { from.read_to_end(&mut heard).await.ok() };
    tokio::select! {
        () = dripping => {}
        closed = timeout(PATIENCE, reading) => drop(closed.unwrap()),
    }
    (
        String::from_utf8_lossy(&heard).into_owned(),
        since.elapsed(),
    )
}

async fn is_answered(site: &Site) {
    let (status, answer) = site.chat(&asking("auto")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

const HEAD: &str =
    "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 9000\r\nx-slow: ";

#[tokio::test]
async fn callers_who_send_byte_by_byte_are_cut_off_and_others_served() {
    let site = hurried(&[Act::Say("Yes.")], 4096).await;
    let slow = "a".repeat(5000);
    let head = (0..50).map(|_| dripped(&site, "POST /v1/chat", &slow));
    let late_head = (0..50).map(|_| dripped(&site, HEAD, &slow));
    let begun = format!("{HEAD}no\r\n\r\n{{\"model\": \"");
    let body = (0..50).map(|_| dripped(&site, &begun, &slow));
    let others = async {
        for _ in 0..30 {
            is_answered(&site).await;
            sleep(Duration::from_millis(10)).await;
        }
    };
    let (head, late_head, body, ()) = tokio::join!(
        futures_util::future::join_all(head),
        futures_util::future::join_all(late_head),
        futures_util::future::join_all(body),
        others,
    );
    let most = Duration::from_millis(LIMIT) * 10;
    for (heard, took) in head.iter().chain(&late_head) {
        assert!(heard.is_empty() && *took < most, "{heard} after {took:?}");
    }
    for (heard, took) in &body {
        assert!(heard.starts_with("HTTP/1.1 408"), "{heard}");
        assert!(
            heard.contains("took longer than 300ms") && *took < most,
            "{took:?}"
        );
    }
}

#[tokio::test]
async fn whoever_finds_all_connections_taken_is_served_once_idle_ones_are_cut() {
    let site = hurried(&[Act::Say("Yes.")], 8).await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(TcpStream::connect(site.running.address).await.unwrap());
    }
    timeout(PATIENCE, is_answered(&site)).await.unwrap();
    for mut stream in idle {
        let mut heard = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut heard))
            .await
            .unwrap()
            .ok();
        assert!(heard.is_empty());
    }
}

#[tokio::test]
async fn a_caller_who_does_not_read_is_cut_off_and_its_back_end_set_free() {
    let site = hurried(&[Act::SayMuch(64 << 20)], 4096).await;
    let mut asked = asking("small");
    asked["stream"] = json!(true);
    let body = asked.to_string();
    let mut stream = TcpStream::connect(site.running.address).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let closed = async {
        while !site
            .running
            .metrics()
            .await
            .contains("pointsman_cost_estimated_total 1")
        {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, closed)
        .await
        .expect("its call is accounted for");
    let rows = site.rows().await;
    assert_eq!(rows.len(), 1);
}
