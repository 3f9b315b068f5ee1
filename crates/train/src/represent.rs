//! The representation: which n-grams count, how telling each is, and the latent directions.
//!
//! Sees prompts only. Fitting it on prompts that are held out from the heads leaks no label.

use candle_core::{Device, Tensor};
use nalgebra::DMatrix;
use pointsman_features::{FeatureMatrix, FeatureSpec, SURFACE_FEATURES};
use pointsman_models::{Lexicon, Representation, SparseVector};
use pointsman_types::Grid;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::TrainError;
use crate::linear::{eigen, to_double, to_tensor};
use crate::sparse::SparseMatrix;

/// Latent dimensions of a large log; a small one has fewer.
const DIMENSIONS: usize = 64;
/// Further directions that the iteration carries along for accuracy (Halko, Martinsson and Tropp,
/// arXiv 0909.4061, section 4.2).
const OVERSAMPLING: usize = 10;
/// Power iterations of the range finder (algorithm 4.4 there).
const POWER_ITERATIONS: usize = 3;
/// An n-gram counts from this many prompts on.
const LEAST_PROMPTS: u32 = 2;
/// The most n-grams kept; the rarest go first.
const MOST_NGRAMS: usize = 120_000;

/// Fits the representation of these prompts. Returns their n-gram vectors as well.
pub(crate) fn represent(
    features: &FeatureMatrix,
    spec: &FeatureSpec,
    seed: u64,
    device: &Device,
) -> Result<(Representation, SparseMatrix), TrainError> {
    let lexicon = lexicon(features, spec.buckets());
    let vectors: Vec<SparseVector> = features.iter().map(|row| lexicon.vector(row)).collect();
    let matrix = SparseMatrix::new(&vectors, lexicon.len());
    let projection = latent_directions(&matrix, features.rows(), lexicon.len(), seed, device)?;
    let (surface_mean, surface_scale) = surface_moments(features);
    Ok((
        Representation {
            lexicon,
            surface_mean,
            surface_scale,
            projection,
            embedding: None,
        },
        matrix,
    ))
}

/// Inverse document frequency, smoothed: `1 + ln((1 + n) / (1 + df))`.
fn lexicon(features: &FeatureMatrix, buckets: usize) -> Lexicon {
    let prompts_with = prompts_with_bucket(features, buckets);
    let least = least_prompts(&prompts_with);
    let kept: Vec<u32> = (0..buckets as u32)
        .filter(|bucket| prompts_with[*bucket as usize] >= least)
        .collect();
    let all = 1.0 + features.rows() as f32;
    let idf = |bucket: &u32| 1.0 + libm::logf(all / (1.0 + prompts_with[*bucket as usize] as f32));
    let idf = kept.iter().map(idf).collect();
    Lexicon::new(buckets, kept, idf)
}

fn prompts_with_bucket(features: &FeatureMatrix, buckets: usize) -> Vec<u32> {
    let mut prompts_with = vec![0_u32; buckets];
    features
        .iter()
        .flat_map(|row| row.buckets)
        .for_each(|bucket| prompts_with[*bucket as usize] += 1);
    prompts_with
}

/// In how many prompts each n-gram of the lexicon occurs.
pub(crate) fn prompts_with(features: &FeatureMatrix, lexicon: &Lexicon) -> Vec<u32> {
    let mut prompts_with = vec![0_u32; lexicon.len()];
    features
        .iter()
        .flat_map(|row| row.buckets)
        .filter_map(|bucket| lexicon.row(*bucket))
        .for_each(|ngram| prompts_with[ngram] += 1);
    prompts_with
}

/// The least number of prompts at which no more than [`MOST_NGRAMS`] are kept.
fn least_prompts(prompts_with: &[u32]) -> u32 {
    let mut least = LEAST_PROMPTS;
    while prompts_with.iter().filter(|count| **count >= least).count() > MOST_NGRAMS {
        least += 1;
    }
    least
}

/// The first right singular vectors of the n-gram matrix, shape `(n-grams, dimensions)`, by a
/// randomised range finder.
fn latent_directions(
    matrix: &SparseMatrix,
    prompts: usize,
    ngrams: usize,
    seed: u64,
    device: &Device,
) -> Result<Grid<f32>, TrainError> {
    let dimensions = DIMENSIONS.min(prompts / 3).min(ngrams).max(1);
    let width = (dimensions + OVERSAMPLING).min(prompts).min(ngrams.max(1));
    if ngrams == 0 {
        return Ok(Grid::filled(0, dimensions, 0.0));
    }
    let mut directions = random_directions(ngrams, width, seed, device)?;
    for _ in 0..=POWER_ITERATIONS {
        let range = orthonormal(&matrix.times(&directions)?)?;
        directions = matrix.transposed_times(&range)?;
    }
    let directions = orthonormal(&directions)?;
    let kept = directions.dim(1)?.min(dimensions);
    let values = directions
        .narrow(1, 0, kept)?
        .contiguous()?
        .flatten_all()?
        .to_vec1::<f32>()?;
    Ok(Grid::from_values(kept, values))
}

