//! How strong each model is in comparisons, whatever the prompt (Bradley and Terry 1952, Biometrika
//! 39).

use std::collections::BTreeMap;

use nalgebra::{DMatrix, DVector};
use pointsman_types::Comparison;

use crate::error::TrainError;
use crate::linear::solve;

/// Precision of the normal prior around 0 on every parameter: as much as one game won and one lost
/// against an equal. It keeps models finite that always won, and those that nobody links.
const PRIOR: f64 = 0.5;
const MOST_STEPS: usize = 100;
const TOLERANCE: f64 = 1e-10;

/// `P(first wins) = sigmoid(strength of the first - strength of the second + order effect)`; a tie
/// is half a win.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Strengths {
    /// One per model; 0 for a model without comparisons.
    pub(crate) of_model: Vec<f64>,
    /// What being shown first is worth, whoever is: judges have a preferred side (Davidson and
    /// Beaver 1977, Biometrics 33).
    pub(crate) order_effect: f64,
}

/// The games of two models in one order.
struct Games {
    models: [usize; 2],
    wins: f64,
    votes: f64,
}

impl Strengths {
    /// The maximum of the posterior, by Newton's method with steps that are halved until they help.
    pub(crate) fn fit(comparisons: &[Comparison], models: usize) -> Result<Self, TrainError> {
        let games = games(comparisons);
        let mut found = DVector::zeros(models + 1);
        for _ in 0..MOST_STEPS {
            let step = newton_step(&games, &found)?;
            let next = climb(&games, &found, &step);
            let moved = (&next - &found).amax();
            found = next;
            if moved < TOLERANCE {
                break;
            }
        }
        Ok(Self {
            of_model: found.rows(0, models).iter().copied().collect(),
            order_effect: found[models],
        })
    }

    /// The probability that the first of two models wins, on a prompt of which nothing is known.
    pub(crate) fn first_wins(&self, [first, second]: [usize; 2]) -> f64 {
        sigmoid(self.of_model[first] - self.of_model[second] + self.order_effect)
    }
}

pub(crate) fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-logit))
}

fn games(comparisons: &[Comparison]) -> Vec<Games> {
    let mut sums: BTreeMap<[usize; 2], (f64, f64)> = BTreeMap::new();
    for one in comparisons {
        let (wins, votes) = sums.entry(one.models).or_default();
        *wins += f64::from(one.share_of_first) * f64::from(one.weight);
        *votes += f64::from(one.weight);
    }
    sums.into_iter()
        .map(|(models, (wins, votes))| Games {
            models,
            wins,
            votes,
        })
        .collect()
}

fn logit(games: &Games, at: &DVector<f64>) -> f64 {
    at[games.models[0]] - at[games.models[1]] + at[at.len() - 1]
}

fn newton_step(games: &[Games], at: &DVector<f64>) -> Result<DVector<f64>, TrainError> {
    let size = at.len();
    let mut gradient = DMatrix::from_column_slice(size, 1, (at * -PRIOR).as_slice());
    let mut curvature = DMatrix::zeros(size, size);
    for one in games {
        let probability = sigmoid(logit(one, at));
        let error = one.wins - one.votes * probability;
        let spread = one.votes * probability * (1.0 - probability);
        let direction = [(one.models[0], 1.0), (one.models[1], -1.0), (size - 1, 1.0)];
        for (row, sign) in direction {
            gradient[(row, 0)] += sign * error;
            for (column, other) in direction {
                curvature[(row, column)] += sign * other * spread;
            }
        }
    }
    let step = solve(
        curvature,
        &vec![PRIOR; size],
        &gradient,
        "the models' strengths",
    )?;
    Ok(step.column(0).into_owned())
}

fn climb(games: &[Games], at: &DVector<f64>, step: &DVector<f64>) -> DVector<f64> {
    const MOST_HALVINGS: i32 = 30;
    let here = log_posterior(games, at);
    let tried = (0..MOST_HALVINGS).map(|halvings| at + step * 0.5_f64.powi(halvings));
    let better = tried
        .into_iter()
        .find(|next| log_posterior(games, next) >= here);
    better.unwrap_or_else(|| at.clone())
}

fn log_posterior(games: &[Games], at: &DVector<f64>) -> f64 {
    let likelihood = games.iter().map(|one| {
        let logit = logit(one, at);
        // wins ln p + losses ln(1 - p), in the form that does not overflow.
        one.wins * logit - one.votes * (logit.max(0.0) + libm::log1p(libm::exp(-logit.abs())))
    });
    likelihood.sum::<f64>() - PRIOR / 2.0 * at.norm_squared()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(models: [usize; 2], share_of_first: f32, weight: f32) -> Comparison {
        Comparison {
            prompt: 0,
            models,
            share_of_first,
            weight,
        }
    }

    #[test]
    fn what_was_won_three_times_in_four_is_stronger_by_ln_3() {
        let both_orders = [
            compared([0, 1], 0.75, 4000.0),
            compared([1, 0], 0.25, 4000.0),
        ];
        let found = Strengths::fit(&both_orders, 2).unwrap();
        let difference = found.of_model[0] - found.of_model[1];
        assert!((difference - 3_f64.ln()).abs() < 1e-3, "{found:?}");
        assert!(found.order_effect.abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn the_preferred_side_is_not_taken_for_strength() {
        let always_first = [compared([0, 1], 0.7, 4000.0), compared([1, 0], 0.7, 4000.0)];
        let found = Strengths::fit(&always_first, 2).unwrap();
        assert!(
            (found.of_model[0] - found.of_model[1]).abs() < 1e-9,
            "{found:?}"
        );
        assert!((found.first_wins([0, 1]) - 0.7).abs() < 1e-3, "{found:?}");
    }

    #[test]
    fn strength_passes_through_a_common_opponent() {
        let chain = [compared([0, 1], 0.8, 1000.0), compared([1, 2], 0.8, 1000.0)];
        let strengths = Strengths::fit(&chain, 3).unwrap().of_model;
        assert!(strengths.is_sorted_by(|left, right| left > right));
    }

    #[test]
    fn a_model_that_always_won_stays_finite() {
        let found = Strengths::fit(&[compared([0, 1], 1.0, 1e6)], 3).unwrap();
        assert!(
            found.of_model.iter().all(|strength| strength.abs() < 20.0),
            "{found:?}"
        );
        assert!(found.of_model[2].abs() < 1e-9, "nobody met it: {found:?}");
    }

    #[test]
    fn contradictions_cancel() {
        let both = [compared([0, 1], 1.0, 1.0), compared([0, 1], 0.0, 1.0)];
        let found = Strengths::fit(&both, 2).unwrap();
        assert!((found.first_wins([0, 1]) - 0.5).abs() < 1e-9, "{found:?}");
    }
}
