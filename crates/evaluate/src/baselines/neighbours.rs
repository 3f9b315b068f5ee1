//! The mean score of the nearest prompts: cosine of TF-IDF over hashed word 1–2-grams
//! (kNN routing, arXiv 2505.12601).
//!
//! An inverted index over all prompts; a query skips those of its own fold. N-grams that occur in
//! more than half of the prompts are left out: they say little and cost most of the time. Of a
//! large sample, an even selection serves as neighbours.

use pointsman_features::{Extractor, FeatureSpec, Features};
use pointsman_types::Grid;
use rayon::prelude::*;

use super::folds::{Folds, mean_row};
use crate::Sample;

const NEIGHBOURS: usize = 100;
const MOST_INDEXED: usize = 10_000;

/// Predicted quality, shape `(prompts, models)`.
pub(super) fn quality(sample: &Sample, folds: &Folds) -> Grid<f64> {
    let vectors = vectors(sample);
    let index = Index::of(&vectors);
    let score = sample.outcomes.score();
    let columns = sample.models.len();
    let rows: Vec<Vec<f64>> = (0..vectors.len())
        .into_par_iter()
        .map_init(
            || vec![0.0; vectors.len()],
            |similarity, row| {
                let near =
                    index.nearest(&vectors[row], |other| folds.apart(row, other), similarity);
                mean_row(columns, near.iter().map(|near| score.row(*near))).1
            },
        )
        .collect();
    Grid::from_values(columns, rows.concat())
}

/// Unit vectors: `(bucket, weight)`.
type Vector = Vec<(u32, f32)>;

fn vectors(sample: &Sample) -> Vec<Vector> {
    let spec = FeatureSpec::default();
    let buckets = spec.buckets();
    let extractor =
        Extractor::new(spec).expect("the default spec can be extracted by the build it is from");
    let features: Vec<Features> = sample
        .prompts
        .par_iter()
        .map(|prompt| extractor.extract(&prompt.text))
        .collect();
    let mut occurrences = vec![0_u32; buckets];
    for bucket in features.iter().flat_map(|features| &features.buckets) {
        occurrences[*bucket as usize] += 1;
    }
    let common = (features.len() / 2).max(20) as u32;
    let idf = |bucket: u32| {
        let occurs = occurrences[bucket as usize];
        (occurs <= common).then(|| ((1 + features.len()) as f32 / (1 + occurs) as f32).ln() + 1.0)
    };
    features
        .par_iter()
        .map(|features| weighted(features, idf))
        .collect()
}

fn weighted(features: &Features, idf: impl Fn(u32) -> Option<f32>) -> Vector {
    let cells = features.buckets.iter().zip(&features.values);
    let mut vector: Vector = cells
        .filter_map(|(bucket, value)| Some((*bucket, value * idf(*bucket)?)))
        .collect();
    let norm = vector
        .iter()
        .map(|cell| cell.1 * cell.1)
        .sum::<f32>()
        .sqrt();
    for cell in &mut vector {
        cell.1 /= norm;
    }
    vector
}

/// For each bucket, the prompts it occurs in.
struct Index {
    starts: Vec<usize>,
    postings: Vec<(u32, f32)>,
    indexed: Vec<usize>,
}

impl Index {
    fn of(vectors: &[Vector]) -> Self {
        let step = vectors.len().div_ceil(MOST_INDEXED).max(1);
        let indexed: Vec<usize> = (0..vectors.len()).step_by(step).collect();
        let mut cells: Vec<(u32, u32, f32)> = indexed
            .iter()
            .flat_map(|row| {
                let cells = vectors[*row].iter();
                cells.map(move |(bucket, weight)| (*bucket, *row as u32, *weight))
            })
            .collect();
        cells.sort_unstable_by_key(|cell| (cell.0, cell.1));
        let mut starts = vec![0; FeatureSpec::default().buckets() + 1];
        for cell in &cells {
            starts[cell.0 as usize + 1] += 1;
        }
        for bucket in 1..starts.len() {
            starts[bucket] += starts[bucket - 1];
        }
        Self {
            starts,
            postings: cells.into_iter().map(|cell| (cell.1, cell.2)).collect(),
            indexed,
        }
    }

    /// The most similar of the allowed prompts; of equals, those that come first. `similarity` is
    /// room to work in, one entry per prompt.
    fn nearest(
        &self,
        query: &Vector,
        allowed: impl Fn(usize) -> bool,
        similarity: &mut [f32],
    ) -> Vec<usize> {
        similarity.fill(0.0);
        for (bucket, weight) in query {
            let bucket = *bucket as usize;
            for (row, other) in &self.postings[self.starts[bucket]..self.starts[bucket + 1]] {
                similarity[*row as usize] += weight * other;
            }
        }
        let candidates = self.indexed.iter().copied();
        let mut near: Vec<usize> = candidates.filter(|row| allowed(*row)).collect();
        let count = NEIGHBOURS.min(near.len().div_ceil(5));
        if count > 0 && count < near.len() {
            near.select_nth_unstable_by(count - 1, |a, b| {
                let nearer = similarity[*b].total_cmp(&similarity[*a]);
                nearer.then(a.cmp(b))
            });
            near.truncate(count);
        }
        near
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_share_the_rarest_buckets() {
        let vectors = vec![
            vec![(1, 0.6), (2, 0.8)],
            vec![(3, 1.0)],
            vec![(2, 1.0)],
            vec![(4, 1.0)],
            vec![(1, 1.0)],
            vec![],
        ];
        let index = Index::of(&vectors);
        let mut room = vec![0.0; vectors.len()];
        let near = index.nearest(&vectors[0], |row| row != 0, &mut room);
        assert_eq!(near, [2]);
        let near = index.nearest(&vectors[0], |row| row == 4 || row == 3, &mut room);
        assert_eq!(near, [4]);
        let none = index.nearest(&vectors[5], |_| false, &mut room);
        assert!(none.is_empty());
    }

    #[test]
    fn weights_are_of_unit_length_and_skip_common_buckets() {
        let features = Features {
            buckets: vec![1, 5, 9],
            values: vec![1.0, 2.0, 1.0],
            ..Features::default()
        };
        let vector = weighted(&features, |bucket| (bucket != 5).then_some(2.0));
        assert_eq!(vector.len(), 2);
        let norm: f32 = vector.iter().map(|cell| cell.1 * cell.1).sum();
        assert!((norm - 1.0).abs() < 1e-6);
    }
}