fn random_directions(
    rows: usize,
    columns: usize,
    seed: u64,
    device: &Device,
) -> Result<Tensor, TrainError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // Uniform directions span the range as well as normal ones, and need no special function.
    let values: Vec<f32> = (0..rows * columns)
        .map(|_| rng.random_range(-1.0..1.0))
        .collect();
    Ok(Tensor::from_vec(values, (rows, columns), device)?)
}

/// An orthonormal basis of the columns, the direction of the greatest extent first; directions of
/// no extent are dropped. By the eigenvectors of the small Gram matrix.
fn orthonormal(columns: &Tensor) -> Result<Tensor, TrainError> {
    let (values, vectors) = eigen(to_double(&columns.t()?.contiguous()?.matmul(columns)?)?);
    let floor = values[0].max(f64::MIN_POSITIVE) * 1e-10;
    let kept = values
        .iter()
        .take_while(|value| **value > floor)
        .count()
        .max(1);
    let scaled = DMatrix::from_fn(vectors.nrows(), kept, |row, column| {
        vectors[(row, column)] / values[column].max(f64::MIN_POSITIVE).sqrt()
    });
    Ok(columns.matmul(&to_tensor(&scaled, columns.device())?)?)
}

/// Mean and inverse standard deviation of each surface feature.
fn surface_moments(features: &FeatureMatrix) -> (Vec<f32>, Vec<f32>) {
    let rows = features.rows().max(1) as f64;
    let moments = |feature: usize| {
        let values = || features.iter().map(|row| f64::from(row.surface[feature]));
        let mean = values().sum::<f64>() / rows;
        let variance = values()
            .map(|value| (value - mean) * (value - mean))
            .sum::<f64>()
            / rows;
        let scale = if variance > 1e-12 {
            variance.sqrt().recip()
        } else {
            0.0
        };
        (mean as f32, scale as f32)
    };
    (0..SURFACE_FEATURES).map(moments).unzip()
}

#[cfg(test)]
mod tests {
    use pointsman_features::Extractor;

    use super::*;

    fn fitted(texts: &[String]) -> (Representation, Vec<Vec<f32>>) {
        let extractor = Extractor::new(FeatureSpec::default()).unwrap();
        let features: FeatureMatrix = texts.iter().map(|text| extractor.extract(text)).collect();
        let (representation, _) =
            represent(&features, &FeatureSpec::default(), 1, &Device::Cpu).unwrap();
        let latent = features
            .iter()
            .map(|row| representation.point(row, None).latent().to_vec())
            .collect();
        (representation, latent)
    }

    fn two_topics() -> Vec<String> {
        let words = [
            ["sum", "add", "number", "integer"],
            ["poem", "rhyme", "verse", "stanza"],
        ];
        let text = |number: usize| {
            let topic = words[number % 2];
            format!(
                "{} {} {} {number}",
                topic[number % 4],
                topic[(number / 2) % 4],
                topic[(number / 3) % 4]
            )
        };
        (0..60).map(text).collect()
    }

    #[test]
    fn directions_are_orthonormal() {
        let (representation, _) = fitted(&two_topics());
        let projection = &representation.projection;
        for left in 0..projection.columns() {
            for right in 0..=left {
                let product: f32 = projection
                    .column(left)
                    .zip(projection.column(right))
                    .map(|(a, b)| a * b)
                    .sum();
                let expected = if left == right { 1.0 } else { 0.0 };
                assert!(
                    (product - expected).abs() < 1e-3,
                    "{left} by {right}: {product}"
                );
            }
        }
    }

    #[test]
    fn prompts_of_one_topic_lie_together() {
        let (_, latent) = fitted(&two_topics());
        let product = |left: usize, right: usize| -> f32 {
            latent[left]
                .iter()
                .zip(&latent[right])
                .map(|(a, b)| a * b)
                .sum()
        };
        let within: f32 = (2..60).step_by(2).map(|other| product(0, other)).sum();
        let across: f32 = (1..60).step_by(2).map(|other| product(0, other)).sum();
        assert!(
            within > 4.0 * across.abs(),
            "within {within}, across {across}"
        );
    }

    #[test]
    fn prompts_without_common_words_have_no_lexicon() {
        let (representation, _) = fitted(&["one".into(), "two".into(), "three".into()]);
        assert!(representation.lexicon.is_empty());
    }
}
