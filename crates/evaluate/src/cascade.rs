//! A cascade on every prompt of a sample, at many values of lambda: what all its calls cost
//! together, and how good the answer is that it returns.
//!
//! The steps are those of [`pointsman_router::Cascading`], which serve; the answers are the logged
//! ones. A curve of points rather than an exact sweep, since what is called next depends on lambda
//! in no simple way.

use pointsman_measures::{Curve, CurvePoint, Hull, Point, Weights, sweep};
use pointsman_router::{AnswerSeen, CascadeRules, CascadeStopped, Cascading, Next, Router};
use pointsman_types::{Grid, Limits, Prompt, Request, Usd};
use rayon::prelude::*;

use crate::{EvaluateError, Replayed, Sample};

/// Values of lambda between the ends.
const STEPS: usize = 64;
/// Share of the router's own range of costs, and of its switches, that lie beyond the ends.
const BEYOND: f64 = 0.005;

/// What a cascade did; every grid has shape `(lambdas, prompts)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Cascaded {
    /// Quality per US dollar, falling.
    pub lambdas: Vec<f64>,
    /// What all calls cost together, in US dollars.
    pub cost: Grid<f64>,
    /// The score of the answer that was returned.
    pub quality: Grid<f64>,
    /// How many calls were made.
    pub calls: Grid<f64>,
}

/// One prompt at one lambda.
#[derive(Debug, Clone, Copy)]
struct Walked {
    cost: f64,
    quality: f64,
    calls: f64,
}

impl Cascaded {
    /// Lets the cascade of a router answer every prompt of a sample at each lambda.
    ///
    /// # Errors
    /// When the router has no cascade.
    pub fn by(router: &Router, sample: &Sample, lambdas: &[f64]) -> Result<Self, EvaluateError> {
        let walked = (0..sample.prompts.len())
            .into_par_iter()
            .map(|row| walk(router, sample, row, lambdas))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self::of(lambdas, &walked))
    }

    fn of(lambdas: &[f64], walked: &[Vec<Walked>]) -> Self {
        let grid = |of: fn(&Walked) -> f64| {
            let rows = (0..lambdas.len()).flat_map(|at| walked.iter().map(move |row| of(&row[at])));
            Grid::from_values(walked.len(), rows.collect())
        };
        Self {
            lambdas: lambdas.to_vec(),
            cost: grid(|one| one.cost),
            quality: grid(|one| one.quality),
            calls: grid(|one| one.calls),
        }
    }

    /// Several parts of one sample put together again: each with the places of its prompts.
    pub(crate) fn pooled(parts: &[(Vec<usize>, Self)], prompts: usize) -> Option<Self> {
        let (_, first) = parts.first()?;
        let pool = |of: fn(&Self) -> &Grid<f64>| {
            let mut all = Grid::filled(first.lambdas.len(), prompts, f64::NAN);
            for (places, part) in parts {
                for step in 0..first.lambdas.len() {
                    let values = of(part).row(step).iter();
                    let row = all.row_mut(step);
                    places
                        .iter()
                        .zip(values)
                        .for_each(|(at, value)| row[*at] = *value);
                }
            }
            all
        };
        Some(Self {
            lambdas: first.lambdas.clone(),
            cost: pool(|part| &part.cost),
            quality: pool(|part| &part.quality),
            calls: pool(|part| &part.calls),
        })
    }

    /// Mean cost and quality at each lambda, on prompts that count as often as their weight says.
    pub(crate) fn points(&self, weights: &Weights) -> Vec<Point> {
        let point = |step: usize| Point {
            cost: weights.mean(self.cost.row(step)),
            quality: weights.mean(self.quality.row(step)),
        };
        (0..self.lambdas.len()).map(point).collect()
    }

    pub(crate) fn hull(&self, weights: &Weights) -> Hull {
        Hull::of(self.points(weights))
    }
}

