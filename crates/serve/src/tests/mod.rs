//! The server as its callers meet it: over HTTP on a free port, with a router whose decisions the
//! test states.

mod bad_input;
mod budgets;
mod changes;
mod decisions;
mod drifting;
mod gateway;
mod judgements;
mod learning;
mod lifecycle;
mod promotion;
mod reload;
pub(crate) mod restarts;
mod taught;
mod unsound;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use pointsman_router::Unsatisfiable;
use pointsman_store::{Export, Filter, Store};
use pointsman_types::{
    Candidate, Decision, LogRow, ModelCard, ModelName, Probability, Quality, Reason, Refusal,
    Request, Tokens, Usd,
};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Config, Decide, Live, ServeError, Server};

/// Chooses the first model that the request allows; fails when the prompt says so.
pub(crate) struct FirstAllowed {
    names: Vec<ModelName>,
    cards: Vec<ModelCard>,
    version: String,
}

impl FirstAllowed {
    pub(crate) fn new(version: &str) -> Self {
        let names: Vec<ModelName> = ["small", "large"].map(ModelName::from).to_vec();
        let cards = names.iter().cloned().map(|name| ModelCard {
            context_window: Some(Tokens(8192)),
            ..ModelCard::unknown(name)
        });
        Self {
            cards: cards.collect(),
            names,
            version: version.into(),
        }
    }
}

fn candidate(model: &ModelName, refusal: Option<Refusal>) -> Candidate {
    Candidate {
        model: model.clone(),
        quality: Quality::clamped(0.75),
        quality_lower: Quality::clamped(0.5),
        learned: None,
        cost: Usd::new(0.001).unwrap(),
        output_tokens: Some(100.0),
        output_tokens_p50: Some(90.0),
        output_tokens_p90: Some(200.0),
        probability: Probability::ONE,
        refusal,
    }
}

impl Decide for FirstAllowed {
    fn models(&self) -> &[ModelName] {
        &self.names
    }

    fn cards(&self) -> &[ModelCard] {
        &self.cards
    }

    fn policy_version(&self) -> &str {
        &self.version
    }

    fn decide(&self, request: &Request) -> Result<Decision, Unsatisfiable> {
        assert!(
            !request.prompt.text().starts_with("panic"),
            "the prompt asked for it"
        );
        let limits = &request.limits;
        if limits.max_cost == Some(Usd::ZERO) {
            let refused = |model| candidate(model, Some(Refusal::MaxCost));
            let candidates = self.names.iter().map(refused).collect();
            return Err(Unsatisfiable { candidates });
        }
        let allowed = limits.models.as_ref().unwrap_or(&self.names);
        let (chosen, rest): (Vec<_>, Vec<_>) =
            self.names.iter().partition(|name| allowed[0] == **name);
        let refused = rest.iter().map(|name| {
            let refusal = match allowed.contains(name) {
                true => Refusal::LowerUtility,
                false => Refusal::NotAllowed,
            };
            candidate(name, Some(refusal))
        });
        Ok(Decision {
            model: chosen[0].clone(),
            reason: Reason::BestUtility,
            familiarity: 1.0,
            coordinates: Vec::new(),
            lambda: None,
            propensity: Probability::ONE,
            policy_version: self.version.clone(),
            candidates: std::iter::once(candidate(chosen[0], None))
                .chain(refused)
                .collect(),
        })
    }
}

/// A running server.
struct Running {
    address: SocketAddr,
    store: Store,
    directory: TempDir,
    client: Client,
    stop: CancellationToken,
    task: JoinHandle<Result<(), ServeError>>,
}

fn config() -> Config {
    Config {
        bind: "127.0.0.1:0".parse().unwrap(),
        reload_ms: 10,
        ..Config::default()
    }
}

async fn start() -> Running {
    start_with(config(), Live::fixed(FirstAllowed::new("v1"))).await
}

async fn start_with(config: Config, live: Live) -> Running {
    start_in(tempfile::tempdir().unwrap(), config, live).await
}

/// With the store of that directory.
async fn start_in(directory: TempDir, config: Config, live: Live) -> Running {
    let store = Store::open(directory.path().join("store.db"))
        .await
        .unwrap();
    let server = Server::bind(&config, live, store.clone()).await.unwrap();
    let stop = CancellationToken::new();
    Running {
        address: server.address(),
        store,
        directory,
        client: Client::new(),
        task: tokio::spawn(server.run(stop.clone().cancelled_owned())),
        stop,
    }
}

impl Running {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn store_path(&self) -> PathBuf {
        self.directory.path().join("store.db")
    }

    fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.client.post(self.url(path)).body(body)
    }

    async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    async fn route(&self, body: &Value) -> (StatusCode, Value) {
        read(self.post("/v1/route", body.to_string())).await
    }

    async fn feedback(&self, body: &Value) -> (StatusCode, Value) {
        read(self.post("/v1/feedback", body.to_string())).await
    }

    /// The id of a fresh decision.
    async fn decide(&self) -> String {
        let (status, answer) = self.route(&serde_json::json!({"prompt": "Why?"})).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["decision_id"].as_str().unwrap().to_owned()
    }

    async fn metrics(&self) -> String {
        self.get("/metrics").await.text().await.unwrap()
    }
}

async fn read(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    (status, response.json().await.unwrap())
}

async fn exported(path: &Path) -> (Vec<LogRow>, u64) {
    let mut export = Export::open(path, Filter::default()).await.unwrap();
    let mut rows = Vec::new();
    while let Some(row) = export.next().await.unwrap() {
        rows.push(row);
    }
    (rows, export.without_prompt())
}
