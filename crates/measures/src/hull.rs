//! The upper concave, non-decreasing hull of points in the cost–quality plane.
//!
//! Every point of the hull is reachable: mix two routers at random and the mean lands on the line
//! between them. The hull ends at the best quality, since nobody needs to pay more for less.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// A router, or a model, as mean cost in US dollars and mean quality.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Mean cost in US dollars.
    #[serde(rename = "cost_usd")]
    pub cost: f64,
    /// Mean quality.
    pub quality: f64,
}

impl Point {
    fn by_cost_then_best(&self, other: &Self) -> Ordering {
        self.cost
            .total_cmp(&other.cost)
            .then(other.quality.total_cmp(&self.quality))
    }
}

/// Corners in order: cost and quality both rise, the slope falls. Never empty.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Hull(Vec<Point>);

/// From here on, a hull of a sample is used to drop the points that cannot be corners.
const SAMPLE_FROM: usize = 2048;
const SAMPLE_STEP: usize = 32;

/// How far below a target the best quality may be for the target to count as reached.
const REACHED: f64 = 1e-12;

impl Hull {
    /// The hull of these points, in any order.
    ///
    /// # Panics
    /// When there are no points, or none with a cost and a quality that are numbers.
    #[must_use]
    pub fn of(points: Vec<Point>) -> Self {
        if points.len() < SAMPLE_FROM {
            return Self::of_all(points);
        }
        let rough = Self::of_all(points.iter().step_by(SAMPLE_STEP).copied().collect());
        let mut candidates = rough.0.clone();
        candidates.extend(rough.points_above(&points));
        Self::of_all(candidates)
    }

    fn of_all(mut points: Vec<Point>) -> Self {
        points.retain(|point| point.cost.is_finite() && point.quality.is_finite());
        assert!(!points.is_empty(), "a hull needs at least one finite point");
        points.sort_unstable_by(Point::by_cost_then_best);
        let mut corners: Vec<Point> = Vec::new();
        for point in points {
            if corners
                .last()
                .is_some_and(|last| point.quality <= last.quality)
            {
                continue;
            }
            while let [.., before, last] = corners[..]
                && !bends_down(before, last, point)
            {
                corners.pop();
            }
            corners.push(point);
        }
        Self(corners)
    }

    /// Points strictly above this hull; neighbours in the list are expected to be close in cost.
    fn points_above(&self, points: &[Point]) -> Vec<Point> {
        let mut segment = 0;
        let mut above = Vec::new();
        for point in points {
            while segment > 0 && point.cost < self.0[segment].cost {
                segment -= 1;
            }
            while segment + 1 < self.0.len() && point.cost >= self.0[segment + 1].cost {
                segment += 1;
            }
            if point.quality > self.height_on(segment, point.cost) {
                above.push(*point);
            }
        }
        above
    }

    /// Height over `cost` given the last corner at or left of it; nothing is left of the hull.
    fn height_on(&self, segment: usize, cost: f64) -> f64 {
        let left = self.0[segment];
        if cost < left.cost {
            return f64::NEG_INFINITY;
        }
        match self.0.get(segment + 1) {
            Some(right) => along(left, *right, cost),
            None => left.quality,
        }
    }

    /// The corners, the cheapest first.
    #[must_use]
    pub fn corners(&self) -> &[Point] {
        &self.0
    }

    /// The corner of the best quality.
    #[must_use]
    pub fn best(&self) -> Point {
        *self.0.last().expect("a hull has at least one corner")
    }

    /// The best quality that this mean cost buys; left of the hull, the quality of its first corner.
    #[must_use]
    pub fn quality_at(&self, cost: f64) -> f64 {
        let right = self.0.partition_point(|corner| corner.cost <= cost);
        match right {
            0 => self.0[0].quality,
            right => self.height_on(right - 1, cost),
        }
    }

    /// The least mean cost at which this quality is reached, if it is.
    #[must_use]
    pub fn cost_to_reach(&self, quality: f64) -> Option<f64> {
        if self.best().quality < quality - REACHED {
            return None;
        }
        let right = self.0.partition_point(|corner| corner.quality < quality);
        match right {
            0 => Some(self.0[0].cost),
            right if right == self.0.len() => Some(self.best().cost),
            right => {
                let (low, high) = (self.0[right - 1], self.0[right]);
                let share = (quality - low.quality) / (high.quality - low.quality);
                Some(low.cost + share * (high.cost - low.cost))
            }
        }
    }

    /// The integral of the height over `[low, high]`, flat beyond both ends of the hull.
    #[must_use]
    pub fn area(&self, low: f64, high: f64) -> f64 {
        let inner = self.0.iter().map(|corner| corner.cost);
        let costs: Vec<f64> = std::iter::once(low)
            .chain(inner.filter(|cost| *cost > low && *cost < high))
            .chain(std::iter::once(high))
            .collect();
        costs
            .windows(2)
            .map(|pair| {
                (pair[1] - pair[0]) * (self.quality_at(pair[0]) + self.quality_at(pair[1])) / 2.0
            })
            .sum()
    }

