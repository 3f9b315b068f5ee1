//! What is believed of all models for one prompt.

use pointsman_types::Grid;

/// Shifts of the predicted qualities, with how sure they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Belief {
    /// What is added to each model's predicted quality.
    pub shift: Vec<f64>,
    /// Shape `(models, models)`: covariance of the shifts.
    pub covariance: Grid<f64>,
}

impl Belief {
    /// Standard error of one model's shift.
    #[must_use]
    pub fn error(&self, model: usize) -> f64 {
        self.covariance[(model, model)].max(0.0).sqrt()
    }

    /// Standard error of the difference of two models' shifts: what all models share is not in it.
    #[must_use]
    pub fn contrast(&self, one: usize, other: usize) -> f64 {
        let of = |left: usize, right: usize| self.covariance[(left, right)];
        (of(one, one) + of(other, other) - 2.0 * of(one, other))
            .max(0.0)
            .sqrt()
    }
}
