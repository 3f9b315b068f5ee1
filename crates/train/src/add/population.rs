//! A new model as one more draw from the population of models that the router knows.
//!
//! For a prompt x let `f_j(x)` be the predicted deviation of model j from its level. The new model's
//! score is taken as `level + f(x) + slope * ease(x) + noise`, where f is a draw from a Gaussian
//! process with the mean and the covariance of the `f_j`, models of a similar level counting more. So
//! f is a combination of the `f_j`, and its posterior is a ridge regression with no strength to choose
//! (empirical Bayes; Rasmussen and Williams 2006, chapter 2). The ease is by how much the other models
//! did better on the prompt than predicted: a control variate, 0 on average, that takes the luck of
//! the draw of few prompts out of the level.

use nalgebra::DMatrix;

use super::few::Few;
use super::prior::Prior;
use crate::error::TrainError;
use crate::linear::solve;

/// Levels this far apart count as similar.
const SIMILAR: f64 = 0.1;
/// What a model of another level counts at least.
const LEAST_WEIGHT: f64 = 1e-3;
/// Most models profit from an easy prompt as the mean of the others does.
const EASE_SLOPE: f64 = 1.0;
const EASE_SLOPE_ERROR: f64 = 0.3;
/// Variance of a score around its expectation, worth so many scores until there are more.
const NOISE: f64 = 0.2;
const NOISE_VOTES: f64 = 10.0;
/// The level and the population that is similar to it are found in turn.
const ROUNDS: usize = 3;
/// Levels beyond are not believed.
const LEVELS: std::ops::RangeInclusive<f64> = 0.02..=0.98;

/// What is known of the new model once its scores have been seen.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Posterior {
    pub(super) level: f64,
    /// Its standard error.
    pub(super) error: f64,
    /// How much of each other model's deviations it has.
    pub(super) shares: Vec<f64>,
}

impl Posterior {
    pub(super) fn new(few: &Few, prior: &Prior) -> Result<Self, TrainError> {
        let mut found = Self {
            level: clamped(mean(&few.scores, &few.weights).unwrap_or(prior.level)),
            error: prior.error,
            shares: Vec::new(),
        };
        for _ in 0..ROUNDS {
            let population = Population::around(found.level, &few.levels);
            found = population.posterior(few, prior)?;
        }
        Ok(found)
    }
}

fn clamped(level: f64) -> f64 {
    level.clamp(*LEVELS.start(), *LEVELS.end())
}

fn mean(values: &[f64], weights: &[f64]) -> Option<f64> {
    let total: f64 = weights.iter().sum();
    let sum: f64 = values
        .iter()
        .zip(weights)
        .map(|(value, weight)| value * weight)
        .sum();
    (total > 0.0).then(|| sum / total)
}

/// How much each model that is there counts; adds up to 1.
struct Population(Vec<f64>);

impl Population {
    fn around(level: f64, levels: &[f64]) -> Self {
        let weight = |other: &f64| {
            let apart = (other - level) / SIMILAR;
            libm::exp(-0.5 * apart * apart) + LEAST_WEIGHT
        };
        let weights: Vec<f64> = levels.iter().map(weight).collect();
        let total: f64 = weights.iter().sum();
        Self(weights.into_iter().map(|weight| weight / total).collect())
    }

    fn mean(&self, deviations: &[f64]) -> f64 {
        deviations
            .iter()
            .zip(&self.0)
            .map(|(one, weight)| one * weight)
            .sum()
    }

    /// Ridge regression of the scores, less what is expected, on `[1, ease, √w_j (f_j - mean)]`.
    fn posterior(&self, few: &Few, prior: &Prior) -> Result<Posterior, TrainError> {
        let (rows, entries) = (few.scores.len(), 2 + self.0.len());
        let input = |row: usize, entry: usize| match entry {
            0 => 1.0,
            1 => few.ease[row],
            _ => {
                let deviations = few.deviations.row(row);
                self.0[entry - 2].sqrt() * (deviations[entry - 2] - self.mean(deviations))
            }
        };
        let expected = |row: usize| {
            prior.level + self.mean(few.deviations.row(row)) + EASE_SLOPE * few.ease[row]
        };
        let inputs = DMatrix::from_fn(rows, entries, input);
        let weighted = DMatrix::from_fn(entries, rows, |entry, row| {
            few.weights[row] * inputs[(row, entry)]
        });
        let targets = DMatrix::from_fn(rows, 1, |row, _| few.scores[row] - expected(row));
        let noise = noise(&targets, &few.weights);
        let mut strengths = vec![noise; entries];
        strengths[0] = noise / (prior.error * prior.error);
        strengths[1] = noise / (EASE_SLOPE_ERROR * EASE_SLOPE_ERROR);
        // A second right-hand side gives the first column of the inverse: the variance of the level.
        let mut right = DMatrix::zeros(entries, 2);
        right
            .column_mut(0)
            .copy_from(&(&weighted * targets).column(0));
        right[(0, 1)] = noise;
        let solution = solve(&weighted * &inputs, &strengths, &right, "the new model")?;
        Ok(Posterior {
            level: clamped(prior.level + solution[(0, 0)]),
            error: solution[(0, 1)].max(0.0).sqrt(),
            shares: self.shares(&solution.column(0).as_slice()[2..]),
        })
    }

