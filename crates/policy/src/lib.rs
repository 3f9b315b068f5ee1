//! From predictions, prices and limits to a choice.
//!
//! Pure: no clock, no files, no tensors; the chance in a choice is an argument. `router` calls
//! [`limit_refusal`] for every model, then [`choose`] once, then [`Choice::explored`] where the
//! request brings a draw.

mod cascade;
mod choose;
mod curve;
mod explore;
mod guarantee;
mod limits;
mod spec;

pub use cascade::{Means, Move, begin, go_on};
pub use choose::{Chance, Choice, choose, expected_regression};
pub use curve::{CurvePoint, OperatingCurve};
pub use explore::{Contender, Exploration, Quotas};
pub use guarantee::{CategoryRisk, Guarantee};
pub use limits::{Needs, limit_refusal};
pub use spec::{Policy, PolicySpec, PolicySpecError};
