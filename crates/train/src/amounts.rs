//! Fitting the heads for tokens and costs.

use candle_core::Tensor;
use pointsman_models::{InputTokens, LogRegression, Point};
use pointsman_router::expected_cost;
use pointsman_types::{Catalog, Grid, LogTable};

use crate::error::TrainError;
use crate::examples::Examples;
use crate::fit::ridge;
use crate::splits::Splits;

/// Regularisation of the logarithm's deviations.
const ALPHA: f64 = 10.0;
/// Amounts below this count as this: the logarithm of nothing is no number.
pub(crate) const LEAST_AMOUNT: f32 = 1e-9;
/// The smearing factor stays within; beyond, a few outliers made it.
const SMEARING: (f32, f32) = (1.0, 4.0);
/// A model with fewer held-out values than this has the residuals of all models.
pub(crate) const LEAST_RESIDUALS: usize = 20;

/// The heads for tokens and costs, fitted on everything, and the costs that the splits expect.
pub(crate) struct Amounts {
    pub(crate) input_tokens: Vec<InputTokens>,
    pub(crate) output_tokens: Option<LogRegression>,
    pub(crate) logged_cost: Option<LogRegression>,
    /// Expected cost in US dollars of each prompt, by the fit that held it out; NaN where nothing
    /// says what the model costs. Shape `(prompts, models)`.
    pub(crate) held_out_cost: Grid<f64>,
}

pub(crate) fn fit_amounts(
    examples: &Examples,
    table: &LogTable,
    splits: &Splits,
    catalog: &Catalog,
) -> Result<Amounts, TrainError> {
    let cost = Grid::from_values(
        table.models.len(),
        table
            .cost_usd
            .values()
            .iter()
            .map(|cost| *cost as f32)
            .collect(),
    );
    let tokens = fit_head(examples, &table.output_tokens, splits)?;
    let costs = fit_head(examples, &cost, splits)?;
    let input_tokens: Vec<InputTokens> = (0..table.models.len())
        .map(|model| input_line(&examples.chars, table.input_tokens.column(model)))
        .collect();
    let prices: Vec<_> = table
        .models
        .iter()
        .map(|name| catalog.get(name.as_str()).and_then(|card| card.prices()))
        .collect();
    let known = |head: &Option<Head>, cell| {
        head.as_ref()
            .map(|head| head.held_out[cell])
            .filter(|amount| !amount.is_nan())
    };
    let mut held_out_cost = Grid::filled(table.prompts.len(), table.models.len(), f64::NAN);
    for row in 0..table.prompts.len() {
        for model in 0..table.models.len() {
            let cell = (row, model);
            let input = input_tokens[model].predict(examples.chars[row]);
            let cost = expected_cost(
                prices[model],
                input,
                known(&tokens, cell),
                known(&costs, cell),
            );
            held_out_cost[cell] = cost.map_or(f64::NAN, |cost| cost.as_f64());
        }
    }
    let (output_tokens, logged_cost) =
        (tokens.map(|head| head.whole), costs.map(|head| head.whole));
    Ok(Amounts {
        input_tokens,
        output_tokens,
        logged_cost,
        held_out_cost,
    })
}

/// One log-linear head, fitted on everything, and what the splits predict.
struct Head {
    whole: LogRegression,
    held_out: Grid<f32>,
}

/// `None` when no amount was logged at all.
fn fit_head(
    examples: &Examples,
    amounts: &Grid<f32>,
    splits: &Splits,
) -> Result<Option<Head>, TrainError> {
    if amounts.values().iter().all(|amount| amount.is_nan()) {
        return Ok(None);
    }
    let context = Grid::from_values(
        examples.context.dim(1)?,
        examples.context.flatten_all()?.to_vec1::<f32>()?,
    );
    let mut heads = Vec::new();
    for fit in 0..splits.len() {
        heads.push(fit_split(&examples.context, &context, amounts, |row| {
            splits.learns_from(fit, row)
        })?);
    }
    let held_out = splits.held_out(amounts.columns(), |fit, row| {
        heads[fit].predict(&point(context.row(row)))
    });
    let logs = splits.held_out(amounts.columns(), |fit, row| {
        heads[fit].logs(&point(context.row(row)))
    });
    let residuals = residuals(amounts, &logs);
    Ok(heads.pop().map(|whole| Head {
        whole: LogRegression { residuals, ..whole },
        held_out,
    }))
}

