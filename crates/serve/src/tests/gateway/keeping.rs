//! Conversations that stay with their model, and answers that are given again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pointsman_router::Unsatisfiable;
use pointsman_types::{Decision, ModelCard, ModelName, Request};

use super::*;

/// A router whose favourite changes when it is told to.
struct Fickle {
    inner: FirstAllowed,
    prefers_large: Arc<AtomicBool>,
}

impl Decide for Fickle {
    fn models(&self) -> &[ModelName] {
        self.inner.models()
    }

    fn cards(&self) -> &[ModelCard] {
        self.inner.cards()
    }

    fn policy_version(&self) -> &str {
        self.inner.policy_version()
    }

    fn decide(&self, request: &Request) -> Result<Decision, Unsatisfiable> {
        let mut decision = self.inner.decide(request)?;
        let swaps = self.prefers_large.load(Ordering::Relaxed) && decision.candidates.len() > 1;
        if swaps
            && decision.candidates[1]
                .refusal
                .is_some_and(|why| !why.is_limit())
        {
            decision.candidates.swap(0, 1);
            decision.candidates[1].refusal = decision.candidates[0].refusal.take();
            decision.model = decision.candidates[0].model.clone();
        }
        // Quality is equal for both models and a dollar buys some of it.
        decision.lambda = Some(10.0);
        Ok(decision)
    }
}

async fn fickle(more: &Value) -> (Site, Arc<AtomicBool>) {
    let prefers_large = Arc::new(AtomicBool::new(false));
    let router = Fickle {
        inner: FirstAllowed::new("v1"),
        prefers_large: Arc::clone(&prefers_large),
    };
    let site = Site::with(&[Act::Say("Yes.")], &[Act::Say("Yes.")], more, router).await;
    (site, prefers_large)
}

/// Model, reason and what became of the session.
async fn turn(site: &Site, body: &Value) -> [String; 3] {
    let response = site.post("/v1/chat/completions", body).await;
    assert_eq!(response.status(), StatusCode::OK);
    let told = ["model", "reason", "session"].map(|name| header(&response, name));
    // The account is settled once the body is read.
    response.bytes().await.unwrap();
    told
}

fn named(session: &str) -> Value {
    let mut asked = asking("auto");
    asked["pointsman"] = json!({"session_id": session});
    asked
}

#[tokio::test]
async fn a_conversation_stays_where_a_change_gains_nothing() {
    let (site, prefers_large) = fickle(&json!({})).await;
    assert_eq!(
        turn(&site, &named("a")).await,
        ["small", "best_utility", "new"]
    );
    prefers_large.store(true, Ordering::Relaxed);
    assert_eq!(
        turn(&site, &named("a")).await,
        ["small", "session_kept", "kept"]
    );
    assert_eq!(
        turn(&site, &named("b")).await,
        ["large", "best_utility", "new"]
    );
    let other = json!({"model": "large", "messages": [{"role": "user", "content": "Why?"}], "pointsman": {"session_id": "a"}});
    assert_eq!(turn(&site, &other).await, ["large", "pinned", "switched"]);
}

#[tokio::test]
async fn a_conversation_is_known_by_its_first_messages() {
    let (site, prefers_large) = fickle(&json!({})).await;
    let first = json!({"role": "user", "content": "Plan a trip."});
    let asked = json!({"model": "auto", "messages": [first]});
    turn(&site, &asked).await;
    prefers_large.store(true, Ordering::Relaxed);
    assert_eq!(
        turn(&site, &asked).await[0],
        "large",
        "the same question alone is no conversation"
    );
    turn(&site, &json!({"model": "small", "messages": [first]})).await;
    let further = json!({"model": "auto", "messages": [first, {"role": "assistant", "content": "Where?"}, {"role": "user", "content": "Ulm."}]});
    assert_eq!(turn(&site, &further).await[1], "session_kept");
}

