//! One more model as a combination of those that are there; these stay as they are, bit for bit.

use pointsman_types::Grid;

use crate::network::Network;
use crate::quality::{ClusterTable, QualityHead};
use crate::regression::LogRegression;

/// Means are kept this far from 0 and 1 before the logit is taken.
const MARGIN: f32 = 0.01;

impl QualityHead {
    /// The same head with one more model at the end: of this mean score, its deviations the sum of
    /// the others' times `shares`, one for each model that is there. Exact in the linear parts and
    /// in the tables, of first order in the networks, whose deviations are not linear in the
    /// parameters.
    #[must_use]
    pub fn with_combination(&self, mean: f32, shares: &[f32]) -> Self {
        let grid = |grid: &Grid<f32>| grid.with_column(|row| product(row, shares));
        let table = |table: &ClusterTable| ClusterTable {
            centroids: table.centroids.clone(),
            deviations: grid(&table.deviations),
        };
        let network = |network: &Network| combined(network, &self.mean, mean, shares);
        Self {
            mean: self.mean.iter().copied().chain([mean]).collect(),
            ngrams: self.ngrams.as_ref().map(grid),
            context: self.context.as_ref().map(grid),
            tables: self.tables.iter().map(table).collect(),
            networks: self.networks.iter().map(network).collect(),
        }
    }
}

/// A small step of the logit moves the score by `p (1 - p)` times that step, so logits are combined
/// in the proportion of these spreads.
fn combined(network: &Network, means: &[f32], mean: f32, shares: &[f32]) -> Network {
    let of_logits: Vec<f32> = means
        .iter()
        .zip(shares)
        .map(|(other, share)| share * spread(*other) / spread(mean))
        .collect();
    let offsets = network.bias.iter().zip(means);
    let offsets: Vec<f32> = offsets.map(|(bias, other)| bias - logit(*other)).collect();
    let bias = logit(mean) + product(&offsets, &of_logits);
    Network {
        hidden: network.hidden.clone(),
        output: network.output.with_column(|row| product(row, &of_logits)),
        bias: network.bias.iter().copied().chain([bias]).collect(),
        weight: network.weight,
    }
}

fn product(row: &[f32], shares: &[f32]) -> f32 {
    row.iter()
        .zip(shares)
        .map(|(value, share)| value * share)
        .sum()
}

fn inside(mean: f32) -> f32 {
    mean.clamp(MARGIN, 1.0 - MARGIN)
}

fn spread(mean: f32) -> f32 {
    inside(mean) * (1.0 - inside(mean))
}

fn logit(mean: f32) -> f32 {
    libm::logf(inside(mean) / (1.0 - inside(mean)))
}

impl LogRegression {
    /// A head that knows no amount of any of so many models.
    #[must_use]
    pub fn unknown(context: usize, models: usize) -> Self {
        Self {
            weights: Grid::filled(context, models, 0.0),
            smearing: vec![f32::NAN; models],
            range: vec![(0.0, 0.0); models],
        }
    }

    /// The same head with one more model at the end: that of `like` at `factor` times its amounts.
    ///
    /// # Panics
    /// When there is no model of that number.
    #[must_use]
    pub fn with_scaled(&self, like: usize, factor: f32) -> Self {
        let shift = libm::logf(factor);
        let mut weights = self.weights.with_column(|row| row[like]);
        let last = weights.columns() - 1;
        weights[(0, last)] += shift;
        let (low, high) = self.range[like];
        self.with(weights, self.smearing[like], (low + shift, high + shift))
    }

    /// The same head with one more model at the end, of one amount whatever the prompt; NaN where
    /// nothing is known of it.
    #[must_use]
    pub fn with_constant(&self, amount: f32) -> Self {
        let (log, smearing) = match amount.is_nan() {
            true => (0.0, f32::NAN),
            false => (libm::logf(amount), 1.0),
        };
        let mut weights = self.weights.with_column(|_| 0.0);
        let last = weights.columns() - 1;
        weights[(0, last)] = log;
        self.with(weights, smearing, (log, log))
    }

