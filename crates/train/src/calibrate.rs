//! Fitting the calibration on held-out predictions.

use nalgebra::DMatrix;
use pointsman_measures::Bootstrap;
use pointsman_models::{Calibration, Calibrator, CommonCurve, LowerCurve, logit};
use pointsman_types::{Grid, LogTable, Quality};

use crate::error::TrainError;
use crate::judge::Judge;
use crate::linear::solve;

/// Strength of the priors that draw the calibration towards changing nothing: intercepts 0, slope 1,
/// the common logit as it is.
const INTERCEPT_PRIOR: f64 = 5.0;
const SLOPE_PRIOR: f64 = 30.0;
const CURVE_PRIOR: f64 = 100.0;
/// The slope stays positive, so that no order is turned around.
const LEAST_SLOPE: f64 = 0.05;
/// Quantiles of the common logit at which the common curve may turn.
const HINGES: [f64; 5] = [0.1, 0.3, 0.5, 0.7, 0.9];
const NEWTON_STEPS: usize = 25;
/// Prompts that a bin of the lower estimates has at least.
const LEAST_BIN: usize = 40;
const MOST_BINS: usize = 10;
/// One-sided 90 %.
pub(crate) const NORMAL_QUANTILE: f64 = 1.281_551_6;

/// Fits the calibration on raw held-out qualities and scores, both `(prompts, models)`; cells of
/// weight 0 are missing.
///
/// All models share the common curve and one slope, at most `most_slope`: a slope of its own would
/// stretch the differences of whichever model's heads were shrunk the most, and decisions are made
/// on differences between models.
pub(crate) fn calibrate(
    raw: &Grid<f32>,
    score: &Grid<f32>,
    weight: &Grid<f32>,
    most_slope: f64,
) -> Result<Calibration, TrainError> {
    let held_out = HeldOutCells::new(raw, score, weight);
    let fit = held_out.fit(most_slope)?;
    let calibrator = |intercept: &f64| Calibrator {
        intercept: *intercept as f32,
        slope: fit.slope as f32,
        is_common: true,
        lower: LowerCurve::default(),
    };
    let mut calibration = Calibration {
        lower_estimate: "one-sided 90 % Wilson bound on the mean score of held-out prompts of similar predicted quality"
            .into(),
        prompts: raw.rows(),
        common: held_out.basis.curve(&fit.turns),
        models: fit.intercepts.iter().map(calibrator).collect(),
    };
    let quality = calibrated(raw, &calibration);
    for (at, model) in calibration.models.iter_mut().enumerate() {
        model.lower = lower_curve(seen(&quality, score, weight, at));
    }
    Ok(calibration)
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
    let fits = MOST_SLOPES.map(|most| calibrate(raw, &table.score, weight, most));
    let mut calibrations = fits.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut qualities: Vec<Grid<f32>> = calibrations
        .iter()
        .map(|one| calibrated(raw, one))
        .collect();
    let chosen = judge.first_within_error(&qualities, bootstrap)?.chosen;
    Ok((
        calibrations.swap_remove(chosen),
        qualities.swap_remove(chosen),
    ))
}

/// Qualities of raw ones, shape `(prompts, models)`.
pub(crate) fn calibrated(raw: &Grid<f32>, calibration: &Calibration) -> Grid<f32> {
    let rows = (0..raw.rows()).flat_map(|row| calibration.qualities(raw.row(row)));
    Grid::from_values(raw.columns(), rows.map(Quality::get).collect())
}

/// The common curve is linear in these functions of the common logit: itself, and what lies right of
/// each hinge. They are centred, so that intercepts and turns can be fitted in turn.
struct Basis {
    hinges: [f64; HINGES.len()],
    centre: [f64; HINGES.len() + 1],
}

