//! A log table with its prompts turned into points.

use candle_core::{Device, Tensor};
use pointsman_features::{Extractor, FeatureMatrix, FeatureSpec, SpecError};
use pointsman_models::Representation;
use pointsman_router::RouterError;
use pointsman_types::{Grid, LogTable};
use rayon::prelude::*;

use crate::error::TrainError;
use crate::represent::represent;
use crate::sparse::SparseMatrix;

/// Everything the heads learn from, except the labels.
pub(crate) struct Examples {
    /// How prompts are seen.
    pub(crate) representation: Representation,
    /// Shape `(prompts, n-grams)`.
    pub(crate) ngrams: SparseMatrix,
    /// Shape `(prompts, context)`: constant, surface features, latent coordinates.
    pub(crate) context: Tensor,
    /// Length of each prompt in characters.
    pub(crate) chars: Vec<f32>,
}

impl Examples {
    pub(crate) fn new(
        table: &LogTable,
        spec: &FeatureSpec,
        seed: u64,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let extractor =
            Extractor::new(spec.clone()).map_err(|error: SpecError| RouterError::from(error))?;
        let extracted: Vec<_> = table
            .prompts
            .par_iter()
            .map(|row| extractor.extract(&row.text))
            .collect();
        let features: FeatureMatrix = extracted.into_iter().collect();
        let (representation, ngrams) = represent(&features, spec, seed, device)?;
        let points: Vec<Vec<f32>> = (0..features.rows())
            .into_par_iter()
            .map(|row| representation.point(features.row(row)).context)
            .collect();
        let shape = (features.rows(), representation.context_len());
        let context = Tensor::from_vec(points.concat(), shape, device)?;
        let chars = table
            .prompts
            .par_iter()
            .map(|row| row.text.chars().count() as f32)
            .collect();
        Ok(Self {
            representation,
            ngrams,
            context,
            chars,
        })
    }

    /// Shape `(prompts, dimensions)`.
    pub(crate) fn latent(&self) -> Result<Tensor, TrainError> {
        let dimensions = self.representation.dimensions();
        Ok(self
            .context
            .narrow(1, Representation::LATENT, dimensions)?
            .contiguous()?)
    }
}

/// The columns of one fit among the columns of several fits side by side.
pub(crate) fn columns_of_fit(all: &Grid<f32>, fit: usize, models: usize) -> Grid<f32> {
    let rows = (0..all.rows()).flat_map(|row| &all.row(row)[fit * models..(fit + 1) * models]);
    Grid::from_values(models, rows.copied().collect())
}
