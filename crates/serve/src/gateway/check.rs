//! From settings as they are written to a fleet that can be called. Every problem is told, not only
//! the first.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use pointsman_relay::{
    Backend, Backoff, BaseUrl, BreakerSettings, Deployment, Persistence, Pool, Secret, TimeLimits,
    system_tls,
};
use pointsman_types::{Catalog, ModelCard, ModelName};
use pointsman_wire::Dialect;
use rustls::ClientConfig;

use super::auth::{AuthConfig, Door};
use super::cache::{Answers, CacheConfig};
use super::fleet::{Fleet, Member, listed};
use super::guarding::{GuardConfig, Rails};
use super::pipelines::Pipeline;
use super::semantic::Semantic;
use super::sessions::{SessionConfig, Sessions};
use super::settings::{BreakerConfig, DeploymentConfig, GatewayConfig, ModelConfig, RetryConfig};
use super::unrouted::Unrouted;

/// Where secrets come from: the environment, by name.
pub type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// Names that callers use for the router.
pub(super) const AUTO: &str = "auto";
pub(super) const THRESHOLD_PREFIX: &str = "router-";

const DAY_MS: u64 = 24 * 3600 * 1000;

impl GatewayConfig {
    /// Whether any model can be called.
    #[must_use]
    pub fn calls_models(&self) -> bool {
        self.models
            .iter()
            .any(|model| !model.deployments.is_empty())
    }

    /// The cards of the models that can be called, the default one first.
    pub(crate) fn callable(&self) -> Vec<ModelCard> {
        let callable = self
            .models
            .iter()
            .filter(|model| !model.deployments.is_empty());
        let mut cards: Vec<ModelCard> = callable.map(|model| model.card.clone()).collect();
        let default = self.router.default_model.as_ref();
        if let Some(at) = cards.iter().position(|card| Some(&card.name) == default) {
            cards[..=at].rotate_right(1);
        }
        cards
    }

    /// Everything that is wrong with it, in words; empty where nothing is.
    #[must_use]
    pub fn problems(&self, environment: Environment<'_>) -> Vec<String> {
        self.fleet(environment, None).err().unwrap_or_default()
    }

    /// The fleet; back ends of `before` whose settings did not change go on as they are.
    pub(crate) fn fleet(
        &self,
        environment: Environment<'_>,
        before: Option<&Fleet>,
    ) -> Result<Fleet, Vec<String>> {
        let mut build = Build {
            environment,
            before,
            tls: None,
            problems: Vec::new(),
        };
        let fleet = build.fleet(self);
        match build.problems.is_empty() {
            true => Ok(fleet),
            false => Err(build.problems),
        }
    }
}

struct Build<'b> {
    environment: Environment<'b>,
    before: Option<&'b Fleet>,
    /// Read from the system once, and only if a back end is new.
    tls: Option<ClientConfig>,
    problems: Vec<String>,
}

