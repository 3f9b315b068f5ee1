//! What every step of a sequence would have lost and cost on calibration prompts.

use pointsman_measures::fixed_sequence;
use pointsman_policy::{Policy, choose};
use pointsman_router::Router;
use pointsman_types::{Candidate, Grid, LogTable, ModelName, Prompt, Request};
use rayon::prelude::*;

/// Choices, scores and costs on prompts that nothing was learnt from.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    reference: usize,
    /// The model chosen, shape `(prompts, steps)`; `None` where every model was refused.
    choices: Grid<Option<usize>>,
    /// NaN where missing, shape `(prompts, models)`.
    score: Grid<f32>,
    /// In US dollars; NaN where missing, shape `(prompts, models)`.
    cost: Grid<f64>,
}

/// Why no step can be taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unmet {
    /// The first step that saves is bounded by no less than this.
    Above(f64),
    /// No step costs less than the reference.
    NothingSaves,
}

impl Trial {
    /// Decides on every prompt of a log at every step, as the router would.
    ///
    /// # Panics
    /// When the reference is not one of the router's models, or the log lacks one of them.
    #[must_use]
    pub fn new(router: &Router, log: &LogTable, reference: &ModelName, lambdas: &[f64]) -> Self {
        let policies: Vec<Policy> = lambdas
            .iter()
            .map(|lambda| Policy::Reference {
                model: reference.clone(),
                lambda: *lambda,
            })
            .collect();
        let columns: Vec<usize> = router
            .models()
            .iter()
            .map(|model| place(&log.models, model))
            .collect();
        let choices: Vec<Vec<Option<usize>>> = log
            .prompts
            .par_iter()
            .map(|row| {
                let request = Request::new(Prompt::from(&*row.text));
                choices(router, &router.candidates(&request), &policies)
            })
            .collect();
        let mut grid = Grid::filled(0, policies.len(), None);
        choices.iter().for_each(|row| grid.push_row(row));
        Self {
            reference: place(router.models(), reference),
            choices: grid,
            score: log.score.select_columns(&columns),
            cost: log.cost_usd.select_columns(&columns),
        }
    }

    /// Adds the prompts of another trial of the same models, reference and steps.
    ///
    /// # Panics
    /// When the two have different numbers of models or steps.
    pub fn extend(&mut self, other: &Self) {
        for row in 0..other.choices.rows() {
            self.choices.push_row(other.choices.row(row));
            self.score.push_row(other.score.row(row));
            self.cost.push_row(other.cost.row(row));
        }
    }

    /// How many prompts.
    #[must_use]
    pub fn prompts(&self) -> usize {
        self.score.rows()
    }

    /// The step that saves the most among those whose risk is bounded by `alpha` in every group of
    /// prompts; `upper` is the upper confidence bound of the mean of losses.
    ///
    /// The bound of a step is the highest of its groups. That needs no correction for their number:
    /// a step is wrongly passed only if each of its groups is, the wrong one among them
    /// (intersection–union test; Berger 1982, Technometrics 24).
    ///
    /// # Errors
    /// With the least `alpha` that lets a saving step pass, when none does.
    pub fn pick(
        &self,
        groups: &[Vec<usize>],
        alpha: f64,
        upper: impl Fn(&[f64]) -> f64,
    ) -> Result<usize, Unmet> {
        let all = groups.concat();
        let bound = |step: usize| {
            let of_group = |rows: &Vec<usize>| upper(&self.losses(step, rows));
            groups.iter().map(of_group).fold(0.0, f64::max)
        };
        let steps = 0..self.choices.columns();
        let passed = fixed_sequence(steps.clone().map(bound), alpha);
        let saving = |step: &usize| self.saving(*step, &all);
        let best = (0..passed).max_by(|left, right| saving(left).total_cmp(&saving(right)));
        if let Some(best) = best.filter(|step| saving(step) > 0.0) {
            return Ok(best);
        }
        match steps.clone().find(|step| saving(step) > 0.0) {
            Some(first) => Err(Unmet::Above((0..=first).map(bound).fold(0.0, f64::max))),
            None => Err(Unmet::NothingSaves),
        }
    }

