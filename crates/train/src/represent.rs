//! The representation: which n-grams count, how telling and how rare each is, and the latent directions.
//!
//! Sees prompts only. Fitting it on prompts that are held out from the heads leaks no label.

use candle_core::{Device, Tensor};
use nalgebra::DMatrix;
use pointsman_features::{FeatureMatrix, FeatureSpec};
use pointsman_models::{Lexicon, RARITY_FEATURES, Rarity, Representation, SparseVector};
use pointsman_types::Grid;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

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

/// The representation of training prompts, and where they lie in it.
pub(crate) struct Represented {
    pub(crate) representation: Representation,
    /// Shape `(prompts, n-grams)`.
    pub(crate) ngrams: SparseMatrix,
    /// How rare the n-grams of each prompt would be, had it not been in training.
    pub(crate) rarity: Vec<[f32; RARITY_FEATURES]>,
}

/// Fits the representation of these prompts.
pub(crate) fn represent(
    features: &FeatureMatrix,
    spec: &FeatureSpec,
    seed: u64,
    device: &Device,
) -> Result<Represented, TrainError> {
    let prompts_with = prompts_with_bucket(features, spec.buckets());
    let least = least_prompts(&prompts_with);
    let lexicon = lexicon(features.rows(), &prompts_with, least);
    let rarity = rarity(features, &prompts_with, least);
    let vectors: Vec<SparseVector> = features.iter().map(|row| lexicon.vector(row)).collect();
    let matrix = SparseMatrix::new(&vectors, lexicon.len());
    let projection = latent_directions(&matrix, features.rows(), lexicon.len(), seed, device)?;
    let surface = features.iter().map(|row| row.surface);
    let (surface_mean, surface_scale) = moments(surface);
    let (mean, scale) = moments(rarity.iter());
    let representation = Representation {
        lexicon,
        surface_mean: surface_mean.into(),
        surface_scale: surface_scale.into(),
        rarity: Rarity {
            unknown: Rarity::of_ngram(1, features.rows()),
            mean,
            scale,
        },
        projection,
        embedding: None,
    };
    Ok(Represented {
        representation,
        ngrams: matrix,
        rarity,
    })
}

/// Inverse document frequency, smoothed: `1 + ln((1 + n) / (1 + df))`.
fn lexicon(prompts: usize, prompts_with: &[u32], least: u32) -> Lexicon {
    let kept: Vec<u32> = (0..prompts_with.len() as u32)
        .filter(|bucket| prompts_with[*bucket as usize] >= least)
        .collect();
    let idf = |bucket: &u32| 1.0 + Rarity::of_ngram(prompts_with[*bucket as usize], prompts);
    let idf = kept.iter().map(idf).collect();
    Lexicon::new(prompts_with.len(), kept, idf)
}

/// The rarity of each prompt among the others: what serving would find, had the representation been
/// fitted without it. Fitted with it, no n-gram of a training prompt would look as rare as those of a
/// new prompt do.
fn rarity(
    features: &FeatureMatrix,
    prompts_with: &[u32],
    least: u32,
) -> Vec<[f32; RARITY_FEATURES]> {
    let others = features.rows().saturating_sub(1);
    let known = |bucket: u32| {
        let others_with = prompts_with[bucket as usize] - 1;
        (others_with >= least).then(|| Rarity::of_ngram(others_with, others))
    };
    let unknown = Rarity::of_ngram(1, others);
    let of_row = |row: usize| {
        let row = features.row(row);
        let ngrams = row.of_current_turn().map(|(bucket, _)| known(bucket));
        Rarity::of_ngrams(ngrams, unknown)
    };
    (0..features.rows()).into_par_iter().map(of_row).collect()
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

/// Mean and inverse standard deviation of each feature.
fn moments<'a, const N: usize>(
    rows: impl ExactSizeIterator<Item = &'a [f32; N]> + Clone,
) -> ([f32; N], [f32; N]) {
    let count = rows.len().max(1) as f64;
    let mean = |feature: usize| {
        let values = rows.clone().map(|row| f64::from(row[feature]));
        values.sum::<f64>() / count
    };
    let scale = |feature: usize| {
        let mean = mean(feature);
        let values = rows.clone().map(|row| f64::from(row[feature]));
        let squares = values.map(|value| (value - mean) * (value - mean));
        inverse_root(squares.sum::<f64>() / count)
    };
    let each = |of: &dyn Fn(usize) -> f64| std::array::from_fn(|feature| of(feature) as f32);
    (each(&mean), each(&scale))
}

/// 0 for the variance of a constant.
fn inverse_root(variance: f64) -> f64 {
    if variance > 1e-12 {
        variance.sqrt().recip()
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use pointsman_features::{Extractor, Features};
    use proptest::prelude::*;

    use super::*;

    fn extracted(texts: &[String]) -> Vec<Features> {
        let extractor = Extractor::new(FeatureSpec::default()).unwrap();
        texts.iter().map(|text| extractor.extract(text)).collect()
    }

    fn represented(prompts: impl IntoIterator<Item = Features>) -> Represented {
        let features = prompts.into_iter().collect();
        represent(&features, &FeatureSpec::default(), 1, &Device::Cpu).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_training_prompt_is_as_rare_as_if_it_were_new(
            texts in prop::collection::vec("([ab]{1,2} ){0,4}", 3..12),
            at in any::<prop::sample::Index>(),
        ) {
            let mut prompts = extracted(&texts);
            let in_training = represented(prompts.clone()).rarity[at.index(texts.len())];
            let left_out = prompts.remove(at.index(texts.len()));
            let seen = represented(prompts).representation;
            let as_served = seen.rarity.of(&seen.lexicon, (&left_out).into());
            for (trained, served) in in_training.iter().zip(as_served) {
                prop_assert!((trained - served).abs() < 1e-4, "{in_training:?} but {as_served:?}");
            }
        }
    }

    #[test]
    fn dense_features_of_training_prompts_are_standardised() {
        let prompts = extracted(&two_topics());
        let seen = represented(prompts.clone());
        let context = |(features, rarity): (&Features, &_)| {
            let point = seen
                .representation
                .training_point(features.into(), *rarity, None);
            point.context
        };
        let contexts: Vec<Vec<f32>> = prompts.iter().zip(&seen.rarity).map(context).collect();
        for at in Representation::RARITY..Representation::LATENT {
            let values = || contexts.iter().map(|context| context[at]);
            let mean = values().sum::<f32>() / contexts.len() as f32;
            let square = values().map(|value| value * value).sum::<f32>() / contexts.len() as f32;
            assert!(mean.abs() < 0.1 && square < 1.1, "{at}: {mean}, {square}");
            assert!(square > 0.5, "{at} varies, but has the square {square}");
        }
    }

    fn fitted(texts: &[String]) -> (Representation, Vec<Vec<f32>>) {
        let extractor = Extractor::new(FeatureSpec::default()).unwrap();
        let features: FeatureMatrix = texts.iter().map(|text| extractor.extract(text)).collect();
        let spec = FeatureSpec::default();
        let representation = represent(&features, &spec, 1, &Device::Cpu)
            .unwrap()
            .representation;
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
