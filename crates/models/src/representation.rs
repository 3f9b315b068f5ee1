//! A prompt as a point: sparse in n-grams, and dense in a low-dimensional context.

use pointsman_features::{CHARACTER_FEATURES, FeatureRow, SURFACE_FEATURES};
use pointsman_types::Grid;

use crate::lexicon::{Lexicon, SparseVector};
use crate::products::{add_dense_products, add_products};
use crate::rarity::{RARITY_FEATURES, Rarity};

/// What every head reads. Fitted on prompts alone; no label takes part.
#[derive(Debug, Clone, PartialEq)]
pub struct Representation {
    /// The known n-grams.
    pub lexicon: Lexicon,
    /// Mean of each surface feature over the training prompts.
    pub surface_mean: Vec<f32>,
    /// One over the standard deviation of each surface feature; 0 for a constant one.
    pub surface_scale: Vec<f32>,
    /// How rare the n-grams of a prompt are.
    pub rarity: Rarity,
    /// Shape `(n-grams, dimensions)`: latent semantic directions of the n-gram vectors.
    pub projection: Grid<f32>,
    /// Directions of the sentence encoder's vectors, where the router has an encoder.
    pub embedding: Option<EmbeddingProjection>,
}

/// Principal directions of sentence embeddings.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingProjection {
    /// Mean vector of the training prompts.
    pub mean: Vec<f32>,
    /// Shape `(embedding dimensions, latent dimensions)`.
    pub directions: Grid<f32>,
}

/// One prompt as the heads see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Its n-grams at unit length.
    pub ngrams: SparseVector,
    /// `[1, surface features and rarity standardised, latent coordinates]`.
    pub context: Vec<f32>,
}

/// Standardised features are cut here: far outside the training range nothing is known.
const BOUND: f32 = 4.0;

impl Representation {
    /// Where the rarity of the n-grams begins within a context.
    pub const RARITY: usize = 1 + SURFACE_FEATURES;
    /// Where the latent coordinates begin within a context.
    pub const LATENT: usize = Self::RARITY + RARITY_FEATURES;

    /// Number of latent dimensions: of the n-grams, then of the embedding.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        let embedding = self.embedding.as_ref();
        self.projection.columns() + embedding.map_or(0, |seen| seen.directions.columns())
    }

    /// Length of a context.
    #[must_use]
    pub fn context_len(&self) -> usize {
        Self::LATENT + self.dimensions()
    }

    /// The point of a prompt, given its embedding where the router has an encoder; without one its
    /// place is the mean's.
    #[must_use]
    pub fn point(&self, features: FeatureRow<'_>, embedding: Option<&[f32]>) -> Point {
        let rarity = self.rarity.of(&self.lexicon, features);
        self.training_point(features, rarity, embedding)
    }

    /// The point of a training prompt, whose rarity was measured as if it had not been in training:
    /// its own n-grams would all be known.
    #[must_use]
    pub fn training_point(
        &self,
        features: FeatureRow<'_>,
        rarity: [f32; RARITY_FEATURES],
        embedding: Option<&[f32]>,
    ) -> Point {
        let ngrams = self.lexicon.vector(features);
        let mut context = vec![0.0; self.context_len()];
        context[0] = 1.0;
        let dense = self.standardised(features);
        let dense = dense.chain(self.rarity.standardised(rarity));
        for (slot, value) in context[1..].iter_mut().zip(dense) {
            *slot = value.clamp(-BOUND, BOUND);
        }
        let (of_ngrams, of_embedding) =
            context[Self::LATENT..].split_at_mut(self.projection.columns());
        add_products(&ngrams, &self.projection, of_ngrams);
        if let Some((seen, vector)) = self.embedding.as_ref().zip(embedding) {
            seen.project(vector, of_embedding);
        }
        Point { ngrams, context }
    }

    /// The mean square of the standardised features of its characters: about 1 for a usual prompt.
    /// What its words say is not looked at: of thirty shares and counts some are always unusual.
    #[must_use]
    pub fn surface_distance(&self, features: FeatureRow<'_>) -> f32 {
        let of_characters = self.standardised(features).take(CHARACTER_FEATURES);
        let squares: f32 = of_characters.map(|value| value * value).sum();
        squares / CHARACTER_FEATURES as f32
    }

    fn standardised(&self, features: FeatureRow<'_>) -> impl Iterator<Item = f32> {
        let moments = self.surface_mean.iter().zip(&self.surface_scale);
        features
            .surface
            .iter()
            .zip(moments)
            .map(|(value, (mean, scale))| (value - mean) * scale)
    }
}

impl EmbeddingProjection {
    fn project(&self, vector: &[f32], sums: &mut [f32]) {
        let centred: Vec<f32> = vector
            .iter()
            .zip(&self.mean)
            .map(|(value, mean)| value - mean)
            .collect();
        add_dense_products(&centred, &self.directions, sums);
    }
}

impl Point {
    /// The latent coordinates.
    #[must_use]
    pub fn latent(&self) -> &[f32] {
        &self.context[Representation::LATENT..]
    }
}

#[cfg(test)]
mod tests {
    use pointsman_features::Features;

    use super::*;

    fn seen() -> Representation {
        Representation {
            lexicon: Lexicon::new(16, Vec::new(), Vec::new()),
            surface_mean: vec![0.0; SURFACE_FEATURES],
            surface_scale: vec![1.0; SURFACE_FEATURES],
            rarity: Rarity {
                unknown: 2.0,
                mean: [0.0; RARITY_FEATURES],
                scale: [10.0; RARITY_FEATURES],
            },
            projection: Grid::filled(0, 1, 0.0),
            embedding: None,
        }
    }

    fn unknown_ngram() -> Features {
        Features {
            buckets: vec![3],
            values: vec![1.0],
            ..Features::default()
        }
    }

    #[test]
    fn rarity_stands_between_surface_features_and_latent_coordinates() {
        let mut features = unknown_ngram();
        features.surface[SURFACE_FEATURES - 1] = 2.0;
        let context = seen().point((&features).into(), None).context;
        let (dense, latent) = context[SURFACE_FEATURES..].split_at(1 + RARITY_FEATURES);
        let expected = [2.0, BOUND, 0.0, BOUND];
        let pairs = dense.iter().zip(expected);
        assert!(
            pairs
                .into_iter()
                .all(|(found, expected)| (found - expected).abs() < 1e-6),
            "{dense:?}"
        );
        assert_eq!(latent.len(), 1);
    }

    #[test]
    fn a_text_is_far_by_its_characters_alone() {
        let mut features = unknown_ngram();
        features.surface[CHARACTER_FEATURES..].fill(9.0);
        assert!(seen().surface_distance((&features).into()).abs() < 1e-6);
        features.surface[..CHARACTER_FEATURES].fill(3.0);
        assert!((seen().surface_distance((&features).into()) - 9.0).abs() < 1e-4);
    }
}
