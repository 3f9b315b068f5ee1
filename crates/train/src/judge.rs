//! How good held-out predictions are: by the quality of the decisions they lead to.
//!
//! That is the area under the cost–quality curve (AIQ), since the least squared error is not the
//! best router. Where too few prompts have every model's score to draw a curve, the share of
//! explained variance has to do.

use pointsman_measures::{Bootstrap, Curve, Kept, Outcomes, Predicted, Singles, Weights, sweep};
use pointsman_types::{Grid, LogTable};
use rayon::prelude::*;

use crate::error::TrainError;
use crate::measurable::{LEAST_PROMPTS, measurable};
use crate::splits::Splits;

const REPLICATES: usize = 100;

/// What predictions are judged by.
pub(crate) enum Judge<'a> {
    Decisions {
        outcomes: Outcomes,
        kept: Kept,
        cost: &'a Grid<f64>,
    },
    Variance {
        table: &'a LogTable,
        weight: &'a Grid<f32>,
        error: Error,
        total: Vec<f64>,
    },
}

/// What of a prompt's errors counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Error {
    /// How they differ between the models that answered it.
    Differences,
    /// All of it.
    Whole,
}

/// One prediction, ready to be valued under any weights of the prompts.
enum Value<'a> {
    Decisions {
        curve: Curve,
        outcomes: &'a Outcomes,
        kept: &'a Kept,
    },
    Variance {
        unexplained: Vec<f64>,
        total: &'a [f64],
    },
}

/// Candidates compared.
pub(crate) struct Verdict {
    /// What each is worth; more is better.
    pub(crate) worth: Vec<f64>,
    /// Standard error of the difference of each to the best.
    pub(crate) errors: Vec<f64>,
    /// Which one to use.
    pub(crate) chosen: usize,
}

impl<'a> Judge<'a> {
    /// A judge of predictions for this log, given the expected costs of held-out prompts.
    pub(crate) fn new(table: &'a LogTable, splits: &'a Splits, cost: &'a Grid<f64>) -> Self {
        match measurable(table) {
            Some((outcomes, kept)) if has_spread(&outcomes) => Self::Decisions {
                outcomes,
                kept,
                cost,
            },
            _ => {
                let weight = splits.labelled();
                let error = Error::seen_in(weight);
                let total = error.squares(&table.score, &splits.held_out_means(), weight);
                Self::Variance {
                    table,
                    weight,
                    error,
                    total,
                }
            }
        }
    }

    /// What it judges by, in a word.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Decisions { .. } => "aiq",
            Self::Variance {
                error: Error::Differences,
                ..
            } => "explained_differences",
            Self::Variance { .. } => "explained_variance",
        }
    }

    /// The first candidate within one standard error of the best (Breiman et al. 1984, section
    /// 3.4.3; the error is that of the paired difference under the bootstrap). So the candidate to
    /// be preferred comes first.
    pub(crate) fn first_within_error(
        &self,
        candidates: &[Grid<f32>],
        bootstrap: &Bootstrap,
    ) -> Result<Verdict, TrainError> {
        self.first_within_error_on(candidates, bootstrap, |_| true)
    }

    /// The same, looking only at some of the prompts.
    pub(crate) fn first_within_error_on(
        &self,
        candidates: &[Grid<f32>],
        bootstrap: &Bootstrap,
        looks_at: impl Fn(usize) -> bool,
    ) -> Result<Verdict, TrainError> {
        let values = candidates
            .par_iter()
            .map(|quality| self.value(quality))
            .collect::<Result<Vec<_>, _>>()?;
        let rows = candidates.first().map_or(1, Grid::rows);
        let seen: Vec<f64> = (0..rows)
            .map(|row| f64::from(u8::from(looks_at(row))))
            .collect();
        let even = Weights::new(seen.clone());
        let worth: Vec<f64> = values.par_iter().map(|value| value.under(&even)).collect();
        let best = (0..worth.len())
            .max_by(|left, right| worth[*left].total_cmp(&worth[*right]))
            .unwrap_or(0);
        let errors = paired_errors(&values, best, bootstrap, &seen);
        let chosen = (0..worth.len())
            .find(|at| worth[*at] >= worth[best] - errors[*at])
            .unwrap_or(best);
        Ok(Verdict {
            worth,
            errors,
            chosen,
        })
    }

    fn value(&'a self, quality: &Grid<f32>) -> Result<Value<'a>, TrainError> {
        match self {
            Self::Decisions {
                outcomes,
                kept,
                cost,
            } => {
                let predicted =
                    Predicted::new(kept.pick(quality, f64::from), kept.pick(cost, |cost| cost))?;
                Ok(Value::Decisions {
                    curve: Curve::new(&sweep(&predicted), outcomes)?,
                    outcomes,
                    kept,
                })
            }
            Self::Variance {
                table,
                weight,
                error,
                total,
            } => Ok(Value::Variance {
                unexplained: error.squares(&table.score, quality, weight),
                total,
            }),
        }
    }
}

/// Where every model costs the same there is no curve to take an area under.
fn has_spread(outcomes: &Outcomes) -> bool {
    let (cheapest, dearest) =
        Singles::of(outcomes, &Weights::even(outcomes.prompts())).cost_range();
    dearest > cheapest
}

