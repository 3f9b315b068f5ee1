//! k-means on latent coordinates (Lloyd 1982, seeded as k-means++ by Arthur and Vassilvitskii 2007).

use candle_core::{D, Tensor};
use pointsman_types::Grid;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::TrainError;

const ITERATIONS: usize = 25;

/// Centroids of `points` of shape `(points, dimensions)`, and the cluster of each point.
pub(crate) struct Clusters {
    pub(crate) centroids: Grid<f32>,
    pub(crate) cluster: Vec<u32>,
}

/// `count` clusters; the same seed gives the same clusters.
pub(crate) fn kmeans(points: &Tensor, count: usize, seed: u64) -> Result<Clusters, TrainError> {
    let mut centroids = points.index_select(&first_centroids(points, count, seed)?, 0)?;
    let mut cluster = nearest(points, &centroids)?;
    for _ in 0..ITERATIONS {
        centroids = means(points, &cluster, &centroids)?;
        let next = nearest(points, &centroids)?;
        let same = cluster
            .ne(&next)?
            .to_dtype(candle_core::DType::F32)?
            .sum_all()?
            .to_scalar::<f32>()?
            == 0.0;
        cluster = next;
        if same {
            break;
        }
    }
    Ok(Clusters {
        centroids: Grid::from_values(points.dim(1)?, centroids.flatten_all()?.to_vec1::<f32>()?),
        cluster: cluster.to_vec1::<u32>()?,
    })
}

/// Each next centroid is a point drawn in proportion to its squared distance from those there are.
fn first_centroids(points: &Tensor, count: usize, seed: u64) -> Result<Tensor, TrainError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let rows = points.dim(0)?;
    let mut chosen = vec![rng.random_range(0..rows) as u32];
    let mut distance = vec![f32::INFINITY; rows];
    while chosen.len() < count {
        let last = points.narrow(0, chosen[chosen.len() - 1] as usize, 1)?;
        let from_last = points
            .broadcast_sub(&last)?
            .sqr()?
            .sum(D::Minus1)?
            .to_vec1::<f32>()?;
        distance
            .iter_mut()
            .zip(from_last)
            .for_each(|(least, found)| *least = least.min(found));
        chosen.push(draw(&distance, &mut rng) as u32);
    }
    Ok(Tensor::from_vec(chosen, count, points.device())?)
}

fn draw(weights: &[f32], rng: &mut ChaCha8Rng) -> usize {
    let total: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
    let mut left = rng.random_range(0.0..1.0) * total;
    for (position, weight) in weights.iter().enumerate() {
        left -= f64::from(*weight);
        if left < 0.0 {
            return position;
        }
    }
    weights.len() - 1
}

/// The nearest centroid of each point: `|x - c|² = |x|² - 2 x·c + |c|²`, of which the first term is
/// the same for all centroids.
fn nearest(points: &Tensor, centroids: &Tensor) -> Result<Tensor, TrainError> {
    let squares = centroids.sqr()?.sum(D::Minus1)?;
    let products = (points.matmul(&centroids.t()?.contiguous()?)? * 2.0)?;
    Ok(products.broadcast_sub(&squares)?.argmax(D::Minus1)?)
}

/// The mean of each cluster's points; an empty cluster keeps its centroid.
fn means(points: &Tensor, cluster: &Tensor, before: &Tensor) -> Result<Tensor, TrainError> {
    let sums = before.zeros_like()?.index_add(cluster, points, 0)?;
    let ones = Tensor::ones((points.dim(0)?, 1), points.dtype(), points.device())?;
    let counts = Tensor::zeros((before.dim(0)?, 1), points.dtype(), points.device())?
        .index_add(cluster, &ones, 0)?;
    let occupied = counts.minimum(1.0)?;
    let means = sums.broadcast_div(&counts.maximum(1.0)?)?;
    let kept = before.broadcast_mul(&(1.0 - &occupied)?)?;
    Ok((means.broadcast_mul(&occupied)? + kept)?)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn three_heaps() -> Tensor {
        let values: Vec<f32> = (0..60)
            .flat_map(|number| {
                let heap = (number % 3) as f32 * 10.0;
                [
                    heap + (number as f32).sin() * 0.1,
                    heap - (number as f32).cos() * 0.1,
                ]
            })
            .collect();
        Tensor::from_vec(values, (60, 2), &Device::Cpu).unwrap()
    }

    #[test]
    fn heaps_are_found() {
        let clusters = kmeans(&three_heaps(), 3, 5).unwrap();
        assert!((0..60).all(|point| clusters.cluster[point] == clusters.cluster[point % 3]));
        assert_eq!(
            clusters.cluster[..3]
                .iter()
                .collect::<std::collections::BTreeSet<_>>()
                .len(),
            3
        );
    }

    #[test]
    fn a_seed_decides_everything() {
        let (one, other) = (
            kmeans(&three_heaps(), 5, 9).unwrap(),
            kmeans(&three_heaps(), 5, 9).unwrap(),
        );
        assert_eq!(
            (one.centroids, one.cluster),
            (other.centroids, other.cluster)
        );
    }

    #[test]
    fn more_clusters_than_heaps_leave_no_centroid_undefined() {
        let points = Tensor::zeros((10, 2), candle_core::DType::F32, &Device::Cpu).unwrap();
        let clusters = kmeans(&points, 4, 1).unwrap();
        assert!(
            clusters
                .centroids
                .values()
                .iter()
                .all(|value| *value == 0.0)
        );
    }
}