    /// The mean height over `[low, high]`; where they are equal, the height there.
    #[must_use]
    pub fn mean_height(&self, low: f64, high: f64) -> f64 {
        if high > low {
            self.area(low, high) / (high - low)
        } else {
            self.quality_at(low)
        }
    }
}

/// Whether `last` lies strictly above the line from `before` to `next`.
fn bends_down(before: Point, last: Point, next: Point) -> bool {
    (last.quality - before.quality) * (next.cost - before.cost)
        > (next.quality - before.quality) * (last.cost - before.cost)
}

fn along(left: Point, right: Point, cost: f64) -> f64 {
    let share = (cost - left.cost) / (right.cost - left.cost);
    left.quality + share * (right.quality - left.quality)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn points(list: &[(f64, f64)]) -> Vec<Point> {
        list.iter()
            .map(|(cost, quality)| Point {
                cost: *cost,
                quality: *quality,
            })
            .collect()
    }

    fn check(list: &[(f64, f64)], corners: &[(f64, f64)]) {
        assert_eq!(Hull::of(points(list)).corners(), points(corners));
    }

    #[test]
    fn a_dominated_point_is_no_corner() {
        check(
            &[(1.0, 0.2), (2.0, 0.1), (3.0, 0.6)],
            &[(1.0, 0.2), (3.0, 0.6)],
        );
    }

    #[test]
    fn a_point_below_the_line_is_no_corner() {
        check(
            &[(0.0, 0.0), (1.0, 0.3), (2.0, 0.8)],
            &[(0.0, 0.0), (2.0, 0.8)],
        );
    }

    #[test]
    fn a_point_on_the_line_is_no_corner() {
        check(
            &[(0.0, 0.0), (1.0, 0.25), (2.0, 0.5)],
            &[(0.0, 0.0), (2.0, 0.5)],
        );
    }

    #[test]
    fn the_hull_ends_at_the_best_quality() {
        check(
            &[(0.0, 0.1), (1.0, 0.9), (2.0, 0.5)],
            &[(0.0, 0.1), (1.0, 0.9)],
        );
    }

    #[test]
    fn of_equal_costs_the_best_counts() {
        check(
            &[(1.0, 0.1), (1.0, 0.4), (1.0, 0.4), (2.0, 0.5)],
            &[(1.0, 0.4), (2.0, 0.5)],
        );
    }

    #[test]
    fn heights_and_areas_by_hand() {
        let hull = Hull::of(points(&[(1.0, 0.2), (3.0, 0.6)]));
        for (cost, quality) in [(0.0, 0.2), (1.0, 0.2), (2.0, 0.4), (3.0, 0.6), (9.0, 0.6)] {
            assert!((hull.quality_at(cost) - quality).abs() < 1e-12, "at {cost}");
        }
        // flat 0.2 over [0, 1], mean 0.4 over [1, 3], flat 0.6 over [3, 4]
        assert!((hull.area(0.0, 4.0) - (0.2 + 0.8 + 0.6)).abs() < 1e-12);
        assert!((hull.mean_height(0.0, 4.0) - 0.4).abs() < 1e-12);
        assert!((hull.mean_height(2.0, 2.0) - 0.4).abs() < 1e-12);
    }

    #[test]
    fn the_cost_to_reach_a_quality_is_interpolated_or_missing() {
        let hull = Hull::of(points(&[(1.0, 0.2), (3.0, 0.6)]));
        assert_eq!(hull.cost_to_reach(0.7), None);
        for (quality, cost) in [(0.1, 1.0), (0.2, 1.0), (0.4, 2.0), (0.6, 3.0)] {
            let reached = hull.cost_to_reach(quality).unwrap();
            assert!((reached - cost).abs() < 1e-12, "{quality} at {reached}");
        }
    }

    fn any_points(most: usize) -> impl Strategy<Value = Vec<Point>> {
        prop::collection::vec((0.0..10.0_f64, 0.0..1.0_f64), 1..most).prop_map(|list| points(&list))
    }

    proptest! {
        #[test]
        fn a_hull_is_concave_rising_and_above_all_points(points in any_points(60)) {
            let hull = Hull::of(points.clone());
            for pair in hull.corners().windows(2) {
                prop_assert!(pair[0].cost < pair[1].cost && pair[0].quality < pair[1].quality);
            }
            for three in hull.corners().windows(3) {
                prop_assert!(bends_down(three[0], three[1], three[2]));
            }
            for point in points {
                prop_assert!(hull.quality_at(point.cost) >= point.quality - 1e-9);
            }
        }

        // Copies of a point lie on a line, so a corner may come and go by rounding: heights count.
        #[test]
        fn sampling_first_changes_nothing(seed in any_points(400), copies in 8_usize..20) {
            let many: Vec<Point> = (0..copies)
                .flat_map(|copy| seed.iter().map(move |point| Point {
                    cost: point.cost + copy as f64,
                    quality: point.quality * (1.0 + copy as f64 / 40.0),
                }))
                .collect();
            let (sampled, full) = (Hull::of(many.clone()), Hull::of_all(many));
            for cost in (0..60).map(|step| f64::from(step) / 2.0) {
                prop_assert!((sampled.quality_at(cost) - full.quality_at(cost)).abs() < 1e-12);
            }
            prop_assert_eq!(sampled.best(), full.best());
        }
    }
}
