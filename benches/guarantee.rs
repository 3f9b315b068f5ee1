//! Does a guaranteed regression risk hold on real logs, and what is saved under it?
//!
//! Every prompt is decided by a router that has not seen it (five folds). Then, 1,000 times, half of
//! the prompts are calibrated on and the other half tested: in which share of the splits is the risk
//! on the test half above alpha, and above it by more than sampling error (one-sided, 95 %)?
//!
//! `cargo bench --workspace --bench guarantee [-- DIR]`

mod out_of_fold;

use pointsman_measures::Bound;
use pointsman_train::guarantee::{Trial, lambdas};
use pointsman_types::{LogTable, ModelName};
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::StdRng};
use rayon::prelude::*;

use crate::out_of_fold::{Fold, folds};

const SPLITS: u64 = 1000;
const ALPHAS: [f64; 3] = [0.05, 0.02, 0.01];
const DELTA: f64 = 0.1;
/// One-sided 95 %.
const NORMAL_QUANTILE: f64 = 1.645;

fn main() {
    eprintln!(
        "| log | reference | promised to | alpha | promised in | above alpha | above it by more than sampling error | mean risk | saved | quality |"
    );
    eprintln!("|---|---|---|---|---|---|---|---|---|---|");
    for name in ["cascades", "mmlu_pro"] {
        if let Some(folds) = folds(name) {
            report(name, &folds);
        }
    }
}

fn report(name: &str, folds: &[Fold]) {
    let reference = best_single(folds);
    let trial = trial(folds, &reference);
    let categories = categories(folds);
    let everything = vec![0; trial.prompts()];
    for (scope, group_of) in [("all prompts", &everything), ("each category", &categories)] {
        for alpha in ALPHAS {
            let splits: Vec<Split> = (0..SPLITS)
                .into_par_iter()
                .map(|seed| split(&trial, group_of, alpha, seed))
                .collect();
            let share = |is: fn(&Split) -> bool| {
                splits.iter().filter(|split| is(split)).count() as f64 / SPLITS as f64
            };
            let mean = |of: fn(&Split) -> f64| splits.iter().map(of).sum::<f64>() / SPLITS as f64;
            eprintln!(
                "| {name} | {reference} | {scope} | {alpha} | {:.1} % | {:.1} % | {:.1} % | {:.4} | {:.1} % | {:+.4} |",
                100.0 * share(|split| split.is_promised),
                100.0 * share(|split| split.is_above),
                100.0 * share(|split| split.is_far_above),
                mean(|split| split.risk),
                100.0 * mean(|split| split.saving),
                mean(|split| split.quality),
            );
        }
    }
}

/// What was promised on one half, on the other half. Where nothing can be promised, the reference
/// answers.
#[derive(Default)]
struct Split {
    is_promised: bool,
    is_above: bool,
    is_far_above: bool,
    risk: f64,
    saving: f64,
    quality: f64,
}

fn split(trial: &Trial, group_of: &[usize], alpha: f64, seed: u64) -> Split {
    let mut rows: Vec<usize> = (0..trial.prompts()).collect();
    rows.shuffle(&mut StdRng::seed_from_u64(seed));
    let (calibration, test) = rows.split_at(rows.len() / 2);
    let upper = |losses: &[f64]| Bound::ClopperPearson.upper(losses, DELTA);
    let Ok(step) = trial.pick(&grouped(calibration, group_of), alpha, upper) else {
        return Split::default();
    };
    let groups = grouped(test, group_of);
    let losses: Vec<Vec<f64>> = groups.iter().map(|rows| trial.losses(step, rows)).collect();
    Split {
        is_promised: true,
        is_above: losses.iter().any(|losses| mean(losses) > alpha),
        is_far_above: losses
            .iter()
            .any(|losses| mean(losses) - NORMAL_QUANTILE * standard_error(losses) > alpha),
        risk: trial.risk(step, test),
        saving: trial.saving(step, test),
        quality: trial.quality_difference(step, test),
    }
}

fn grouped(rows: &[usize], group_of: &[usize]) -> Vec<Vec<usize>> {
    let groups = group_of.iter().max().map_or(0, |last| last + 1);
    let mut grouped = vec![Vec::new(); groups];
    rows.iter()
        .for_each(|row| grouped[group_of[*row]].push(*row));
    grouped
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn standard_error(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    squares.sqrt() / values.len() as f64
}

/// The model of the best mean score over the whole log.
fn best_single(folds: &[Fold]) -> ModelName {
    let total = |model: usize| {
        let scores = folds
            .iter()
            .flat_map(|fold| fold.held_out.score.column(model));
        let known: Vec<f64> = scores
            .filter(|score| !score.is_nan())
            .map(f64::from)
            .collect();
        mean(&known)
    };
    let models = folds[0].router.models();
    let best = (0..models.len()).max_by(|left, right| total(*left).total_cmp(&total(*right)));
    models[best.expect("a router has models")].clone()
}

/// One sequence of steps for all folds, from what the first learnt.
fn trial(folds: &[Fold], reference: &ModelName) -> Trial {
    let lambdas = lambdas(&folds[0].router, &folds[0].learnt.prompts, reference)
        .expect("predictions are finite");
    let of = |fold: &Fold| Trial::new(&fold.router, &fold.held_out, reference, &lambdas);
    let mut trial = of(&folds[0]);
    folds[1..].iter().for_each(|fold| trial.extend(&of(fold)));
    trial
}

/// The number of each prompt's category, in the order of the trial.
fn categories(folds: &[Fold]) -> Vec<usize> {
    let tables = || folds.iter().map(|fold| &fold.held_out);
    let labels = |table: &LogTable| -> Vec<String> {
        let label = |row: &pointsman_types::PromptRow| row.category.clone().unwrap_or_default();
        table.prompts.iter().map(label).collect()
    };
    let all: Vec<String> = tables().flat_map(labels).collect();
    let mut distinct = all.clone();
    distinct.sort();
    distinct.dedup();
    all.iter()
        .map(|label| distinct.partition_point(|other| other < label))
        .collect()
}
