//! Prices and models that change while serving.

use std::fs;
use std::path::Path;

use pointsman_learn::pacing::{Goal, PacingSettings};
use pointsman_router::{Router, RouterError, read_catalog};
use pointsman_types::Usd;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use super::taught::*;
use super::{Running, start_with};
use crate::{Adaptive, Config, Live};

/// A directory with a router and, beside it, a catalogue.
struct Home(TempDir);

impl Home {
    fn new(models: usize, policy: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        home.train(models, policy);
        home.price(1.0);
        home
    }

    fn train(&self, models: usize, policy: &str) {
        artifact(models, policy)
            .save(&self.0.path().join("router"))
            .unwrap();
    }

    fn price(&self, times: f64) {
        let aside = self.0.path().join("aside.toml");
        fs::write(&aside, toml::to_string(&catalog(times)).unwrap()).unwrap();
        fs::rename(aside, self.0.path().join("models.toml")).unwrap();
    }

    async fn start(&self, config: Config) -> Running {
        let prices = self.0.path().join("models.toml");
        let beside = prices.clone();
        let load = move |dir: &Path| -> Result<Adaptive, RouterError> {
            Ok(Adaptive::new(
                Router::open(dir)?.with_catalog(read_catalog(&prices)?)?,
            ))
        };
        let live = Live::open_with(&self.0.path().join("router"), Some(&beside), load);
        start_with(config, live.unwrap()).await
    }
}

async fn candidates(running: &Running) -> Vec<Value> {
    let (_, answer) = running
        .route(&json!({"prompt": "Why?", "explain": true}))
        .await;
    answer["candidates"].as_array().unwrap().clone()
}

async fn cost_of(running: &Running, model: &str) -> f64 {
    let candidates = candidates(running).await;
    let found = candidates.iter().find(|one| one["model"] == model);
    usd(&found.unwrap()["cost_usd"])
}

#[tokio::test]
async fn a_new_price_takes_effect_without_a_restart_and_nothing_is_forgotten() {
    let home = Home::new(3, "utility:0");
    let running = home.start(learning(|_| {})).await;
    running
        .serve(60, |model, _| f64::from(u8::from(model != "big")))
        .await;
    let before = running.read_up_to(60).await;
    let was = cost_of(&running, "big").await;
    home.price(5.0);
    let changed = async { while cost_of(&running, "big").await < 4.9 * was {} };
    timeout(PATIENCE, changed).await.unwrap();
    assert!((cost_of(&running, "big").await / was - 5.0).abs() < 0.01);
    // The first router at the new price has what was learnt: no decision goes back to the big one.
    assert_eq!(running.ask().await.1, "middle");
    let after = running.status().await;
    assert_eq!(after["learnt"]["models"], before["learnt"]["models"]);
}

#[tokio::test]
async fn spending_is_back_at_its_target_soon_after_a_price_has_changed() {
    let home = Home::new(3, "utility:1");
    let pacing = PacingSettings {
        goal: Goal::MeanCost(Usd::new(0.006).unwrap()),
        cap: None,
        near: 0.02,
    };
    let running = home
        .start(learning(|learning| learning.pacing = Some(pacing)))
        .await;
    let spend = async |calls: usize, times: f64| {
        let mut spent = 0.0;
        for _ in 0..calls {
            let (id, model) = running.ask().await;
            let cost = match model.as_str() {
                "big" => 0.01 * times,
                "middle" => 0.004,
                _ => 0.001,
            };
            let body = json!({"decision_id": id, "usage": {"cost_usd": cost}});
            running.feedback(&body).await;
            spent += cost;
        }
        spent / calls as f64
    };
    spend(100, 1.0).await;
    let before = spend(200, 1.0).await;
    assert!((before / 0.006 - 1.0).abs() < 0.1, "{before}");
    let was = cost_of(&running, "big").await;
    home.price(5.0);
    let changed = async { while cost_of(&running, "big").await < 4.0 * was {} };
    timeout(PATIENCE, changed).await.unwrap();
    spend(200, 5.0).await;
    let after = spend(200, 5.0).await;
    assert!((after / 0.006 - 1.0).abs() < 0.1, "{after}");
}

#[tokio::test]
async fn a_catalogue_that_is_wrong_is_refused_and_the_old_prices_stay() {
    let home = Home::new(3, "utility:0");
    let running = home.start(learning(|_| {})).await;
    let was = cost_of(&running, "big").await;
    fs::write(home.0.path().join("models.toml"), "[[models]]\nname = 1").unwrap();
    let line = r#"pointsman_router_reloads_total{result="refused"}"#;
    let refused = async { while !running.metrics().await.contains(line) {} };
    timeout(PATIENCE, refused).await.unwrap();
    assert!((cost_of(&running, "big").await - was).abs() < 1e-12);
}

#[tokio::test]
async fn a_model_that_is_new_is_tried_until_enough_is_known_of_it() {
    let home = Home::new(2, "utility:0");
    let few = learning(|learning| {
        learning.new_model_share = 0.5;
        learning.new_model_judgements = 20;
    });
    let running = home.start(few).await;
    running
        .serve(60, |model, _| f64::from(u8::from(model != "big")))
        .await;
    let before = running.read_up_to(60).await;
    home.train(3, "utility:0");
    let status = running
        .until(|status| status["learnt"]["models"].as_array().map(Vec::len) == Some(3))
        .await;
    // What was known of the others is still known.
    assert!(
        (mean(&status, "big") - mean(&before, "big")).abs() < 1e-9,
        "{status}"
    );
    assert_eq!(of(&status, "small")["quota"], 0.5);
    let mut tried = 0;
    for _ in 0..100 {
        let (id, model) = running.ask().await;
        if model == "small" {
            tried += 1;
            running.judge(&id, 0.6).await;
        }
    }
    assert!(tried >= 20, "{tried} of 100");
    let status = running
        .until(|status| of(status, "small")["judgements"].as_u64() >= Some(20))
        .await;
    assert_eq!(of(&status, "small").get("quota"), None, "{status}");
}

#[tokio::test]
async fn a_model_that_is_gone_is_never_chosen_again_and_comes_back_as_it_was() {
    let home = Home::new(3, "utility:0");
    let running = home.start(learning(|_| {})).await;
    running
        .serve(60, |model, _| f64::from(u8::from(model != "big")))
        .await;
    let before = running.read_up_to(60).await;
    home.train(2, "utility:0");
    let models = |count| {
        move |status: &Value| status["learnt"]["models"].as_array().map(Vec::len) == Some(count)
    };
    running.until(models(2)).await;
    assert!(candidates(&running).await.len() == 2);
    home.train(3, "utility:0");
    let after = running.until(models(3)).await;
    assert_eq!(after["learnt"]["models"], before["learnt"]["models"]);
}
