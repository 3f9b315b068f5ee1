//! Who is asked: by name, by the router, by limits, by default.

use pointsman_router::Unsatisfiable;
use pointsman_types::{Decision, ModelCard, ModelName, Request};

use super::*;

async fn asked(site: &Site, model: &str, wishes: Value) -> (StatusCode, String, String) {
    let mut asked = asking(model);
    asked["pointsman"] = wishes;
    let response = site.post("/v1/chat/completions", &asked).await;
    (
        response.status(),
        header(&response, "model"),
        header(&response, "reason"),
    )
}

fn served(model: &str, reason: &str) -> (StatusCode, String, String) {
    (StatusCode::OK, model.to_owned(), reason.to_owned())
}

fn both() -> [Act; 1] {
    [Act::Say("Yes.")]
}

#[tokio::test]
async fn a_name_pins_and_wishes_limit() {
    let site = Site::new(&both(), &both()).await;
    assert_eq!(
        asked(&site, "auto", json!({})).await,
        served("small", "best_utility")
    );
    assert_eq!(
        asked(&site, "large", json!({})).await,
        served("large", "pinned")
    );
    let only_large = json!({"models": ["large"]});
    assert_eq!(
        asked(&site, "auto", only_large.clone()).await,
        served("large", "best_utility")
    );
    let (status, ..) = asked(&site, "small", only_large).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, ..) = asked(&site, "auto", json!({"models": ["tiny"]})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(
        asked(&site, "router-auto-0.5", json!({})).await,
        served("small", "best_utility")
    );
}

#[tokio::test]
async fn conditions_open_models_by_metadata_and_tier() {
    let more = json!({"small": {"when": {"plan": {"$in": ["free"]}}}, "large": {"when": {"tier": "gold"}}});
    let site = Site::with(&both(), &both(), &more, FirstAllowed::new("v1")).await;
    let free = json!({"metadata": {"plan": "free"}});
    assert_eq!(asked(&site, "auto", free).await.1, "small");
    assert_eq!(
        asked(&site, "auto", json!({"tier": "gold"})).await.1,
        "large"
    );
    let mut own = asking("auto");
    own["metadata"] = json!({"plan": "free"});
    let response = site.post("/v1/chat/completions", &own).await;
    assert_eq!(header(&response, "model"), "small");
    let (status, ..) = asked(&site, "auto", json!({})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn without_a_router_the_default_model_answers() {
    let site = Site::without_router(&both(), &both()).await;
    assert_eq!(
        asked(&site, "auto", json!({})).await,
        served("small", "no_router")
    );
    assert_eq!(
        asked(&site, "large", json!({})).await,
        served("large", "pinned")
    );
    let long =
        json!({"model": "auto", "messages": [{"role": "user", "content": "word ".repeat(10_000)}]});
    let (status, error) = site.chat(&long).await;
    assert_eq!(
        status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "it fits no window: {error}"
    );
}

/// A router that panics.
struct Broken(FirstAllowed, bool);

impl Decide for Broken {
    fn models(&self) -> &[ModelName] {
        self.0.models()
    }

    fn cards(&self) -> &[ModelCard] {
        self.0.cards()
    }

    fn policy_version(&self) -> &str {
        self.0.policy_version()
    }

    fn is_slow(&self) -> bool {
        self.1
    }

    fn decide(&self, _: &Request) -> Result<Decision, Unsatisfiable> {
        if self.1 {
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        panic!("on purpose")
    }
}

#[tokio::test]
async fn a_router_that_fails_or_is_slow_stops_no_traffic() {
    for (is_slow, reason) in [(false, "router_failed"), (true, "router_slow")] {
        let router = Broken(FirstAllowed::new("v1"), is_slow);
        let site = Site::with(&both(), &both(), &json!({}), router).await;
        assert_eq!(
            asked(&site, "auto", json!({})).await,
            served("small", reason)
        );
        assert_eq!(site.rows().await.len(), 1);
    }
}

#[tokio::test]
async fn capabilities_are_asked_of_models() {
    let more = json!({"small": {"capabilities": ["tools"]}, "large": {"capabilities": ["tools", "vision"]}});
    let (small, large) = (Provider::new(&both()).await, Provider::new(&both()).await);
    let config = gateway(&small, &large, &more);
    let live = Live::without_router(&config.gateway);
    let site = Site {
        running: start_with(config, live).await,
        small,
        large,
    };
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}});
    let asked = json!({"model": "auto", "messages": [{"role": "user", "content": [{"type": "text", "text": "What?"}, image]}]});
    let response = site.post("/v1/chat/completions", &asked).await;
    assert_eq!(header(&response, "model"), "large");
    assert_eq!(
        site.large.heard()[0].json()["messages"][0]["content"][1]["source"]["data"],
        "QUJD"
    );
}

#[tokio::test]
async fn without_models_the_gateway_says_so() {
    let running = super::super::start().await;
    let response = running
        .post("/v1/chat/completions", asking("auto").to_string())
        .send()
        .await
        .unwrap();
    let (status, error) = read(response).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(
        error.to_string().contains("no models are set up"),
        "{error}"
    );
}
