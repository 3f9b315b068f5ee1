//! How a model was added, as the artifact tells it.

use pointsman_types::ModelName;
use serde::Serialize;
use serde_json::{Value, json};

use super::amounts::WithAmounts;
use super::few::Few;
use super::population::Posterior;
use super::prior::Prior;

/// Where additions stand in an artifact's report.
const KEY: &str = "added";
/// Other models named that it resembles.
const MOST_ALIKE: usize = 5;
/// With fewer scores the level is mostly a guess from the price.
const FEW_SCORES: usize = 20;

/// How a model was added.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Addition {
    /// Which model.
    pub model: ModelName,
    /// In words.
    pub method: &'static str,
    /// Its scored prompts.
    pub scores: usize,
    /// Scores of other models on the same prompts, which sharpen its level.
    pub scores_of_others: usize,
    /// Quality expected on average, from price and family alone.
    pub prior_level: f64,
    /// Standard error of that.
    pub prior_error: f64,
    /// Quality expected on average.
    pub level: f64,
    /// Standard error of that.
    pub level_error: f64,
    /// The models that make up most of its deviations from prompt to prompt.
    pub alike: Vec<Alike>,
    /// The model whose tokens and costs were scaled to it.
    pub amounts_like: ModelName,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// A model that the new one resembles.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alike {
    /// Which model.
    pub model: ModelName,
    /// How much of its deviations the new one has.
    pub share: f64,
}

impl Addition {
    pub(super) fn new(
        model: &ModelName,
        names: &[ModelName],
        few: &Few,
        amounts: &WithAmounts,
        (prior, posterior): (&Prior, &Posterior),
    ) -> Self {
        Self {
            model: model.clone(),
            method: match few.scores.len() {
                0 => "level from price and family; deviations are the mean of models of that level",
                _ => {
                    "level from its scores, price and family; deviations combined from the other models'"
                }
            },
            scores: few.scores.len(),
            scores_of_others: few.scores_of_others,
            prior_level: prior.level,
            prior_error: prior.error,
            level: posterior.level,
            level_error: posterior.error,
            alike: alike(names, &posterior.shares),
            amounts_like: names[amounts.like].clone(),
            notes: notes(model, few, amounts),
        }
    }

    /// Adds this to the report of an artifact; earlier additions stay.
    pub(super) fn write_into(&self, report: &mut Value) {
        if !report.is_object() {
            *report = json!({});
        }
        match &mut report[KEY] {
            Value::Array(earlier) => earlier.push(json!(self)),
            none => *none = json!([self]),
        }
    }
}

fn alike(names: &[ModelName], shares: &[f64]) -> Vec<Alike> {
    let pairs = names.iter().zip(shares);
    let mut all: Vec<Alike> = pairs
        .map(|(model, share)| Alike {
            model: model.clone(),
            share: *share,
        })
        .collect();
    all.sort_by(|one, other| other.share.total_cmp(&one.share));
    all.truncate(MOST_ALIKE);
    all
}

fn notes(model: &ModelName, few: &Few, amounts: &WithAmounts) -> Vec<String> {
    let scores = few.scores.len();
    let guessed = (scores < FEW_SCORES).then(|| {
        format!("`{model}` has {scores} scored prompts: its quality is mostly guessed from price and family")
    });
    let policy = "policy and operating curve are those of the training, without the new model; train again when there are more scores".to_owned();
    guessed
        .into_iter()
        .chain(amounts.note.clone())
        .chain([policy])
        .collect()
}
