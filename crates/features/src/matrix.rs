//! The features of many prompts, packed.

use crate::conversation::SUMMARY_WEIGHT;
use crate::extract::Features;
use crate::surface::SURFACE_FEATURES;

/// Rows are prompts: compressed sparse n-grams beside dense surface features.
#[derive(Debug, Clone)]
pub struct FeatureMatrix {
    offsets: Vec<usize>,
    buckets: Vec<u32>,
    values: Vec<f32>,
    surface: Vec<[f32; SURFACE_FEATURES]>,
}

/// One prompt's features, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct FeatureRow<'a> {
    /// The surface features.
    pub surface: &'a [f32; SURFACE_FEATURES],
    /// The buckets that occur, each once.
    pub buckets: &'a [u32],
    /// How much each counts, as in [`Features::values`].
    pub values: &'a [f32],
}

impl<'a> From<&'a Features> for FeatureRow<'a> {
    fn from(features: &'a Features) -> Self {
        Self {
            surface: &features.surface,
            buckets: &features.buckets,
            values: &features.values,
        }
    }
}

impl FeatureRow<'_> {
    /// The buckets of the current turn with their frequencies: all, where a prompt is no conversation.
    pub fn of_current_turn(&self) -> impl Iterator<Item = (u32, f32)> {
        let all = self
            .buckets
            .iter()
            .copied()
            .zip(self.values.iter().copied());
        all.filter(|(_, value)| *value > SUMMARY_WEIGHT)
    }
}

impl FeatureMatrix {
    /// How many prompts.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.surface.len()
    }

    /// The features of one prompt.
    #[must_use]
    pub fn row(&self, row: usize) -> FeatureRow<'_> {
        let range = self.offsets[row]..self.offsets[row + 1];
        FeatureRow {
            surface: &self.surface[row],
            buckets: &self.buckets[range.clone()],
            values: &self.values[range],
        }
    }

    /// The features of every prompt, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = FeatureRow<'_>> + Clone {
        (0..self.rows()).map(|row| self.row(row))
    }
}

impl FromIterator<Features> for FeatureMatrix {
    fn from_iter<I: IntoIterator<Item = Features>>(prompts: I) -> Self {
        let mut matrix = Self {
            offsets: vec![0],
            buckets: Vec::new(),
            values: Vec::new(),
            surface: Vec::new(),
        };
        for features in prompts {
            matrix.buckets.extend_from_slice(&features.buckets);
            matrix.values.extend_from_slice(&features.values);
            matrix.surface.push(features.surface);
            matrix.offsets.push(matrix.buckets.len());
        }
        matrix
    }
}
