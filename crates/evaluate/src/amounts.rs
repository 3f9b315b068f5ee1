//! Predicted tokens and costs against what was logged, beside the simplest prediction there is: the
//! same for every prompt.

use pointsman_types::ModelName;

use crate::report::ModelAmounts;
use crate::{Replayed, Sample};

/// One model's prompts with logged tokens.
struct Logged {
    tokens: Vec<f64>,
    p50: Vec<f64>,
    p90: Vec<f64>,
    cost: Vec<f64>,
    expected_cost: Vec<f64>,
}

/// One entry for each model of which tokens out were logged and predicted, and were not all alike.
pub(crate) fn amounts(sample: &Sample, replayed: &Replayed) -> Vec<ModelAmounts> {
    let models = sample.models.iter().enumerate();
    models
        .filter_map(|(column, model)| Logged::of(sample, replayed, column).measured(model))
        .collect()
}

impl Logged {
    fn of(sample: &Sample, replayed: &Replayed, column: usize) -> Self {
        let rows: Vec<usize> = (0..sample.prompts.len())
            .filter(|row| {
                let cell = (*row, column);
                sample.output_tokens[cell] > 0.0 && !replayed.output_tokens[cell][0].is_nan()
            })
            .collect();
        let each = |of: &dyn Fn((usize, usize)) -> f64| -> Vec<f64> {
            rows.iter().map(|row| of((*row, column))).collect()
        };
        Self {
            tokens: each(&|cell| sample.output_tokens[cell].into()),
            p50: each(&|cell| replayed.output_tokens[cell][0].into()),
            p90: each(&|cell| replayed.output_tokens[cell][1].into()),
            cost: each(&|cell| sample.outcomes.cost()[cell]),
            expected_cost: each(&|cell| replayed.predicted.cost()[cell]),
        }
    }

    fn measured(&self, model: &ModelName) -> Option<ModelAmounts> {
        let logs: Vec<f64> = self.tokens.iter().map(|tokens| tokens.ln()).collect();
        let predicted: Vec<f64> = self.p50.iter().map(|tokens| tokens.ln()).collect();
        let typical = constant(median(&self.tokens)?, &self.tokens);
        let mean_cost = constant(mean(&self.cost), &self.cost);
        Some(ModelAmounts {
            model: model.clone(),
            prompts: self.tokens.len(),
            mean_tokens: mean(&self.tokens),
            log_r2: explained(&logs, &predicted)?,
            tokens_error: distance(&self.tokens, &self.p50),
            tokens_error_of_median: distance(&self.tokens, &typical),
            below_p50: share_below(&self.tokens, &self.p50),
            below_p90: share_below(&self.tokens, &self.p90),
            cost_error_usd: distance(&self.cost, &self.expected_cost),
            cost_error_of_mean_usd: distance(&self.cost, &mean_cost),
        })
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn constant(value: f64, like: &[f64]) -> Vec<f64> {
    vec![value; like.len()]
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

/// Mean absolute difference.
fn distance(left: &[f64], right: &[f64]) -> f64 {
    let pairs = left.iter().zip(right);
    pairs.map(|(left, right)| (left - right).abs()).sum::<f64>() / left.len() as f64
}

/// The share of the variance that is explained; `None` where nothing varies.
fn explained(values: &[f64], predicted: &[f64]) -> Option<f64> {
    let squares = |of: &[f64]| -> f64 {
        let pairs = values.iter().zip(of);
        pairs.map(|(value, of)| (value - of).powi(2)).sum()
    };
    let total = squares(&constant(mean(values), values));
    (total > 1e-9 * values.len() as f64).then(|| 1.0 - squares(predicted) / total)
}

fn share_below(values: &[f64], bounds: &[f64]) -> f64 {
    let below = values
        .iter()
        .zip(bounds)
        .filter(|(value, bound)| value <= bound);
    below.count() as f64 / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(tokens: Vec<f64>, p50: Vec<f64>) -> Logged {
        Logged {
            p90: p50.iter().map(|tokens| tokens * 2.0).collect(),
            cost: tokens.iter().map(|tokens| tokens * 1e-6).collect(),
            expected_cost: p50.iter().map(|tokens| tokens * 1e-6).collect(),
            tokens,
            p50,
        }
    }

    #[test]
    fn figures_by_hand() {
        let found = logged(vec![100.0, 400.0, 800.0], vec![100.0, 200.0, 300.0]);
        let found = found.measured(&"a".into()).unwrap();
        assert!((found.tokens_error - 700.0 / 3.0).abs() < 1e-9, "{found:?}");
        assert!((found.tokens_error_of_median - 700.0 / 3.0).abs() < 1e-9);
        assert!((found.below_p50 - 1.0 / 3.0).abs() < 1e-9);
        assert!((found.below_p90 - 2.0 / 3.0).abs() < 1e-9);
        assert!((found.cost_error_usd - 7e-4 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_perfect_prediction_explains_everything() {
        let tokens = vec![10.0, 100.0, 1000.0];
        let found = logged(tokens.clone(), tokens)
            .measured(&"a".into())
            .unwrap();
        assert!((found.log_r2 - 1.0).abs() < 1e-12 && found.tokens_error < 1e-9);
    }

    #[test]
    fn assumed_tokens_are_all_alike_and_not_measured() {
        let assumed = logged(vec![256.0; 5], vec![256.0; 5]);
        assert_eq!(assumed.measured(&"a".into()), None);
        assert_eq!(logged(Vec::new(), Vec::new()).measured(&"a".into()), None);
    }
}
