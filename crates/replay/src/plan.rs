//! What to replay.

use pointsman_learn::learner::LearnerSettings;
use pointsman_policy::Exploration;
use serde::{Deserialize, Serialize};

use crate::error::ReplayError;

/// How the online prompts differ from the offline ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Regime {
    /// Random halves; equal texts stay together.
    Iid,
    /// Half of the categories each.
    Shift,
}

/// What happens half-way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// The model that serves most loses 0.3 of its mean score.
    Drop,
    /// The model that serves most costs five times as much, and no catalogue says so.
    Price,
    /// The model that is best on its own is added; the router was trained without it.
    NewModel,
    /// From the start, one key sends a fifth of the feedback, inverted.
    Poison,
}

/// The environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// How the parts differ.
    pub regime: Regime,
    /// Labelled prompts that the router is trained on.
    pub labels: usize,
    /// Share of the decisions that get feedback.
    pub feedback: f64,
    /// Feedback comes within so many requests, evenly.
    pub delay: usize,
    /// Splits of the log.
    pub seeds: usize,
    /// Orders of the online part, with their chances, for each split.
    pub streams: usize,
    /// What a dollar is worth in score.
    pub lambda: f64,
    /// How the router in service explores.
    pub exploration: Exploration,
    /// How it learns.
    pub learner: LearnerSettings,
    /// What happens, if anything.
    pub scenario: Option<Scenario>,
    /// Labelled prompts with which a new model is added.
    pub new_labels: usize,
    /// The least share that a new model gets.
    pub quota: f64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            regime: Regime::Iid,
            labels: 300,
            feedback: 0.3,
            delay: 500,
            seeds: 20,
            streams: 1,
            lambda: 200.0,
            exploration: Exploration::Odds {
                doubt: 0.2,
                share: 1.0,
            },
            learner: LearnerSettings::default(),
            scenario: None,
            new_labels: 20,
            quota: 0.1,
        }
    }
}

impl Plan {
    /// Checks the ranges.
    ///
    /// # Errors
    /// With the first setting that is out of range.
    pub fn check(&self) -> Result<(), ReplayError> {
        let share = |value: f64| (0.0..=1.0).contains(&value);
        [
            (self.labels >= 20, "labels", "at least 20"),
            (share(self.feedback), "feedback", "a share from 0 to 1"),
            (self.seeds >= 1, "seeds", "at least 1"),
            (self.streams >= 1, "streams", "at least 1"),
            (
                self.lambda.is_finite() && self.lambda >= 0.0,
                "lambda",
                "finite and not negative",
            ),
            (share(self.quota), "quota", "a share from 0 to 1"),
        ]
        .into_iter()
        .find(|(is_sound, ..)| !is_sound)
        .map_or(Ok(()), |(_, setting, range)| {
            Err(ReplayError::Setting { setting, range })
        })
    }
}
