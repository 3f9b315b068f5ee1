//! Starting and stopping: nothing that was begun is lost, and the end comes in bounded time.

use std::time::Duration;

use pointsman_store::Store;
use reqwest::StatusCode;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{FirstAllowed, Running, config, exported, start, start_with};
use crate::{Config, Live, ServeError, Server};

const BODY: &str = r#"{"prompt": "Why?"}"#;
const PATIENCE: Duration = Duration::from_secs(20);

/// A request whose body the server waits for: it has asked to go on.
async fn begin(running: &Running) -> TcpStream {
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let head = format!(
        "POST /v1/route HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        BODY.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    let mut answer = vec![0; go_on.len()];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, go_on.as_bytes());
    stream
}

/// Until the listener is gone.
async fn refuses_connections(running: &Running) {
    while TcpStream::connect(running.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_request_under_way_is_finished_and_recorded() {
    let running = start().await;
    let mut stream = begin(&running).await;
    running.stop.cancel();
    timeout(PATIENCE, refuses_connections(&running))
        .await
        .unwrap();
    stream.write_all(BODY.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let path = running.store_path();
    timeout(PATIENCE, running.task)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(exported(&path).await.1, 1);
    Store::open(&path).await.expect("the lock was given back");
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut_off() {
    let config = Config {
        drain_ms: 20,
        ..config()
    };
    let running = start_with(config, Live::fixed(FirstAllowed::new("v1"))).await;
    let mut stream = begin(&running).await;
    running.stop.cancel();
    timeout(PATIENCE, running.task)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    let mut answer = Vec::new();
    // The connection may end cleanly or be reset; an answer must not come.
    stream.read_to_end(&mut answer).await.ok();
    assert!(answer.is_empty());
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_end() {
    let running = start().await;
    running.decide().await;
    running.stop.cancel();
    timeout(PATIENCE, running.task)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn readyz_says_no_while_requests_are_still_taken() {
    let config = Config {
        drain_notice_ms: 60_000,
        ..config()
    };
    let running = start_with(config, Live::fixed(FirstAllowed::new("v1"))).await;
    assert_eq!(running.get("/readyz").await.status(), StatusCode::OK);
    running.stop.cancel();
    let not_ready =
        async { while running.get("/readyz").await.status() != StatusCode::SERVICE_UNAVAILABLE {} };
    timeout(PATIENCE, not_ready).await.unwrap();
    assert_eq!(running.get("/healthz").await.status(), StatusCode::OK);
    assert_eq!(
        running.route(&json!({"prompt": "Why?"})).await.0,
        StatusCode::OK
    );
    running.task.abort();
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let running = start().await;
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().join("store.db"))
        .await
        .unwrap();
    let config = Config {
        bind: running.address,
        ..config()
    };
    let live = Live::fixed(FirstAllowed::new("v1"));
    let Err(error) = Server::bind(&config, live, store).await else {
        panic!("the port was taken twice");
    };
    assert!(matches!(error, ServeError::Bind { .. }), "{error}");
    assert!(
        error.to_string().contains(&running.address.to_string()),
        "{error}"
    );
}