impl Basis {
    fn of(common: &[f64]) -> Self {
        let mut sorted = common.to_vec();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1) as f64;
        let quantile = |share: f64| sorted.get((share * last) as usize).copied();
        let mut basis = Self {
            hinges: HINGES.map(|share| quantile(share).unwrap_or(0.0)),
            centre: [0.0; HINGES.len() + 1],
        };
        let mut sums = basis.centre;
        for logit in common {
            let values = basis.at(*logit);
            sums.iter_mut()
                .zip(values)
                .for_each(|(sum, value)| *sum += value);
        }
        basis.centre = sums.map(|sum| sum / common.len().max(1) as f64);
        basis
    }

    fn at(&self, logit: f64) -> [f64; HINGES.len() + 1] {
        let mut values = [logit; HINGES.len() + 1];
        for (value, hinge) in values[1..].iter_mut().zip(self.hinges) {
            *value = (logit - hinge).max(0.0);
        }
        values
            .iter_mut()
            .zip(self.centre)
            .for_each(|(value, centre)| *value -= centre);
        values
    }

    fn curve(&self, turns: &[f64]) -> CommonCurve {
        let centre = self.centre.iter().zip(turns);
        let hinges = self.hinges.iter().zip(&turns[1..]);
        CommonCurve {
            offset: -centre.map(|(centre, turn)| centre * turn).sum::<f64>() as f32,
            slope: turns[0] as f32,
            hinges: hinges
                .map(|(at, turn)| (*at as f32, *turn as f32))
                .collect(),
        }
    }
}

/// One held-out prompt of one model.
struct Cell {
    model: usize,
    /// How far the logit lies from the common one.
    own: f64,
    score: f64,
    weight: f64,
}

/// The cells of one prompt, which have the common logit in common.
struct Row {
    common: f64,
    basis: [f64; HINGES.len() + 1],
    cells: Vec<Cell>,
}

struct HeldOutCells {
    models: usize,
    basis: Basis,
    rows: Vec<Row>,
}

/// What is added to the logits: of each model, of all of them, and by the common curve.
struct Fit {
    intercepts: Vec<f64>,
    slope: f64,
    turns: Vec<f64>,
}

impl Fit {
    /// First and second derivative of the log likelihood in the logit of a cell.
    fn misfit(&self, row: &Row, level: f64, cell: &Cell) -> (f64, f64) {
        let logit = self.intercepts[cell.model] + self.slope * cell.own + row.common + level;
        let predicted = 1.0 / (1.0 + libm::exp(-logit));
        (
            cell.weight * (cell.score - predicted),
            cell.weight * predicted * (1.0 - predicted),
        )
    }

    fn level(&self, row: &Row) -> f64 {
        row.basis
            .iter()
            .zip(&self.turns)
            .map(|(value, turn)| value * turn)
            .sum()
    }
}

impl HeldOutCells {
    fn new(raw: &Grid<f32>, score: &Grid<f32>, weight: &Grid<f32>) -> Self {
        let logits = |row: usize| raw.row(row).iter().map(|raw| f64::from(logit(*raw)));
        let models = raw.columns();
        let commons: Vec<f64> = (0..raw.rows())
            .map(|row| logits(row).sum::<f64>() / models.max(1) as f64)
            .collect();
        let basis = Basis::of(&commons);
        let row = |(row, common): (usize, &f64)| {
            let cells = logits(row)
                .zip(score.row(row))
                .zip(weight.row(row))
                .enumerate();
            let cell = |(model, ((logit, score), weight)): (usize, ((f64, &f32), &f32))| Cell {
                model,
                own: logit - common,
                score: f64::from(*score),
                weight: f64::from(*weight),
            };
            Row {
                common: *common,
                basis: basis.at(*common),
                cells: cells.map(cell).filter(|cell| cell.weight > 0.0).collect(),
            }
        };
        Self {
            models,
            rows: commons.iter().enumerate().map(row).collect(),
            basis,
        }
    }

    /// Logistic regression of the scores, with normal priors around what changes nothing. Newton's
    /// method, on the intercepts, the slope and the curve in turn.
    fn fit(&self, most_slope: f64) -> Result<Fit, TrainError> {
        let mut fit = Fit {
            intercepts: vec![0.0; self.models],
            slope: 1.0,
            turns: vec![0.0; HINGES.len() + 1],
        };
        for _ in 0..NEWTON_STEPS {
            self.move_intercepts(&mut fit);
            self.move_slope(&mut fit, most_slope);
            self.move_curve(&mut fit)?;
        }
        Ok(fit)
    }

