//! The settings of the gateway, as a file states them; [`check`](super::check) makes them usable.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pointsman_policy::PolicySpec;
use pointsman_types::{ModelCard, ModelName};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::auth::AuthConfig;
use super::cache::CacheConfig;
use super::condition::Conditions;
use super::guarding::GuardConfig;
use super::pipelines::PipelineConfig;
use super::sessions::SessionConfig;
use super::telemetry::TelemetryConfig;

/// Everything that the gateway is told.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GatewayConfig {
    /// Which router decides, and what happens without one.
    pub router: RouterConfig,
    /// Who may call.
    pub auth: AuthConfig,
    /// Which conversations stay with their model.
    pub sessions: SessionConfig,
    /// Which answers are given again.
    pub cache: CacheConfig,
    /// How much is tried for an answer.
    pub retries: RetryConfig,
    /// What is redacted and refused.
    pub guard: GuardConfig,
    /// Where traces and metrics go.
    pub telemetry: TelemetryConfig,
    /// Several calls that make one answer.
    pub pipelines: Vec<PipelineConfig>,
    /// The models, and where they answer.
    pub models: Vec<ModelConfig>,
}

/// The table `router`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RouterConfig {
    /// The router's directory. Without one the default model answers.
    pub path: Option<PathBuf>,
    /// What callers may name it besides `auto`; by default the last part of `path`.
    pub name: Option<String>,
    /// Another policy than the router's own.
    pub policy: Option<PolicySpec>,
    /// The model that answers where the router cannot say; by default the first of `models`.
    pub default_model: Option<ModelName>,
    /// The longest that a decision may take. Only routers with a transformer take so long.
    pub limit_ms: u64,
}

impl Default for RouterConfig {
    fn default() -> Self {
        Self {
            path: None,
            name: None,
            policy: None,
            default_model: None,
            limit_ms: 5,
        }
    }
}

/// The table `retries`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryConfig {
    /// Calls of one model beyond the first.
    pub retries: u32,
    /// The most that is waited before the first of them; twice as much before each further one.
    pub base_ms: u64,
    /// The most that is ever waited. A back end that asks for more is given up.
    pub longest_ms: u64,
    /// A second deployment is asked where the first has not answered for so long; 0 never.
    pub hedge_ms: u64,
    /// The most models that are asked one after the other.
    pub models: usize,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            retries: 2,
            base_ms: 250,
            longest_ms: 8000,
            hedge_ms: 0,
            models: 4,
        }
    }
}

/// One of `models`: the card of a catalogue, where the model answers, and for whom.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct ModelConfig {
    /// What it costs and can do.
    pub card: ModelCard,
    /// What a request's labels must be for it to be asked.
    pub when: Conditions,
    /// Where it answers. Without any it is known to the router and never called.
    pub deployments: Vec<DeploymentConfig>,
}

impl TryFrom<Map<String, Value>> for ModelConfig {
    type Error = String;

    fn try_from(mut table: Map<String, Value>) -> Result<Self, String> {
        let name = match table.get("name") {
            Some(Value::String(name)) => name.clone(),
            _ => return Err("a model needs a `name` that is a text".to_owned()),
        };
        let when = table.remove("when").unwrap_or_else(|| Map::new().into());
        let deployments = table.remove("deployments");
        let deployments = deployments.unwrap_or_else(|| Vec::<Value>::new().into());
        Ok(Self {
            when: part(when, &name, "when")?,
            deployments: part(deployments, &name, "deployments")?,
            card: part(table.into(), &name, "")?,
        })
    }
}

/// A part of a model's table, or where and why it is none.
fn part<T: serde::de::DeserializeOwned>(
    value: Value,
    model: &str,
    part: &str,
) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let within = error.path().to_string();
        let path = match (part, within.as_str()) {
            (part, ".") => part.to_owned(),
            ("", within) => within.to_owned(),
            (part, within) if within.starts_with('[') => format!("{part}{within}"),
            (part, within) => format!("{part}.{within}"),
        };
        let at = if path.is_empty() {
            String::new()
        } else {
            format!("{path}: ")
        };
        format!("model `{model}`: {at}{}", error.inner())
    })
}

