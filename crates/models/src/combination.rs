//! One more model as a combination of those that are there; these stay as they are, bit for bit.

use pointsman_types::Grid;

use crate::calibration::{Calibration, Calibrator, LowerCurve, logit};
use crate::kernel::Kernel;
use crate::network::Network;
use crate::quality::{ClusterTable, QualityHead};
use crate::regression::LogRegression;

impl QualityHead {
    /// The same head with one more model at the end: of this mean score, its deviations the sum of
    /// the others' times `shares`, one for each model that is there. Exact in the linear parts, in
    /// the tables and in the kernels, of first order in the networks, whose deviations are not linear in the
    /// parameters.
    #[must_use]
    pub fn with_combination(&self, mean: f32, shares: &[f32]) -> Self {
        let grid = |grid: &Grid<f32>| grid.with_column(|row| product(row, shares));
        let table = |table: &ClusterTable| ClusterTable {
            centroids: table.centroids.clone(),
            deviations: grid(&table.deviations),
        };
        let kernel = |kernel: &Kernel| Kernel {
            weights: grid(&kernel.weights),
            ..kernel.clone()
        };
        let network = |network: &Network| combined(network, &self.mean, mean, shares);
        Self {
            mean: self.mean.iter().copied().chain([mean]).collect(),
            ngrams: self.ngrams.as_ref().map(grid),
            context: self.context.as_ref().map(grid),
            tables: self.tables.iter().map(table).collect(),
            networks: self.networks.iter().map(network).collect(),
            kernels: self.kernels.iter().map(kernel).collect(),
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

/// `p (1 - p)` at the logit of this mean.
fn spread(mean: f32) -> f32 {
    let odds = libm::expf(logit(mean));
    odds / ((1.0 + odds) * (1.0 + odds))
}

impl Calibration {
    /// The same calibration with one more model at the end, which does not count in the common logit,
    /// so that no other quality changes. Where the raw qualities of the others are `means` and its own
    /// is `mean`, its quality is `mean`.
    #[must_use]
    pub fn with_guest(mut self, means: &[f32], mean: f32, lower: LowerCurve) -> Self {
        let logits: Vec<f32> = means.iter().copied().map(logit).collect();
        let common = self.common_logit(&logits);
        let slope = self.models.first().map_or(1.0, |one| one.slope);
        let own = slope * (logit(mean) - common);
        self.models.push(Calibrator {
            intercept: logit(mean) - own - self.common.at(common),
            slope,
            is_common: false,
            lower,
        });
        self
    }
}

impl LogRegression {
    /// A head that knows no amount of any of so many models.
    #[must_use]
    pub fn unknown(context: usize, models: usize) -> Self {
        Self {
            weights: Grid::filled(context, models, 0.0),
            smearing: vec![f32::NAN; models],
            range: vec![(0.0, 0.0); models],
            residuals: vec![(0.0, 0.0); models],
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
        let range = (low + shift, high + shift);
        self.with(weights, self.smearing[like], range, self.residuals[like])
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
        self.with(weights, smearing, (log, log), (0.0, 0.0))
    }

    /// The same head with these residuals of the last model.
    #[must_use]
    pub fn with_last_residuals(mut self, residuals: (f32, f32)) -> Self {
        if let Some(last) = self.residuals.last_mut() {
            *last = residuals;
        }
        self
    }

    fn with(
        &self,
        weights: Grid<f32>,
        smearing: f32,
        range: (f32, f32),
        residuals: (f32, f32),
    ) -> Self {
        Self {
            weights,
            smearing: self.smearing.iter().copied().chain([smearing]).collect(),
            range: self.range.iter().copied().chain([range]).collect(),
            residuals: self.residuals.iter().copied().chain([residuals]).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::representation::{Point, Representation};

    use super::*;

    fn point(latent: [f32; 2]) -> Point {
        let mut context = vec![0.0; Representation::LATENT + 2];
        context[0] = 1.0;
        context[Representation::LATENT..].copy_from_slice(&latent);
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
            context: Some(grid(Representation::LATENT + 2, 0.01)),
            tables: vec![ClusterTable {
                centroids: Grid::from_values(2, vec![0.0, 0.0, 1.0, 0.0]),
                deviations: grid(2, 0.03),
            }],
            networks: vec![Network {
                hidden: grid(Representation::LATENT + 2, scale),
                output: grid(2, 0.2),
                bias: vec![-0.4, 0.8],
                weight: 0.5,
            }],
            kernels: vec![Kernel {
                first: 0,
                landmarks: Grid::from_values(2, vec![0.0, 1.0, 1.0, 0.0]),
                weights: grid(2, 0.1),
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
            kernels: Vec::new(),
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
            weights: grid(Representation::LATENT + 2, 0.1),
            smearing: vec![1.2, 1.0],
            range: vec![(-5.0, 5.0); 2],
            residuals: vec![(-0.1, 0.4), (0.0, 0.6)],
        }
    }

    #[test]
    fn a_scaled_model_has_that_multiple_of_the_amounts() {
        let found = amounts().with_scaled(0, 3.0).predict(&point([0.3, -0.2]));
        assert!((found[2] / found[0] - 3.0).abs() < 1e-4, "{found:?}");
        assert_eq!(found[..2], amounts().predict(&point([0.3, -0.2])));
    }

    fn calibration() -> Calibration {
        let calibrator = |intercept| Calibrator {
            intercept,
            slope: 1.4,
            ..Calibrator::identity()
        };
        Calibration {
            lower_estimate: String::new(),
            prompts: 0,
            common: crate::calibration::CommonCurve {
                offset: 0.1,
                slope: 0.5,
                hinges: vec![(0.0, 0.2)],
            },
            models: vec![calibrator(0.2), calibrator(-0.3)],
        }
    }

    #[test]
    fn a_guest_has_its_mean_where_the_others_have_theirs() {
        let guested = calibration().with_guest(&[0.4, 0.7], 0.9, LowerCurve::default());
        let found = guested.qualities(&[0.4, 0.7, 0.9]);
        assert!((found[2].get() - 0.9).abs() < 1e-5, "{found:?}");
    }

    #[test]
    fn a_guest_moves_no_other_quality() {
        let guested = calibration().with_guest(&[0.4, 0.7], 0.9, LowerCurve::default());
        let found = guested.qualities(&[0.5, 0.3, 0.1]);
        assert_eq!(found[..2], calibration().qualities(&[0.5, 0.3]));
    }

    #[test]
    fn a_scaled_model_spreads_as_the_one_it_is_like() {
        let found = amounts().with_scaled(1, 2.0).forecast(&point([0.3, -0.2]));
        assert!(
            (found[2].p90 / found[1].p90 - 2.0).abs() < 1e-4,
            "{found:?}"
        );
        assert!(found[2].p50 < found[2].p90);
    }

    #[test]
    fn a_constant_is_the_same_for_every_prompt_and_may_be_unknown() {
        let head = LogRegression::unknown(Representation::LATENT + 2, 2).with_constant(300.0);
        let found = head.predict(&point([0.3, -0.2]));
        assert!(
            (found[2] - 300.0).abs() < 1e-2 && found[0].is_nan(),
            "{found:?}"
        );
        assert!(head.with_constant(f32::NAN).predict(&point([0.0, 0.0]))[3].is_nan());
    }
}
