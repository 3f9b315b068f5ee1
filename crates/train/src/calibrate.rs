//! Fitting the calibration on held-out predictions.

use pointsman_measures::Bootstrap;
use pointsman_models::{Calibration, Calibrator, LowerCurve};
use pointsman_types::{Grid, LogTable};

use crate::error::TrainError;
use crate::judge::Judge;

/// Strength of the priors that draw a calibrator towards changing nothing: intercept 0, slope 1.
const INTERCEPT_PRIOR: f64 = 5.0;
const SLOPE_PRIOR: f64 = 30.0;
/// The slope stays positive, so that no order is turned around.
const LEAST_SLOPE: f64 = 0.05;
const NEWTON_STEPS: usize = 25;
/// Prompts that a bin of the lower estimates has at least.
const LEAST_BIN: usize = 40;
const MOST_BINS: usize = 10;
/// One-sided 90 %.
pub(crate) const NORMAL_QUANTILE: f64 = 1.281_551_6;

/// Fits the calibration on raw held-out qualities and scores, both `(prompts, models)`; cells of
/// weight 0 are missing.
///
/// All models share one slope, at most `most_slope`: a slope of its own would stretch the differences
/// of whichever model's heads were shrunk the most, and decisions are made on differences between
/// models.
pub(crate) fn calibrate(
    raw: &Grid<f32>,
    score: &Grid<f32>,
    weight: &Grid<f32>,
    most_slope: f64,
) -> Calibration {
    let models: Vec<Vec<Cell>> = (0..raw.columns())
        .map(|model| seen(raw, score, weight, model))
        .collect();
    let (intercepts, slope) = platt(&models, most_slope);
    let calibrators = models
        .iter()
        .zip(intercepts)
        .map(|(cells, intercept)| calibrator(cells, intercept, slope));
    Calibration {
        lower_estimate: "one-sided 90 % Wilson bound on the mean score of held-out prompts of similar predicted quality"
            .into(),
        prompts: raw.rows(),
        models: calibrators.collect(),
    }
}

/// The slopes allowed, the freest first. Held-out predictions are shrunk; a slope that undoes it
/// makes the extremes honest, but stretches their noise as well, and choosing the best of stretched
/// noise costs quality. So the free slope is used unless decisions are the worse for it.
const MOST_SLOPES: [f64; 2] = [5.0, 1.0];

/// The calibration whose decisions are as good as any.
pub(crate) fn calibrate_for_decisions(
    judge: &Judge<'_>,
    raw: &Grid<f32>,
    table: &LogTable,
    weight: &Grid<f32>,
    bootstrap: &Bootstrap,
) -> Result<(Calibration, Grid<f32>), TrainError> {
    let calibrations = MOST_SLOPES.map(|most| calibrate(raw, &table.score, weight, most));
    let mut qualities: Vec<Grid<f32>> = calibrations
        .iter()
        .map(|one| calibrated(raw, one))
        .collect();
    let chosen = judge.first_within_error(&qualities, bootstrap)?.chosen;
    let mut calibrations = Vec::from(calibrations);
    Ok((
        calibrations.swap_remove(chosen),
        qualities.swap_remove(chosen),
    ))
}

/// Qualities of raw ones, shape `(prompts, models)`.
pub(crate) fn calibrated(raw: &Grid<f32>, calibration: &Calibration) -> Grid<f32> {
    let calibrators = calibration.models.iter().cycle();
    let values = raw
        .values()
        .iter()
        .zip(calibrators)
        .map(|(raw, calibrator)| calibrator.quality(*raw).get());
    Grid::from_values(raw.columns(), values.collect())
}

/// One held-out prompt of one model.
struct Cell {
    raw: f32,
    logit: f64,
    score: f64,
    weight: f64,
}