/// One of a model's `deployments`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploymentConfig {
    /// What it speaks: `openai`, `anthropic` or `responses`.
    pub dialect: String,
    /// What the dialect's paths are appended to, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// Whether the address may lie in a private network.
    #[serde(default)]
    pub allow_private: bool,
    /// The model's name there; by default the name here.
    pub model: Option<String>,
    /// The environment variable that holds its key.
    pub api_key_env: Option<String>,
    /// Further headers that it asks for.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Its share of the model's traffic where all deployments are equally fast.
    #[serde(default = "one")]
    pub weight: f64,
    /// The longest to a connection.
    #[serde(default = "connect_ms")]
    pub connect_ms: u64,
    /// The longest from the request to the first byte of the answer.
    #[serde(default = "minute_ms")]
    pub first_byte_ms: u64,
    /// The longest between two chunks of an answer.
    #[serde(default = "minute_ms")]
    pub idle_ms: u64,
    /// The longest in all.
    #[serde(default = "total_ms")]
    pub total_ms: u64,
    /// The most calls at a time.
    #[serde(default = "many")]
    pub concurrency: usize,
    /// The most calls that wait for their turn.
    #[serde(default = "many")]
    pub queue: usize,
    /// The longest that a call waits for its turn.
    #[serde(default = "patience_ms")]
    pub queue_ms: u64,
    /// The most tokens of an answer, where the caller names none and the dialect needs a number.
    #[serde(default = "default_max_tokens")]
    pub default_max_tokens: u64,
    /// It knows `max_tokens` and not `max_completion_tokens`, as most compatible servers do.
    #[serde(default)]
    pub older_chat: bool,
    /// It takes a budget of tokens for thinking and no effort.
    #[serde(default)]
    pub thinks_by_budget: bool,
    /// It takes a temperature and its like.
    #[serde(default = "yes")]
    pub takes_sampling: bool,
    /// When it gets no calls for a while.
    #[serde(default)]
    pub breaker: BreakerConfig,
}

/// A deployment's `breaker`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerConfig {
    /// So many failures in a row open it.
    pub consecutive: u32,
    /// So large a share of failures among recent calls opens it.
    pub rate: f64,
    /// The share counts from so many recent calls on.
    pub least_calls: f64,
    /// After so long a call counts half.
    pub half_life_ms: u64,
    /// How long it stays open at first.
    pub open_ms: u64,
    /// How long it stays open at most.
    pub longest_open_ms: u64,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            consecutive: 5,
            rate: 0.5,
            least_calls: 10.0,
            half_life_ms: 15_000,
            open_ms: 10_000,
            longest_open_ms: 120_000,
        }
    }
}

const fn one() -> f64 {
    1.0
}

const fn connect_ms() -> u64 {
    5000
}

const fn minute_ms() -> u64 {
    60_000
}

const fn total_ms() -> u64 {
    600_000
}

const fn many() -> usize {
    1024
}

const fn patience_ms() -> u64 {
    10_000
}

const fn default_max_tokens() -> u64 {
    4096
}

const fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models(text: &str) -> Result<Vec<ModelConfig>, String> {
        #[derive(Deserialize)]
        struct File {
            models: Vec<ModelConfig>,
        }
        let file: Result<File, _> = toml::from_str(text);
        file.map(|file| file.models)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_model_is_a_card_with_deployments_and_conditions() {
        let read = models(
            r#"
            [[models]]
            name = "small"
            input_usd_per_million = 0.15
            output_usd_per_million = 0.6
            context_window = 128000
            when = { plan = { "$in" = ["free"] } }
            [[models.deployments]]
            dialect = "openai"
            base_url = "http://127.0.0.1:4010/v1"
            api_key_env = "SMALL_API_KEY"
            breaker = { consecutive = 3 }
            "#,
        );
        let model = &read.unwrap()[0];
        assert_eq!(model.card.name, "small".into());
        assert_eq!(model.deployments[0].breaker.consecutive, 3);
        assert_eq!(model.deployments[0].breaker.open_ms, 10_000);
        assert_ne!(model.when, Conditions::default());
    }

    #[test]
    fn what_is_wrong_is_named_by_model_and_path() {
        let check = |rest: &str, says: &str| {
            let error = models(&format!("[[models]]\nname = \"small\"\n{rest}")).unwrap_err();
            assert!(error.contains(says), "{error}");
        };
        check("price = 1", "model `small`: price: unknown field `price`");
        check(
            "[[models.deployments]]\ndialect = 'openai'",
            "deployments[0]: missing field `base_url`",
        );
        check(
            "when = { plan = { '$near' = 1 } }",
            "when: the condition on `plan`",
        );
        assert!(
            models("[[models]]\n")
                .unwrap_err()
                .contains("needs a `name`")
        );
    }
}
