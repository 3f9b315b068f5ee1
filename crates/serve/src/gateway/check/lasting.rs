//! What is remembered, and outlives a change of other settings.

use std::sync::Arc;

use super::build::{Build, DAY_MS};
use crate::gateway::cache::{Answers, CacheConfig};
use crate::gateway::semantic::Semantic;
use crate::gateway::sessions::{SessionConfig, Sessions};
use crate::gateway::settings::GatewayConfig;

impl Build<'_> {
    /// Conversations outlive a change of other settings.
    pub(super) fn sessions(&mut self, config: &SessionConfig) -> Arc<Sessions> {
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
    pub(super) fn answers(&mut self, config: &CacheConfig) -> Arc<Answers> {
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
    pub(super) fn semantic(&mut self, config: &GatewayConfig) -> Option<Arc<Semantic>> {
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
}
