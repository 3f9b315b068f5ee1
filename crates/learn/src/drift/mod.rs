//! Whether a router in service still does what it was trained and evaluated for.
//!
//! Five questions, one [`Monitor`]: are the requests those of the reference ([`InputSeries`]), is
//! each model chosen as often as the decisions' own probabilities say, are its scores what was
//! predicted (overall and by group), its tokens and its costs. Each answer is a [`State`] with
//! [`Evidence`], each change of a state a [`DriftEvent`]; what should be done meanwhile is a
//! [`Consequence`]. The caller keeps events and acts.
//!
//! How often the whole monitor raises a false alarm is a setting, and every threshold follows from
//! it: scores, choices, tokens and costs are tested by bets whose expected number of false alarms is
//! bounded without any assumption but the tolerance, inputs by the distribution of each statistic
//! at the sizes of its window and reference.
//!
//! Nothing here decides, and nothing here changes a prediction.

mod bets;
mod bins;
mod choices;
mod consequence;
mod error;
mod event;
mod inputs;
mod moments;
mod monitor;
mod null;
mod quality;
mod ratios;
mod settings;
mod space;
mod standing;
#[cfg(test)]
mod tests;
mod told;
mod watch;

pub use consequence::{Consequence, Widened};
pub use error::DriftError;
pub use event::{DriftEvent, Evidence, InputSeries, State, Subject};
pub use inputs::{Input, Reference};
pub use monitor::Monitor;
pub use settings::DriftSettings;
pub use standing::{ModelSummary, Standing, Summary};
pub use told::{Amount, Answer, Judgement, Observation};
