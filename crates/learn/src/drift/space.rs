//! The coordinates of a reference: their scale, their clusters, and their distribution as a mean of
//! random features.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::null::weighted_chi_square_quantile;

/// Centres of the clusters at most.
const CLUSTERS: usize = 8;
const ROUNDS: usize = 10;
/// Each gives a cosine and a sine.
const FREQUENCIES: usize = 32;
const FEATURES: usize = 2 * FREQUENCIES;
/// Coordinates further out, in standard deviations, say no more.
const BOUND: f32 = 6.0;
/// Below this the features are all the same but for rounding (their whole variance is at most 1).
const LEAST_SPREAD: f64 = 1e-9;

/// Where and how wide the coordinates of the reference lie.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scale {
    mean: Vec<f32>,
    /// One over the standard deviation; 0 for a constant.
    scale: Vec<f32>,
}

impl Scale {
    pub(crate) fn of(points: &[Vec<f32>]) -> Self {
        let count = points.len() as f32;
        let mean: Vec<f32> = mean_of(points).iter().map(|mean| *mean as f32).collect();
        let scale = (0..mean.len()).map(|at| {
            let squares: f32 = points.iter().map(|one| (one[at] - mean[at]).powi(2)).sum();
            let variance = squares / count;
            if variance > 1e-12 {
                variance.sqrt().recip()
            } else {
                0.0
            }
        });
        Self {
            scale: scale.collect(),
            mean,
        }
    }

    pub(crate) fn apply(&self, point: &[f32]) -> Vec<f32> {
        let scaled = |((value, mean), scale): ((&f32, &f32), &f32)| {
            ((value - mean) * scale).clamp(-BOUND, BOUND)
        };
        let parts = point.iter().zip(&self.mean).zip(&self.scale);
        parts.map(scaled).collect()
    }
}

fn mean_of(points: &[Vec<f32>]) -> Vec<f64> {
    let mut sum = vec![0.0; points.first().map_or(0, Vec::len)];
    for point in points {
        add(&mut sum, point.iter().map(|value| f64::from(*value)));
    }
    sum.iter().map(|sum| sum / points.len() as f64).collect()
}

fn add(sum: &mut [f64], values: impl Iterator<Item = f64>) {
    sum.iter_mut()
        .zip(values)
        .for_each(|(sum, value)| *sum += value);
}

/// Lloyd's clusters of points on one scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Clusters {
    centres: Vec<Vec<f32>>,
}

impl Clusters {
    pub(crate) fn of(points: &[Vec<f32>], seed: u64) -> Self {
        let mut clusters = Self {
            centres: first_centres(points, seed),
        };
        for _ in 0..ROUNDS {
            clusters.move_centres(points);
        }
        clusters
    }

    fn move_centres(&mut self, points: &[Vec<f32>]) {
        let mut members: Vec<Vec<Vec<f32>>> = vec![Vec::new(); self.centres.len()];
        for point in points {
            members[self.nearest(point)].push(point.clone());
        }
        for (centre, members) in self.centres.iter_mut().zip(&members) {
            if !members.is_empty() {
                *centre = mean_of(members).iter().map(|mean| *mean as f32).collect();
            }
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.centres.len()
    }

    pub(crate) fn nearest(&self, point: &[f32]) -> usize {
        let distances = self.centres.iter().map(|centre| distance(centre, point));
        let nearest = distances
            .enumerate()
            .min_by(|one, other| one.1.total_cmp(&other.1));
        nearest.map_or(0, |(at, _)| at)
    }
}

/// Squared.
fn distance(one: &[f32], other: &[f32]) -> f32 {
    let parts = one.iter().zip(other);
    parts.map(|(one, other)| (one - other).powi(2)).sum()
}

/// k-means++: each is drawn by its squared distance from those before (Arthur and Vassilvitskii,
/// 2007). Fewer than asked for where the points are fewer.
fn first_centres(points: &[Vec<f32>], seed: u64) -> Vec<Vec<f32>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut away = vec![1.0_f32; points.len()];
    let mut centres: Vec<Vec<f32>> = Vec::new();
    while centres.len() < CLUSTERS {
        let Some(drawn) = draw(&away, unit(&mut rng)) else {
            break;
        };
        let centre = points[drawn].clone();
        for (away, point) in away.iter_mut().zip(points) {
            let now = distance(point, &centre);
            *away = if centres.is_empty() {
                now
            } else {
                away.min(now)
            };
        }
        centres.push(centre);
    }
    centres
}

