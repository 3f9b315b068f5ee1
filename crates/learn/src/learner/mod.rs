//! Learning from feedback while serving: who is believed, how much, and what of it reaches the
//! posterior.
//!
//! A [`Lesson`] is a judgement together with what the router had predicted. The [`Learner`] weighs
//! it by its metric, by the share of all weight that its key may have and by how far off it is, and
//! updates the [`Posterior`](pointsman_models::Posterior). Before any lesson that is its prior. The
//! sampling covariance of the training's mean scores stands in there, so that a model scored on
//! 3,000 prompts moves less than one scored on 30: that is the effective sample size of the warm
//! start, and nothing has to be chosen for it.
//!
//! `serve` brings records and time and keeps the bytes; `replay` does the same on a log.

mod bytes;
mod costs;
mod influence;
mod learn;
mod lesson;
mod settings;
mod suspicion;

#[cfg(test)]
mod tests;

pub use bytes::LearnerError;
pub use costs::CostFactors;
pub use learn::{KeyStanding, Learner, LearnerCounts, Snapshot};
pub use lesson::{Lesson, Outcome, Unusable};
pub use settings::LearnerSettings;