    /// The loss of each of these prompts at a step, in their order.
    #[must_use]
    pub fn losses(&self, step: usize, rows: &[usize]) -> Vec<f64> {
        rows.iter().map(|row| self.loss(step, *row)).collect()
    }

    /// Mean loss; 0 for no prompts.
    #[must_use]
    pub fn risk(&self, step: usize, rows: &[usize]) -> f64 {
        self.losses(step, rows).iter().sum::<f64>() / rows.len().max(1) as f64
    }

    /// Mean of score of the choice minus score of the reference, where both are known.
    #[must_use]
    pub fn quality_difference(&self, step: usize, rows: &[usize]) -> f64 {
        let difference = |row: &usize| {
            let chosen = self.score[(*row, self.choices[(*row, step)]?)];
            let difference = f64::from(chosen - self.score[(*row, self.reference)]);
            Some(difference).filter(|difference| !difference.is_nan())
        };
        let known: Vec<f64> = rows.iter().filter_map(difference).collect();
        known.iter().sum::<f64>() / known.len().max(1) as f64
    }

    /// Share of the reference's cost that a step saves on the prompts where both costs are known;
    /// 0 where there are none.
    #[must_use]
    pub fn saving(&self, step: usize, rows: &[usize]) -> f64 {
        let costs = |row: &usize| {
            let reference = self.cost[(*row, self.reference)];
            let cost = self.choices[(*row, step)].map_or(0.0, |model| self.cost[(*row, model)]);
            Some((cost, reference)).filter(|(cost, reference)| !(cost + reference).is_nan())
        };
        let (spent, reference) = rows
            .iter()
            .filter_map(costs)
            .fold((0.0, 0.0), |(spent, reference), (cost, dearer)| {
                (spent + cost, reference + dearer)
            });
        match reference > 0.0 {
            true => 1.0 - spent / reference,
            false => 0.0,
        }
    }

    /// On how many prompts a missing score was taken at its worst.
    #[must_use]
    pub fn at_worst(&self, step: usize) -> usize {
        let is_missing = |row: usize, model: usize| self.score[(row, model)].is_nan();
        let counts = |row: &usize| match self.choices[(*row, step)] {
            Some(model) if model == self.reference => false,
            Some(model) => is_missing(*row, model) || is_missing(*row, self.reference),
            None => is_missing(*row, self.reference),
        };
        (0..self.prompts()).filter(counts).count()
    }

    /// `max(0, score of the reference - score of the choice)`. A missing score of the reference
    /// counts as 1 and one of the choice as 0, so that no reason for their absence can hide a loss.
    fn loss(&self, step: usize, row: usize) -> f64 {
        let known = |model: usize, otherwise: f64| match self.score[(row, model)] {
            missing if missing.is_nan() => otherwise,
            score => f64::from(score),
        };
        match self.choices[(row, step)] {
            Some(model) if model == self.reference => 0.0,
            Some(model) => (known(self.reference, 1.0) - known(model, 0.0)).max(0.0),
            None => known(self.reference, 1.0),
        }
    }
}

fn choices(router: &Router, candidates: &[Candidate], policies: &[Policy]) -> Vec<Option<usize>> {
    let chosen = |policy: &Policy| {
        let choice = choose(candidates.to_vec(), policy).ok()?;
        Some(place(router.models(), &choice.candidates[0].model))
    };
    policies.iter().map(chosen).collect()
}

