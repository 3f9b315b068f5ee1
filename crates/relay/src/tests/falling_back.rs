//! From one back end to another, and from one model to the next.

use std::time::Instant;

use pointsman_wire::FailureKind;

use super::stand_in::{StandIn, http, whole};
use super::{PLAIN, asked, deployment, pool, told};
use crate::{BaseUrl, BreakerSettings, BreakerState, Deployment};

#[tokio::test]
async fn the_next_model_answers_where_one_fails() {
    let broken = StandIn::new(vec![http(503, "application/json", "", "{}")]).await;
    let well = StandIn::new(vec![whole("Hello")]).await;
    let (first, second) = (
        pool(vec![deployment("large/0", broken.address)]),
        pool(vec![deployment("small/0", well.address)]),
    );
    let relayed = asked(PLAIN, &[&first, &second]).await;
    let names: Vec<&str> = relayed
        .attempts
        .iter()
        .map(|attempt| attempt.deployment.as_str())
        .collect();
    assert_eq!(names, ["large/0", "large/0", "large/0", "small/0"]);
    assert_eq!(told(relayed).await.0, 1);
}

#[tokio::test]
async fn another_place_of_the_same_model_comes_first() {
    let refused = r#"{"error":{"message":"Incorrect API key provided: sk-1"}}"#;
    let broken = StandIn::new(vec![http(401, "application/json", "", refused)]).await;
    let well = StandIn::new(vec![whole("Hello")]).await;
    let both = pool(vec![
        Deployment {
            weight: 1e9,
            ..deployment("small/0", broken.address)
        },
        deployment("small/1", well.address),
    ]);
    let (model, text) = told(asked(PLAIN, &[&both]).await).await;
    assert_eq!(model, 0);
    assert!(text.contains("Hello"));
    assert_eq!(broken.requests().len(), 1, "it was asked first, and once");
}

#[tokio::test]
async fn a_wrong_request_does_not_wander() {
    let wrong = http(
        400,
        "application/json",
        "",
        r#"{"error":{"message":"bad"}}"#,
    );
    let (first, second) = (
        StandIn::new(vec![wrong]).await,
        StandIn::new(vec![whole("Hello")]).await,
    );
    let pools = [
        pool(vec![deployment("large/0", first.address)]),
        pool(vec![deployment("small/0", second.address)]),
    ];
    let relayed = asked(PLAIN, &[&pools[0], &pools[1]]).await;
    assert_eq!(relayed.result.err().unwrap().kind, FailureKind::Invalid);
    assert!(second.requests().is_empty());
}

#[tokio::test]
async fn nobody_to_ask_is_said() {
    let failure = asked(PLAIN, &[]).await.result.err().unwrap();
    assert_eq!(failure.kind, FailureKind::NotFound);
}

/// A deployment whose name nobody knows.
fn nowhere(name: &str, address: std::net::SocketAddr) -> Deployment {
    Deployment {
        url: BaseUrl::parse("https://nowhere.invalid/v1", false).unwrap(),
        breaker: BreakerSettings {
            consecutive: 3,
            ..BreakerSettings::default()
        },
        ..deployment(name, address)
    }
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_told_and_rests() {
    let well = StandIn::new(vec![whole("Hello")]).await;
    let lost = pool(vec![nowhere("large/0", well.address)]);
    let relayed = asked(PLAIN, &[&lost]).await;
    let failure = relayed.result.err().unwrap();
    assert_eq!(failure.kind, FailureKind::BadGateway);
    assert_eq!(failure.message, "the back end's name cannot be resolved");
    let condition = lost.backends()[0].condition(Instant::now());
    assert_eq!(condition.breaker, BreakerState::Open, "three calls failed");
    let second = pool(vec![deployment("small/0", well.address)]);
    let relayed = asked(PLAIN, &[&lost, &second]).await;
    assert_eq!(relayed.attempts.len(), 1, "it is not asked while it rests");
    assert!(told(relayed).await.1.contains("Hello"));
}
