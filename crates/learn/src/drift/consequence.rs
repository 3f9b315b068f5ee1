//! What should follow from drift until it is understood; the caller acts on it.

use pointsman_types::ModelName;
use serde::{Deserialize, Serialize};

/// What follows from the states of a monitor.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Consequence {
    /// The models whose predictions are in doubt, overall or in a group.
    pub widened: Vec<Widened>,
    /// Nothing should be tried out: a model has become worse or dearer, or choices are not drawn as
    /// the decisions say.
    pub stop_exploring: bool,
    /// Decisions should be the reference policy's: the requests are not those of the training, or
    /// the predictions of at least half of the models, or the probabilities, cannot be trusted.
    pub use_reference: bool,
}

/// Doubt about one model's predictions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Widened {
    /// Which model.
    pub model: ModelName,
    /// In which group; `None` for every request.
    pub group: Option<String>,
    /// By how much the lower bound should be lower and the upper one higher, in points of quality.
    pub by: f64,
    /// What was found to be usual: to be added to predicted quality. 0 where predictions hold.
    /// Judgements still come with the predictions as they were before that.
    pub shift: f64,
}