    fn each(&self, fit: &Fit, mut visit: impl FnMut(&Row, &Cell, f64, f64)) {
        for row in &self.rows {
            let level = fit.level(row);
            for cell in &row.cells {
                let (gradient, curvature) = fit.misfit(row, level, cell);
                visit(row, cell, gradient, curvature);
            }
        }
    }

    fn move_intercepts(&self, fit: &mut Fit) {
        let start = |intercept: &f64| (-INTERCEPT_PRIOR * intercept, INTERCEPT_PRIOR);
        let mut steps: Vec<(f64, f64)> = fit.intercepts.iter().map(start).collect();
        self.each(fit, |_, cell, gradient, curvature| {
            steps[cell.model].0 += gradient;
            steps[cell.model].1 += curvature;
        });
        for (intercept, (gradient, curvature)) in fit.intercepts.iter_mut().zip(steps) {
            *intercept += gradient / curvature;
        }
    }

    fn move_slope(&self, fit: &mut Fit, most_slope: f64) {
        let (mut first, mut second) = (SLOPE_PRIOR * (1.0 - fit.slope), SLOPE_PRIOR);
        self.each(fit, |_, cell, gradient, curvature| {
            first += gradient * cell.own;
            second += curvature * cell.own * cell.own;
        });
        fit.slope = (fit.slope + first / second).clamp(LEAST_SLOPE, most_slope);
    }

    fn move_curve(&self, fit: &mut Fit) -> Result<(), TrainError> {
        let size = HINGES.len() + 1;
        let mut first = DMatrix::from_fn(size, 1, |at, _| -CURVE_PRIOR * fit.turns[at]);
        let mut second = DMatrix::zeros(size, size);
        for row in &self.rows {
            let level = fit.level(row);
            let steps = row.cells.iter().map(|cell| fit.misfit(row, level, cell));
            let (gradient, curvature) =
                steps.fold((0.0, 0.0), |sum, step| (sum.0 + step.0, sum.1 + step.1));
            for (left, value) in row.basis.iter().enumerate() {
                first[(left, 0)] += gradient * value;
                for (right, other) in row.basis.iter().enumerate() {
                    second[(left, right)] += curvature * value * other;
                }
            }
        }
        let step = solve(
            second,
            &[CURVE_PRIOR; HINGES.len() + 1],
            &first,
            "the calibration",
        )?;
        fit.turns
            .iter_mut()
            .zip(step.iter())
            .for_each(|(turn, step)| *turn += step);
        Ok(())
    }
}

/// A held-out quality with the score that came of it.
#[derive(Clone, Copy)]
struct Seen {
    quality: f64,
    score: f64,
    weight: f64,
}

/// What was seen of a model, in the order of its quality.
fn seen(quality: &Grid<f32>, score: &Grid<f32>, weight: &Grid<f32>, model: usize) -> Vec<Seen> {
    let cells = quality
        .column(model)
        .zip(score.column(model))
        .zip(weight.column(model));
    let cells = cells.filter(|(_, weight)| *weight > 0.0);
    let mut seen: Vec<Seen> = cells
        .map(|((quality, score), weight)| Seen {
            quality: quality.into(),
            score: score.into(),
            weight: weight.into(),
        })
        .collect();
    seen.sort_by(|left, right| left.quality.total_cmp(&right.quality));
    seen
}

