//! Versions of a router, where they are kept: by a running server, or in its store while none runs.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use pointsman_learn::promotion::Rails;
use pointsman_router::Router;
use pointsman_serve::{Order, Plan, Versions, VersionsError};
use pointsman_store::{Store, StoreError};
use serde_json::{Value, json};

use crate::args::PlaceArgs;
use crate::failure::Usage;
use crate::settings::Settings;

/// Where versions are kept.
pub(crate) enum Place {
    /// A server that runs.
    Server {
        url: String,
        client: reqwest::Client,
    },
    /// A store that no server has open.
    Store {
        store: Store,
        versions: Versions,
        rails: Rails,
    },
}

impl Place {
    /// The place that the arguments name: a store, or else a server.
    pub(crate) async fn open(args: &PlaceArgs) -> anyhow::Result<Self> {
        let settings = Settings::read(args.config.as_deref())?;
        let Some(path) = &args.store else {
            let url = match &args.server {
                Some(url) => url.trim_end_matches('/').to_owned(),
                None => format!("http://{}", settings.server.bind),
            };
            return Ok(Self::Server {
                url,
                client: reqwest::Client::new(),
            });
        };
        if !path.exists() {
            return Err(StoreError::Missing { path: path.clone() }.into());
        }
        let rails = settings.server.promotion;
        rails.check()?;
        let opened = Store::open(path.as_path()).await;
        let store = opened.context("versions can be changed in the store while no server has it open; use --server otherwise")?;
        Ok(Self::Store {
            versions: Versions::of(&store),
            store,
            rails,
        })
    }

    /// Everything there is to see, in the form of `GET /v1/versions`.
    pub(crate) async fn listing(&self) -> anyhow::Result<Value> {
        match self {
            Self::Server { url, client } => {
                answer(client.get(format!("{url}/v1/versions")), url).await
            }
            Self::Store { versions, .. } => Ok(versions.listing().await?),
        }
    }

    /// What was learnt, in the form of `GET /v1/learning`: only a running server tells.
    pub(crate) async fn learning(&self) -> anyhow::Result<Value> {
        match self {
            Self::Server { url, client } => {
                answer(client.get(format!("{url}/v1/learning")), url).await
            }
            Self::Store { .. } => anyhow::bail!("what is learnt is told by a running server"),
        }
    }

    /// Makes a router's directory a candidate and tells its name.
    pub(crate) async fn register(&self, directory: &Path) -> anyhow::Result<String> {
        let directory = directory
            .canonicalize()
            .with_context(|| format!("there is no router at {}", directory.display()))?;
        match self {
            Self::Server { url, client } => {
                let body = json!({ "path": directory });
                let posted = client
                    .post(format!("{url}/v1/versions"))
                    .body(body.to_string());
                let registered = answer(posted, url).await?;
                let version = registered["version"].as_str();
                Ok(version.context("the server names no version")?.to_owned())
            }
            Self::Store { versions, .. } => {
                let router = Router::open(&directory)?;
                let version = router.policy_version();
                versions.register(version, &directory, now_ms()).await?;
                Ok(version.to_owned())
            }
        }
    }

    /// Sends a version to a stage, and tells what moved.
    pub(crate) async fn promote(&self, order: &Order) -> anyhow::Result<Vec<String>> {
        match self {
            Self::Server { url, client } => {
                let body = json!({
                    "version": order.version,
                    "to": order.to,
                    "share": order.share,
                    "force": order.force,
                    "reason": order.reason,
                });
                post(client, url, "/v1/promote", &body).await
            }
            Self::Store {
                versions, rails, ..
            } => {
                let plan = versions.order(order, rails, now_ms()).await;
                let plan = plan.map_err(worded)?;
                make(versions, &plan).await
            }
        }
    }

    /// Goes back to the last good version, and tells what moved.
    pub(crate) async fn rollback(&self, reason: Option<&str>) -> anyhow::Result<Vec<String>> {
        match self {
            Self::Server { url, client } => {
                post(client, url, "/v1/rollback", &json!({ "reason": reason })).await
            }
            Self::Store {
                versions, rails, ..
            } => {
                let plan = versions.rollback(reason, rails, now_ms()).await?;
                make(versions, &plan).await
            }
        }
    }

    /// Gives the store back.
    pub(crate) async fn close(self) {
        if let Self::Store { store, .. } = self {
            store.close().await;
        }
    }
}

/// An order that contradicts itself is wrong usage.
fn worded(error: VersionsError) -> anyhow::Error {
    match error {
        VersionsError::NoReason | VersionsError::Share { .. } => Usage(error.to_string()).into(),
        error => error.into(),
    }
}

/// What would serve must load before the store says that it serves.
async fn make(versions: &Versions, plan: &Plan) -> anyhow::Result<Vec<String>> {
    for version in plan.running() {
        let path = plan.path(&version).context("a version has no copy")?;
        Router::open(Path::new(path))
            .with_context(|| format!("version {version} cannot serve; nothing was changed"))?;
    }
    versions.make(plan).await?;
    Ok(plan.moves())
}

async fn post(
    client: &reqwest::Client,
    url: &str,
    path: &str,
    body: &Value,
) -> anyhow::Result<Vec<String>> {
    let request = client.post(format!("{url}{path}")).body(body.to_string());
    let moved = answer(request, url).await?;
    let moves = moved["moves"].as_array().into_iter().flatten();
    Ok(moves
        .filter_map(|one| Some(one.as_str()?.to_owned()))
        .collect())
}

/// The answer of a server; a refusal becomes an error with the server's words.
async fn answer(request: reqwest::RequestBuilder, url: &str) -> anyhow::Result<Value> {
    let response = request.send().await.with_context(|| {
        format!("no server answers at {url}; start it, or name another with --server; versions can also be changed in its store (--store)")
    })?;
    let status = response.status();
    let body: Value = response
        .json()
        .await
        .with_context(|| format!("what answers at {url} is no Pointsman server"))?;
    if status.is_success() {
        return Ok(body);
    }
    let message = body["error"]["message"]
        .as_str()
        .unwrap_or("no reason given");
    match status.as_u16() {
        400 => Err(Usage(message.to_owned()).into()),
        _ => anyhow::bail!("{message}"),
    }
}

/// Milliseconds since 1970, UTC.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

/// Runs one administrative command to its end.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(work)
}
