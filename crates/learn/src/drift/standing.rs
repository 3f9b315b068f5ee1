//! How things stand.

use std::collections::BTreeMap;

use pointsman_types::ModelName;
use serde::{Deserialize, Serialize};

use super::event::{Evidence, InputSeries, State, Subject};

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// What.
    pub subject: Subject,
    /// How it stands.
    pub state: State,
    /// Since which event it does.
    pub event: u64,
    /// How many decisions there had been when something was heard of it last.
    #[serde(default)]
    pub heard: u64,
    /// The latest evidence.
    pub evidence: Evidence,
}

/// How everything stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Decisions seen.
    pub requests: u64,
    /// The worst of all states.
    pub state: State,
    /// Whether there is a reference to compare inputs with yet.
    pub has_reference: bool,
    /// Inputs, series by series.
    pub inputs: Vec<(InputSeries, State)>,
    /// Models, in the order of the monitor.
    pub models: Vec<ModelSummary>,
    /// What is not ok, in the order in which that began.
    pub standing: Vec<Standing>,
    /// Judgements in groups that are not watched, since there are too many.
    pub unwatched: u64,
}

/// How one model stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelSummary {
    /// Which model.
    pub model: ModelName,
    /// Scores against predicted quality.
    pub quality: State,
    /// The same in every group that was seen.
    pub groups: BTreeMap<String, State>,
    /// Mean of score less prediction that has become usual; 0 where predictions hold.
    pub shift: f64,
    /// Choices against probabilities.
    pub choices: State,
    /// Tokens against predicted ones.
    pub tokens: State,
    /// Their usual ratio, once known.
    pub tokens_ratio: Option<f64>,
    /// Cost against predicted cost.
    pub cost: State,
    /// Their usual ratio, once known.
    pub cost_ratio: Option<f64>,
}
