//! What feedback has taught beyond the fitted parameters: a Gaussian belief about how far each
//! model's quality lies from its prediction.
//!
//! The fitted heads stay as they are. On top of them
//!
//! ```text
//! score(x, m) = predicted(x, m) + level(m) + loadings(m) · (Wᵀ φ(x)) + noise
//! ```
//!
//! where `φ` are a prompt's [coordinates](Coordinates). All models share the slopes `W`, so that a
//! judgement of one model also tells of those that usually fail on the same prompts; how much is
//! the [`Prior`], which training reads off the residuals of held-out prompts. Levels and slopes are
//! the state of a Kalman filter (West and Harrison 1997, chapter 4) that drifts back to the prior.
//! `learn` feeds it, `router` reads it.

mod belief;
mod bytes;
mod coordinates;
mod posterior;
mod prior;

pub use belief::Belief;
pub use bytes::StateError;
pub use coordinates::Coordinates;
pub use posterior::Posterior;
pub use prior::Prior;
