//! From predictions, prices and limits to a choice.
//!
//! Pure: no clock, no files, no tensors. `router` calls [`limit_refusal`] for every model and then
//! [`choose`] once.

mod choose;
mod curve;
mod guarantee;
mod limits;
mod spec;

pub use choose::{Choice, choose, expected_regression};
pub use curve::{CurvePoint, OperatingCurve};
pub use guarantee::{CategoryRisk, Guarantee};
pub use limits::{Needs, limit_refusal};
pub use spec::{Policy, PolicySpec, PolicySpecError};