fn place(models: &[ModelName], wanted: &ModelName) -> usize {
    models
        .iter()
        .position(|model| model == wanted)
        .expect("trials are made of models that both the router and the log know")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GONE: f32 = f32::NAN;

    /// Model 0 is the reference and costs 1, model 1 costs a quarter; step 0 keeps the reference,
    /// step 1 gives the first half of the prompts to model 1, step 2 all of them.
    fn trial(scores: &[[f32; 2]]) -> Trial {
        let choice = |row: usize, step: usize| match step {
            0 => Some(0),
            1 => Some(usize::from(row < scores.len() / 2)),
            _ => Some(1),
        };
        let choices = (0..scores.len()).flat_map(|row| (0..3).map(move |step| choice(row, step)));
        Trial {
            reference: 0,
            choices: Grid::from_values(3, choices.collect()),
            score: Grid::from_values(2, scores.concat()),
            cost: Grid::from_values(2, [1.0, 0.25].repeat(scores.len())),
        }
    }

    fn all(trial: &Trial) -> Vec<Vec<usize>> {
        vec![(0..trial.prompts()).collect()]
    }

    fn mean(losses: &[f64]) -> f64 {
        losses.iter().sum::<f64>() / losses.len() as f64
    }

    #[test]
    fn losses_and_savings_by_hand() {
        let trial = trial(&[[1.0, 0.0], [0.5, 1.0], [0.75, 0.5], [1.0, 1.0]]);
        let rows = [0, 1, 2, 3];
        assert_eq!(trial.losses(0, &rows), [0.0; 4]);
        assert_eq!(trial.losses(1, &rows), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(trial.losses(2, &rows), [1.0, 0.0, 0.25, 0.0]);
        assert!((trial.saving(1, &rows) - 0.375).abs() < 1e-12);
        assert!((trial.quality_difference(2, &rows) + 0.1875).abs() < 1e-6);
        assert!((trial.risk(2, &rows) - 0.3125).abs() < 1e-12);
    }

    #[test]
    fn a_missing_score_counts_at_its_worst_only_where_the_reference_is_left() {
        let trial = trial(&[[1.0, GONE], [GONE, 0.25], [GONE, GONE], [0.5, GONE]]);
        let rows = [0, 1, 2, 3];
        assert_eq!(trial.losses(0, &rows), [0.0; 4]);
        assert_eq!(trial.losses(2, &rows), [1.0, 0.75, 1.0, 0.5]);
        assert_eq!((trial.at_worst(0), trial.at_worst(2)), (0, 4));
    }

    #[test]
    fn the_step_that_saves_the_most_within_alpha_is_picked() {
        let mut scores = vec![[1.0, 1.0]; 50];
        scores.extend([[1.0, 0.0]; 50]);
        let trial = trial(&scores);
        assert_eq!(trial.pick(&all(&trial), 0.1, mean), Ok(1));
        assert_eq!(trial.pick(&all(&trial), 0.5, mean), Ok(2));
    }

    #[test]
    fn every_group_must_pass() {
        let mut scores = vec![[1.0, 0.0]; 10];
        scores.extend([[1.0, 1.0]; 90]);
        let trial = trial(&scores);
        assert_eq!(trial.pick(&all(&trial), 0.1, mean), Ok(2));
        let groups = [(0..20).collect(), (20..100).collect::<Vec<usize>>()];
        assert_eq!(trial.pick(&groups, 0.1, mean), Err(Unmet::Above(0.5)));
        assert_eq!(trial.pick(&groups, 0.5, mean), Ok(2));
    }

    #[test]
    fn the_least_alpha_is_the_highest_bound_up_to_the_first_saving_step() {
        let trial = trial(&[[1.0, 0.0], [1.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
        assert_eq!(
            trial.pick(&all(&trial), 0.01, mean),
            Err(Unmet::Above(0.25))
        );
    }

    #[test]
    fn a_reference_that_is_cheap_already_leaves_nothing_to_promise() {
        let mut trial = trial(&[[1.0, 1.0]; 4]);
        trial.cost = Grid::filled(4, 2, 1.0);
        assert_eq!(
            trial.pick(&all(&trial), 0.5, mean),
            Err(Unmet::NothingSaves)
        );
    }
}
