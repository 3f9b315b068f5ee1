//! What the training of a router measured, as its artifact tells it: the blend, its folds, its
//! uncertainty. Nothing of it is measured here.

use pointsman_router::Router;
use serde::{Deserialize, Serialize};

/// The part of an artifact's `report.json` that the page shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Prompts trained on.
    pub prompts: usize,
    /// Number of folds.
    pub folds: usize,
    /// Whether whole categories were held out.
    pub grouped: bool,
    /// What candidates were judged by: `aiq`, `explained_differences` or `explained_variance`.
    pub criterion: String,
    /// Blends of heads that were compared.
    pub candidates: Vec<TrainingCandidate>,
    /// Measures on the folds; `None` where too few prompts have every model's score.
    pub cross_validated: Option<TrainingMeasures>,
    /// Who taught it prompts without labels, if anyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teacher: Option<TrainingTeacher>,
}

/// A router that taught this one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingTeacher {
    /// The sentence encoder that it reads.
    pub encoder: String,
    /// Prompts that it taught.
    pub prompts: usize,
    /// How it does itself.
    pub cross_validated: Option<TrainingMeasures>,
}

/// One blend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingCandidate {
    /// Its heads; none for the models' means alone.
    pub heads: Vec<String>,
    /// The criterion on held-out prompts.
    pub worth: f64,
    /// Standard error of its difference to the best.
    pub error_of_difference: f64,
    /// Whether it is the one in use.
    pub chosen: bool,
}

/// AIQ on held-out prompts, each fold by the blend that was chosen without it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingMeasures {
    /// Prompts with every model's score and cost.
    pub prompts: usize,
    /// The router.
    pub router: TrainingAiq,
    /// Mixing single models.
    pub zero_router: TrainingAiq,
    /// Knowing every score.
    pub oracle: TrainingAiq,
}

/// One measure of several.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrainingAiq {
    /// Mean quality over the range of costs.
    pub aiq: f64,
}

impl Training {
    /// `None` where the artifact tells something else, as one of another make may.
    pub(crate) fn of(router: &Router) -> Option<Self> {
        Self::deserialize(router.training()).ok()
    }
}
