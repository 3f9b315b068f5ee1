//! Back ends that fail, each in its way.

use std::time::{Duration, Instant};

use pointsman_wire::{Dialect, FailureKind};

use super::stand_in::{Act, StandIn, http, whole};
use super::{PLAIN, asked, asked_in, deployment, hasty, pool, told};
use crate::{Backoff, BreakerState, Deployment, Persistence, TimeLimits};

async fn failure(scripts: Vec<Vec<Act>>) -> (FailureKind, String, usize) {
    let stand_in = StandIn::new(scripts).await;
    let pool = pool(vec![deployment("small/0", stand_in.address)]);
    let relayed = asked(PLAIN, &[&pool]).await;
    let failure = relayed.result.err().expect("it fails");
    (failure.kind, failure.message, relayed.attempts.len())
}

#[tokio::test]
async fn an_answer_of_the_same_dialect_keeps_its_bytes() {
    let stand_in = StandIn::new(vec![whole("Hello")]).await;
    let pool = pool(vec![deployment("small/0", stand_in.address)]);
    let (model, text) = told(asked(PLAIN, &[&pool]).await).await;
    assert_eq!(model, 0);
    assert_eq!(text, super::stand_in::answer_of("Hello"));
    let request = &stand_in.requests()[0];
    assert!(request.starts_with("POST /v1/chat/completions HTTP/1.1"));
    assert!(
        request.ends_with(&PLAIN.replace("auto", "its-name")),
        "{request}"
    );
}

#[tokio::test]
async fn another_dialect_is_answered_in_its_own_words() {
    let stand_in = StandIn::new(vec![whole("Hello")]).await;
    let pool = pool(vec![deployment("small/0", stand_in.address)]);
    let text = r#"{"model":"auto","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}"#;
    let relayed = asked_in(Dialect::Messages, text, &[&pool], &hasty()).await;
    let (_, text) = told(relayed).await;
    assert!(
        text.contains(r#""type":"message""#) && text.contains("Hello"),
        "{text}"
    );
}

#[tokio::test]
async fn errors_that_pass_are_tried_again() {
    let broken = http(
        500,
        "application/json",
        "",
        r#"{"error":{"message":"oops"}}"#,
    );
    let stand_in = StandIn::new(vec![broken.clone(), broken, whole("Hello")]).await;
    let pool = pool(vec![deployment("small/0", stand_in.address)]);
    let relayed = asked(PLAIN, &[&pool]).await;
    let failed: Vec<bool> = relayed
        .attempts
        .iter()
        .map(|attempt| attempt.failure.is_some())
        .collect();
    assert_eq!(failed, [true, true, false]);
    assert!(told(relayed).await.1.contains("Hello"));
}

#[tokio::test]
async fn a_wrong_request_is_tried_once() {
    let body = r#"{"error":{"message":"temperature is too high","param":"temperature"}}"#;
    let (kind, message, attempts) = failure(vec![http(400, "application/json", "", body)]).await;
    assert_eq!((kind, attempts), (FailureKind::Invalid, 1));
    assert!(message.contains("temperature is too high"));
}

#[tokio::test]
async fn a_success_with_an_error_in_it_is_an_error() {
    let body = r#"{"error":{"message":"the model crashed","type":"server_error"}}"#;
    let (kind, message, attempts) = failure(vec![http(200, "application/json", "", body)]).await;
    assert!(kind.status() >= 500, "{kind:?}");
    assert!(message.contains("the model crashed"), "{message}");
    assert_eq!(attempts, 3);
}

#[tokio::test]
async fn nonsense_is_an_error() {
    for (kind, body) in [
        ("text/html", "<html>Bad gateway</html>"),
        ("application/json", "{\"id\": \"c"),
        ("application/json", ""),
    ] {
        let (found, message, _) = failure(vec![http(200, kind, "", body)]).await;
        assert_eq!(found, FailureKind::BadGateway, "{body}: {message}");
    }
}

#[tokio::test]
async fn gigantic_headers_and_bodies_are_refused() {
    let header = format!("x-large: {}\r\n", "a".repeat(1 << 20));
    let (kind, ..) = failure(vec![http(200, "application/json", &header, "{}")]).await;
    assert_eq!(kind, FailureKind::BadGateway);
    let stand_in = StandIn::new(vec![whole(&"a".repeat(5000))]).await;
    let small = Deployment {
        most_bytes: 4096,
        ..deployment("small/0", stand_in.address)
    };
    let relayed = asked(PLAIN, &[&pool(vec![small])]).await;
    let failure = relayed.result.err().unwrap();
    assert!(failure.message.contains("over 4096 bytes"), "{failure}");
}

#[tokio::test]
async fn one_who_never_answers_is_given_up() {
    let (kind, message, attempts) = failure(vec![vec![Act::Wait(Duration::from_secs(60))]]).await;
    assert_eq!((kind, attempts), (FailureKind::Timeout, 1), "{message}");
}

#[tokio::test]
async fn one_who_stops_in_mid_answer_is_given_up() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    let stall = vec![Act::Say(head.to_vec()), Act::Wait(Duration::from_secs(60))];
    assert_eq!(failure(vec![stall]).await.0, FailureKind::Timeout);
    let reset = vec![Act::Say(head.to_vec()), Act::Reset];
    assert_eq!(failure(vec![reset]).await.0, FailureKind::BadGateway);
}