fn seen(raw: &Grid<f32>, score: &Grid<f32>, weight: &Grid<f32>, model: usize) -> Vec<Cell> {
    let cells = raw
        .column(model)
        .zip(score.column(model))
        .zip(weight.column(model));
    let seen = cells.filter(|(_, weight)| *weight > 0.0);
    seen.map(|((raw, score), weight)| Cell {
        raw,
        logit: Calibrator::logit(raw).into(),
        score: score.into(),
        weight: weight.into(),
    })
    .collect()
}

fn calibrator(cells: &[Cell], intercept: f64, slope: f64) -> Calibrator {
    let mut calibrator = Calibrator {
        intercept: intercept as f32,
        slope: slope as f32,
        lower: LowerCurve::default(),
    };
    let mut pairs: Vec<(f64, f64)> = cells
        .iter()
        .map(|cell| (calibrator.quality(cell.raw).get().into(), cell.score))
        .collect();
    pairs.sort_by(|left, right| left.0.total_cmp(&right.0));
    calibrator.lower = lower_curve(&pairs);
    calibrator
}

/// Logistic regression of the score on the logit of the raw quality, with an intercept for each
/// model and one slope for all, and a normal prior around intercept 0 and slope 1. Newton's method,
/// on the intercepts and on the slope in turn.
fn platt(models: &[Vec<Cell>], most_slope: f64) -> (Vec<f64>, f64) {
    let (mut intercepts, mut slope) = (vec![0.0; models.len()], 1.0);
    for _ in 0..NEWTON_STEPS {
        let (mut gradient, mut curvature) = (SLOPE_PRIOR * (1.0 - slope), SLOPE_PRIOR);
        for (cells, intercept) in models.iter().zip(&mut intercepts) {
            *intercept += intercept_step(cells, *intercept, slope);
            for cell in cells {
                let (error, spread) = cell.misfit(*intercept, slope);
                gradient += error * cell.logit;
                curvature += spread * cell.logit * cell.logit;
            }
        }
        slope = (slope + gradient / curvature).clamp(LEAST_SLOPE, most_slope);
    }
    (intercepts, slope)
}

fn intercept_step(cells: &[Cell], intercept: f64, slope: f64) -> f64 {
    let start = (INTERCEPT_PRIOR * -intercept, INTERCEPT_PRIOR);
    let (gradient, curvature) = cells.iter().fold(start, |(gradient, curvature), cell| {
        let (error, spread) = cell.misfit(intercept, slope);
        (gradient + error, curvature + spread)
    });
    gradient / curvature
}

impl Cell {
    /// First and second derivative of the log likelihood in the linear predictor.
    fn misfit(&self, intercept: f64, slope: f64) -> (f64, f64) {
        let predicted = 1.0 / (1.0 + libm::exp(-(intercept + slope * self.logit)));
        (
            self.weight * (self.score - predicted),
            self.weight * predicted * (1.0 - predicted),
        )
    }
}

/// Lower bounds of the mean score in bins of equal mass, made non-decreasing from the left.
fn lower_curve(sorted: &[(f64, f64)]) -> LowerCurve {
    let bins = (sorted.len() / LEAST_BIN).clamp(1, MOST_BINS);
    let mut highest = 0.0_f64;
    let points =
        (0..bins).map(|bin| &sorted[bin * sorted.len() / bins..(bin + 1) * sorted.len() / bins]);
    let points = points.filter(|bin| !bin.is_empty()).map(|bin| {
        let count = bin.len() as f64;
        let quality = bin.iter().map(|(quality, _)| quality).sum::<f64>() / count;
        let score = bin.iter().map(|(_, score)| score).sum::<f64>() / count;
        highest = highest.max(wilson_lower(score, count)).min(quality);
        (quality as f32, highest as f32)
    });
    LowerCurve(points.collect())
}

