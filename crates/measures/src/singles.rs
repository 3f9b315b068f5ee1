//! The single models of a data set, and the measures of a hull that they set the scale for.
//!
//! Their own hull is the zero router, which mixes two neighbours at random and needs no learning:
//! the bar for every router.

use serde::{Deserialize, Serialize};

use crate::{Hull, Outcomes, Point, Weights};

/// Mean cost and mean score of every model.
#[derive(Debug, Clone, PartialEq)]
pub struct Singles {
    points: Vec<Point>,
    best: usize,
    cheapest: f64,
    dearest: f64,
}

/// What a hull is worth on a data set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Mean quality over the costs between the cheapest and the dearest single model
    /// (RouterBench, arXiv 2403.12031, section 3.3).
    pub aiq: f64,
    /// The same integral divided by the dearest cost, as RouterBench's code has it.
    pub aiq_routerbench: f64,
    /// Least cost of the best single model's quality, divided by that model's cost; `None` when
    /// that quality is never reached.
    pub qnc: Option<f64>,
    /// The same for 95 % of that quality.
    pub qnc95: Option<f64>,
    /// The best quality on the hull.
    pub max_quality: f64,
}

impl Singles {
    /// The means over prompts that count as often as their weight says.
    ///
    /// # Panics
    /// When there is not one weight for each prompt.
    #[must_use]
    pub fn of(outcomes: &Outcomes, weights: &Weights) -> Self {
        assert_eq!(
            weights.each().len(),
            outcomes.prompts(),
            "one weight for each prompt"
        );
        let mut sums = vec![(0.0, 0.0); outcomes.models()];
        for (prompt, weight) in weights.each().iter().enumerate() {
            let (cost, score) = (outcomes.cost().row(prompt), outcomes.score().row(prompt));
            for ((sum, cost), score) in sums.iter_mut().zip(cost).zip(score) {
                sum.0 += weight * cost;
                sum.1 += weight * score;
            }
        }
        let mean = |(cost, score): (f64, f64)| Point {
            cost: cost / weights.total(),
            quality: score / weights.total(),
        };
        Self::from_points(sums.into_iter().map(mean).collect())
    }

    fn from_points(points: Vec<Point>) -> Self {
        let costs = points.iter().map(|point| point.cost);
        Self {
            best: best_of(&points),
            cheapest: costs.clone().fold(f64::INFINITY, f64::min),
            dearest: costs.fold(f64::NEG_INFINITY, f64::max),
            points,
        }
    }

    /// One point per model.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The model of the best mean score; of equals, the cheapest.
    #[must_use]
    pub fn best(&self) -> usize {
        self.best
    }

    /// Mean cost and mean score of that model.
    #[must_use]
    pub fn best_point(&self) -> Point {
        self.points[self.best]
    }

    /// The mean costs of the cheapest and of the dearest model.
    #[must_use]
    pub fn cost_range(&self) -> (f64, f64) {
        (self.cheapest, self.dearest)
    }

    /// The hull of the single models: the zero router.
    #[must_use]
    pub fn zero_router(&self) -> Hull {
        Hull::of(self.points.clone())
    }

    /// Measures a hull on the scale of these models.
    #[must_use]
    pub fn measure(&self, hull: &Hull) -> Measures {
        let best = self.best_point();
        let relative = |quality: f64| {
            let cost = hull.cost_to_reach(quality)?;
            (best.cost > 0.0).then(|| cost / best.cost)
        };
        Measures {
            aiq: hull.mean_height(self.cheapest, self.dearest),
            aiq_routerbench: self.routerbench(hull),
            qnc: relative(best.quality),
            qnc95: relative(0.95 * best.quality),
            max_quality: hull.best().quality,
        }
    }

    fn routerbench(&self, hull: &Hull) -> f64 {
        match self.dearest {
            dearest if dearest > 0.0 => hull.area(self.cheapest, dearest) / dearest,
            _ => 0.0,
        }
    }
}