#[tokio::test]
async fn nobody_there_is_an_error_without_an_address() {
    let address = StandIn::new(vec![whole("")]).await.address;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let pool = pool(vec![deployment("small/0", address)]);
    let failure = asked(PLAIN, &[&pool]).await.result.err().unwrap();
    assert_eq!(failure.kind, FailureKind::BadGateway);
    assert!(!failure.message.contains("127.0.0.1"), "{failure}");
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_an_error() {
    let url = crate::BaseUrl::parse("https://does-not-exist.invalid/v1", false).unwrap();
    let nowhere = Deployment {
        limits: TimeLimits {
            first_byte: Duration::from_secs(20),
            ..TimeLimits::default()
        },
        ..Deployment::new("small/0", Dialect::Chat, url, "m")
    };
    let failure = asked(PLAIN, &[&pool(vec![nowhere])])
        .await
        .result
        .err()
        .unwrap();
    assert_eq!(failure.kind, FailureKind::BadGateway);
}

#[tokio::test]
async fn five_failures_open_the_breaker() {
    let broken = http(500, "application/json", "", "{}");
    let stand_in = StandIn::new(vec![broken]).await;
    let pool = pool(vec![deployment("small/0", stand_in.address)]);
    for _ in 0..2 {
        assert!(asked(PLAIN, &[&pool]).await.result.is_err());
    }
    let condition = pool.backends()[0].condition(Instant::now());
    assert_eq!(condition.breaker, BreakerState::Open);
    assert!(!pool.is_ready(Instant::now()));
    let before = stand_in.requests().len();
    let failure = asked(PLAIN, &[&pool]).await.result.err().unwrap();
    assert_eq!(failure.kind, FailureKind::Overloaded);
    assert_eq!(stand_in.requests().len(), before, "it gets no calls");
    assert_eq!(condition.in_flight, 0);
}

#[tokio::test]
async fn a_full_quota_is_waited_for_as_long_as_asked() {
    let limited = http(429, "application/json", "retry-after-ms: 30\r\n", "{}");
    let stand_in = StandIn::new(vec![limited, whole("Hello")]).await;
    let pool = pool(vec![deployment("small/0", stand_in.address)]);
    let start = Instant::now();
    assert!(told(asked(PLAIN, &[&pool]).await).await.1.contains("Hello"));
    assert!(start.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn one_that_asks_for_too_long_is_given_up() {
    let limited = http(429, "application/json", "retry-after: 3600\r\n", "{}");
    let (kind, _, attempts) = failure(vec![limited]).await;
    assert_eq!((kind, attempts), (FailureKind::RateLimit, 1));
}

#[tokio::test]
async fn a_full_back_end_says_so() {
    let slow = vec![Act::Wait(Duration::from_secs(60))];
    let stand_in = StandIn::new(vec![slow]).await;
    let one = Deployment {
        concurrency: 1,
        queue: 0,
        ..deployment("small/0", stand_in.address)
    };
    let pool = pool(vec![one]);
    let pools = [&pool];
    let busy = asked(PLAIN, &pools);
    let (first, second) = tokio::join!(busy, async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        asked(PLAIN, &pools).await
    });
    assert_eq!(first.result.err().unwrap().kind, FailureKind::Timeout);
    assert_eq!(second.result.err().unwrap().kind, FailureKind::Overloaded);
}

#[tokio::test]
async fn a_second_back_end_is_asked_when_the_first_takes_long() {
    let slow = StandIn::new(vec![vec![Act::Wait(Duration::from_secs(60))]]).await;
    let fast = StandIn::new(vec![whole("Hello")]).await;
    let heavy = Deployment {
        weight: 1e9,
        ..deployment("slow", slow.address)
    };
    let pool = pool(vec![heavy, deployment("fast", fast.address)]);
    let hedged = Persistence {
        backoff: Backoff {
            retries: 0,
            ..Backoff::default()
        },
        hedge: Some(Duration::from_millis(20)),
    };
    let relayed = asked_in(Dialect::Chat, PLAIN, &[&pool], &hedged).await;
    assert!(told(relayed).await.1.contains("Hello"));
    assert_eq!(slow.requests().len(), 1);
    slow.is_hung_up_on().await;
}
