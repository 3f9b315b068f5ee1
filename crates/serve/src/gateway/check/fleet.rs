//! The fleet as a whole, and how it persists.

use std::time::Duration;

use pointsman_relay::{Backoff, Persistence};
use pointsman_types::Catalog;

use super::build::{Build, DAY_MS};
use super::names::router_name;
use crate::gateway::fleet::{Fleet, Member, listed};
use crate::gateway::settings::{GatewayConfig, RetryConfig};
use crate::gateway::unrouted::Unrouted;

impl Build<'_> {
    pub(super) fn fleet(&mut self, config: &GatewayConfig) -> Fleet {
        let cards = config.models.iter().map(|model| model.card.clone());
        self.keep("models", Catalog::new(cards.collect()));
        let members: Vec<Member> = config
            .models
            .iter()
            .filter_map(|model| self.member(model))
            .collect();
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
}