    /// `Σ_j √w_j a_j (f_j - mean) + mean` as a sum over the `f_j`.
    fn shares(&self, found: &[f64]) -> Vec<f64> {
        let scaled: Vec<f64> = found
            .iter()
            .zip(&self.0)
            .map(|(one, weight)| one * weight.sqrt())
            .collect();
        let rest = 1.0 - scaled.iter().sum::<f64>();
        scaled
            .iter()
            .zip(&self.0)
            .map(|(one, weight)| one + rest * weight)
            .collect()
    }
}

/// Variance around the mean of what is left to explain.
fn noise(targets: &DMatrix<f64>, weights: &[f64]) -> f64 {
    let centre = mean(targets.as_slice(), weights).unwrap_or(0.0);
    let squares = targets
        .iter()
        .zip(weights)
        .map(|(one, weight)| weight * (one - centre).powi(2));
    let count: f64 = weights.iter().sum();
    (squares.sum::<f64>() + NOISE_VOTES * NOISE) / (count + NOISE_VOTES)
}

#[cfg(test)]
mod tests {
    use pointsman_types::Grid;

    use super::*;

    const PRIOR: Prior = Prior {
        level: 0.5,
        error: 0.3,
    };

    /// Two models of equal level whose deviations are unlike; the new one is `share` of the second's
    /// and the rest of the first's.
    fn few(prompts: usize, level: f64, share: f64, ease: impl Fn(usize) -> f64) -> Few {
        let pair = |row: usize| {
            [
                0.3 * (row as f64 * 0.7).sin(),
                0.3 * (row as f64 * 1.3).cos(),
            ]
        };
        let score = |row: usize| {
            let [one, other] = pair(row);
            level + (1.0 - share) * one + share * other + ease(row)
        };
        Few {
            scores: (0..prompts).map(score).collect(),
            weights: vec![1.0; prompts],
            deviations: Grid::from_values(2, (0..prompts.max(1)).flat_map(pair).collect()),
            ease: (0..prompts).map(&ease).collect(),
            scores_of_others: 0,
            levels: vec![0.5, 0.5],
            calls: Vec::new(),
        }
    }

    fn found(few: &Few) -> Posterior {
        Posterior::new(few, &PRIOR).unwrap()
    }

    #[test]
    fn without_scores_the_prior_and_the_mean_pattern_remain() {
        let found = found(&few(0, 0.0, 0.0, |_| 0.0));
        assert!((found.level - 0.5).abs() < 1e-9 && (found.error - 0.3).abs() < 1e-9);
        assert!(
            found.shares.iter().all(|share| (share - 0.5).abs() < 1e-9),
            "{found:?}"
        );
    }

    #[test]
    fn scores_outvote_the_prior_as_they_come_in() {
        let levels = [5, 50, 500].map(|prompts| found(&few(prompts, 0.8, 0.5, |_| 0.0)));
        assert!(levels[0].level < levels[1].level && levels[1].level < levels[2].level);
        assert!((levels[2].level - 0.8).abs() < 0.02, "{levels:?}");
        assert!(levels[0].error > levels[1].error && levels[1].error > levels[2].error);
    }

    #[test]
    fn the_model_that_it_resembles_gets_the_greater_share() {
        let found = found(&few(300, 0.5, 1.0, |_| 0.0));
        assert!(found.shares[1] > 0.7 && found.shares[0] < 0.3, "{found:?}");
    }

    #[test]
    fn a_lucky_draw_of_easy_prompts_does_not_raise_the_level() {
        let lucky = found(&few(50, 0.5, 0.5, |_| 0.1));
        assert!((lucky.level - 0.5).abs() < 0.02, "{lucky:?}");
    }

    #[test]
    fn shares_of_nothing_found_are_the_weights() {
        let population = Population::around(0.5, &[0.5, 0.6, 0.9]);
        assert_eq!(population.shares(&[0.0; 3]), population.0);
    }
}
