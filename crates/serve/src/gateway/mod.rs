//! The gateway: live traffic in the APIs that people already use, each request to the model that the
//! router chooses.
//!
//! `handle` is a request's way; `settings` and `check` make the [`Fleet`](fleet::Fleet) of the models
//! that can be called.

mod account;
mod asked;
mod auth;
mod bookkeeping;
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
use std::sync::{Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use pointsman_store::OutcomeRecord;
use tokio::sync::mpsc::{Receiver, Sender, channel};

pub use auth::AuthConfig;
pub(crate) use auth::Guest;
pub(crate) use bookkeeping::Bookkeeping;
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

/// The most outcomes that wait to be kept: half a minute of them at 2,000 a second.
const MOST_WAITING: usize = 65_536;

/// The gateway of a server.
pub(crate) struct Gateway {
    pub(crate) fleet: ArcSwap<Fleet>,
    /// What calls took, on its way into the store.
    pub(crate) outcomes: Sender<OutcomeRecord>,
    /// Taken by whoever keeps them.
    inbox: Mutex<Option<Receiver<OutcomeRecord>>>,
    /// What traffic cost beside what single models would have.
    pub(crate) savings: Savings,
    /// What a collector is sent, where there is one.
    pub(crate) telemetry: Option<Telemetry>,
    /// Where the settings come from, where they may change.
    source: OnceLock<Source>,
}

impl Gateway {
    pub(crate) fn new(fleet: Fleet, telemetry: Option<Telemetry>) -> Self {
        let (outcomes, inbox) = channel(MOST_WAITING);
        Self {
            fleet: ArcSwap::from_pointee(fleet),
            outcomes,
            inbox: Mutex::new(Some(inbox)),
            savings: Savings::new(),
            telemetry,
            source: OnceLock::new(),
        }
    }

    /// What calls took, for the one who keeps it.
    pub(crate) fn inbox(&self) -> Option<Receiver<OutcomeRecord>> {
        self.inbox
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Looks for new settings in this file from now on.
    pub(crate) fn follow(&self, file: PathBuf, read: Box<Reread>) {
        // Whoever asks twice keeps the first.
        self.source.set(Source { file, read }).ok();
    }
}
