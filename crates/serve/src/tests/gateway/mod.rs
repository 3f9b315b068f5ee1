//! The gateway as callers meet it, with providers on loopback.

mod answers;
mod failing;
mod faults;

mod guarding;
mod keeping;
mod keys;
mod learned;
mod paced;
mod pipelines;
mod provider;
mod routing;
mod signs;
mod similar;
mod telemetry;

use pointsman_types::LogRow;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use self::provider::{Act, Provider};
use super::{FirstAllowed, Running, config, start_with};
use crate::{Config, Decide, GatewayConfig, Live, ModelConfig};

/// A server whose router knows `small` and `large`, each at a provider.
struct Site {
    running: Running,
    small: Provider,
    large: Provider,
}

/// The models as settings list them.
fn models(small: &Provider, large: &Provider, more: &Value) -> Vec<ModelConfig> {
    let model = |name: &str, price: f64, provider: &Provider, dialect: &str| {
        let mut model = json!({
            "name": name, "input_usd_per_million": price, "output_usd_per_million": 4.0 * price,
            "context_window": 8192,
            "deployments": [{
                "dialect": dialect, "base_url": format!("http://{}/v1", provider.address),
                "first_byte_ms": 400, "idle_ms": 400,
            }],
        });
        let more = more[name].as_object().into_iter().flatten();
        for (key, value) in more {
            model[key] = value.clone();
        }
        serde_json::from_value(model).unwrap()
    };
    vec![
        model("small", 1.0, small, "openai"),
        model("large", 10.0, large, "anthropic"),
    ]
}

fn gateway(small: &Provider, large: &Provider, more: &Value) -> Config {
    let mut gateway = GatewayConfig {
        models: models(small, large, more),
        ..GatewayConfig::default()
    };
    gateway.retries.retries = 1;
    gateway.retries.base_ms = 1;
    Config {
        gateway,
        log_prompts: true,
        ..config()
    }
}

impl Site {
    async fn new(small: &[Act], large: &[Act]) -> Self {
        Self::with(small, large, &json!({}), FirstAllowed::new("v1")).await
    }

    /// With settings that a test changes.
    async fn changed(
        small: &[Act],
        large: &[Act],
        change: impl FnOnce(&mut GatewayConfig),
    ) -> Self {
        let (small, large) = (Provider::new(small).await, Provider::new(large).await);
        let mut config = gateway(&small, &large, &json!({}));
        change(&mut config.gateway);
        Self {
            running: start_with(config, Live::fixed(FirstAllowed::new("v1"))).await,
            small,
            large,
        }
    }

    async fn with(small: &[Act], large: &[Act], more: &Value, router: impl Decide) -> Self {
        let (small, large) = (Provider::new(small).await, Provider::new(large).await);
        let config = gateway(&small, &large, more);
        Self {
            running: start_with(config, Live::fixed(router)).await,
            small,
            large,
        }
    }

    async fn without_router(small: &[Act], large: &[Act]) -> Self {
        let (small, large) = (Provider::new(small).await, Provider::new(large).await);
        let config = gateway(&small, &large, &json!({}));
        let live = Live::without_router(&config.gateway);
        Self {
            running: start_with(config, live).await,
            small,
            large,
        }
    }

    async fn post(&self, path: &str, body: &Value) -> Response {
        self.running
            .post(path, body.to_string())
            .send()
            .await
            .unwrap()
    }

    async fn chat(&self, body: &Value) -> (StatusCode, Value) {
        read(self.post("/v1/chat/completions", body).await).await
    }

    /// Ends the server, so that everything is accounted for; the rows of its store.
    async fn rows(self) -> Vec<LogRow> {
        let path = self.running.store_path();
        let directory = self.running.end().await;
        let (rows, _) = super::exported(&path).await;
        drop(directory);
        rows
    }
}

async fn read(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.unwrap();
    (
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    )
}

fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(format!("x-pointsman-{name}"));
    value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

/// A request of the chat dialect.
fn asking(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Why?"}]})
}