/// Median and 90th percentile of what logarithms were above their held-out predictions, per model.
fn residuals(amounts: &Grid<f32>, logs: &Grid<f32>) -> Vec<(f32, f32)> {
    let of_column = |column: usize| -> Vec<f32> {
        let pairs = amounts.column(column).zip(logs.column(column));
        pairs
            .map(|(amount, log)| log_of(amount) - log)
            .filter(|residual| !residual.is_nan())
            .collect()
    };
    let by_model: Vec<Vec<f32>> = (0..amounts.columns()).map(of_column).collect();
    let all = quantiles(by_model.concat());
    by_model
        .into_iter()
        .map(|residuals| match residuals.len() < LEAST_RESIDUALS {
            true => all,
            false => quantiles(residuals),
        })
        .collect()
}

/// The order statistics that a further value stays below with at least that probability (split
/// conformal prediction; Papadopoulos et al. 2002); 0 without values.
pub(crate) fn quantiles(mut residuals: Vec<f32>) -> (f32, f32) {
    residuals.sort_unstable_by(f32::total_cmp);
    let at = |share: f64| {
        let rank = (share * (residuals.len() + 1) as f64).ceil() as usize;
        let last = residuals.len().checked_sub(1)?;
        residuals.get(rank.saturating_sub(1).min(last)).copied()
    };
    (at(0.5).unwrap_or(0.0), at(0.9).unwrap_or(0.0))
}

pub(crate) fn log_of(amount: f32) -> f32 {
    match amount.is_nan() {
        true => f32::NAN,
        false => libm::logf(amount.max(LEAST_AMOUNT)),
    }
}

fn point(context: &[f32]) -> Point {
    Point {
        ngrams: Vec::new(),
        context: context.to_vec(),
    }
}

fn fit_split(
    inputs: &Tensor,
    context: &Grid<f32>,
    amounts: &Grid<f32>,
    learns_from: impl Fn(usize) -> bool,
) -> Result<LogRegression, TrainError> {
    let columns = amounts.columns();
    let seen = |row: usize, column: usize| learns_from(row) && !amounts[(row, column)].is_nan();
    let log = |row: usize, column: usize| log_of(amounts[(row, column)]);
    let seen_logs = |column: usize| {
        (0..amounts.rows())
            .filter(move |row| seen(*row, column))
            .map(move |row| log(row, column))
    };
    let means: Vec<f32> = (0..columns).map(|column| mean(seen_logs(column))).collect();
    let cell = |position: usize| (position / columns, position % columns);
    let (targets, weights) = (0..amounts.rows() * columns)
        .map(|position| match cell(position) {
            (row, column) if seen(row, column) => (log(row, column) - means[column], 1.0),
            _ => (0.0, 0.0),
        })
        .unzip();
    let (targets, weights) = (
        Grid::from_values(columns, targets),
        Grid::from_values(columns, weights),
    );
    let mut weights = ridge(inputs, &targets, &weights, &[ALPHA])?.swap_remove(0);
    (0..columns).for_each(|column| weights[(0, column)] += means[column]);
    let range = (0..columns)
        .map(|column| range(seen_logs(column)))
        .collect();
    let mut head = LogRegression {
        weights,
        smearing: vec![1.0; columns],
        range,
        residuals: vec![(0.0, 0.0); columns],
    };
    head.smearing = (0..columns)
        .map(|column| {
            smearing(&head, column, context, |row| {
                seen(row, column).then(|| log(row, column))
            })
        })
        .collect();
    Ok(head)
}

/// Mean of what was seen; 0 when nothing was.
fn mean(values: impl Iterator<Item = f32>) -> f32 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| {
        (sum + f64::from(value), count + 1.0)
    });
    if count > 0.0 {
        (sum / count) as f32
    } else {
        0.0
    }
}