fn best_of(points: &[Point]) -> usize {
    let better =
        |a: &Point, b: &Point| (a.quality.total_cmp(&b.quality)).then(b.cost.total_cmp(&a.cost));
    (0..points.len())
        .rev()
        .max_by(|a, b| better(&points[*a], &points[*b]))
        .expect("outcomes have at least one model")
}

/// Which share of the gap between the zero router and the oracle a router closes; `None` where
/// there is no gap.
#[must_use]
pub fn gap_share(aiq: f64, zero_router: f64, oracle: f64) -> Option<f64> {
    let gap = oracle - zero_router;
    (gap > 1e-12).then(|| (aiq - zero_router) / gap)
}

#[cfg(test)]
mod tests {
    use pointsman_types::Grid;
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

    #[test]
    fn measures_by_hand() {
        let singles = Singles::from_points(points(&[(1.0, 0.4), (5.0, 0.8)]));
        let zero = singles.measure(&singles.zero_router());
        assert!((zero.aiq - 0.6).abs() < 1e-12);
        assert!((zero.aiq_routerbench - 0.6 * 4.0 / 5.0).abs() < 1e-12);
        assert!((zero.qnc.unwrap() - 1.0).abs() < 1e-12);
        // 0.76 is 0.9 of the way from 0.4 to 0.8: cost 1 + 0.9 * 4 = 4.6
        assert!((zero.qnc95.unwrap() - 4.6 / 5.0).abs() < 1e-12);

        let router = singles.measure(&Hull::of(points(&[(1.0, 0.4), (2.0, 0.8)])));
        // mean 0.6 over [1, 2], 0.8 over [2, 5]
        assert!((router.aiq - (0.6 + 3.0 * 0.8) / 4.0).abs() < 1e-12);
        assert!((router.qnc.unwrap() - 0.4).abs() < 1e-12);
        assert!((gap_share(router.aiq, zero.aiq, 0.9).unwrap() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn what_is_never_reached_is_missing() {
        let singles = Singles::from_points(points(&[(1.0, 0.4), (5.0, 0.8)]));
        let measures = singles.measure(&Hull::of(points(&[(1.0, 0.4), (2.0, 0.79)])));
        assert_eq!(measures.qnc, None);
        assert!(measures.qnc95.is_some());
        assert_eq!(gap_share(0.5, 0.7, 0.7), None);
    }

    #[test]
    fn of_two_equally_good_models_the_cheaper_is_the_best() {
        let singles = Singles::from_points(points(&[(5.0, 0.8), (1.0, 0.8), (1.0, 0.8)]));
        assert_eq!(singles.best(), 1);
    }

    #[test]
    fn free_models_have_measures_that_are_numbers() {
        let singles = Singles::from_points(points(&[(0.0, 0.8), (0.0, 0.4)]));
        let measures = singles.measure(&singles.zero_router());
        assert!((measures.aiq - 0.8).abs() < 1e-12);
        assert_eq!(measures.qnc, None);
    }

    proptest! {
        #[test]
        fn the_zero_router_is_no_worse_than_any_single_model(
            cells in prop::collection::vec((0.0..1.0_f64, 0.001..1.0_f64), 12..60)
        ) {
            let cells = &cells[..cells.len() / 4 * 4];
            let score = cells.iter().map(|cell| cell.0).collect();
            let cost = cells.iter().map(|cell| cell.1).collect();
            let outcomes = Outcomes::new(Grid::from_values(4, score), Grid::from_values(4, cost)).unwrap();
            let singles = Singles::of(&outcomes, &Weights::even(outcomes.prompts()));
            let zero = singles.measure(&singles.zero_router()).aiq;
            let (low, high) = singles.cost_range();
            for point in singles.points() {
                // a single model gives its quality from its cost on, and nothing below
                let alone = point.quality * (high - point.cost) / (high - low);
                prop_assert!(zero >= alone - 1e-9);
            }
        }
    }
}
