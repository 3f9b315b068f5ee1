//! The gateway: live traffic in the APIs that people already use, each request to the model that the
//! router chooses.
//!
//! `handle` is a request's way; `settings` and `check` make the [`Fleet`](fleet::Fleet) of the models
//! that can be called.

mod account;
mod asked;
mod auth;
mod cache;
mod caching;
mod calling;
mod check;
mod choose;
mod condition;
mod ending;
mod explained;
mod fleet;
mod guarding;
mod handle;
mod metrics;
mod notes;
mod pipelines;
mod piping;
mod redacting;
mod refused;
mod reply;
mod reread;
mod savings;
mod semantic;
mod sending;
mod sessions;
mod settings;
mod signs;
mod telemetry;
mod tokens;
mod unrouted;
mod wanted;
mod wishes;

use std::path::PathBuf;
use std::sync::OnceLock;

use arc_swap::ArcSwap;

pub use auth::AuthConfig;
pub(crate) use auth::Guest;
pub use cache::CacheConfig;
pub use check::Environment;
pub use condition::Conditions;
pub(crate) use fleet::Fleet;
pub use guarding::GuardConfig;
pub(crate) use handle::{chat, messages, responses};
pub(crate) use metrics::GatewayMetrics;
pub use pipelines::{
    BestOfConfig, CascadeConfig, CheckConfig, LearnedConfig, PipelineConfig, SequenceConfig,
    StepConfig, VoteConfig,
};
pub use reread::Reread;
pub(crate) use reread::Stamp;
pub(crate) use savings::{Savings, savings};
pub use semantic::SemanticConfig;
pub use sessions::SessionConfig;
pub use settings::{
    BreakerConfig, DeploymentConfig, GatewayConfig, ModelConfig, RetryConfig, RouterConfig,
};
pub(crate) use telemetry::Telemetry;
pub use telemetry::TelemetryConfig;
pub(crate) use unrouted::Unrouted;

use self::reread::Source;

/// The gateway of a server.
pub(crate) struct Gateway {
    pub(crate) fleet: ArcSwap<Fleet>,
    /// What traffic cost beside what single models would have.
    pub(crate) savings: Savings,
    /// What a collector is sent, where there is one.
    pub(crate) telemetry: Option<Telemetry>,
    /// Where the settings come from, where they may change.
    source: OnceLock<Source>,
}

impl Gateway {
    pub(crate) fn new(fleet: Fleet, telemetry: Option<Telemetry>) -> Self {
        Self {
            fleet: ArcSwap::from_pointee(fleet),
            savings: Savings::new(),
            telemetry,
            source: OnceLock::new(),
        }
    }

    /// Looks for new settings in this file from now on.
    pub(crate) fn follow(&self, file: PathBuf, read: Box<Reread>) {
        // Whoever asks twice keeps the first.
        self.source.set(Source { file, read }).ok();
    }
}
