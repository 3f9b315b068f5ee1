//! Why a log cannot make a router.

use pointsman_router::RouterError;
use pointsman_types::ModelName;

/// A log that cannot be trained on, or a fit that failed.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// Routing needs a choice.
    #[error("the log has scores of one model only, `{0}`; a router needs at least two")]
    OneModel(ModelName),
    /// There is nothing to learn from.
    #[error(
        "the log has no scores and no comparisons; column `score` must hold numbers from 0 to 1, or columns `model_a`, `model_b` and `winner` two models and which answer was better"
    )]
    NoScores,
    /// Every score is the same.
    #[error("every score in the log is {0}; there is nothing to tell the models apart by")]
    EqualScores(f32),
    /// Too little to know a model's mean by.
    #[error("{} too few scored prompts: {}; at least {least} are needed: add rows, or leave such models out with --drop-rare",
        if models.len() == 1 { "a model has" } else { "models have" }, listed(models))]
    RareModels {
        /// The models and how many scored prompts each has.
        models: Vec<(ModelName, usize)>,
        /// How many are needed.
        least: usize,
    },
    /// A cascade needs something to read.
    #[error(
        "a cascade learns from the answers when one is good enough, but the log has neither `answer_logprob` nor `answer_chars`; log one of them, or leave --cascade out"
    )]
    NoAnswers,
    /// Too few answers to learn to read them.
    #[error(
        "a cascade needs at least {least} scored answers of some model with `answer_logprob` or `answer_chars`, the log has at most {most}"
    )]
    FewAnswers {
        /// The most that a model has.
        most: usize,
        /// How many are needed.
        least: usize,
    },
    /// A teacher without a class.
    #[error(
        "none of the {0} prompts to be taught is new: a teacher needs prompts that are not in the log and not held out"
    )]
    NothingToTeach(usize),
    /// Too few prompts to hold some out.
    #[error("the log has {found} distinct prompts, at least {least} are needed")]
    FewPrompts {
        /// How many there are.
        found: usize,
        /// How many are needed.
        least: usize,
    },
    /// Grouped folds without groups.
    #[error(
        "grouped folds need column `category` with at least {least} different labels, the log has {found}"
    )]
    FewGroups {
        /// How many labels there are.
        found: usize,
        /// How many are needed.
        least: usize,
    },
    /// An option out of its range.
    #[error("{option} must be {range}, got {found}")]
    Option {
        /// Which option.
        option: &'static str,
        /// What is possible.
        range: &'static str,
        /// What was given.
        found: f64,
    },
    /// The rows that the table leaves out could not be read.
    #[error("the log cannot be read again")]
    Reading(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No policy that saves anything can be promised.
    #[error(
        "no policy that saves can be guaranteed to lose at most {alpha} against `{reference}` at delta {delta} on {prompts} calibration prompts; {}",
        way_out(*smallest)
    )]
    Unmet {
        /// The risk asked for.
        alpha: f64,
        /// The error allowed.
        delta: f64,
        /// The model that is regressed from.
        reference: ModelName,
        /// Calibration prompts.
        prompts: usize,
        /// The smallest alpha that can be guaranteed with them.
        smallest: f64,
    },
    /// There is nothing to gain by a guarantee.
    #[error(
        "no policy costs less than the reference `{reference}` on the {prompts} calibration prompts, so there is no saving to guarantee; name a dearer --reference"
    )]
    NothingSaves {
        /// The model that is regressed from.
        reference: ModelName,
        /// Calibration prompts.
        prompts: usize,
    },
    /// A guarantee without scores.
    #[error(
        "a guarantee needs scores to measure what is lost, but none of the {prompts} calibration prompts has a score; comparisons do not say how good an answer is"
    )]
    NoCalibrationScores {
        /// Calibration prompts.
        prompts: usize,
    },
    /// A guarantee by category without categories.
    #[error(
        "a guarantee by category needs column `category`; no calibration prompt of the log has one"
    )]
    NoCategories,
    /// The tensor library failed.
    #[error("a tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
    /// The sentence encoder failed.
    #[error("the sentence encoder failed: {0}")]
    Encoder(String),
    /// A system of equations has no solution.
    #[error(
        "the equations of {0} have no solution; are there infinite or enormous numbers in the log?"
    )]
    Singular(&'static str),
    /// A measure could not be computed.
    #[error(transparent)]
    Measure(#[from] pointsman_measures::MeasureError),
    /// What was fitted makes no router.
    #[error(transparent)]
    Router(#[from] RouterError),
}

fn way_out(smallest: f64) -> String {
    match smallest < 1.0 {
        true => format!(
            "the smallest alpha that can is {smallest}; more of them (--calibration-share) lower it"
        ),
        false => "no alpha below 1 can; log more prompts, or raise --calibration-share".to_owned(),
    }
}

fn listed(models: &[(ModelName, usize)]) -> String {
    let each: Vec<String> = models
        .iter()
        .map(|(model, rows)| format!("`{model}` ({rows})"))
        .collect();
    each.join(", ")
}