impl Error {
    /// Differences, where enough prompts were answered by more than one model.
    fn seen_in(weight: &Grid<f32>) -> Self {
        let answered = |row: usize| weight.row(row).iter().filter(|one| **one > 0.0).count();
        let shared = (0..weight.rows()).filter(|row| answered(*row) > 1).count();
        match shared >= LEAST_PROMPTS {
            true => Self::Differences,
            false => Self::Whole,
        }
    }

    /// The weighted square error of each prompt, summed over the models that answered it.
    fn squares(self, score: &Grid<f32>, predicted: &Grid<f32>, weight: &Grid<f32>) -> Vec<f64> {
        let of_row = |row: usize| {
            let cells = score.row(row).iter().zip(predicted.row(row));
            let cells = cells
                .zip(weight.row(row))
                .filter(|(_, weight)| **weight > 0.0);
            let errors: Vec<(f64, f64)> = cells
                .map(|((score, predicted), weight)| {
                    (f64::from(score - predicted), f64::from(*weight))
                })
                .collect();
            let shared = match self {
                Self::Differences => weighted_mean(&errors),
                Self::Whole => 0.0,
            };
            let squares = errors
                .iter()
                .map(|(error, weight)| weight * (error - shared).powi(2));
            squares.sum()
        };
        (0..score.rows()).map(of_row).collect()
    }
}

/// 0 of nothing.
fn weighted_mean(values: &[(f64, f64)]) -> f64 {
    let (sum, total) = values
        .iter()
        .fold((0.0, 0.0), |(sum, total), (value, weight)| {
            (sum + value * weight, total + weight)
        });
    if total > 0.0 { sum / total } else { 0.0 }
}

impl Value<'_> {
    /// What it is worth when prompts count by these weights.
    fn under(&self, weights: &Weights) -> f64 {
        match self {
            Self::Decisions {
                curve,
                outcomes,
                kept,
            } => {
                let weights = Weights::new(
                    kept.prompts
                        .iter()
                        .map(|row| weights.each()[*row])
                        .collect(),
                );
                Singles::of(outcomes, &weights)
                    .measure(&curve.hull(&weights))
                    .aiq
            }
            Self::Variance { unexplained, total } => {
                1.0 - weights.mean(unexplained) / weights.mean(total)
            }
        }
    }
}

/// Standard error of each candidate's difference to the best one, over the same resampled prompts.
fn paired_errors(
    values: &[Value<'_>],
    best: usize,
    bootstrap: &Bootstrap,
    seen: &[f64],
) -> Vec<f64> {
    let replicates: Vec<Vec<f64>> = bootstrap.each(|weights| {
        let weights = Weights::new(product(weights.each(), seen));
        values.iter().map(|value| value.under(&weights)).collect()
    });
    let error = |candidate: usize| {
        let differences = replicates
            .iter()
            .map(|worth| worth[candidate] - worth[best]);
        let count = replicates.len().max(2) as f64;
        let mean = differences.clone().sum::<f64>() / count;
        (differences
            .map(|difference| (difference - mean).powi(2))
            .sum::<f64>()
            / (count - 1.0))
            .sqrt()
    };
    (0..values.len()).map(error).collect()
}

fn product(left: &[f64], right: &[f64]) -> Vec<f64> {
    left.iter()
        .zip(right)
        .map(|(left, right)| left * right)
        .collect()
}

/// Resampled prompts, or categories where folds are grouped.
pub(crate) fn bootstrap(table: &LogTable, grouped: bool, seed: u64) -> Bootstrap {
    match grouped {
        true => {
            let labels: Vec<_> = table
                .prompts
                .iter()
                .map(|row| row.category.clone())
                .collect();
            Bootstrap::over_groups(&labels, REPLICATES, seed)
        }
        false => Bootstrap::over_prompts(table.prompts.len(), REPLICATES, seed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two models; the last column of weights says who answered.
    fn scored(weights: &[f32]) -> (Grid<f32>, Grid<f32>, Grid<f32>) {
        let score = Grid::from_values(2, vec![0.9, 0.7, 0.5, 0.1]);
        let predicted = Grid::from_values(2, vec![0.6, 0.4, 0.4, 0.2]);
        (score, predicted, Grid::from_values(2, weights.to_vec()))
    }

    fn check(error: Error, weights: &[f32], expected: [f64; 2]) {
        let (score, predicted, weight) = scored(weights);
        let found = error.squares(&score, &predicted, &weight);
        let is_near = |(found, expected): (&f64, f64)| (found - expected).abs() < 1e-6;
        assert!(found.iter().zip(expected).all(is_near), "{found:?}");
    }

    #[test]
    fn an_error_that_models_share_changes_no_decision() {
        check(Error::Differences, &[1.0; 4], [0.0, 0.02]);
        check(Error::Whole, &[1.0; 4], [0.18, 0.02]);
    }

    #[test]
    fn one_answer_alone_tells_no_difference() {
        check(Error::Differences, &[1.0, 0.0, 0.0, 1.0], [0.0, 0.0]);
        check(Error::Whole, &[1.0, 0.0, 0.0, 2.0], [0.09, 0.02]);
    }

    #[test]
    fn differences_count_once_enough_prompts_show_them() {
        let of = |prompts: usize| Error::seen_in(&Grid::filled(prompts, 2, 1.0));
        assert_eq!(of(LEAST_PROMPTS), Error::Differences);
        assert_eq!(of(LEAST_PROMPTS - 1), Error::Whole);
    }
}
