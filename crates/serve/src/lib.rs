//! The HTTP server: decisions, feedback, the list of models, versions, health and metrics.
//!
//! It decides nothing itself: every decision comes from the routers it holds, every record goes to
//! the store. What it learns from them corrects the router, in the background; what becomes of a new
//! version follows from `learn`. No log tables, no training. Versions are changed from this machine
//! alone, while there are no keys.
//!
//! `cli` calls [`run`], or [`Server::bind`] where it needs the address first.

mod admin;
mod admin_body;
mod answer;
mod app;
mod beside;
mod chance;
mod compared;
mod config;
mod decide;
mod error;
mod feedback;
mod feedback_body;
mod gateway;
mod health;
mod intake;
mod lanes;
mod learning;
mod live;
mod metrics;
mod models;
mod object;
mod office;
mod openapi;
mod parse;
mod paths;
mod peer;
mod problem;
mod refusal;
mod route;
mod route_body;
mod server;
mod signal;
mod steward;
mod text;
mod usage_body;
mod versions;
mod watch;

#[cfg(test)]
mod tests;

pub use app::App;
pub use config::{Config, ConfigError, Settings};
pub use decide::Decide;
pub use error::ServeError;
pub use gateway::{
    AuthConfig, BestOfConfig, BreakerConfig, CacheConfig, CascadeConfig, CheckConfig, Conditions,
    DeploymentConfig, Environment, GatewayConfig, GuardConfig, LearnedConfig, ModelConfig,
    PipelineConfig, Reread, RetryConfig, RouterConfig, SemanticConfig, SequenceConfig,
    SessionConfig, StepConfig, TelemetryConfig, VoteConfig,
};
pub use learning::{Adaptive, LearningConfig, Mode};
pub use live::{Live, LoadError};
pub use paths::ROUTES;
pub use server::{Server, run};
pub use signal::stop_signal;
pub use versions::{Order, Plan, Versions, VersionsError};