impl Build<'_> {
    fn fleet(&mut self, config: &GatewayConfig) -> Fleet {
        let cards = config.models.iter().map(|model| model.card.clone());
        self.keep("models", Catalog::new(cards.collect()));
        let members: Vec<Member> = config
            .models
            .iter()
            .filter_map(|model| self.member(model))
            .collect();
        self.check_default(config);
        let pipelines = self.pipelines(config, &members);
        let router = &config.router;
        self.within("router.limit_ms", router.limit_ms, 1, 60_000);
        let telemetry = config.telemetry.plan(self.environment);
        self.problems.extend(telemetry.err().unwrap_or_default());
        Fleet {
            cards: config
                .models
                .iter()
                .map(|model| model.card.clone())
                .collect(),
            listed: listed(members.iter(), &pipelines),
            pipelines,
            door: self.door(&config.auth, config),
            rails: self.rails(&config.guard),
            sessions: self.sessions(&config.sessions),
            answers: self.answers(&config.cache),
            semantic: self.semantic(config),
            unrouted: Unrouted::new(config.callable()),
            members,
            persistence: self.persistence(&config.retries),
            most_models: self.within("retries.models", config.retries.models as u64, 1, 64)
                as usize,
            limit: Duration::from_millis(router.limit_ms),
            router_name: router_name(router.name.as_deref(), router.path.as_deref()),
        }
    }

    fn wrong(&mut self, at: &str, why: impl Display) {
        self.problems.push(format!("{at}: {why}"));
    }

    fn keep<T, E: Display>(&mut self, at: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.wrong(at, error)).ok()
    }

    fn within(&mut self, at: &str, value: u64, least: u64, most: u64) -> u64 {
        if !(least..=most).contains(&value) {
            self.wrong(
                at,
                format_args!("is {value}; it must be between {least} and {most}"),
            );
        }
        value
    }

    fn check_default(&mut self, config: &GatewayConfig) {
        let Some(default) = &config.router.default_model else {
            return;
        };
        let callable = |model: &&ModelConfig| !model.deployments.is_empty();
        let names = config
            .models
            .iter()
            .filter(callable)
            .map(|model| &model.card.name);
        let names: BTreeSet<&str> = names.map(|name| name.as_str()).collect();
        if !names.contains(default.as_str()) {
            let known: Vec<&str> = names.into_iter().collect();
            let why = format!(
                "`{default}` has no deployments; these have: {}",
                known.join(", ")
            );
            self.wrong("router.default_model", why);
        }
    }

    fn pipelines(&mut self, config: &GatewayConfig, members: &[Member]) -> Vec<Pipeline> {
        let is_model = |name: &ModelName| members.iter().any(|member| member.card.name == *name);
        let mut pipelines: Vec<Pipeline> = Vec::new();
        for one in &config.pipelines {
            let name = one.name();
            let at = format!("pipeline `{name}`");
            let is_taken = pipelines.iter().any(|other| other.name == *name);
            if is_taken || is_model(name) || is_reserved(name.as_str()) {
                self.wrong(&at, "the name is taken");
            }
            for model in one.models() {
                if !is_model(model) && model.as_str() != AUTO {
                    self.wrong(&at, format_args!("`{model}` has no deployments"));
                }
            }
            pipelines.extend(self.keep(&at, Pipeline::new(one)));
        }
        pipelines
    }

    fn door(&mut self, auth: &AuthConfig, config: &GatewayConfig) -> Door {
        if auth.is_required() && auth.keys.is_empty() {
            self.wrong(
                "auth",
                "keys are required and there are none; `pointsman key new` makes one",
            );
        }
        let known = |name: &ModelName| config.models.iter().any(|model| model.card.name == *name);
        for key in &auth.keys {
            for model in key.models.iter().flatten().filter(|model| !known(model)) {
                self.wrong(
                    "auth.keys",
                    format_args!("`{}` names model `{model}`, which is not there", key.id),
                );
            }
        }
        let door = self.keep("auth.keys", Door::new(auth));
        door.unwrap_or_default()
    }

    fn rails(&mut self, config: &GuardConfig) -> Rails {
        self.within(
            "guard.most_messages",
            config.most_messages as u64,
            1,
            1_000_000,
        );
        let rails = Rails::new(config).map_err(|error| self.problems.push(error.to_string()));
        rails.unwrap_or_default()
    }

    /// Conversations outlive a change of other settings.
    fn sessions(&mut self, config: &SessionConfig) -> Arc<Sessions> {
        self.within("sessions.idle_s", config.idle_s, 1, 30 * DAY_MS / 1000);
        self.within("sessions.most", config.most, 1, 100_000_000);
        self.within(
            "sessions.prompt_cache_s",
            config.prompt_cache_s,
            0,
            DAY_MS / 1000,
        );
        let before = self.before.map(|before| &before.sessions);
        match before.filter(|before| before.config == *config) {
            Some(before) => Arc::clone(before),
            None => Arc::new(Sessions::new(config)),
        }
    }

    /// So do answers.
    fn answers(&mut self, config: &CacheConfig) -> Arc<Answers> {
        self.within("cache.ttl_s", config.ttl_s, 0, config.longest_s);
        self.within("cache.longest_s", config.longest_s, 0, 30 * DAY_MS / 1000);
        self.within("cache.most_bytes", config.most_bytes, 0, 1 << 40);
        let before = self.before.map(|before| &before.answers);
        match before.filter(|before| before.config == *config) {
            Some(before) => Arc::clone(before),
            None => Arc::new(Answers::new(config)),
        }
    }

    /// So do answers to similar questions.
    fn semantic(&mut self, config: &GatewayConfig) -> Option<Arc<Semantic>> {
        let (semantic, at) = (&config.cache.semantic, "cache.semantic");
        let before = self.before.and_then(|before| before.semantic.as_ref());
        if let Some(before) = before.filter(|before| before.config == *semantic) {
            return Some(Arc::clone(before));
        }
        let opened = Semantic::open(semantic);
        let opened = opened.map_err(|problems| {
            for problem in problems {
                self.problems.push(format!("{at}.{problem}"));
            }
        });
        let opened = opened.ok().flatten()?;
        if config.cache.ttl_s == 0 {
            self.wrong(at, "answers are kept for cache.ttl_s seconds, which is 0");
        }
        Some(Arc::new(opened))
    }

    fn persistence(&mut self, retries: &RetryConfig) -> Persistence {
        let hedge = self.within("retries.hedge_ms", retries.hedge_ms, 0, DAY_MS);
        Persistence {
            backoff: Backoff {
                retries: self.within("retries.retries", retries.retries.into(), 0, 100) as u32,
                base: self.millis("retries.base_ms", retries.base_ms),
                longest: self.millis("retries.longest_ms", retries.longest_ms),
            },
            hedge: (hedge > 0).then(|| Duration::from_millis(hedge)),
        }
    }

    fn millis(&mut self, at: &str, value: u64) -> Duration {
        Duration::from_millis(self.within(at, value, 1, DAY_MS))
    }

    /// `None` where the model is never called.
    fn member(&mut self, model: &ModelConfig) -> Option<Member> {
        let name = model.card.name.as_str();
        if is_reserved(name) {
            self.wrong(name, "is a name that callers use for the router");
        }
        let deployments = model.deployments.iter().enumerate();
        let backends: Vec<Arc<Backend>> = deployments
            .filter_map(|(at, deployment)| self.backend(name, at, deployment))
            .collect();
        (!model.deployments.is_empty()).then(|| Member {
            card: model.card.clone(),
            when: model.when.clone(),
            pool: Pool::new(backends),
            deployments: model.deployments.clone(),
        })
    }

    fn backend(
        &mut self,
        model: &str,
        at: usize,
        config: &DeploymentConfig,
    ) -> Option<Arc<Backend>> {
        let kept = self.before.and_then(|before| before.backend(model, config));
        if kept.is_some() {
            return kept;
        }
        let deployment = self.deployment(model, at, config)?;
        if self.tls.is_none() {
            self.tls = self.keep("TLS", system_tls());
        }
        let tls = self.tls.as_ref()?;
        Some(Arc::new(Backend::new(deployment, tls)))
    }

    fn deployment(
        &mut self,
        model: &str,
        at: usize,
        config: &DeploymentConfig,
    ) -> Option<Deployment> {
        let name = format!("{model}/{at}");
        let word = &config.dialect;
        let dialect = Dialect::named(word).ok_or_else(|| {
            format!("dialect `{word}` is unknown; there are openai, anthropic and responses")
        });
        let dialect = self.keep(&name, dialect);
        let url = BaseUrl::parse(&config.base_url, config.allow_private);
        let url = self.keep(&name, url);
        let key = self.key(&name, config);
        let headers = self.headers(&name, config);
        let limits = self.limits(&name, config);
        let breaker = self.breaker(&name, &config.breaker);
        let weight = config.weight;
        if !(weight.is_finite() && weight > 0.0) {
            self.wrong(
                &name,
                format_args!("weight is {weight}; it must be above 0"),
            );
        }
        let model_there = config.model.as_deref().unwrap_or(model);
        Some(Deployment {
            serves: model.to_owned(),
            key,
            headers,
            weight,
            limits,
            breaker,
            concurrency: self.within(
                &format!("{name}: concurrency"),
                config.concurrency as u64,
                1,
                100_000,
            ) as usize,
            queue: self.within(&format!("{name}: queue"), config.queue as u64, 0, 1_000_000)
                as usize,
            patience: self.millis(&format!("{name}: queue_ms"), config.queue_ms),
            default_max_tokens: self.within(
                &format!("{name}: default_max_tokens"),
                config.default_max_tokens,
                1,
                u64::MAX,
            ),
            older_chat: config.older_chat,
            thinks_by_budget: config.thinks_by_budget,
            takes_sampling: config.takes_sampling,
            ..Deployment::new(name, dialect?, url?, model_there)
        })
    }

    fn key(&mut self, name: &str, config: &DeploymentConfig) -> Option<Secret> {
        let variable = config.api_key_env.as_deref()?;
        let value = (self.environment)(variable);
        let key = value.ok_or_else(|| format!("the environment has no variable {variable}"));
        let key = self.keep(name, key)?;
        let key = Secret::new(&key).map_err(|error| format!("{variable}: {error}"));
        self.keep(name, key)
    }

    fn headers(&mut self, name: &str, config: &DeploymentConfig) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = Vec::new();
        for (header, value) in &config.headers {
            let at = format!("{name}: headers.{header}");
            let parsed = self.keep(&at, header.parse::<HeaderName>());
            let value = self.keep(&at, HeaderValue::from_str(value));
            headers.extend(parsed.zip(value));
        }
        headers
    }

    fn limits(&mut self, name: &str, config: &DeploymentConfig) -> TimeLimits {
        TimeLimits {
            connect: self.millis(&format!("{name}: connect_ms"), config.connect_ms),
            first_byte: self.millis(&format!("{name}: first_byte_ms"), config.first_byte_ms),
            idle: self.millis(&format!("{name}: idle_ms"), config.idle_ms),
            total: self.millis(&format!("{name}: total_ms"), config.total_ms),
        }
    }

    fn breaker(&mut self, name: &str, config: &BreakerConfig) -> BreakerSettings {
        let at = |setting: &str| format!("{name}: breaker.{setting}");
        let rate = config.rate;
        if !(rate > 0.0 && rate <= 1.0) {
            self.wrong(
                &at("rate"),
                format_args!("is {rate}; it must be above 0 and at most 1"),
            );
        }
        let least = config.least_calls;
        if !(least.is_finite() && least >= 1.0) {
            self.wrong(
                &at("least_calls"),
                format_args!("is {least}; it must be at least 1"),
            );
        }
        BreakerSettings {
            consecutive: self.within(&at("consecutive"), config.consecutive.into(), 1, 1_000_000)
                as u32,
            rate,
            least_calls: least,
            half_life: self.millis(&at("half_life_ms"), config.half_life_ms),
            open: self.millis(&at("open_ms"), config.open_ms),
            longest_open: self.millis(&at("longest_open_ms"), config.longest_open_ms),
        }
    }
}