    fn with(&self, weights: Grid<f32>, smearing: f32, range: (f32, f32)) -> Self {
        Self {
            weights,
            smearing: self.smearing.iter().copied().chain([smearing]).collect(),
            range: self.range.iter().copied().chain([range]).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::representation::Point;

    use super::*;

    fn point(latent: [f32; 2]) -> Point {
        let mut context = vec![0.0; 17];
        context[0] = 1.0;
        context[15..].copy_from_slice(&latent);
        Point {
            ngrams: vec![(0, 0.6), (1, 0.8)],
            context,
        }
    }

    fn grid(rows: usize, scale: f32) -> Grid<f32> {
        let value = |at: usize| scale * ((at * 7 % 5) as f32 - 2.0);
        Grid::from_values(2, (0..rows * 2).map(value).collect())
    }

    fn head(scale: f32) -> QualityHead {
        QualityHead {
            mean: vec![0.4, 0.7],
            ngrams: Some(grid(2, 0.05)),
            context: Some(grid(17, 0.01)),
            tables: vec![ClusterTable {
                centroids: Grid::from_values(2, vec![0.0, 0.0, 1.0, 0.0]),
                deviations: grid(2, 0.03),
            }],
            networks: vec![Network {
                hidden: grid(17, scale),
                output: grid(2, 0.2),
                bias: vec![-0.4, 0.8],
                weight: 0.5,
            }],
        }
    }

    fn linear() -> QualityHead {
        QualityHead {
            networks: Vec::new(),
            ..head(0.0)
        }
    }

    #[test]
    fn linear_parts_combine_exactly() {
        let found = linear()
            .with_combination(0.5, &[0.25, 1.5])
            .predict(&point([0.9, 0.1]));
        let deviations = 0.25 * (found[0] - 0.4) + 1.5 * (found[1] - 0.7);
        assert!((found[2] - 0.5 - deviations).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn networks_combine_to_first_order() {
        let head = QualityHead {
            ngrams: None,
            context: None,
            tables: Vec::new(),
            ..head(0.1)
        };
        let found = head
            .with_combination(0.5, &[0.5, 0.5])
            .predict(&point([0.9, 0.1]));
        let deviations = 0.5 * (found[0] - 0.4) + 0.5 * (found[1] - 0.7);
        assert!(deviations.abs() > 1e-3, "the test must move something");
        assert!(
            (found[2] - 0.5 - deviations).abs() < 0.1 * deviations.abs(),
            "{found:?}"
        );
    }

    #[test]
    fn the_models_that_were_there_stay_bit_for_bit() {
        let before = head(0.1).predict(&point([0.3, -0.2]));
        let after = head(0.1)
            .with_combination(0.6, &[2.0, -1.0])
            .predict(&point([0.3, -0.2]));
        assert_eq!(before, after[..2]);
    }

    fn amounts() -> LogRegression {
        LogRegression {
            weights: grid(17, 0.1),
            smearing: vec![1.2, 1.0],
            range: vec![(-5.0, 5.0); 2],
        }
    }

    #[test]
    fn a_scaled_model_has_that_multiple_of_the_amounts() {
        let found = amounts().with_scaled(0, 3.0).predict(&point([0.3, -0.2]));
        assert!((found[2] / found[0] - 3.0).abs() < 1e-4, "{found:?}");
        assert_eq!(found[..2], amounts().predict(&point([0.3, -0.2])));
    }

    #[test]
    fn a_constant_is_the_same_for_every_prompt_and_may_be_unknown() {
        let head = LogRegression::unknown(17, 2).with_constant(300.0);
        let found = head.predict(&point([0.3, -0.2]));
        assert!(
            (found[2] - 300.0).abs() < 1e-2 && found[0].is_nan(),
            "{found:?}"
        );
        assert!(head.with_constant(f32::NAN).predict(&point([0.0, 0.0]))[3].is_nan());
    }
}
