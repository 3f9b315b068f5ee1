//! The cost–quality curve that training measured, by which a budget becomes a lambda.

use pointsman_types::Usd;
use serde::{Deserialize, Serialize};

/// One point: what choosing by utility at this lambda cost and brought, on held-out prompts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurvePoint {
    /// Quality per dollar.
    pub lambda: f64,
    /// Mean cost of a request, in US dollars.
    pub mean_cost_usd: f64,
    /// Mean score.
    pub mean_quality: f64,
}

/// Points by falling lambda, so by rising predicted cost.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperatingCurve(pub Vec<CurvePoint>);

impl OperatingCurve {
    /// The smallest lambda on the curve whose mean cost is within the budget.
    ///
    /// # Errors
    /// With the least mean cost, when even that exceeds the budget.
    pub fn lambda_for_cost(&self, budget: Usd) -> Result<f64, Usd> {
        let within = self
            .0
            .iter()
            .rev()
            .find(|point| point.mean_cost_usd <= budget.as_f64());
        within
            .map(|point| point.lambda)
            .ok_or_else(|| self.least_cost())
    }

    fn least_cost(&self) -> Usd {
        Usd::saturating(
            self.0
                .iter()
                .map(|point| point.mean_cost_usd)
                .fold(f64::INFINITY, f64::min),
        )
    }

    /// The largest lambda whose mean quality reaches `target`; where none does, that of the best
    /// mean quality. Zero for an empty curve.
    #[must_use]
    pub fn lambda_for_quality(&self, target: f64) -> f64 {
        let reaching = self.0.iter().find(|point| point.mean_quality >= target);
        let best = || {
            self.0
                .iter()
                .max_by(|left, right| left.mean_quality.total_cmp(&right.mean_quality))
        };
        reaching.or_else(best).map_or(0.0, |point| point.lambda)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve() -> OperatingCurve {
        let point = |lambda, mean_cost_usd, mean_quality| CurvePoint {
            lambda,
            mean_cost_usd,
            mean_quality,
        };
        OperatingCurve(vec![
            point(900.0, 0.001, 0.5),
            point(300.0, 0.002, 0.7),
            point(0.0, 0.01, 0.8),
        ])
    }

    #[test]
    fn a_budget_takes_the_best_point_within_it() {
        assert!((curve().lambda_for_cost(Usd::saturating(0.005)).unwrap() - 300.0).abs() < 1e-9);
    }

    #[test]
    fn a_budget_below_the_curve_names_the_least_cost() {
        assert_eq!(
            curve().lambda_for_cost(Usd::saturating(0.0005)),
            Err(Usd::saturating(0.001))
        );
    }

    #[test]
    fn a_quality_takes_the_cheapest_point_that_reaches_it() {
        assert!((curve().lambda_for_quality(0.6) - 300.0).abs() < 1e-9);
    }

    #[test]
    fn an_unreachable_quality_takes_the_best_point() {
        assert!(curve().lambda_for_quality(0.99).abs() < 1e-9);
    }
}
