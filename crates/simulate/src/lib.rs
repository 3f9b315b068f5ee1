//! A deterministic model of a request log: prompts of twenty task families, five made-up models,
//! and the true expected quality of every answer, so that tests can say how good a router's
//! choices are without noise. It makes the log bundled under `datasets/`.
//!
//! Nothing here is measured on a real model, and every id and name says so (`synthetic-…`,
//! `sim-…`). It writes no file and knows no router; the command line writes the rows through the
//! `logs` room.
//!
//! Everything about a prompt is drawn from the seed and the prompt's number, with exactly rounded
//! arithmetic only: the same settings give the same rows on every platform, and prompt 17 is the
//! same whether 100 prompts are made or 200,000.
//!
//! The truth: a prompt's words add up to a difficulty `d` (`notation`). A model's expected score is
//! `worst + (best - worst) * logistic(skill + topic - slope * (d - 0.4) + hidden)`, where `skill`
//! depends on model and family, `topic` on the model and on marked words, `slope` on the model,
//! and `hidden` is a draw that no reader of the prompt can know.

mod answers;
mod asking;
mod draws;
mod expand;
mod family;
mod grammar;
mod noise;
mod notation;
mod outcome;
mod portable;
mod roster;
mod topic;
mod truth;

use pointsman_types::{Catalog, LogRow, ModelName, Probability, Prompt, Usd};

use crate::asking::{Asked, ask};
use crate::family::FAMILIES;
use crate::roster::{MODELS, ROSTER};
use crate::truth::Truth;

/// What to simulate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// How many prompts.
    pub prompts: usize,
    /// The seed of every draw.
    pub seed: u64,
    /// About which share of the cells (prompt, model) has no score: half of them without a row,
    /// half with a row whose score is missing; more often for the dearest model and for easy
    /// prompts.
    pub missing: Probability,
    /// Whether the log tells log-probability and length of each answer.
    pub answers: bool,
}

impl Default for Settings {
    /// The bundled log's settings.
    fn default() -> Self {
        Self {
            prompts: 3500,
            seed: 7,
            missing: Probability::new(0.015).expect("0.015 is a probability"),
            answers: false,
        }
    }
}

/// One prompt with what is true of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedPrompt {
    /// Its id in the log.
    pub id: String,
    /// What was asked.
    pub text: Prompt,
    /// Its task family; the log's `category`.
    pub family: &'static str,
    /// From 0, easy, to 1.
    pub difficulty: f64,
    /// Expected score of each model's answer, in the order of [`Simulation::models`].
    pub truth: Vec<f64>,
    /// Expected cost of each model's answer, in the same order.
    pub expected_cost: Vec<Usd>,
}

/// A simulated log with its ground truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// The models and their prices.
    pub catalog: Catalog,
    /// The models, by name, as in the catalogue.
    pub models: Vec<ModelName>,
    /// The prompts, in the order of their numbers.
    pub prompts: Vec<SimulatedPrompt>,
    /// The log: one row per prompt and model, save the gaps.
    pub rows: Vec<LogRow>,
}

/// True mean quality and mean cost of somebody's choices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Value {
    /// Mean expected score.
    pub quality: f64,
    /// Mean expected cost, in US dollars.
    pub cost_usd: f64,
}

impl Simulation {
    /// The catalogue as the file that users are given, labelled as synthetic.
    #[must_use]
    pub fn catalog_toml(&self) -> String {
        catalog_toml()
    }

    /// What choosing that model (by its place in [`Simulation::models`]) for each prompt is truly
    /// worth, free of the noise of scores. Without prompts it is 0.
    ///
    /// # Panics
    /// When a choice is no model's place.
    pub fn value(&self, mut choose: impl FnMut(&SimulatedPrompt) -> usize) -> Value {
        let count = self.prompts.len().max(1) as f64;
        let (mut quality, mut cost_usd) = (0.0, 0.0);
        for prompt in &self.prompts {
            let model = choose(prompt);
            quality += prompt.truth[model];
            cost_usd += prompt.expected_cost[model].as_f64();
        }
        Value {
            quality: quality / count,
            cost_usd: cost_usd / count,
        }
    }
}

/// Simulates a log and keeps its ground truth; for logs that should not be held in memory there is
/// [`rows`].
#[must_use]
pub fn simulate(settings: &Settings) -> Simulation {
    let (prompts, rows): (Vec<_>, Vec<_>) = numbers(settings)
        .map(|number| Cast::of(settings, number))
        .map(|cast| (cast.prompt(), cast.rows(settings)))
        .unzip();
    Simulation {
        catalog: roster::catalog(),
        models: ROSTER.iter().map(|model| model.name.into()).collect(),
        prompts,
        rows: rows.into_iter().flatten().collect(),
    }
}

/// The rows of [`simulate`], made one prompt at a time.
pub fn rows(settings: Settings) -> impl Iterator<Item = LogRow> + Send {
    numbers(&settings).flat_map(move |number| Cast::of(&settings, number).rows(&settings))
}

/// The catalogue of the simulated models as TOML; it does not depend on the settings.
#[must_use]
pub fn catalog_toml() -> String {
    let tables = toml::to_string(&roster::catalog())
        .expect("a catalogue of names and finite numbers can be written as TOML");
    format!("{CATALOG_HEADER}\n{tables}")
}

const CATALOG_HEADER: &str = "\
# Synthetic: these models do not exist. Their prices go with the log made by `pointsman simulate`.
";

fn numbers(settings: &Settings) -> std::ops::Range<u64> {
    0..settings.prompts as u64
}

/// One prompt and its truth, before anybody answers it.
struct Cast {
    number: u64,
    asked: Asked,
    truth: Truth,
}

impl Cast {
    fn of(settings: &Settings, number: u64) -> Self {
        let asked = ask(settings.seed, number);
        let truth = Truth::of(&asked, settings.seed, number);
        Self {
            number,
            asked,
            truth,
        }
    }

    fn prompt(&self) -> SimulatedPrompt {
        SimulatedPrompt {
            id: outcome::prompt_id(self.number),
            text: self.asked.prompt.clone(),
            family: FAMILIES[self.asked.family].name,
            difficulty: self.asked.difficulty,
            truth: self.truth.quality.to_vec(),
            expected_cost: (0..MODELS)
                .map(|model| self.truth.expected_cost(model))
                .collect(),
        }
    }

    fn rows(&self, settings: &Settings) -> Vec<LogRow> {
        outcome::rows(self, settings)
    }
}
