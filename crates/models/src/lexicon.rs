//! The n-grams that training saw often enough, and how telling each is.

use pointsman_features::FeatureRow;

/// Marks a bucket that training did not see.
const UNSEEN: u32 = u32::MAX;

/// Maps hash buckets to dense rows `0..len` and holds the inverse document frequency of each.
#[derive(Debug, Clone, PartialEq)]
pub struct Lexicon {
    row_of_bucket: Vec<u32>,
    buckets: Vec<u32>,
    idf: Vec<f32>,
    rarest: f32,
}

/// A prompt in the lexicon's space: `(row, value)`, each row once, at unit Euclidean length (or no
/// entry at all, when none of its n-grams is known).
pub type SparseVector = Vec<(u32, f32)>;

impl Lexicon {
    /// A lexicon of these buckets (ascending) with their inverse document frequencies, out of
    /// `all_buckets`.
    #[must_use]
    pub fn new(all_buckets: usize, buckets: Vec<u32>, idf: Vec<f32>) -> Self {
        let mut row_of_bucket = vec![UNSEEN; all_buckets];
        for (row, bucket) in buckets.iter().enumerate() {
            row_of_bucket[*bucket as usize] = row as u32;
        }
        Self {
            row_of_bucket,
            buckets,
            rarest: idf.iter().copied().fold(1.0, f32::max),
            idf,
        }
    }

    /// How many n-grams are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buckets.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// The known buckets, ascending.
    #[must_use]
    pub fn buckets(&self) -> &[u32] {
        &self.buckets
    }

    /// The row of a bucket, if it is known.
    #[must_use]
    pub fn row(&self, bucket: u32) -> Option<usize> {
        let row = self.row_of_bucket[bucket as usize];
        (row != UNSEEN).then_some(row as usize)
    }

    /// The inverse document frequency of each row.
    #[must_use]
    pub fn idf(&self) -> &[f32] {
        &self.idf
    }

    /// The greatest inverse document frequency; at least 1.
    #[must_use]
    pub fn rarest(&self) -> f32 {
        self.rarest
    }

    /// Term frequency times inverse document frequency, at unit length.
    #[must_use]
    pub fn vector(&self, features: FeatureRow<'_>) -> SparseVector {
        let mut vector = Vec::with_capacity(features.buckets.len());
        let mut square = 0.0;
        for (bucket, frequency) in features.buckets.iter().zip(features.values) {
            let row = self.row_of_bucket[*bucket as usize];
            if row != UNSEEN {
                let value = frequency * self.idf[row as usize];
                square += value * value;
                vector.push((row, value));
            }
        }
        let scale = if square > 0.0 {
            square.sqrt().recip()
        } else {
            0.0
        };
        vector.iter_mut().for_each(|(_, value)| *value *= scale);
        vector
    }
}

#[cfg(test)]
mod tests {
    use pointsman_features::Features;

    use super::*;

    fn vector(buckets: &[u32], values: &[f32]) -> SparseVector {
        let lexicon = Lexicon::new(16, vec![2, 5], vec![1.0, 2.0]);
        let features = Features {
            buckets: buckets.into(),
            values: values.into(),
            ..Features::default()
        };
        lexicon.vector((&features).into())
    }

    #[test]
    fn a_vector_has_unit_length() {
        let found = vector(&[2, 5], &[2.0, 1.0]);
        let square: f32 = found.iter().map(|(_, value)| value * value).sum();
        assert!((square - 1.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn unseen_buckets_are_left_out() {
        assert_eq!(vector(&[1, 5, 9], &[1.0, 3.0, 1.0]), [(1, 1.0)]);
    }

    #[test]
    fn a_prompt_of_unseen_words_is_the_zero_vector() {
        assert!(vector(&[1, 9], &[1.0, 1.0]).is_empty());
    }
}