/// The place where the running sum of the weights passes this share of their whole; `None` where
/// they are all 0.
fn draw(weights: &[f32], share: f64) -> Option<usize> {
    let whole: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
    let mut left = share * whole;
    let passes = |weight: &f32| {
        left -= f64::from(*weight);
        *weight > 0.0 && left < 0.0
    };
    weights.iter().position(passes)
}

/// Uniform in `[0, 1)`.
fn unit(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A mean of 0 and a variance of 1 (Box and Muller, 1958).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (radius, angle) = (1.0 - unit(rng), unit(rng));
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// The distribution of the reference as the mean of random Fourier features of a Gaussian kernel
/// (Rahimi and Recht, 2007), and that of the window which is being filled. The squared distance of
/// the two means is the kernel two-sample statistic (maximum mean discrepancy: Gretton et al.,
/// 2012), in time linear in the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fourier {
    /// `FREQUENCIES` of as many entries as a point has.
    frequencies: Vec<Vec<f32>>,
    size: u32,
    mean: Vec<f64>,
    /// Sums of the features' variances along their principal axes, of their squares and cubes: the
    /// weights of the distance's null distribution.
    spread: [f64; 3],
    window_size: u32,
    window_sum: Vec<f64>,
}

impl Fourier {
    /// Points on one scale.
    pub(crate) fn of(points: &[Vec<f32>], seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0xf0_u64);
        let width = median_distance(points);
        let dimensions = points.first().map_or(0, Vec::len);
        let mut frequency = || -> Vec<f32> {
            let part = |_| (normal(&mut rng) / width) as f32;
            (0..dimensions).map(part).collect()
        };
        let frequencies: Vec<Vec<f32>> = (0..FREQUENCIES).map(|_| frequency()).collect();
        let features: Vec<Vec<f32>> = points
            .iter()
            .map(|point| features(&frequencies, point))
            .collect();
        let mean = mean_of(&features);
        Self {
            size: points.len() as u32,
            spread: spread(&features, &mean),
            window_sum: vec![0.0; FEATURES],
            window_size: 0,
            frequencies,
            mean,
        }
    }

    pub(crate) fn add(&mut self, point: &[f32]) {
        let features = features(&self.frequencies, point);
        self.window_size += 1;
        add(
            &mut self.window_sum,
            features.iter().map(|value| f64::from(*value)),
        );
    }

    pub(crate) fn clear(&mut self) {
        self.window_size = 0;
        self.window_sum.fill(0.0);
    }

    /// Squared, as a share of the reference's own spread.
    pub(crate) fn distance(&self) -> f64 {
        let size = f64::from(self.window_size);
        let parts = self.window_sum.iter().zip(&self.mean);
        let squared: f64 = parts.map(|(sum, mean)| (sum / size - mean).powi(2)).sum();
        match self.spread[0] > LEAST_SPREAD {
            true => squared / self.spread[0],
            false => 0.0,
        }
    }

    /// What the distance exceeds with this probability where nothing has changed: it is then about
    /// `(1/n + 1/m)` times a sum of chi-square variables weighted by the variances.
    pub(crate) fn threshold(&self, probability: f64) -> f64 {
        if self.spread[0] <= LEAST_SPREAD {
            return f64::INFINITY;
        }
        let noise = 1.0 / f64::from(self.size) + 1.0 / f64::from(self.window_size);
        noise * weighted_chi_square_quantile(self.spread, probability) / self.spread[0]
    }
}

