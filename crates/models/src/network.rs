//! A low-rank network: all models share a few hidden directions.

use pointsman_types::Grid;

use crate::products::add_dense_products;

/// `sigmoid(bias + tanh(context · hidden) · output)` for every model, as a deviation from the
/// model's mean score. The hidden units are shared, so what one model's labels teach about a kind
/// of prompt serves the others (multi-task learning, Caruana 1997).
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Shape `(context, hidden units)`; the context's constant carries the bias.
    pub hidden: Grid<f32>,
    /// Shape `(hidden units, models)`.
    pub output: Grid<f32>,
    /// Logit of a prompt at which no hidden unit is active, one per model.
    pub bias: Vec<f32>,
    /// What the deviations are multiplied with in the blend.
    pub weight: f32,
}

impl Network {
    /// The predicted score of every model.
    #[must_use]
    pub fn predict(&self, context: &[f32]) -> Vec<f32> {
        let mut units = vec![0.0; self.hidden.columns()];
        add_dense_products(context, &self.hidden, &mut units);
        units.iter_mut().for_each(|unit| *unit = libm::tanhf(*unit));
        let mut logits = self.bias.clone();
        add_dense_products(&units, &self.output, &mut logits);
        logits.into_iter().map(sigmoid).collect()
    }

    /// Adds the weighted deviations from these means to `sums`.
    pub(crate) fn add_deviations(&self, context: &[f32], mean: &[f32], sums: &mut [f32]) {
        let scores = self.predict(context);
        for (sum, (score, mean)) in sums.iter_mut().zip(scores.into_iter().zip(mean)) {
            *sum += self.weight * (score - mean);
        }
    }
}

fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + libm::expf(-logit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network() -> Network {
        Network {
            hidden: Grid::from_values(1, vec![0.0, 1.0]),
            output: Grid::from_values(2, vec![2.0, -2.0]),
            bias: vec![0.0, 1.0],
            weight: 0.5,
        }
    }

    #[test]
    fn a_score_is_the_formula() {
        let found = network().predict(&[1.0, 0.5]);
        let unit = 0.5_f32.tanh();
        assert!((found[0] - sigmoid(2.0 * unit)).abs() < 1e-6);
        assert!((found[1] - sigmoid(1.0 - 2.0 * unit)).abs() < 1e-6);
    }

    #[test]
    fn deviations_are_weighted() {
        let mut sums = vec![0.25, 0.25];
        network().add_deviations(&[1.0, 0.0], &[0.1, 0.1], &mut sums);
        assert!((sums[0] - (0.25 + 0.5 * (0.5 - 0.1))).abs() < 1e-6);
    }
}