/// Lower bounds of the mean score in bins of as many prompts, made non-decreasing from the left. A
/// bin counts as its effective sample size (Kish 1965).
fn lower_curve(sorted: Vec<Seen>) -> LowerCurve {
    let bins = (sorted.len() / LEAST_BIN).clamp(1, MOST_BINS);
    let mut highest = 0.0_f64;
    let points =
        (0..bins).map(|bin| &sorted[bin * sorted.len() / bins..(bin + 1) * sorted.len() / bins]);
    let points = points.filter(|bin| !bin.is_empty()).map(|bin| {
        let sum = |of: fn(&Seen) -> f64| bin.iter().map(of).sum::<f64>();
        let weight = sum(|seen| seen.weight);
        let quality = sum(|seen| seen.weight * seen.quality) / weight;
        let score = sum(|seen| seen.weight * seen.score) / weight;
        let count = weight * weight / sum(|seen| seen.weight * seen.weight);
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
    fn fitted(truth: impl Fn(f64) -> f64, prompts: u32) -> Calibration {
        let raw = |number: u32| f64::from(number % 50) / 50.0 * 0.8 + 0.1;
        let score = |number: u32| {
            f32::from(u8::from(
                f64::from((number * 7919) % 2000) / 2000.0 < truth(raw(number)),
            ))
        };
        let raw = Grid::from_values(1, (0..prompts).map(|number| raw(number) as f32).collect());
        let score = Grid::from_values(1, (0..prompts).map(score).collect());
        calibrate(&raw, &score, &Grid::filled(prompts as usize, 1, 1.0), 5.0).unwrap()
    }

    fn quality(calibration: &Calibration, raw: &[f32], model: usize) -> f32 {
        calibration.qualities(raw)[model].get()
    }

    #[test]
    fn overconfidence_is_cured() {
        let calibration = fitted(|raw| 0.5 + (raw - 0.5) * 0.4, 2000);
        for (raw, truth) in [(0.2, 0.38), (0.5, 0.5), (0.9, 0.66)] {
            let found = quality(&calibration, &[raw], 0);
            assert!((found - truth).abs() < 0.05, "{found} at {raw}");
        }
    }

    #[test]
    fn a_bend_is_followed() {
        let calibration = fitted(|raw| if raw < 0.5 { 0.25 + raw / 2.0 } else { raw }, 8000);
        for (raw, truth) in [(0.15, 0.325), (0.4, 0.45), (0.85, 0.85)] {
            let found = quality(&calibration, &[raw], 0);
            assert!((found - truth).abs() < 0.04, "{found} at {raw}");
        }
    }

    #[test]
    fn what_is_calibrated_stays() {
        let calibration = fitted(|raw| raw, 2000);
        for raw in [0.15, 0.4, 0.6, 0.85] {
            let found = quality(&calibration, &[raw], 0);
            assert!((found - raw).abs() < 0.03, "{found} at {raw}");
        }
    }

    #[test]
    fn few_prompts_hardly_move_it() {
        let calibration = fitted(|_| 1.0, 3);
        let found = quality(&calibration, &[0.5], 0);
        assert!((0.5..0.65).contains(&found), "{found}");
    }

    /// Two models of opposite differences, which are twice as great as predicted or half of it.
    fn two_models(factor: f32, most_slope: f64) -> Calibration {
        let gap = |row: usize| (row % 5) as f32 * 0.05;
        let mut scores = Vec::new();
        let mut raw = Vec::new();
        for row in 0..8000 {
            raw.extend([0.5 + gap(row), 0.5 - gap(row)]);
            let share = ((row * 7919) % 2000) as f32 / 2000.0;
            let truth = 0.5 + factor * gap(row);
            scores.extend([
                f32::from(u8::from(share < truth)),
                f32::from(u8::from(share < 1.0 - truth)),
            ]);
        }
        let (raw, score) = (Grid::from_values(2, raw), Grid::from_values(2, scores));
        calibrate(&raw, &score, &Grid::filled(8000, 2, 1.0), most_slope).unwrap()
    }

    #[test]
    fn differences_are_stretched_only_if_allowed() {
        assert!(two_models(2.0, 5.0).models[0].slope > 1.7);
        assert_eq!(two_models(2.0, 1.0).models[0].slope, 1.0);
        assert!(two_models(0.5, 1.0).models[0].slope < 0.6);
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
        let calibration = calibrate(&raw, &score, &Grid::filled(400, 2, 1.0), 5.0).unwrap();
        let quality = |model: usize| quality(&calibration, &[0.5, 0.5], model);
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
        let calibration = calibrate(&raw, &score, &weight, 5.0).unwrap();
        assert!((quality(&calibration, &[0.5], 0) - 0.5).abs() < 0.01);
    }

    #[test]
    fn the_lower_estimate_lies_below_and_rises() {
        let curve = fitted(|raw| raw, 2000).models.remove(0).lower.0;
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
