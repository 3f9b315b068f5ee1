//! Do predicted qualities, and their lower estimates, mean what they say on prompts of real logs
//! that the router has not seen (five folds)?
//!
//! A perfect predictor has a calibration error too, since scores are noisy: the error of scores
//! drawn from the predictions themselves stands beside it. A group of prompts is a tenth of a model's
//! prompts by `quality_lower`; a 90 % bound is reached by fewer than 90 % of the groups' means, since
//! those are noisy as well: the share expected stands beside it.
//!
//! `cargo bench --workspace --bench calibration [-- DIR]`

mod out_of_fold;

use pointsman_measures::Calibration;
use pointsman_types::Prompt;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use statrs::distribution::{ContinuousCDF, Normal};

use crate::out_of_fold::{Fold, folds};

const GROUPS: usize = 10;
const DRAWS: u64 = 20;
/// One-sided 90 %.
const NORMAL_QUANTILE: f64 = 1.281_551_6;

fn main() {
    for name in ["cascades", "mmlu_pro"] {
        if let Some(folds) = folds(name) {
            report(name, &folds);
        }
    }
}

/// What was predicted of one model's answer, and what came of it.
#[derive(Clone, Copy)]
struct Cell {
    quality: f64,
    lower: f64,
    score: f64,
    /// The model's mean score on the prompts that were learnt from.
    constant: f64,
}

fn report(name: &str, folds: &[Fold]) {
    eprintln!("\n| {name} | ECE | of a perfect predictor | Brier | of the constant | slope |");
    eprintln!("|---|---|---|---|---|---|");
    let (mut reached, mut expected) = (Vec::new(), Vec::new());
    for (model, of_model) in folds[0].router.models().iter().zip(cells(folds)) {
        let of = |value: fn(&Cell) -> f64| of_model.iter().map(value).collect::<Vec<f64>>();
        let (quality, score) = (of(|cell| cell.quality), of(|cell| cell.score));
        let measured = Calibration::new(quality.clone(), score.clone()).expect("cells are finite");
        eprintln!(
            "| {model} | {:.4} | {:.4} | {:.4} | {:.4} | {:.2} |",
            measured.ece_equal_mass,
            perfect_error(&quality),
            measured.brier,
            mean(&of(|cell| (cell.constant - cell.score).powi(2))),
            measured.slope.unwrap_or(f64::NAN),
        );
        for group in groups(of_model) {
            reached.push(f64::from(u8::from(group.is_reached)));
            expected.push(group.expected);
        }
    }
    eprintln!(
        "\nquality_lower is reached by {:.1} % of {} groups; a 90 % bound would be by {:.1} %",
        100.0 * mean(&reached),
        reached.len(),
        100.0 * mean(&expected),
    );
}

/// The cells of each model.
fn cells(folds: &[Fold]) -> Vec<Vec<Cell>> {
    let mut cells = vec![Vec::new(); folds[0].router.models().len()];
    for fold in folds {
        let constants: Vec<f64> = (0..cells.len())
            .map(|model| known_mean(fold.learnt.score.column(model)))
            .collect();
        for (row, prompt) in fold.held_out.prompts.iter().enumerate() {
            let predictions = fold.router.predict(&Prompt::from(&*prompt.text), None);
            for (model, prediction) in predictions.iter().enumerate() {
                let score = f64::from(fold.held_out.score[(row, model)]);
                if !score.is_nan() {
                    cells[model].push(Cell {
                        quality: prediction.quality.get().into(),
                        lower: prediction.quality_lower.get().into(),
                        score,
                        constant: constants[model],
                    });
                }
            }
        }
    }
    cells
}

fn known_mean(scores: impl Iterator<Item = f32>) -> f64 {
    let known: Vec<f64> = scores
        .filter(|score| !score.is_nan())
        .map(f64::from)
        .collect();
    mean(&known)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The mean calibration error of scores of 0 and 1 drawn from the predictions.
fn perfect_error(quality: &[f64]) -> f64 {
    let error = |seed: u64| {
        let mut rng = StdRng::seed_from_u64(seed);
        let drawn = quality
            .iter()
            .map(|p| f64::from(u8::from(rng.random_bool(*p))));
        let drawn: Vec<f64> = drawn.collect();
        let measured = Calibration::new(quality.iter().copied(), drawn);
        measured.expect("drawn scores are finite").ece_equal_mass
    };
    mean(&(0..DRAWS).map(error).collect::<Vec<f64>>())
}

struct Group {
    /// Whether its mean score is not below its mean lower estimate.
    is_reached: bool,
    /// How often that happens where the lower estimate is a 90 % bound and no better.
    expected: f64,
}

fn groups(mut cells: Vec<Cell>) -> Vec<Group> {
    cells.sort_by(|left, right| left.lower.total_cmp(&right.lower));
    let group = |at: usize| {
        let cells = &cells[at * cells.len() / GROUPS..(at + 1) * cells.len() / GROUPS];
        let of = |value: fn(&Cell) -> f64| mean(&cells.iter().map(value).collect::<Vec<f64>>());
        let (quality, lower, score) = (of(|c| c.quality), of(|c| c.lower), of(|c| c.score));
        let own_variance = score * (1.0 - score) / cells.len() as f64;
        let bound_variance = ((quality - lower) / NORMAL_QUANTILE).powi(2);
        let distance = (quality - lower) / (bound_variance + own_variance).sqrt();
        Group {
            is_reached: score >= lower,
            expected: Normal::standard().cdf(distance),
        }
    };
    (0..GROUPS).map(group).collect()
}
