//! A model that can be called, and its back ends.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use pointsman_relay::{
    Backend, BaseUrl, BreakerSettings, Deployment, Pool, Secret, TimeLimits, system_tls,
};
use pointsman_wire::Dialect;

use super::build::Build;
use super::names::is_reserved;
use crate::gateway::fleet::Member;
use crate::gateway::settings::{BreakerConfig, DeploymentConfig, ModelConfig};

impl Build<'_> {
    /// `None` where the model is never called.
    pub(super) fn member(&mut self, model: &ModelConfig) -> Option<Member> {
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
