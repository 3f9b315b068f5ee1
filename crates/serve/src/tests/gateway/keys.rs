//! Who may call, and what.

use pointsman_keys::{Entry, Key};

use super::*;
use crate::AuthConfig;

fn key(seed: u8) -> Key {
    Key::draw([seed; Key::ENTROPY_BYTES])
}

async fn site() -> Site {
    let modest = Entry {
        models: Some(["small".into()].into()),
        ..Entry::of(&key(1))
    };
    let auth = AuthConfig {
        required: None,
        keys: vec![modest, Entry::of(&key(2))],
    };
    let says = [Act::Say("Yes.")];
    Site::changed(&says, &says, |gateway| gateway.auth = auth).await
}

async fn asked(site: &Site, path: &str, key: &str, body: &Value) -> (StatusCode, Value) {
    let request = site.running.post(path, body.to_string());
    read(request.bearer_auth(key).send().await.unwrap()).await
}

#[tokio::test]
async fn everything_needs_a_key() {
    let site = site().await;
    for path in [
        "/v1/chat/completions",
        "/v1/messages",
        "/v1/responses",
        "/v1/route",
        "/v1/feedback",
    ] {
        let (status, error) = read(site.post(path, &asking("auto")).await).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(error.to_string().contains("valid key"), "{error}");
    }
    assert_eq!(
        site.running.get("/v1/models").await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(site.running.get("/healthz").await.status(), StatusCode::OK);
    let (status, _) = asked(&site, "/v1/chat/completions", "pm-wrong", &asking("auto")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_key_opens_its_models_alone() {
    let site = site().await;
    let (modest, all) = (key(1), key(2));
    let chat = "/v1/chat/completions";
    let (status, _) = asked(&site, chat, modest.reveal(), &asking("auto")).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = asked(&site, chat, modest.reveal(), &asking("large")).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, _) = asked(&site, chat, all.reveal(), &asking("large")).await;
    assert_eq!(status, StatusCode::OK);
    let route = json!({"prompt": "Why?", "models": ["large"]});
    let (status, _) = asked(&site, "/v1/route", modest.reveal(), &route).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let list = site.running.client.get(site.running.url("/v1/models"));
    let (_, list) = read(list.bearer_auth(modest.reveal()).send().await.unwrap()).await;
    assert!(!list.to_string().contains("large"), "{list}");
}

/// `large` is for the gold tier alone.
async fn golden(keys: Vec<Entry>, required: Option<bool>) -> Site {
    let says = [Act::Say("Yes.")];
    Site::changed(&says, &says, |gateway| {
        gateway.auth = AuthConfig { required, keys };
        gateway.models[1].when = serde_json::from_value(json!({"tier": "gold"})).unwrap();
    })
    .await
}

/// What a request gets that says in every way it can that it is of the gold tier.
async fn claimed(site: &Site, key: &str) -> StatusCode {
    let mut claim = asking("large");
    claim["metadata"] = json!({"tier": "gold"});
    claim["pointsman"] = json!({"tier": "gold", "metadata": {"tier": "gold"}});
    asked(site, "/v1/chat/completions", key, &claim).await.0
}

#[tokio::test]
async fn a_request_cannot_claim_a_tier_that_its_key_does_not_have() {
    let gold = Some("gold".to_owned());
    let of = |seed, tier, names_tier| Entry {
        tier,
        names_tier,
        ..Entry::of(&key(seed))
    };
    let keys = vec![
        of(1, None, false),
        of(2, gold, false),
        of(3, None, true),
        of(4, Some("free".into()), true),
    ];
    let site = golden(keys, Some(false)).await;
    for (seed, expected) in [
        (1, StatusCode::FORBIDDEN),
        (2, StatusCode::OK),
        (3, StatusCode::OK),
        (4, StatusCode::FORBIDDEN),
    ] {
        assert_eq!(claimed(&site, key(seed).reveal()).await, expected, "{seed}");
    }
    let nobody = claimed(&site, "sk-none").await;
    assert_eq!(nobody, StatusCode::FORBIDDEN, "others have keys");
    let (status, _) = asked(
        &site,
        "/v1/chat/completions",
        key(2).reveal(),
        &asking("large"),
    )
    .await;
    assert_eq!(status, StatusCode::OK, "the key's own tier needs no word");
}

#[tokio::test]
async fn where_there_are_no_keys_a_request_says_its_tier() {
    let site = golden(Vec::new(), None).await;
    assert_eq!(claimed(&site, "sk-none").await, StatusCode::OK);
    let (status, _) = asked(&site, "/v1/chat/completions", "sk-none", &asking("large")).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn feedback_belongs_to_the_key_that_asked() {
    let site = site().await;
    let request = site
        .running
        .post("/v1/chat/completions", asking("auto").to_string());
    let response = request.bearer_auth(key(1).reveal()).send().await.unwrap();
    let body = json!({"decision_id": header(&response, "decision-id"), "value": 1.0});
    let (status, _) = asked(&site, "/v1/feedback", key(2).reveal(), &body).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, _) = asked(&site, "/v1/feedback", key(1).reveal(), &body).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn beyond_loopback_there_are_keys() {
    let config = Config {
        bind: "0.0.0.0:0".parse().unwrap(),
        ..config()
    };
    let directory = tempfile::tempdir().unwrap();
    let store = pointsman_store::Store::open(directory.path().join("s.db"))
        .await
        .unwrap();
    let bound = crate::Server::bind(&config, Live::fixed(FirstAllowed::new("v1")), store).await;
    let error = bound.err().unwrap().to_string();
    assert!(
        error.contains("server.bind") && error.contains("key new"),
        "{error}"
    );
}
