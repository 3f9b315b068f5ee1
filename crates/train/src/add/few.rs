//! The prompts that a new model answered, and what the router says of them.

use pointsman_models::{Model, Point};
use pointsman_router::Router;
use pointsman_types::{Grid, LogTable, ModelName, Prompt};

/// Scores of other models that count as much as the prior in how easy a prompt was: about the variance
/// of one model's answer around it over the variance of the ease itself.
const EASE_PRIOR: f64 = 3.0;

/// What is known of the new model. Every list is one number for each scored prompt.
pub(super) struct Few {
    /// Scores of the new model.
    pub(super) scores: Vec<f64>,
    /// Votes behind them, at a mean of 1.
    pub(super) weights: Vec<f64>,
    /// Predicted quality of the models that are there minus their levels, shape `(prompts, models)`.
    pub(super) deviations: Grid<f64>,
    /// By how much the models that are there did better on the prompt than predicted, shrunk.
    pub(super) ease: Vec<f64>,
    /// Scores of models that are there on the same prompts.
    pub(super) scores_of_others: usize,
    /// Calibrated quality of each model that is there at its mean score.
    pub(super) levels: Vec<f64>,
    /// Calls of the new model, scored or not.
    pub(super) calls: Vec<Call>,
}

/// What one call of the new model took; NaN where it was not logged.
pub(super) struct Call {
    pub(super) point: Point,
    pub(super) chars: f32,
    pub(super) input_tokens: f32,
    pub(super) output_tokens: f32,
    pub(super) cost: f32,
}

impl Few {
    pub(super) fn new(router: &Router, model: &Model, log: &LogTable, name: &ModelName) -> Self {
        let levels = model.calibration.qualities(&model.quality.mean);
        let mut few = Self {
            scores: Vec::new(),
            weights: Vec::new(),
            deviations: Grid::filled(0, model.names.len(), 0.0),
            ease: Vec::new(),
            scores_of_others: 0,
            levels: levels.into_iter().map(|one| one.get().into()).collect(),
            calls: Vec::new(),
        };
        if let Some(column) = log.models.iter().position(|other| other == name) {
            let places = places(log, model);
            (0..log.prompts.len()).for_each(|row| few.push(router, log, (row, column), &places));
            few.scale_weights();
        }
        few
    }

    fn push(
        &mut self,
        router: &Router,
        log: &LogTable,
        cell: (usize, usize),
        places: &[(usize, usize)],
    ) {
        let text = &log.prompts[cell.0].text;
        self.calls.push(Call {
            point: router.point(text),
            chars: text.chars().count() as f32,
            input_tokens: log.input_tokens[cell],
            output_tokens: log.output_tokens[cell],
            cost: log.cost_usd[cell] as f32,
        });
        if log.score[cell].is_nan() {
            return;
        }
        let predictions = router.predict(&Prompt::from(&**text), None);
        let qualities: Vec<f64> = predictions
            .iter()
            .map(|one| one.quality.get().into())
            .collect();
        let deviations: Vec<f64> = qualities
            .iter()
            .zip(&self.levels)
            .map(|(one, level)| one - level)
            .collect();
        let surprises = places.iter().filter_map(|(logged, known)| {
            let score = log.score[(cell.0, *logged)];
            (!score.is_nan()).then(|| f64::from(score) - qualities[*known])
        });
        let (sum, count) = surprises.fold((0.0, 0), |(sum, count), one| (sum + one, count + 1));
        self.scores.push(log.score[cell].into());
        self.weights.push(f64::from(log.weight[cell]).max(0.0));
        self.deviations.push_row(&deviations);
        self.ease.push(sum / (f64::from(count) + EASE_PRIOR));
        self.scores_of_others += count as usize;
    }

    fn scale_weights(&mut self) {
        let mean = self.weights.iter().sum::<f64>() / self.weights.len().max(1) as f64;
        if mean > 0.0 {
            self.weights.iter_mut().for_each(|weight| *weight /= mean);
        }
    }
}

/// The models that both have, as `(column of the log, number in the router)`.
fn places(log: &LogTable, model: &Model) -> Vec<(usize, usize)> {
    let known = |name: &ModelName| model.names.iter().position(|other| other == name);
    let columns = log.models.iter().enumerate();
    columns
        .filter_map(|(column, name)| Some((column, known(name)?)))
        .collect()
}
