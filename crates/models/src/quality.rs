//! The quality head: each model's mean, plus what the prompt adds to it or takes from it.

use pointsman_types::Grid;

use crate::kernel::Kernel;
use crate::network::Network;
use crate::products::{add_dense_products, add_products, nearest};
use crate::representation::Point;

/// Quality of every model = mean + linear on n-grams + linear on the context + cluster tables +
/// networks + kernels.
/// A part that was not chosen in training is absent. The weights of a blend are already
/// multiplied into the parts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QualityHead {
    /// Mean score, one per model.
    pub mean: Vec<f32>,
    /// Shape `(n-grams, models)`.
    pub ngrams: Option<Grid<f32>>,
    /// Shape `(context, models)`.
    pub context: Option<Grid<f32>>,
    /// Tables over different clusterings; they add up.
    pub tables: Vec<ClusterTable>,
    /// Networks from different starts; they add up.
    pub networks: Vec<Network>,
    /// Kernel regressions on different coordinates; they add up.
    pub kernels: Vec<Kernel>,
}

/// Deviations from the mean, cluster by cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterTable {
    /// Shape `(clusters, latent dimensions)`.
    pub centroids: Grid<f32>,
    /// Shape `(clusters, models)`: shrunk mean deviation of the cluster's training prompts.
    pub deviations: Grid<f32>,
}

impl QualityHead {
    /// Uncalibrated quality, one per model.
    #[must_use]
    pub fn predict(&self, point: &Point) -> Vec<f32> {
        let mut quality = self.mean.clone();
        if let Some(weights) = &self.ngrams {
            add_products(&point.ngrams, weights, &mut quality);
        }
        if let Some(weights) = &self.context {
            add_dense_products(&point.context, weights, &mut quality);
        }
        for table in &self.tables {
            let cluster = table.cluster(point.latent());
            for (sum, deviation) in quality.iter_mut().zip(table.deviations.row(cluster)) {
                *sum += deviation;
            }
        }
        for network in &self.networks {
            network.add_deviations(&point.context, &self.mean, &mut quality);
        }
        for kernel in &self.kernels {
            kernel.add_deviations(point.latent(), &mut quality);
        }
        quality
    }
}

impl ClusterTable {
    /// The cluster whose centroid is nearest (Euclidean); the first of equals.
    #[must_use]
    pub fn cluster(&self, latent: &[f32]) -> usize {
        nearest(&self.centroids, latent)
    }
}

#[cfg(test)]
mod tests {
    use crate::representation::Representation;

    use super::*;

    fn point() -> Point {
        let mut context = vec![0.0; Representation::LATENT + 2];
        context[0] = 1.0;
        context[Representation::LATENT] = 1.0;
        Point {
            ngrams: vec![(1, 0.5)],
            context,
        }
    }

    #[test]
    fn a_head_without_parts_predicts_the_means() {
        let head = QualityHead {
            mean: vec![0.2, 0.7],
            ..QualityHead::default()
        };
        assert_eq!(head.predict(&point()), [0.2, 0.7]);
    }

    #[test]
    fn parts_add_up() {
        let table = ClusterTable {
            centroids: Grid::from_values(2, vec![0.0, 0.0, 1.0, 0.0]),
            deviations: Grid::from_values(1, vec![9.0, 0.25]),
        };
        let head = QualityHead {
            mean: vec![0.5],
            ngrams: Some(Grid::from_values(1, vec![0.0, 0.5])),
            context: Some(Grid::filled(Representation::LATENT + 2, 1, 0.0625)),
            tables: vec![table],
            networks: Vec::new(),
            kernels: vec![Kernel {
                first: 1,
                landmarks: Grid::filled(1, 1, 0.0),
                weights: Grid::filled(1, 1, 0.5),
            }],
        };
        assert!((head.predict(&point())[0] - 1.625).abs() < 1e-6);
    }
}
