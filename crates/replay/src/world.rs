//! What is true of the online prompts, and what a router predicts of them.

use pointsman_models::Coordinates;
use pointsman_policy::PolicySpec;
use pointsman_router::{Artifact, Router};
use pointsman_train::{Options, train};
use pointsman_types::{Catalog, Grid, LogTable, Prompt};

use crate::error::ReplayError;
use crate::plan::Plan;

/// One split, with its router. Grids have shape `(online prompts, models)`.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) prompts: Vec<Prompt>,
    pub(crate) coordinates: Vec<Coordinates>,
    pub(crate) predicted: Grid<f64>,
    /// In US dollars.
    pub(crate) predicted_cost: Grid<f64>,
    pub(crate) score: Grid<f64>,
    /// In US dollars.
    pub(crate) cost: Grid<f64>,
    pub(crate) lambda: f64,
}

/// A router as anybody would train one on the labelled prompts.
pub(crate) fn trained(
    offline: LogTable,
    catalog: &Catalog,
    plan: &Plan,
    seed: u64,
) -> Result<Artifact, ReplayError> {
    let lambda = plan.lambda;
    let options = Options {
        seed,
        policy: Some(PolicySpec::Utility { lambda }),
        ..Options::default()
    };
    Ok(train(offline, catalog.clone(), &options, |_| {})?.artifact)
}

impl World {
    /// The router at these prompts, whose columns are in its order.
    pub(crate) fn new(router: Router, online: &LogTable, lambda: f64) -> Self {
        let models = online.models.len();
        let texts = online.prompts.iter();
        let prompts: Vec<Prompt> = texts.map(|row| Prompt::from(&*row.text)).collect();
        let (mut quality, mut cost) = (Vec::new(), Vec::new());
        for prompt in &prompts {
            for said in router.predict(prompt, None) {
                quality.push(f64::from(said.quality.get()));
                cost.push(said.cost.as_f64());
            }
        }
        let score = online.score.values().iter().map(|score| f64::from(*score));
        Self {
            coordinates: prompts
                .iter()
                .map(|prompt| router.coordinates(prompt))
                .collect(),
            prompts,
            predicted: Grid::from_values(models, quality),
            predicted_cost: Grid::from_values(models, cost),
            score: Grid::from_values(models, score.collect()),
            cost: online.cost_usd.clone(),
            router,
            lambda,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.prompts.len()
    }

    pub(crate) fn models(&self) -> usize {
        self.score.columns()
    }

    pub(crate) fn utility(&self, at: usize, model: usize) -> f64 {
        self.score[(at, model)] - self.lambda * self.cost[(at, model)]
    }

    pub(crate) fn predicted_utility(&self, at: usize, model: usize) -> f64 {
        self.predicted[(at, model)] - self.lambda * self.predicted_cost[(at, model)]
    }

    /// Mean utility of each model.
    pub(crate) fn singles(&self) -> Vec<f64> {
        let sum = |model| {
            (0..self.len())
                .map(|at| self.utility(at, model))
                .sum::<f64>()
        };
        (0..self.models())
            .map(|model| sum(model) / self.len() as f64)
            .collect()
    }

    /// The model with the best mean utility.
    pub(crate) fn best_single(&self) -> usize {
        largest(&self.singles())
    }

    /// What the router does without learning.
    pub(crate) fn frozen(&self, at: usize) -> usize {
        let values: Vec<f64> = (0..self.models())
            .map(|model| self.predicted_utility(at, model))
            .collect();
        largest(&values)
    }
}

/// The place of the largest value, the first of equals.
pub(crate) fn largest(values: &[f64]) -> usize {
    let better = |best: usize, at: usize| if values[at] > values[best] { at } else { best };
    (0..values.len()).reduce(better).unwrap_or(0)
}
