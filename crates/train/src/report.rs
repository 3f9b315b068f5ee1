//! What the training measured, as it stands in the artifact.

use pointsman_measures::{Measures, PreferenceMeasures};
use pointsman_policy::Guarantee;
use serde::Serialize;

/// `report.json` of an artifact.
#[derive(Debug, Clone, Serialize)]
pub struct TrainReport {
    /// Distinct prompts it was trained on.
    pub prompts: usize,
    /// Models.
    pub models: usize,
    /// Cells with a score.
    pub scores: usize,
    /// Scores of other prompts that were streamed.
    pub streamed_scores: u64,
    /// Known n-grams.
    pub ngrams: usize,
    /// Latent dimensions.
    pub dimensions: usize,
    /// Number of folds.
    pub folds: usize,
    /// Whether whole categories were held out.
    pub grouped: bool,
    /// What candidates were judged by: `aiq`, `explained_differences` or `explained_variance`.
    pub criterion: &'static str,
    /// The finalists, the widest average first.
    pub candidates: Vec<CandidateReport>,
    /// Cross-validated measures, calibrated, on prompts with every model's score, each fold by the
    /// heads that would have been chosen without it; `None` where there are too few.
    pub cross_validated: Option<CrossValidated>,
    /// How comparisons were read; `None` where the log has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparisons: Option<ComparisonsReport>,
    /// Who taught it prompts without labels, if anyone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teacher: Option<TeacherReport>,
    /// The policy the artifact decides by.
    pub policy: String,
    /// What is promised of that policy, where it was asked for.
    pub guarantee: Option<Guarantee>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// One finalist.
#[derive(Debug, Clone, Serialize)]
pub struct CandidateReport {
    /// Its heads; none for the models' means alone.
    pub heads: Vec<String>,
    /// The criterion on held-out prompts.
    pub worth: f64,
    /// Standard error of its difference to the best.
    pub error_of_difference: f64,
    /// Whether it was chosen.
    pub chosen: bool,
}

/// What was learnt from comparisons of answers.
#[derive(Debug, Clone, Serialize)]
pub struct ComparisonsReport {
    /// Comparisons, those of the same models in the same order on one prompt counted once.
    pub comparisons: usize,
    /// The logit of being shown first, whoever is; above 0 judges prefer the first answer.
    pub order_effect: f64,
    /// The router on prompts that its heads held out.
    pub cross_validated: PreferenceMeasures,
    /// The models' strengths alone, on the comparisons they were fitted to.
    pub strengths_alone: PreferenceMeasures,
}

/// A router that taught this one.
#[derive(Debug, Clone, Serialize)]
pub struct TeacherReport {
    /// The sentence encoder that it reads.
    pub encoder: String,
    /// Prompts that it taught.
    pub prompts: usize,
    /// How it does itself.
    pub cross_validated: Option<CrossValidated>,
}

/// Held-out measures.
#[derive(Debug, Clone, Serialize)]
pub struct CrossValidated {
    /// Prompts with every model's score and cost.
    pub prompts: usize,
    /// The router.
    pub router: Measures,
    /// Mixing single models.
    pub zero_router: Measures,
    /// Knowing every score.
    pub oracle: Measures,
    /// The share of the gap between the two that the router closes.
    pub gap_share: Option<f64>,
}