/// The lower end of the score interval for a proportion (Wilson 1927, JASA 22). A mean of numbers
/// within `[0, 1]` varies at most as a proportion does, so it holds for fractional scores too.
pub(crate) fn wilson_lower(mean: f64, count: f64) -> f64 {
    let square = NORMAL_QUANTILE * NORMAL_QUANTILE;
    let centre = mean + square / (2.0 * count);
    let spread =
        NORMAL_QUANTILE * (mean * (1.0 - mean) / count + square / (4.0 * count * count)).sqrt();
    ((centre - spread) / (1.0 + square / count)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One model whose scores have the frequency `truth(raw)`.
    fn fitted(truth: impl Fn(f64) -> f64, prompts: u32) -> Calibrator {
        let raw = |number: u32| f64::from(number % 50) / 50.0 * 0.8 + 0.1;
        let score = |number: u32| {
            f32::from(u8::from(
                f64::from((number * 7919) % 2000) / 2000.0 < truth(raw(number)),
            ))
        };
        let raw = Grid::from_values(1, (0..prompts).map(|number| raw(number) as f32).collect());
        let score = Grid::from_values(1, (0..prompts).map(score).collect());
        calibrate(&raw, &score, &Grid::filled(prompts as usize, 1, 1.0), 5.0)
            .models
            .remove(0)
    }

    #[test]
    fn overconfidence_is_cured() {
        let calibrator = fitted(|raw| 0.5 + (raw - 0.5) * 0.4, 2000);
        assert!(calibrator.slope < 0.7, "{calibrator:?}");
        assert!(
            (calibrator.quality(0.9).get() - 0.66).abs() < 0.05,
            "{calibrator:?}"
        );
    }

    #[test]
    fn what_is_calibrated_stays() {
        let calibrator = fitted(|raw| raw, 2000);
        assert!(
            (calibrator.slope - 1.0).abs() < 0.1 && calibrator.intercept.abs() < 0.1,
            "{calibrator:?}"
        );
    }

    #[test]
    fn few_prompts_hardly_move_it() {
        let calibrator = fitted(|_| 1.0, 3);
        assert!((calibrator.slope - 1.0).abs() < 0.3, "{calibrator:?}");
    }

    #[test]
    fn each_model_has_its_own_level() {
        let raw = Grid::filled(400, 2, 0.5);
        let score = Grid::from_values(
            2,
            (0..400)
                .flat_map(|number| [f32::from(u8::from(number % 4 == 0)), 1.0])
                .collect(),
        );
        let models = calibrate(&raw, &score, &Grid::filled(400, 2, 1.0), 5.0).models;
        let quality = |model: usize| models[model].quality(0.5).get();
        assert!(
            (quality(0) - 0.25).abs() < 0.03 && quality(1) > 0.9,
            "{} and {}",
            quality(0),
            quality(1)
        );
    }

    #[test]
    fn missing_cells_do_not_count() {
        let raw = Grid::filled(400, 1, 0.5);
        let weight = Grid::from_values(
            1,
            (0..400)
                .map(|number| f32::from(u8::from(number < 200)))
                .collect(),
        );
        let score = Grid::from_values(
            1,
            (0..400)
                .map(|number| {
                    if number < 200 {
                        (number % 2) as f32
                    } else {
                        f32::NAN
                    }
                })
                .collect(),
        );
        let model = calibrate(&raw, &score, &weight, 5.0).models.remove(0);
        assert!((model.quality(0.5).get() - 0.5).abs() < 0.01, "{model:?}");
    }

    #[test]
    fn the_lower_estimate_lies_below_and_rises() {
        let curve = fitted(|raw| raw, 2000).lower.0;
        assert_eq!(curve.len(), MOST_BINS);
        assert!(curve.iter().all(|(quality, lower)| lower <= quality));
        assert!(curve.is_sorted_by(|left, right| left.1 <= right.1));
    }

    #[test]
    fn the_bound_of_a_proportion_is_known() {
        // 80 of 100, one-sided 90 %.
        assert!(
            (wilson_lower(0.8, 100.0) - 0.744_0).abs() < 2e-3,
            "{}",
            wilson_lower(0.8, 100.0)
        );
    }
}
