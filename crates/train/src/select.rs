//! Which heads are used: the simplest candidate that decides as well as the best.
//!
//! Candidates are judged on held-out prompts by the quality of the decisions they lead to, the area
//! under the cost–quality curve (AIQ), since the least squared error is not the best router. Where
//! too few prompts have every model's score, the share of explained variance has to do.

use pointsman_measures::{Bootstrap, Curve, Kept, Outcomes, Predicted, Singles, Weights, sweep};
use pointsman_types::{Grid, LogTable};
use rayon::prelude::*;

use crate::error::TrainError;
use crate::fit::{Family, Fitted, add};
use crate::measurable::measurable;
use crate::report::CandidateReport;
use crate::splits::Splits;

const REPLICATES: usize = 100;

/// A blend of fitted heads: indices into the fits, and their weights.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Blend(pub(crate) Vec<(usize, f32)>);

/// The chosen blend, and how every finalist did.
pub(crate) struct Selection {
    pub(crate) blend: Blend,
    pub(crate) criterion: &'static str,
    pub(crate) finalists: Vec<CandidateReport>,
}

/// Chooses within each family the best setting, then among families and their blends the simplest
/// within one standard error of the best (Breiman et al. 1984, section 3.4.3; the error is that of
/// the paired difference).
pub(crate) fn select(
    table: &LogTable,
    splits: &Splits,
    fitted: &[Fitted],
    held_out_cost: &Grid<f64>,
    bootstrap: &Bootstrap,
) -> Result<Selection, TrainError> {
    let judge = Judge::new(table, splits, held_out_cost);
    let even = Weights::even(table.prompts.len());
    let worth = fitted
        .par_iter()
        .map(|fit| Ok(judge.verdict(splits, &fit.held_out)?.under(&even)));
    let worth = worth.collect::<Result<Vec<f64>, TrainError>>()?;
    let best_of = |family: Family| {
        let settings = (0..fitted.len()).filter(|at| fitted[*at].family == family);
        settings.max_by(|left, right| worth[*left].total_cmp(&worth[*right]))
    };
    let blends = blends(
        best_of(Family::Table),
        best_of(Family::Context),
        best_of(Family::Ngrams),
    );
    let verdicts = blends
        .iter()
        .map(|blend| judge.verdict(splits, &blend.held_out(table, fitted)));
    let verdicts = verdicts.collect::<Result<Vec<_>, _>>()?;
    let estimates: Vec<f64> = verdicts
        .iter()
        .map(|verdict| verdict.under(&even))
        .collect();
    let best = (0..blends.len())
        .max_by(|left, right| estimates[*left].total_cmp(&estimates[*right]))
        .unwrap_or(0);
    let errors = paired_errors(&verdicts, best, bootstrap);
    let chosen = (0..blends.len())
        .find(|at| estimates[*at] >= estimates[best] - errors[*at])
        .unwrap_or(best);
    let report = |at: usize| CandidateReport {
        heads: blends[at].words(fitted),
        worth: estimates[at],
        error_of_difference: errors[at],
        chosen: at == chosen,
    };
    Ok(Selection {
        criterion: judge.name(),
        finalists: (0..blends.len()).map(report).collect(),
        blend: blends[chosen].clone(),
    })
}

/// Every finalist, the simplest first: nothing, one head, two heads, three heads in equal parts.
fn blends(table: Option<usize>, context: Option<usize>, ngrams: Option<usize>) -> Vec<Blend> {
    let sets = [
        vec![],
        vec![table],
        vec![context],
        vec![ngrams],
        vec![table, context],
        vec![table, ngrams],
        vec![context, ngrams],
        vec![table, context, ngrams],
    ];
    let present = sets
        .into_iter()
        .filter_map(|set| set.into_iter().collect::<Option<Vec<usize>>>());
    present
        .map(|set| Blend(set.iter().map(|at| (*at, 1.0 / set.len() as f32)).collect()))
        .collect()
}

