//! The router as held-out prompts see it: the operating curve and the cross-validated measures.

use pointsman_measures::{Curve, Hull, Outcomes, Predicted, Singles, Weights, gap_share, sweep};
use pointsman_policy::{CurvePoint, OperatingCurve, PolicySpec};
use pointsman_types::{Grid, LogTable};

use crate::error::TrainError;
use crate::measurable::measurable;
use crate::report::CrossValidated;

/// Of the best single model's mean quality, the default policy gives up at most this share.
const DEFAULT_SACRIFICE: f64 = 0.01;
/// Points kept of the operating curve.
const CURVE_POINTS: usize = 256;

/// Held-out, calibrated predictions against what really happened, on prompts that every model
/// answered; or, where there are none, against themselves.
pub(crate) struct HeldOut {
    outcomes: Outcomes,
    curve: Curve,
    is_measured: bool,
}

impl HeldOut {
    /// `quality` and `cost` of shape `(prompts, models)`.
    pub(crate) fn new(
        table: &LogTable,
        quality: &Grid<f32>,
        cost: &Grid<f64>,
    ) -> Result<Self, TrainError> {
        let (outcomes, predicted, is_measured) = match measurable(table) {
            Some((outcomes, kept)) => {
                let predicted = Predicted::new(
                    kept.pick(quality, f64::from),
                    kept.pick(cost, |value| value),
                )?;
                (outcomes, predicted, true)
            }
            None => {
                let expected = Outcomes::new(in_double(quality), cost.clone())?;
                let predicted = expected.as_predicted();
                (expected, predicted, false)
            }
        };
        let curve = Curve::new(&sweep(&predicted), &outcomes)?;
        Ok(Self {
            outcomes,
            curve,
            is_measured,
        })
    }

    /// What the user should know of the curve.
    pub(crate) fn note(&self) -> Option<String> {
        (!self.is_measured).then(|| {
            "too few prompts have scores and costs of every model: the operating curve is predicted, not measured".to_owned()
        })
    }

    /// The cheapest point near the best single model's quality.
    pub(crate) fn default_policy(&self) -> PolicySpec {
        let best = self.singles().best_point().quality;
        let lambda = self
            .operating_curve()
            .lambda_for_quality(best * (1.0 - DEFAULT_SACRIFICE));
        PolicySpec::Utility {
            lambda: rounded_down(lambda),
        }
    }

    /// At most [`CURVE_POINTS`] points, evenly taken, both ends included.
    pub(crate) fn operating_curve(&self) -> OperatingCurve {
        let points = self.curve.points();
        let cheapest = cheapest_lambda(points.get(1).map(|point| point.lambda));
        let last = points.len() - 1;
        let kept = CURVE_POINTS.min(points.len());
        let taken = (0..kept).map(|number| points[number * last / (kept - 1).max(1)]);
        let written = taken.map(|point| CurvePoint {
            lambda: if point.lambda.is_finite() {
                point.lambda
            } else {
                cheapest
            },
            mean_cost_usd: point.cost,
            mean_quality: point.quality,
        });
        OperatingCurve(written.collect())
    }

    /// Measures, where they were measured.
    pub(crate) fn measured(&self) -> Option<CrossValidated> {
        if !self.is_measured {
            return None;
        }
        let singles = self.singles();
        let even = Weights::even(self.outcomes.prompts());
        let oracle = Curve::new(&sweep(&self.outcomes.as_predicted()), &self.outcomes).ok()?;
        let measure = |hull: &Hull| singles.measure(hull);
        let router = measure(&self.curve.hull(&even));
        let (zero_router, oracle) = (
            measure(&singles.zero_router()),
            measure(&oracle.hull(&even)),
        );
        let gap_share = gap_share(router.aiq, zero_router.aiq, oracle.aiq);
        Some(CrossValidated {
            prompts: self.outcomes.prompts(),
            router,
            zero_router,
            oracle,
            gap_share,
        })
    }

    fn singles(&self) -> Singles {
        Singles::of(&self.outcomes, &Weights::even(self.outcomes.prompts()))
    }
}

/// A finite lambda that chooses as the infinite one does, given the greatest at which a choice
/// changes. An enormous one would not: next to it, quality is lost in rounding. Where no choice
/// ever changes, none does at 0.
fn cheapest_lambda(first_change: Option<f64>) -> f64 {
    first_change.map_or(0.0, |lambda| 2.0 * lambda)
}

/// To three significant digits, so that people can read and write it; downwards, which is towards
/// quality. The number of the curve is not exact to more.
pub(crate) fn rounded_down(lambda: f64) -> f64 {
    if lambda <= 0.0 || lambda > 1e15 {
        return lambda;
    }
    let step = 10_f64.powi(lambda.log10().floor() as i32 - 2);
    let rounded = (lambda / step).floor() * step;
    // The decimal that people write, not the binary neighbour of the product.
    format!("{rounded:.9}").parse().unwrap_or(rounded)
}

fn in_double(grid: &Grid<f32>) -> Grid<f64> {
    Grid::from_values(
        grid.columns(),
        grid.values()
            .iter()
            .map(|value| f64::from(*value))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use pointsman_types::PromptRow;

    use super::*;

    #[test]
    fn models_of_equal_cost_are_chosen_by_quality() {
        let mut table = LogTable::empty(vec!["bad".into(), "good".into()]);
        for number in 0..60 {
            let text = format!("prompt {number}").into();
            table.prompts.push(PromptRow {
                id: number.to_string(),
                text,
                category: None,
            });
            table.score.push_row(&[0.0, 1.0]);
            table.cost_usd.push_row(&[0.01, 0.01]);
        }
        let quality = Grid::from_values(2, [0.2, 0.8].repeat(60));
        let held_out = HeldOut::new(&table, &quality, &Grid::filled(60, 2, 0.01)).unwrap();
        assert_eq!(
            held_out.default_policy(),
            PolicySpec::Utility { lambda: 0.0 }
        );
        assert!(
            held_out
                .operating_curve()
                .0
                .iter()
                .all(|point| (point.mean_quality - 1.0).abs() < 1e-9)
        );
    }

    #[test]
    fn the_cheapest_point_has_a_lambda_beyond_every_change() {
        assert!(cheapest_lambda(Some(50.0)) > 50.0 && cheapest_lambda(None) == 0.0);
    }

    #[test]
    fn a_lambda_is_written_in_three_digits() {
        for (exact, written) in [
            (27.942_65, "27.9"),
            (1234.5, "1230"),
            (0.012_345, "0.0123"),
            (0.0, "0"),
        ] {
            assert_eq!(rounded_down(exact).to_string(), written);
        }
    }
}