fn features(frequencies: &[Vec<f32>], point: &[f32]) -> Vec<f32> {
    let scale = (1.0 / FREQUENCIES as f32).sqrt();
    let feature = |frequency: &Vec<f32>| {
        let angle: f32 = frequency.iter().zip(point).map(|(f, x)| f * x).sum();
        [scale * angle.cos(), scale * angle.sin()]
    };
    frequencies.iter().flat_map(feature).collect()
}

/// The median distance of points that stand beside each other: the usual width of a kernel.
fn median_distance(points: &[Vec<f32>]) -> f64 {
    let pairs = points.windows(2);
    let mut distances: Vec<f32> = pairs.map(|pair| distance(&pair[0], &pair[1])).collect();
    distances.sort_by(f32::total_cmp);
    let median = distances.get(distances.len() / 2).copied().unwrap_or(0.0);
    f64::from(median).sqrt().max(1e-6)
}

/// The traces of the features' covariance, of its square and of its cube.
fn spread(features: &[Vec<f32>], mean: &[f64]) -> [f64; 3] {
    let covariance = covariance(features, mean);
    let square = product(&covariance, &covariance);
    let cube = product(&square, &covariance);
    [covariance, square, cube].map(|matrix| (0..FEATURES).map(|at| matrix[at][at]).sum())
}

fn covariance(features: &[Vec<f32>], mean: &[f64]) -> Vec<Vec<f64>> {
    let mut sum = vec![vec![0.0; FEATURES]; FEATURES];
    for row in features {
        let off: Vec<f64> = row
            .iter()
            .zip(mean)
            .map(|(x, m)| f64::from(*x) - m)
            .collect();
        for (row, factor) in sum.iter_mut().zip(&off) {
            add(row, off.iter().map(|value| factor * value));
        }
    }
    let count = features.len() as f64 - 1.0;
    sum.iter_mut().flatten().for_each(|cell| *cell /= count);
    sum
}

fn product(one: &[Vec<f64>], other: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let row = |row: &Vec<f64>| {
        let mut out = vec![0.0; FEATURES];
        for (factor, other) in row.iter().zip(other) {
            add(&mut out, other.iter().map(|value| factor * value));
        }
        out
    };
    one.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(rng: &mut ChaCha8Rng, size: usize, shift: f64) -> Vec<Vec<f32>> {
        let point = |rng: &mut ChaCha8Rng| (0..8).map(|_| (normal(rng) + shift) as f32).collect();
        (0..size).map(|_| point(rng)).collect()
    }

    /// The share of the windows that are significant at 0.02.
    fn significant(shift: f64) -> f64 {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let found = (0..500).filter(|seed| {
            let mut fourier = Fourier::of(&points(&mut rng, 400, 0.0), *seed);
            let window = points(&mut rng, 200, shift);
            window.iter().for_each(|point| fourier.add(point));
            fourier.distance() > fourier.threshold(0.02)
        });
        found.count() as f64 / 500.0
    }

    #[test]
    fn the_distance_is_significant_by_chance_as_often_as_it_says() {
        let share = significant(0.0);
        assert!((0.004..0.04).contains(&share), "{share} at 0.02");
    }

    #[test]
    fn a_shift_is_seen() {
        let share = significant(0.25);
        assert!(share > 0.9, "{share}");
    }

    #[test]
    fn clusters_are_those_that_were_planted() {
        let planted: Vec<Vec<f32>> = (0..400_u16)
            .map(|at| vec![f32::from(at % 8) * 10.0, f32::from(at % 7) * 0.01])
            .collect();
        let clusters = Clusters::of(&planted, 1);
        assert_eq!(clusters.count(), 8);
        for one in 0..8 {
            assert_eq!(
                clusters.nearest(&planted[one]),
                clusters.nearest(&planted[one + 8])
            );
        }
    }

    #[test]
    fn points_that_are_all_the_same_have_one_cluster_and_no_distance() {
        let same = vec![vec![0.5; 3]; 100];
        assert_eq!(Clusters::of(&same, 1).count(), 1);
        let mut fourier = Fourier::of(&same, 1);
        fourier.add(&same[0]);
        assert!(fourier.distance() < 1e-12);
        assert!(fourier.distance() < fourier.threshold(0.01));
    }
}