impl Blend {
    /// Held-out deviations of the blend, shape `(prompts, models)`.
    pub(crate) fn held_out(&self, table: &LogTable, fitted: &[Fitted]) -> Grid<f32> {
        let mut sum = vec![0.0; table.prompts.len() * table.models.len()];
        for (at, weight) in &self.0 {
            sum.iter_mut()
                .zip(fitted[*at].held_out.values())
                .for_each(|(sum, value)| *sum += weight * value);
        }
        Grid::from_values(table.models.len(), sum)
    }

    fn words(&self, fitted: &[Fitted]) -> Vec<String> {
        let word = |(at, _): &(usize, f32)| {
            let fit = &fitted[*at];
            let family = match fit.family {
                Family::Table => "table",
                Family::Context => "context",
                Family::Ngrams => "ngrams",
            };
            format!("{family} ({})", fit.setting)
        };
        self.0.iter().map(word).collect()
    }
}

/// Standard error of each candidate's difference to the best one, over the same resampled prompts.
fn paired_errors(verdicts: &[Verdict<'_>], best: usize, bootstrap: &Bootstrap) -> Vec<f64> {
    let replicates: Vec<Vec<f64>> = bootstrap.each(|weights| {
        verdicts
            .iter()
            .map(|verdict| verdict.under(weights))
            .collect()
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
    (0..verdicts.len()).map(error).collect()
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

/// What candidates are judged by.
enum Judge<'a> {
    Decisions {
        outcomes: Outcomes,
        kept: Kept,
        cost: &'a Grid<f64>,
    },
    Variance {
        table: &'a LogTable,
        weight: &'a Grid<f32>,
    },
}

/// One candidate's held-out predictions, ready to be valued under any weights of the prompts.
enum Verdict<'a> {
    Decisions {
        curve: Curve,
        outcomes: &'a Outcomes,
        kept: &'a Kept,
    },
    Variance {
        unexplained: Vec<f64>,
        total: Vec<f64>,
    },
}

impl<'a> Judge<'a> {
    fn new(table: &'a LogTable, splits: &'a Splits, cost: &'a Grid<f64>) -> Self {
        let by_variance = Self::Variance {
            table,
            weight: &splits.whole().weight,
        };
        let Some((outcomes, kept)) = measurable(table) else {
            return by_variance;
        };
        let (cheapest, dearest) =
            Singles::of(&outcomes, &Weights::even(outcomes.prompts())).cost_range();
        // Where every model costs the same there is no curve to take an area under.
        if dearest <= cheapest {
            return by_variance;
        }
        Self::Decisions {
            outcomes,
            kept,
            cost,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Decisions { .. } => "aiq",
            Self::Variance { .. } => "explained_variance",
        }
    }

    fn verdict(
        &'a self,
        splits: &Splits,
        deviation: &Grid<f32>,
    ) -> Result<Verdict<'a>, TrainError> {
        let means = splits.held_out_means();
        match self {
            Self::Decisions {
                outcomes,
                kept,
                cost,
            } => {
                let quality = add(&means, deviation);
                let predicted =
                    Predicted::new(kept.pick(&quality, f64::from), kept.pick(cost, |cost| cost))?;
                Ok(Verdict::Decisions {
                    curve: Curve::new(&sweep(&predicted), outcomes)?,
                    outcomes,
                    kept,
                })
            }
            Self::Variance { table, weight } => Ok(Verdict::Variance {
                unexplained: square_errors(&table.score, &add(&means, deviation), weight),
                total: square_errors(&table.score, &means, weight),
            }),
        }
    }
}

/// The weighted square error of each prompt, summed over the models that answered it.
fn square_errors(score: &Grid<f32>, predicted: &Grid<f32>, weight: &Grid<f32>) -> Vec<f64> {
    let of_row = |row: usize| {
        let cells = score
            .row(row)
            .iter()
            .zip(predicted.row(row))
            .zip(weight.row(row));
        let seen = cells.filter(|(_, weight)| **weight > 0.0);
        seen.map(|((score, predicted), weight)| {
            f64::from(weight * (score - predicted) * (score - predicted))
        })
        .sum()
    };
    (0..score.rows()).map(of_row).collect()
}

impl Verdict<'_> {
    /// What the candidate is worth when prompts count by these weights; more is better.
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
