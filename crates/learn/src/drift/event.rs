//! What a monitor reports: a change of state of one of the things that it watches, with evidence.

use std::fmt;

use pointsman_types::ModelName;
use serde::{Deserialize, Serialize};

/// How one of the things that are watched stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    #[default]
    Ok,
    /// Something may be wrong, or is different and no worse.
    Warning,
    /// Something is wrong.
    Alarm,
}

/// What of the inputs is compared with the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputSeries {
    /// Mean predicted quality over the models, by tenths of the reference.
    Difficulty,
    /// How uncertain the predictions are, by tenths of the reference.
    Uncertainty,
    /// Clusters of the prompts' coordinates.
    Clusters,
    /// The prompts' coordinates as a distribution (maximum mean discrepancy).
    Distance,
}

impl InputSeries {
    /// Every series, in the order in which they are tested.
    pub const ALL: [Self; 4] = [
        Self::Difficulty,
        Self::Uncertainty,
        Self::Clusters,
        Self::Distance,
    ];
}

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Subject {
    /// The requests that come in.
    Inputs {
        /// What of them.
        series: InputSeries,
    },
    /// How often a model is chosen, against the probabilities that the decisions gave.
    Choices {
        /// Which model.
        model: ModelName,
    },
    /// Scores against predicted quality.
    Quality {
        /// Which model.
        model: ModelName,
        /// In which group; `None` for all together.
        group: Option<String>,
    },
    /// Tokens out against predicted ones.
    Tokens {
        /// Which model.
        model: ModelName,
    },
    /// Cost against predicted cost.
    Cost {
        /// Which model.
        model: ModelName,
    },
}

impl Subject {
    /// The model whose answers it is about.
    pub(crate) fn model(&self) -> Option<&ModelName> {
        match self {
            Self::Quality { model, .. } | Self::Tokens { model } | Self::Cost { model } => {
                Some(model)
            }
            Self::Inputs { .. } | Self::Choices { .. } => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inputs { series } => write!(f, "inputs, {}", named(*series)),
            Self::Choices { model } => write!(f, "choices of {model}"),
            Self::Quality { model, group: None } => write!(f, "quality of {model}"),
            Self::Quality {
                model,
                group: Some(group),
            } => write!(f, "quality of {model} in {group}"),
            Self::Tokens { model } => write!(f, "tokens of {model}"),
            Self::Cost { model } => write!(f, "cost of {model}"),
        }
    }
}

const fn named(series: InputSeries) -> &'static str {
    match series {
        InputSeries::Difficulty => "difficulty",
        InputSeries::Uncertainty => "uncertainty",
        InputSeries::Clusters => "clusters",
        InputSeries::Distance => "kernel distance",
    }
}

/// Why something stands as it does.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// Observations that the estimate rests on.
    pub observations: u64,
    /// The statistic: an e-value, an index, a squared distance.
    pub statistic: f64,
    /// What the statistic is compared with for an alarm.
    pub threshold: f64,
    /// The level that was expected, in the unit of the estimate.
    pub expected: f64,
    /// What was found instead: a mean residual in points of quality, a ratio, a share.
    pub found: f64,
    /// The same in words.
    pub sentence: String,
}

/// A change of state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftEvent {
    /// The number of the event, from 1.
    pub number: u64,
    /// Decisions that the monitor had seen.
    pub requests: u64,
    /// Of what.
    pub subject: Subject,
    /// The state before.
    pub from: State,
    /// The state now. The same as before where an alarm found its new level and lost it again.
    pub to: State,
    /// Why.
    pub evidence: Evidence,
}

impl fmt::Display for DriftEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.evidence.sentence)
    }
}
