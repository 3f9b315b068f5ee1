//! Which models get the traffic as the router is allowed to spend more.

use pointsman_measures::{CurvePoint, Point, Sweep};

use crate::report::{Traffic, TrafficPoint};

/// About as many points as a chart shows without looking jagged.
const POINTS: usize = 40;
/// A thinned line has at most about this many points.
const DRAWN: usize = 400;

/// The traffic at about 40 points of the curve, evenly spaced over its costs.
pub(crate) fn traffic(sweep: &Sweep, curve: &[CurvePoint]) -> Traffic {
    let chosen = evenly_by_cost(curve);
    let points = chosen.iter().zip(sweep.shares(&chosen));
    Traffic {
        points: points
            .map(|(at, shares)| TrafficPoint {
                lambda: Some(curve[*at].lambda).filter(|lambda| lambda.is_finite()),
                cost_usd: curve[*at].cost,
                quality: curve[*at].quality,
                shares,
            })
            .collect(),
    }
}

/// Numbers of points whose costs rise: the first, then the first beyond each further step. Steps
/// are even on a logarithmic scale, as costs of models are; where a cost is zero, on a linear one.
fn evenly_by_cost(curve: &[CurvePoint]) -> Vec<usize> {
    let costs = curve.iter().map(|point| point.cost);
    let (low, high) = (curve[0].cost, costs.fold(f64::NEG_INFINITY, f64::max));
    let threshold = |step: usize| {
        let share = step as f64 / (POINTS - 1) as f64;
        if low > 0.0 {
            low * (high / low).powf(share)
        } else {
            low + (high - low) * share
        }
    };
    let mut chosen = vec![0];
    let mut step = 1;
    for (at, point) in curve.iter().enumerate() {
        if step < POINTS && point.cost >= threshold(step) * (1.0 - 1e-12) && point.cost > low {
            chosen.push(at);
            while step < POINTS && point.cost >= threshold(step) * (1.0 - 1e-12) {
                step += 1;
            }
        }
    }
    chosen
}

/// A line with few enough points to draw, ends included.
pub(crate) fn thinned(line: &[Point]) -> Vec<Point> {
    let step = line.len().div_ceil(DRAWN).max(1);
    let mut points: Vec<Point> = line.iter().step_by(step).copied().collect();
    if !(line.len() - 1).is_multiple_of(step) {
        points.extend(line.last());
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(costs: impl Iterator<Item = f64>) -> Vec<CurvePoint> {
        costs
            .map(|cost| CurvePoint {
                lambda: f64::INFINITY,
                cost,
                quality: 0.5,
            })
            .collect()
    }

    #[test]
    fn chosen_points_rise_in_cost_and_span_the_curve() {
        let many = curve((0..5000).map(|i| 0.001 * (1.0 + f64::from(i)) + 1e-4 * f64::from(i % 3)));
        let chosen = evenly_by_cost(&many);
        assert!((30..=POINTS).contains(&chosen.len()), "{}", chosen.len());
        assert!(
            chosen
                .windows(2)
                .all(|pair| many[pair[0]].cost < many[pair[1]].cost)
        );
        assert!(many[chosen[chosen.len() - 1]].cost > 0.999 * many[4999].cost);
    }

    #[test]
    fn a_curve_of_one_point_or_of_free_models_is_fine() {
        assert_eq!(evenly_by_cost(&curve([0.5].into_iter())), [0]);
        assert_eq!(evenly_by_cost(&curve([0.0, 0.0].into_iter())), [0]);
        assert_eq!(evenly_by_cost(&curve([0.0, 1.0].into_iter())), [0, 1]);
    }

    #[test]
    fn a_thinned_line_keeps_its_ends() {
        for count in [1, 399, 401, 12_345] {
            let line: Vec<Point> = (0..count)
                .map(|at| Point {
                    cost: f64::from(at),
                    quality: 0.5,
                })
                .collect();
            let thin = thinned(&line);
            assert!(thin.len() <= DRAWN + 1);
            assert!((thin[thin.len() - 1].cost - f64::from(count - 1)).abs() < 1e-9);
        }
    }
}
