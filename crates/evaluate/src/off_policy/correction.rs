//! What the router predicts, corrected by what the log says, without ever reading the decision that
//! is predicted.
//!
//! Folds are cut by the hash of the prompt. For each model and fold, what rewards were above the
//! router's prediction is fitted on the other folds: an intercept and a ridge on the router's
//! context, shrunk so strongly that few decisions leave the prediction as it is.

use pointsman_types::{Grid, fold_of};
use rayon::prelude::*;

use super::rows::{Rows, Used};

const FOLDS: u64 = 5;
/// Decisions that the router's own mean prediction counts for.
const LEVEL_PRIOR: f64 = 10.0;
/// The share of what the prediction leaves unexplained that the context is thought to explain.
const EXPLAINED: f64 = 0.05;
/// Decisions count by one over their propensity, but none for more than this.
const MOST_WEIGHT: f64 = 20.0;
/// Steps of the conjugate gradients; the penalties leave the system nearly diagonal.
const STEPS: usize = 40;

/// Predicted rewards, shape `(decisions, models)`.
pub(super) type Predicted = Grid<f64>;

/// The router's predictions with the corrections of the other folds.
pub(super) fn cross_fitted(rows: &Rows<'_>, seed: u64) -> Predicted {
    let models = rows.models.len();
    let fold = |used: &Used<'_>| fold_of(used.row.prompt.text(), seed, FOLDS) as usize;
    let folds: Vec<usize> = rows.used.iter().map(fold).collect();
    let fits: Vec<Option<Vec<f64>>> = (0..FOLDS as usize * models)
        .into_par_iter()
        .map(|at| fit(rows, &folds, at / models, at % models))
        .collect();
    let corrected = rows.used.iter().zip(&folds).flat_map(|(used, fold)| {
        let fits = &fits[fold * models..(fold + 1) * models];
        let pairs = used.predicted.iter().zip(fits);
        pairs.map(|(predicted, fit)| {
            let of = |weights: &Vec<f64>| dot(weights, &used.context);
            predicted + fit.as_ref().map_or(0.0, of)
        })
    });
    Grid::from_values(models, corrected.collect())
}

