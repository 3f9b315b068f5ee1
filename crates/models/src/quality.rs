//! The quality head: each model's mean, plus what the prompt adds to it or takes from it.

use pointsman_types::Grid;

use crate::network::Network;
use crate::representation::{Point, add_dense_products, add_products};

/// Quality of every model = mean + linear on n-grams + linear on the context + cluster tables +
/// networks.
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

fn nearest(centroids: &Grid<f32>, latent: &[f32]) -> usize {
    let mut best = (0, f32::INFINITY);
    for cluster in 0..centroids.rows() {
        let found = square_distance(centroids.row(cluster), latent);
        if found < best.1 {
            best = (cluster, found);
        }
    }
    best.0
}

/// Summed in eight lanes: one running sum would have to wait for itself at every step.
fn square_distance(left: &[f32], right: &[f32]) -> f32 {
    let (left, left_rest) = left.as_chunks::<8>();
    let (right, right_rest) = right.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for (left, right) in left.iter().zip(right) {
        for (lane, (a, b)) in lanes.iter_mut().zip(left.iter().zip(right)) {
            *lane += (a - b) * (a - b);
        }
    }
    let rest: f32 = left_rest
        .iter()
        .zip(right_rest)
        .map(|(a, b)| (a - b) * (a - b))
        .sum();
    lanes.iter().sum::<f32>() + rest
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
        };
        assert!((head.predict(&point())[0] - 1.125).abs() < 1e-6);
    }
}