#[tokio::test]
async fn no_model_changes_inside_a_tool_loop() {
    // The other model is so much cheaper that any turn would change to it.
    let (site, prefers_large) = fickle(&json!({})).await;
    let user = json!({"role": "user", "content": "How warm is it?"});
    let call = json!({"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "warmth", "arguments": "{}"}}]});
    let result = json!({"role": "tool", "tool_call_id": "1", "content": "12"});
    let tools = json!([{"type": "function", "function": {"name": "warmth", "parameters": {"type": "object"}}}]);
    turn(
        &site,
        &json!({"model": "auto", "tools": tools, "messages": [user]}),
    )
    .await;
    prefers_large.store(true, Ordering::Relaxed);
    let looped = json!({"model": "auto", "tools": tools, "messages": [user, call, result]});
    assert_eq!(
        turn(&site, &looped).await,
        ["small", "session_kept", "kept"]
    );
}

async fn caching() -> Site {
    let says = [Act::Say("One two")];
    Site::changed(&says, &says, |gateway| gateway.cache.ttl_s = 60).await
}

async fn cached(site: &Site, body: &Value) -> String {
    let response = site.post("/v1/chat/completions", body).await;
    assert_eq!(response.status(), StatusCode::OK);
    let how = header(&response, "cache");
    assert!(response.text().await.unwrap().contains("two"));
    how
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer_again() {
    let site = caching().await;
    assert_eq!(cached(&site, &asking("auto")).await, "miss");
    let response = site
        .post(
            "/v1/chat/completions",
            &json!({"messages": asking("auto")["messages"], "model": "auto"}),
        )
        .await;
    assert_eq!(header(&response, "cache"), "hit");
    assert_eq!(header(&response, "model"), "small");
    assert_eq!(response.headers()["age"], "0");
    let mut streamed = asking("auto");
    streamed["stream"] = json!(true);
    let text = site
        .post("/v1/chat/completions", &streamed)
        .await
        .text()
        .await
        .unwrap();
    assert!(
        text.ends_with("data: [DONE]\n\n") && text.contains("One two"),
        "{text}"
    );
    assert_eq!(
        cached(&site, &asking("small")).await,
        "miss",
        "another model is another request"
    );
    assert_eq!(site.small.heard().len(), 2);
}

#[tokio::test]
async fn a_stream_is_kept_and_given_again_whole() {
    let site = caching().await;
    let mut streamed = asking("large");
    streamed["stream"] = json!(true);
    assert_eq!(cached(&site, &streamed).await, "miss");
    let (_, again) = site.chat(&asking("large")).await;
    assert_eq!(again["choices"][0]["message"]["content"], "One two");
    assert_eq!(site.large.heard().len(), 1);
}

#[tokio::test]
async fn callers_say_what_is_kept() {
    let site = caching().await;
    cached(&site, &asking("auto")).await;
    let with = |cache: Value| {
        let mut asked = asking("auto");
        asked["pointsman"] = json!({"cache": cache});
        asked
    };
    assert_eq!(cached(&site, &with(json!({"no_store": true}))).await, "");
    assert_eq!(
        cached(&site, &with(json!({"no_cache": true}))).await,
        "miss"
    );
    assert_eq!(cached(&site, &with(json!({}))).await, "hit");
    let asked = site
        .running
        .post("/v1/chat/completions", asking("auto").to_string());
    let response = asked
        .header("cache-control", "no-cache")
        .send()
        .await
        .unwrap();
    assert_eq!(header(&response, "cache"), "miss");
    let (status, _) = site.chat(&with(json!({"ttl": 5}))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn neither_errors_nor_tool_calls_are_given_again() {
    let site = caching().await;
    site.small.now(Act::Fail(400));
    let (status, _) = site.chat(&asking("small")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    site.small.now(Act::CallTool);
    site.chat(&asking("small")).await;
    site.small.now(Act::Say("One two"));
    assert_eq!(cached(&site, &asking("small")).await, "miss");
}

#[tokio::test]
async fn requests_at_the_same_time_are_one_call() {
    let site = caching().await;
    let body = asking("auto");
    let asked = (0..20).map(|_| cached(&site, &body));
    let told = futures_util::future::join_all(asked).await;
    assert_eq!(
        told.iter().filter(|how| *how == "miss").count(),
        1,
        "{told:?}"
    );
    assert_eq!(site.small.heard().len(), 1);
}
