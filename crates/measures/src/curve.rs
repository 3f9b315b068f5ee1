//! What a sweep really costs and how good it really is: the cost–quality curve.

use pointsman_types::Grid;
use serde::Serialize;

use crate::{Hull, MeasureError, Outcomes, Point, Sweep, Weights};

/// A sweep with the true cost and score of every step, ready to be read under any weights.
#[derive(Debug, Clone)]
pub struct Curve {
    start: Vec<Point>,
    steps: Vec<Step>,
}

/// What one switch changes.
#[derive(Debug, Clone, Copy)]
struct Step {
    lambda: f64,
    change: Point,
    prompt: u32,
    /// Switches of equal lambda happen together: only the last of them makes a point.
    makes_point: bool,
}

/// One point of a cost–quality curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CurvePoint {
    /// The greatest lambda, in quality per US dollar, that leads here; infinite for the first.
    pub lambda: f64,
    /// Mean true cost in US dollars.
    pub cost: f64,
    /// Mean true quality.
    pub quality: f64,
}

impl Curve {
    /// Looks up what the choices of a sweep really led to.
    ///
    /// # Errors
    /// When sweep and outcomes have different shapes.
    pub fn new(sweep: &Sweep, outcomes: &Outcomes) -> Result<Self, MeasureError> {
        if (sweep.prompts(), sweep.models()) != (outcomes.prompts(), outcomes.models()) {
            return Err(MeasureError::Shape {
                what: "the sweep",
                rows: outcomes.prompts(),
                columns: outcomes.models(),
                got_rows: sweep.prompts(),
                got_columns: sweep.models(),
            });
        }
        let point = |prompt: usize, model: u16| Point {
            cost: cell(outcomes.cost(), prompt, model),
            quality: cell(outcomes.score(), prompt, model),
        };
        let first = sweep.first.iter().enumerate();
        let switches = sweep.switches.iter().enumerate();
        Ok(Self {
            start: first.map(|(prompt, model)| point(prompt, *model)).collect(),
            steps: switches
                .map(|(at, switch)| {
                    let prompt = switch.prompt as usize;
                    let (from, to) = (point(prompt, switch.from), point(prompt, switch.to));
                    Step {
                        lambda: switch.lambda,
                        change: Point {
                            cost: to.cost - from.cost,
                            quality: to.quality - from.quality,
                        },
                        prompt: switch.prompt,
                        makes_point: sweep.ends_group(at),
                    }
                })
                .collect(),
        })
    }

    /// Every point, from the cheapest by prediction to the best by prediction.
    #[must_use]
    pub fn points(&self) -> Vec<CurvePoint> {
        let mut points = Vec::new();
        self.walk(&Weights::even(self.start.len()), |lambda, point| {
            points.push(CurvePoint {
                lambda,
                cost: point.cost,
                quality: point.quality,
            });
        });
        points
    }

    /// The hull of the curve on prompts that count as often as their weight says.
    ///
    /// # Panics
    /// When there is not one weight for each prompt.
    #[must_use]
    pub fn hull(&self, weights: &Weights) -> Hull {
        let mut points = Vec::with_capacity(self.steps.len() + 1);
        self.walk(weights, |_, point| points.push(point));
        Hull::of(points)
    }

    fn walk(&self, weights: &Weights, mut visit: impl FnMut(f64, Point)) {
        let each = weights.each();
        assert_eq!(each.len(), self.start.len(), "one weight for each prompt");
        let per = 1.0 / weights.total();
        let (mut cost, mut quality) = (0.0, 0.0);
        for (point, weight) in self.start.iter().zip(each) {
            cost += weight * point.cost;
            quality += weight * point.quality;
        }
        let mean = |cost: f64, quality: f64| Point {
            cost: cost * per,
            quality: quality * per,
        };
        visit(f64::INFINITY, mean(cost, quality));
        let mut lambda = None;
        for step in &self.steps {
            let weight = each[step.prompt as usize];
            cost += weight * step.change.cost;
            quality += weight * step.change.quality;
            let leads_here = *lambda.get_or_insert(step.lambda);
            if step.makes_point {
                visit(leads_here, mean(cost, quality));
                lambda = None;
            }
        }
    }
}