/// Values of lambda at which a cascade is looked at, falling, the last of them 0. They span those
/// at which the router itself spends more than the least and changes its mind.
///
/// # Errors
/// When the replay is of another sample.
pub fn cascade_lambdas(replayed: &Replayed, sample: &Sample) -> Result<Vec<f64>, EvaluateError> {
    let curve = Curve::new(&sweep(&replayed.predicted), &sample.outcomes)?.points();
    let switches: Vec<CurvePoint> = curve
        .iter()
        .filter(|point| point.lambda.is_finite() && point.lambda > 0.0)
        .copied()
        .collect();
    let Some((high, low)) = ends(&switches) else {
        return Ok(vec![0.0]);
    };
    let between = |step: usize| high * (low / high).powf(step as f64 / (STEPS - 1) as f64);
    let cheapest = 2.0 * switches[0].lambda;
    Ok(std::iter::once(cheapest)
        .chain((0..STEPS).map(between))
        .chain([0.0])
        .collect())
}

/// The greatest and the least lambda that matter, of switches by falling lambda.
fn ends(switches: &[CurvePoint]) -> Option<(f64, f64)> {
    let costs = || switches.iter().map(|point| point.cost);
    let least = costs().fold(f64::INFINITY, f64::min);
    let most = costs().fold(f64::NEG_INFINITY, f64::max);
    let spends = |point: &&CurvePoint| point.cost >= least + BEYOND * (most - least);
    let high = switches.iter().find(spends)?.lambda;
    let last = (1.0 - BEYOND) * switches.len().saturating_sub(1) as f64;
    Some((high, switches[last as usize].lambda.min(high)))
}

fn walk(
    router: &Router,
    sample: &Sample,
    row: usize,
    lambdas: &[f64],
) -> Result<Vec<Walked>, EvaluateError> {
    let limits = Limits {
        models: Some(sample.models.clone()),
        ..Limits::default()
    };
    let request = Request {
        limits,
        ..Request::new(Prompt::from(&*sample.prompts[row].text))
    };
    let cascading = match router.cascade(&request) {
        Ok(cascading) => Some(cascading),
        // No window is wide enough, say: as on the router's curve, the cheapest answers.
        Err(CascadeStopped::Unsatisfiable(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let at = |lambda: &f64| match &cascading {
        Some(cascading) => steps(cascading, sample, row, *lambda),
        None => Ok(cheapest(sample, row)),
    };
    lambdas.iter().map(at).collect()
}

fn steps(
    cascading: &Cascading,
    sample: &Sample,
    row: usize,
    lambda: f64,
) -> Result<Walked, EvaluateError> {
    let rules = CascadeRules::at(lambda);
    let mut called = Vec::new();
    let mut answers: Vec<AnswerSeen> = Vec::new();
    loop {
        match cascading.after(&answers, &rules)? {
            Next::Call { model, .. } => {
                let place = sample.models.iter().position(|one| *one == model);
                let place = place.expect("only models of the sample are allowed");
                answers.push(logged(sample, row, place));
                called.push(place);
            }
            Next::Stop { answer, .. } => {
                let costs = called
                    .iter()
                    .map(|place| sample.outcomes.cost()[(row, *place)]);
                return Ok(Walked {
                    cost: costs.sum(),
                    quality: sample.outcomes.score()[(row, called[answer])],
                    calls: called.len() as f64,
                });
            }
        }
    }
}

/// The answer of a model as the log has it.
fn logged(sample: &Sample, row: usize, model: usize) -> AnswerSeen {
    let known = |value: f32| Some(value).filter(|value| !value.is_nan());
    let answers = sample.answers.as_ref();
    let logprob = answers.and_then(|answers| known(answers.logprob[(row, model)]));
    let chars = answers.and_then(|answers| known(answers.chars[(row, model)]));
    AnswerSeen {
        model: sample.models[model].clone(),
        logprob: logprob.map(f64::from),
        chars: chars.map(|chars| chars as usize),
        cost: Some(Usd::saturating(sample.outcomes.cost()[(row, model)])),
    }
}

fn cheapest(sample: &Sample, row: usize) -> Walked {
    let costs = sample.outcomes.cost().row(row).iter().enumerate();
    let (model, cost) = costs
        .min_by(|(_, one), (_, other)| one.total_cmp(other))
        .expect("a sample has models");
    Walked {
        cost: *cost,
        quality: sample.outcomes.score()[(row, model)],
        calls: 1.0,
    }
}
