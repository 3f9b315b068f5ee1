//! Small logistic regressions with normal priors, by Newton's method.

use nalgebra::DMatrix;

use crate::error::TrainError;
use crate::linear::solve;

const STEPS: usize = 20;
/// Steps shorter than this end the search.
const SETTLED: f64 = 1e-7;

/// A score with what it is regressed on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Observed<const N: usize> {
    pub(crate) inputs: [f64; N],
    pub(crate) score: f64,
    pub(crate) weight: f64,
}

/// What is believed of each weight beforehand: its mean, and one over its variance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Belief<const N: usize> {
    pub(crate) mean: [f64; N],
    pub(crate) precision: [f64; N],
}

/// The weights of the greatest posterior density. Scores may be fractions.
pub(crate) fn logistic<const N: usize>(
    observed: &[Observed<N>],
    belief: Belief<N>,
) -> Result<[f64; N], TrainError> {
    let mut weights = belief.mean;
    for _ in 0..STEPS {
        let mut gradient = DMatrix::from_fn(N, 1, |at, _| {
            belief.precision[at] * (belief.mean[at] - weights[at])
        });
        let mut curvature = DMatrix::zeros(N, N);
        for one in observed {
            add(&mut gradient, &mut curvature, one, &weights);
        }
        let step = solve(
            curvature,
            &belief.precision,
            &gradient,
            "an answer's reader",
        )?;
        weights
            .iter_mut()
            .zip(step.iter())
            .for_each(|(weight, step)| *weight += step);
        if step.amax() < SETTLED {
            break;
        }
    }
    Ok(weights)
}

fn add<const N: usize>(
    gradient: &mut DMatrix<f64>,
    curvature: &mut DMatrix<f64>,
    one: &Observed<N>,
    weights: &[f64; N],
) {
    let logit: f64 = one.inputs.iter().zip(weights).map(|(a, b)| a * b).sum();
    let expected = 1.0 / (1.0 + libm::exp(-logit));
    let (misfit, bend) = (
        one.weight * (one.score - expected),
        one.weight * expected * (1.0 - expected),
    );
    for (row, value) in one.inputs.iter().enumerate() {
        gradient[(row, 0)] += misfit * value;
        for (column, other) in one.inputs.iter().enumerate() {
            curvature[(row, column)] += bend * value * other;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(truth: [f64; 2]) -> Vec<Observed<2>> {
        let one = |number: i32| {
            let input = f64::from(number) / 50.0;
            let logit = truth[0] + truth[1] * input;
            Observed {
                inputs: [1.0, input],
                score: 1.0 / (1.0 + (-logit).exp()),
                weight: 1.0,
            }
        };
        (-100..=100).map(one).collect()
    }

    #[test]
    fn the_weights_behind_the_scores_are_found() {
        let belief = Belief {
            mean: [0.0; 2],
            precision: [1e-6; 2],
        };
        let found = logistic(&observed([0.5, -1.5]), belief).unwrap();
        assert!((found[0] - 0.5).abs() < 1e-3 && (found[1] + 1.5).abs() < 1e-3);
    }

    #[test]
    fn a_belief_holds_where_little_is_seen() {
        let belief = Belief {
            mean: [0.0, 1.0],
            precision: [1e6; 2],
        };
        let found = logistic(&observed([0.5, -1.5]), belief).unwrap();
        assert!(
            found[0].abs() < 0.01 && (found[1] - 1.0).abs() < 0.01,
            "{found:?}"
        );
        assert!((logistic(&[], belief).unwrap()[1] - 1.0).abs() < 1e-12);
    }
}