fn is_reserved(name: &str) -> bool {
    name == AUTO || name.starts_with(THRESHOLD_PREFIX)
}

fn router_name(name: Option<&str>, path: Option<&Path>) -> String {
    let last = path.and_then(Path::file_name);
    let last = last.map(|last| last.to_string_lossy().into_owned());
    name.map(str::to_owned)
        .or(last)
        .unwrap_or_else(|| AUTO.to_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn config(models: &str) -> GatewayConfig {
        #[derive(serde::Deserialize)]
        struct File {
            #[serde(default)]
            router: super::super::settings::RouterConfig,
            models: Vec<ModelConfig>,
        }
        let file: File = toml::from_str(models).unwrap();
        GatewayConfig {
            router: file.router,
            models: file.models,
            ..GatewayConfig::default()
        }
    }

    const TWO: &str = r#"
        router = { default_model = "large", path = "models/quickstart" }
        [[models]]
        name = "small"
        deployments = [{ dialect = "openai", base_url = "http://127.0.0.1:4010/v1", api_key_env = "KEY" }]
        [[models]]
        name = "large"
        deployments = [{ dialect = "anthropic", base_url = "https://api.anthropic.com/v1" }]
        [[models]]
        name = "elsewhere"
    "#;

    fn environment(name: &str) -> Option<String> {
        (name == "KEY").then(|| "sk-1".to_owned())
    }

    #[test]
    fn the_default_model_stands_first_and_others_are_not_called() {
        use crate::Decide;
        let fleet = config(TWO).fleet(&environment, None).ok().unwrap();
        let names: Vec<&str> = fleet
            .unrouted
            .models()
            .iter()
            .map(|name| name.as_str())
            .collect();
        assert_eq!(names, ["large", "small"]);
        assert_eq!(
            (fleet.place("large"), fleet.place("elsewhere")),
            (Some(1), None)
        );
        assert_eq!(fleet.router_name, "quickstart");
    }

    #[test]
    fn back_ends_that_did_not_change_are_kept() {
        let before = config(TWO).fleet(&environment, None).ok().unwrap();
        let changed = TWO.replace("4010", "4011");
        let after = config(&changed)
            .fleet(&environment, Some(&before))
            .ok()
            .unwrap();
        let is_kept = |model: usize| {
            let [one, other] =
                [&before, &after].map(|fleet| fleet.members[model].pool.backends()[0].clone());
            Arc::ptr_eq(&one, &other)
        };
        assert!(!is_kept(0) && is_kept(1));
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let problems = config(
            r#"
            router = { default_model = "tiny", limit_ms = 0 }
            [[models]]
            name = "auto"
            deployments = [
                { dialect = "smoke", base_url = "http://example.com/v1", api_key_env = "NONE", weight = 0.0, connect_ms = 0 },
                { dialect = "openai", base_url = "nonsense", headers = { "a b" = "c" }, breaker = { rate = 2.0, consecutive = 0 } },
            ]
            [[models]]
            name = "half"
            input_usd_per_million = 1.0
            "#,
        )
        .problems(&environment);
        let all = problems.join("\n");
        for says in [
            "price for one direction only",
            "auto: is a name that callers use",
            "auto/0: dialect `smoke` is unknown",
            "auto/0: `http://example.com/v1` would be called in the clear",
            "auto/0: the environment has no variable NONE",
            "auto/0: weight is 0",
            "auto/0: connect_ms: is 0",
            "auto/1: `nonsense` is no URL",
            "auto/1: headers.a b",
            "auto/1: breaker.rate: is 2",
            "auto/1: breaker.consecutive: is 0",
            "router.default_model: `tiny`",
            "router.limit_ms: is 0",
        ] {
            assert!(all.contains(says), "{says} is not in\n{all}");
        }
    }
}
