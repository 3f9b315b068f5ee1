//! How far differences between models are trusted where one of several is to be called.
//!
//! The best of several estimates is as a rule one that errs upwards, and a cascade chooses again
//! after every answer. How much of the differences is kept is chosen by the decisions that follow
//! on the training prompts, with qualities that were predicted without them.

use pointsman_measures::{Hull, Point, Singles, Weights};
use pointsman_models::{AnswerSigns, Cascade};
use pointsman_policy::{Means, Move, begin, go_on};
use pointsman_types::{Grid, LogTable};
use rayon::prelude::*;

use crate::measurable::measurable;

const CALLS: usize = 3;
/// Values of lambda, over so many powers of ten below that at which the best single model is worth
/// no more than the cheapest call.
const STEPS: usize = 32;
const DECADES: f64 = 4.0;

/// Prompts on which a cascade can be followed to its end.
pub(super) struct Trial {
    prompts: Vec<Prompt>,
    singles: Singles,
    lambdas: Vec<f64>,
}

struct Prompt {
    predicted: Vec<f64>,
    signs: Vec<AnswerSigns>,
    expected_cost: Vec<f64>,
    cost: Vec<f64>,
    score: Vec<f64>,
}

impl Trial {
    /// `None` where too few prompts have a score and a cost of every model.
    pub(super) fn new(
        table: &LogTable,
        held_out: &Grid<f32>,
        expected_cost: &Grid<f64>,
        signs: impl Fn(usize, usize) -> AnswerSigns,
    ) -> Option<Self> {
        let (outcomes, kept) = measurable(table)?;
        let models = table.models.len();
        if kept.models.len() < models {
            return None;
        }
        let prompt = |(at, row): (usize, &usize)| Prompt {
            predicted: held_out.row(*row).iter().map(|one| (*one).into()).collect(),
            signs: (0..models).map(|model| signs(*row, model)).collect(),
            expected_cost: expected_cost.row(*row).to_vec(),
            cost: outcomes.cost().row(at).to_vec(),
            score: outcomes.score().row(at).to_vec(),
        };
        let singles = Singles::of(&outcomes, &Weights::even(outcomes.prompts()));
        Some(Self {
            prompts: kept.prompts.iter().enumerate().map(prompt).collect(),
            lambdas: lambdas(&singles),
            singles,
        })
    }

    /// AIQ of a cascade, the cost of all its calls included.
    pub(super) fn aiq(&self, cascade: &Cascade) -> f64 {
        let walk = |prompt: &Prompt| prompt.walk(cascade, &self.lambdas);
        let walked: Vec<Vec<Point>> = self.prompts.par_iter().map(walk).collect();
        let mean = |step: usize| {
            let count = walked.len() as f64;
            let sum = |of: fn(&Point) -> f64| walked.iter().map(|one| of(&one[step])).sum::<f64>();
            Point {
                cost: sum(|point| point.cost) / count,
                quality: sum(|point| point.quality) / count,
            }
        };
        let hull = Hull::of((0..self.lambdas.len()).map(mean).collect());
        self.singles.measure(&hull).aiq
    }
}

impl Prompt {
    fn walk(&self, cascade: &Cascade, lambdas: &[f64]) -> Vec<Point> {
        let foresight = cascade.foresight(&self.predicted);
        let callable = vec![true; self.cost.len()];
        let at = |lambda: &f64| {
            let means = Means {
                cost: &self.expected_cost,
                callable: &callable,
                lambda: *lambda,
                purse: f64::INFINITY,
                calls: CALLS,
            };
            self.steps(cascade, &foresight, means)
        };
        lambdas.iter().map(at).collect()
    }

    fn steps(&self, cascade: &Cascade, foresight: &[Vec<Vec<f64>>], mut means: Means<'_>) -> Point {
        let mut called: Vec<usize> = begin(foresight, means).into_iter().collect();
        loop {
            means.calls = CALLS - called.len();
            let seen: Vec<AnswerSigns> = called.iter().map(|model| self.signs[*model]).collect();
            let quality = cascade.qualities(&self.predicted, &seen);
            match go_on(&quality, &called, means).expect("every model may be called") {
                Move::Call(model) => called.push(model),
                Move::Stop(model) => {
                    return Point {
                        cost: called.iter().map(|model| self.cost[*model]).sum(),
                        quality: self.score[model],
                    };
                }
            }
        }
    }
}

fn lambdas(singles: &Singles) -> Vec<f64> {
    let (cheapest, _) = singles.cost_range();
    let best = singles.best_point();
    let high = best.quality / cheapest.max(best.cost * 1e-4).max(f64::MIN_POSITIVE);
    let step = |step: usize| high * 10_f64.powf(-DECADES * step as f64 / (STEPS - 1) as f64);
    (0..STEPS).map(step).collect()
}
