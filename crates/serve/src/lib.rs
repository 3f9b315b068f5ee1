//! The HTTP server: decisions, feedback, the list of models, health and metrics.
//!
//! It decides nothing itself: every decision comes from the router it holds, every record goes to
//! the store. What it learns from them corrects the router, in the background. No log tables, no
//! training, no administration on this listener.
//!
//! `cli` calls [`run`], or [`Server::bind`] where it needs the address first.

mod answer;
mod app;
mod chance;
mod config;
mod decide;
mod error;
mod feedback;
mod feedback_body;
mod health;
mod intake;
mod learning;
mod live;
mod metrics;
mod models;
mod object;
mod openapi;
mod parse;
mod paths;
mod problem;
mod refusal;
mod route;
mod route_body;
mod server;
mod signal;
mod text;
mod usage_body;
mod watch;

#[cfg(test)]
mod tests;

pub use app::App;
pub use config::{Config, ConfigError, Settings};
pub use decide::Decide;
pub use error::ServeError;
pub use learning::{Adaptive, LearningConfig, Mode};
pub use live::{Live, LoadError};
pub use paths::ROUTES;
pub use server::{Server, run};
pub use signal::stop_signal;