/// The correction of one model for one fold; `None` without a reward to learn from.
fn fit(rows: &Rows<'_>, folds: &[usize], held_out: usize, model: usize) -> Option<Vec<f64>> {
    let others = rows.used.iter().zip(folds);
    let learnt = others.filter(|(used, fold)| **fold != held_out && used.chosen == model);
    let of = |(used, _): (&Used<'_>, &usize)| Some(Example::of(used, used.reward?));
    let mut examples: Vec<Example> = learnt.filter_map(of).collect();
    if examples.is_empty() {
        return None;
    }
    let mean = examples.iter().map(|one| one.weight).sum::<f64>() / examples.len() as f64;
    examples.iter_mut().for_each(|one| one.weight /= mean);
    Some(ridge(&examples))
}

struct Example {
    context: Vec<f32>,
    surprise: f64,
    weight: f64,
}

impl Example {
    fn of(used: &Used<'_>, reward: f64) -> Self {
        Self {
            context: used.context.clone(),
            surprise: reward - used.predicted[used.chosen],
            weight: (1.0 / used.propensity).min(MOST_WEIGHT),
        }
    }
}

/// Weighted least squares with a penalty in the units of each coordinate, by conjugate gradients
/// on coordinates that are scaled so that the penalty is 1.
fn ridge(examples: &[Example]) -> Vec<f64> {
    let scale: Vec<f64> = penalties(examples)
        .iter()
        .map(|penalty| {
            if *penalty > 0.0 {
                1.0 / penalty.sqrt()
            } else {
                0.0
            }
        })
        .collect();
    let product = |direction: &[f64]| {
        let unscaled: Vec<f64> = direction.iter().zip(&scale).map(|(d, s)| d * s).collect();
        let mut sums = transposed(examples, &scale, |one| dot(&unscaled, &one.context));
        sums.iter_mut()
            .zip(direction)
            .for_each(|(sum, d)| *sum += d);
        sums
    };
    let target = transposed(examples, &scale, |one| one.surprise);
    let found = conjugate_gradients(product, target);
    found.iter().zip(&scale).map(|(f, s)| f * s).collect()
}

/// The prior precision of each weight over the noise. With `d` coordinates of mean square `s` that
/// together explain a share `e` of the variance, that is `s d / e`.
fn penalties(examples: &[Example]) -> Vec<f64> {
    let width = examples[0].context.len();
    let total: f64 = examples.iter().map(|one| one.weight).sum();
    let strength = width as f64 / EXPLAINED;
    let mut penalties = vec![0.0; width];
    for one in examples {
        for (sum, value) in penalties.iter_mut().zip(&one.context) {
            *sum += one.weight * f64::from(value * value) * strength / total;
        }
    }
    penalties[0] = LEVEL_PRIOR;
    penalties
}

/// The scaled contexts, weighted, times a figure of each example.
fn transposed(examples: &[Example], scale: &[f64], figure: impl Fn(&Example) -> f64) -> Vec<f64> {
    let mut sums = vec![0.0; scale.len()];
    for one in examples {
        let by = one.weight * figure(one);
        for (sum, value) in sums.iter_mut().zip(&one.context) {
            *sum += by * f64::from(*value);
        }
    }
    sums.iter_mut()
        .zip(scale)
        .for_each(|(sum, scale)| *sum *= scale);
    sums
}

/// Hestenes and Stiefel 1952.
fn conjugate_gradients(product: impl Fn(&[f64]) -> Vec<f64>, target: Vec<f64>) -> Vec<f64> {
    let inner = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let mut found = vec![0.0; target.len()];
    let (mut residual, mut direction) = (target.clone(), target);
    let mut square = inner(&residual, &residual);
    let enough = square * 1e-16;
    for _ in 0..STEPS {
        if square <= enough {
            break;
        }
        let image = product(&direction);
        let step = square / inner(&direction, &image);
        for (at, value) in found.iter_mut().enumerate() {
            *value += step * direction[at];
            residual[at] -= step * image[at];
        }
        let next = inner(&residual, &residual);
        for (d, r) in direction.iter_mut().zip(&residual) {
            *d = r + *d * next / square;
        }
        square = next;
    }
    found
}

fn dot(weights: &[f64], context: &[f32]) -> f64 {
    let pairs = weights.iter().zip(context);
    pairs
        .map(|(weight, value)| weight * f64::from(*value))
        .sum()
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Surprises of a plane with a level of 0.1 and a slope, and noise.
    fn examples(count: usize, slope: f64) -> Vec<Example> {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let one = |_| {
            let x: f32 = rng.random_range(-1.0..1.0);
            Example {
                context: vec![1.0, x, 0.0],
                surprise: 0.1 + slope * f64::from(x) + rng.random_range(-0.2..0.2),
                weight: 1.0,
            }
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn many_decisions_are_believed_and_few_are_not() {
        let many = ridge(&examples(20_000, 0.3));
        assert!(
            (many[0] - 0.1).abs() < 0.01 && (many[1] - 0.3).abs() < 0.02,
            "{many:?}"
        );
        assert!(many[2].abs() < 1e-12);
        let few = ridge(&examples(5, 0.3));
        assert!(few[0].abs() < 0.07 && few[1].abs() < 0.07, "{few:?}");
    }

    #[test]
    fn the_gradients_end_where_the_normal_equations_hold() {
        let examples = examples(300, -0.5);
        let (found, penalties) = (ridge(&examples), penalties(&examples));
        let ones = vec![1.0; 3];
        let left = transposed(&examples, &ones, |one| {
            one.surprise - dot(&found, &one.context)
        });
        for at in 0..3 {
            assert!(
                (left[at] - penalties[at] * found[at]).abs() < 1e-6,
                "{left:?}"
            );
        }
    }
}