fn range(values: impl Iterator<Item = f32>) -> (f32, f32) {
    values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}

/// The mean of the exponentials of the residuals; NaN for a model without values.
fn smearing(
    head: &LogRegression,
    column: usize,
    context: &Grid<f32>,
    log: impl Fn(usize) -> Option<f32>,
) -> f32 {
    let (mut sum, mut count) = (0.0_f64, 0.0);
    for (row, log) in (0..context.rows()).filter_map(|row| Some((row, log(row)?))) {
        let predicted = context
            .row(row)
            .iter()
            .zip(head.weights.column(column))
            .map(|(a, b)| a * b)
            .sum::<f32>();
        let (low, high) = head.range[column];
        sum += f64::from(libm::expf(log - predicted.max(low).min(high)));
        count += 1.0;
    }
    if count == 0.0 {
        f32::NAN
    } else {
        ((sum / count) as f32).clamp(SMEARING.0, SMEARING.1)
    }
}

/// The least-squares line of tokens over characters, not falling; four characters a token where
/// nothing was logged.
fn input_line(chars: &[f32], tokens: impl Iterator<Item = f32>) -> InputTokens {
    let seen: Vec<(f64, f64)> = chars
        .iter()
        .zip(tokens)
        .filter(|(_, tokens)| !tokens.is_nan())
        .map(|(chars, tokens)| (f64::from(*chars), f64::from(tokens)))
        .collect();
    if seen.is_empty() {
        return InputTokens::UNKNOWN;
    }
    let count = seen.len() as f64;
    let mean_chars = seen.iter().map(|(chars, _)| chars).sum::<f64>() / count;
    let mean_tokens = seen.iter().map(|(_, tokens)| tokens).sum::<f64>() / count;
    let covariance: f64 = seen
        .iter()
        .map(|(chars, tokens)| (chars - mean_chars) * (tokens - mean_tokens))
        .sum();
    let variance: f64 = seen
        .iter()
        .map(|(chars, _)| (chars - mean_chars) * (chars - mean_chars))
        .sum();
    let per_char = if variance > 0.0 {
        (covariance / variance).max(0.0)
    } else {
        0.0
    };
    InputTokens {
        base: (mean_tokens - per_char * mean_chars) as f32,
        per_char: per_char as f32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_in_follow_the_length() {
        let line = input_line(&[100.0, 200.0, 300.0], [60.0, 85.0, 110.0].into_iter());
        assert!((line.predict(400.0) - 135.0).abs() < 1e-3, "{line:?}");
    }

    #[test]
    fn unlogged_tokens_are_estimated() {
        assert_eq!(
            input_line(&[100.0], [f32::NAN].into_iter()),
            InputTokens::UNKNOWN
        );
    }

    #[test]
    fn nine_of_ten_stay_below_the_upper_quantile() {
        let residuals: Vec<f32> = (1..=99).rev().map(|number| number as f32).collect();
        assert_eq!(quantiles(residuals), (50.0, 90.0));
        assert_eq!(quantiles(vec![0.5]), (0.5, 0.5));
        assert_eq!(quantiles(Vec::new()), (0.0, 0.0));
    }

    #[test]
    fn a_model_with_few_values_has_the_spread_of_all() {
        let cell = |row: usize, column: usize| match column == 1 && row > 2 {
            true => f32::NAN,
            false => libm::expf(row as f32 / 100.0),
        };
        let amounts = (0..100).flat_map(|row| [cell(row, 0), cell(row, 1)]);
        let amounts = Grid::from_values(2, amounts.collect());
        let found = residuals(&amounts, &Grid::filled(100, 2, 0.0));
        assert!((found[0].1 - 0.9).abs() < 1e-5, "{found:?}");
        assert!(found[1].1 > 0.8, "{found:?}");
    }

    #[test]
    fn one_length_gives_the_mean() {
        let line = input_line(&[100.0, 100.0], [20.0, 30.0].into_iter());
        assert!((line.predict(100.0) - 25.0).abs() < 1e-3);
    }
}
