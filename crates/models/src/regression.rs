//! Heads for positive quantities that spread over magnitudes: tokens out, logged cost.

use pointsman_types::Grid;

use crate::products::add_dense_products;
use crate::representation::Point;

/// A linear regression of the logarithm on the context, one column per model. The expectation is
/// `exp(prediction) * smearing`, with Duan's smearing factor (Duan 1983, JASA 78: the mean of the
/// exponentials of the residuals), since `exp` of a mean logarithm is below the mean.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRegression {
    /// Shape `(context, models)`.
    pub weights: Grid<f32>,
    /// One factor per model.
    pub smearing: Vec<f32>,
    /// The least and the greatest logarithm seen, per model; predictions stay within.
    pub range: Vec<(f32, f32)>,
    /// Median and 90th percentile, per model, of what logarithms were above their prediction on
    /// prompts that the fit held out.
    pub residuals: Vec<(f32, f32)>,
}

/// What is expected of one positive quantity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// Expectation.
    pub mean: f32,
    /// Median.
    pub p50: f32,
    /// What nine of ten stay below.
    pub p90: f32,
}

impl LogRegression {
    /// Expected amount, one per model, in the unit it was fitted in. NaN for a model that had no
    /// value to fit.
    #[must_use]
    pub fn predict(&self, point: &Point) -> Vec<f32> {
        let logs = self.logs(point).into_iter().zip(&self.smearing);
        logs.map(|(log, smearing)| libm::expf(log) * smearing)
            .collect()
    }

    /// Expectation and quantiles, one forecast per model; all NaN for a model that had no value to
    /// fit.
    #[must_use]
    pub fn forecast(&self, point: &Point) -> Vec<Forecast> {
        let spread = self.smearing.iter().zip(&self.residuals);
        let logs = self.logs(point).into_iter().zip(spread);
        logs.map(|(log, (smearing, (p50, p90)))| Forecast {
            mean: libm::expf(log) * smearing,
            p50: libm::expf(log + p50),
            p90: libm::expf(log + p90),
        })
        .collect()
    }

    /// The predicted logarithm, one per model, within what was seen; NaN for a model that had no
    /// value to fit.
    #[must_use]
    pub fn logs(&self, point: &Point) -> Vec<f32> {
        let mut logs = vec![0.0; self.smearing.len()];
        add_dense_products(&point.context, &self.weights, &mut logs);
        let bounds = self.smearing.iter().zip(&self.range);
        logs.iter()
            .zip(bounds)
            .map(|(log, (smearing, (low, high)))| match smearing.is_nan() {
                true => f32::NAN,
                false => log.max(*low).min(*high),
            })
            .collect()
    }
}

/// Tokens in as a line over the characters of the prompt, one per model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InputTokens {
    /// Tokens that every call has (templates, system texts of the logged application).
    pub base: f32,
    /// Tokens per character.
    pub per_char: f32,
}

impl InputTokens {
    /// The estimate where nothing was logged: four characters a token.
    pub const UNKNOWN: Self = Self {
        base: 0.0,
        per_char: 0.25,
    };

    /// Expected tokens in.
    #[must_use]
    pub fn predict(&self, chars: f32) -> f32 {
        (self.base + self.per_char * chars).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(smearing: f32) -> LogRegression {
        LogRegression {
            weights: Grid::from_values(1, vec![2.0, 1.0]),
            smearing: vec![smearing],
            range: vec![(0.0, 4.0)],
            residuals: vec![(-0.25, 0.5)],
        }
    }

    fn predict(head: &LogRegression, context: f32) -> f32 {
        head.predict(&Point {
            ngrams: Vec::new(),
            context: vec![1.0, context],
        })[0]
    }

    #[test]
    fn the_expectation_is_smeared() {
        assert!((predict(&head(1.5), 1.0) - 3_f32.exp() * 1.5).abs() < 1e-3);
    }

    #[test]
    fn predictions_stay_within_what_was_seen() {
        assert!((predict(&head(1.0), 50.0) - 4_f32.exp()).abs() < 1e-3);
        assert!((predict(&head(1.0), -50.0) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_model_without_values_has_no_prediction() {
        assert!(predict(&head(f32::NAN), 1.0).is_nan());
    }

    #[test]
    fn quantiles_lie_where_held_out_values_did() {
        let point = Point {
            ngrams: Vec::new(),
            context: vec![1.0, 1.0],
        };
        let found = head(1.5).forecast(&point)[0];
        assert!((found.p50 - 2.75_f32.exp()).abs() < 1e-3, "{found:?}");
        assert!((found.p90 - 3.5_f32.exp()).abs() < 1e-3, "{found:?}");
        assert!((found.mean - predict(&head(1.5), 1.0)).abs() < 1e-6);
        assert!(head(f32::NAN).forecast(&point)[0].p90.is_nan());
    }
}