fn cell(grid: &Grid<f64>, prompt: usize, model: u16) -> f64 {
    grid[(prompt, usize::from(model))]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Predicted, Singles, sweep};

    fn outcomes(models: usize, cells: &[(f64, f64)]) -> Outcomes {
        let score = cells.iter().map(|cell| cell.0).collect();
        let cost = cells.iter().map(|cell| cell.1).collect();
        Outcomes::new(
            Grid::from_values(models, score),
            Grid::from_values(models, cost),
        )
        .unwrap()
    }

    fn curve(predicted: &Predicted, outcomes: &Outcomes) -> Vec<CurvePoint> {
        Curve::new(&sweep(predicted), outcomes).unwrap().points()
    }

    #[test]
    fn points_are_true_means_of_predicted_choices() {
        let outcomes = outcomes(2, &[(0.0, 1.0), (1.0, 3.0), (1.0, 1.0), (0.0, 3.0)]);
        let quality = Grid::from_values(2, vec![0.1, 0.9, 0.1, 0.5]);
        let predicted = Predicted::new(quality, Grid::from_values(2, vec![1.0, 2.0, 1.0, 2.0]));
        let points = curve(&predicted.unwrap(), &outcomes);
        let expected = [(f64::INFINITY, 1.0, 0.5), (0.8, 2.0, 1.0), (0.4, 3.0, 0.5)];
        assert_eq!(points.len(), expected.len());
        for (point, (lambda, cost, quality)) in points.iter().zip(expected) {
            assert!(point.lambda == lambda || (point.lambda - lambda).abs() < 1e-12);
            assert!((point.cost - cost).abs() < 1e-12 && (point.quality - quality).abs() < 1e-12);
        }
    }

    #[test]
    fn switches_of_one_lambda_make_one_point() {
        let outcomes = outcomes(2, &[(0.0, 1.0), (1.0, 3.0), (1.0, 1.0), (0.0, 3.0)]);
        let quality = Grid::from_values(2, vec![0.1, 0.9, 0.0, 0.8 + 1e-12]);
        let cost = Grid::from_values(2, vec![1.0, 2.0, 1.0, 2.0]);
        let points = curve(&Predicted::new(quality, cost).unwrap(), &outcomes);
        assert_eq!(points.len(), 2);
    }

    #[test]
    fn a_sweep_of_other_prompts_is_refused() {
        let one = outcomes(2, &[(0.0, 1.0), (1.0, 3.0)]);
        let two = outcomes(2, &[(0.0, 1.0), (1.0, 3.0), (0.0, 1.0), (1.0, 3.0)]);
        assert!(matches!(
            Curve::new(&sweep(&one.as_predicted()), &two),
            Err(MeasureError::Shape { .. })
        ));
    }

    fn any_cells() -> impl Strategy<Value = (usize, Vec<(f64, f64)>, Vec<f64>)> {
        (1_usize..5, 1_usize..25).prop_flat_map(|(models, prompts)| {
            let size = models * prompts;
            (
                Just(models),
                prop::collection::vec((0.0..1.0_f64, 0.001..1.0_f64), size),
                prop::collection::vec(0.0..1.0_f64, size),
            )
        })
    }

    proptest! {
        #[test]
        fn perfect_predictions_dominate((models, cells, noise) in any_cells()) {
            let outcomes = outcomes(models, &cells);
            let weights = Weights::even(outcomes.prompts());
            let oracle = Curve::new(&sweep(&outcomes.as_predicted()), &outcomes).unwrap().hull(&weights);
            let noisy = Predicted::new(Grid::from_values(models, noise), outcomes.cost().clone()).unwrap();
            for point in curve(&noisy, &outcomes) {
                prop_assert!(oracle.quality_at(point.cost) >= point.quality - 1e-9);
            }
        }

        #[test]
        fn a_weight_of_two_is_a_prompt_named_twice((models, cells, noise) in any_cells()) {
            let all = outcomes(models, &cells);
            let predicted = Predicted::new(Grid::from_values(models, noise), all.cost().clone()).unwrap();
            let multiplicity: Vec<usize> = (0..all.prompts()).map(|prompt| 1 + prompt % 3).collect();
            let rows: Vec<usize> = multiplicity.iter().enumerate()
                .flat_map(|(row, times)| std::iter::repeat_n(row, *times)).collect();
            let named = all.select(&rows).unwrap();
            let again = Predicted::new(predicted.quality().select(&rows), predicted.cost().select(&rows)).unwrap();
            let weights = Weights::new(multiplicity.iter().map(|times| *times as f64).collect());
            let by_weight = Curve::new(&sweep(&predicted), &all).unwrap().hull(&weights);
            let by_name = Curve::new(&sweep(&again), &named).unwrap().hull(&Weights::even(rows.len()));
            let singles = Singles::of(&named, &Weights::even(rows.len()));
            let (one, other) = (singles.measure(&by_weight), singles.measure(&by_name));
            prop_assert!((one.aiq - other.aiq).abs() < 1e-9);
        }
    }
}
