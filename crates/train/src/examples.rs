//! A log table with its prompts turned into points.

use candle_core::Tensor;
use pointsman_features::{Extractor, FeatureMatrix, SpecError};
use pointsman_models::{Familiarity, Representation};
use pointsman_router::RouterError;
use pointsman_types::{Grid, LogTable, text_hash};
use rayon::prelude::*;

use crate::embed::Embedded;
use crate::error::TrainError;
use crate::familiar::familiarity;
use crate::represent::{Represented, represent};
use crate::sparse::SparseMatrix;
use crate::train::Options;

/// Everything the heads learn from, except the labels.
pub(crate) struct Examples {
    /// How prompts are seen.
    pub(crate) representation: Representation,
    /// Where the prompts end.
    pub(crate) familiarity: Familiarity,
    /// Shape `(prompts, n-grams)`.
    pub(crate) ngrams: SparseMatrix,
    /// Shape `(prompts, context)`: constant, surface features, rarity, latent coordinates.
    pub(crate) context: Tensor,
    /// Length of each prompt in characters.
    pub(crate) chars: Vec<f32>,
}

impl Examples {
    pub(crate) fn new(table: &LogTable, options: &Options) -> Result<Self, TrainError> {
        let (spec, device) = (&options.features, &options.device);
        let extractor =
            Extractor::new(spec.clone()).map_err(|error: SpecError| RouterError::from(error))?;
        let extracted: Vec<_> = table
            .prompts
            .par_iter()
            .map(|row| extractor.extract(&row.text))
            .collect();
        let features: FeatureMatrix = extracted.into_iter().collect();
        let Represented {
            mut representation,
            ngrams,
            rarity,
        } = represent(&features, spec, options.seed, device)?;
        let encoder = options.encoder.as_deref();
        let embedded = encoder.map(|encoder| Embedded::new(table, encoder, device));
        let (projection, vectors) = embedded
            .transpose()?
            .map(|embedded| (embedded.projection, embedded.vectors))
            .unzip();
        representation.embedding = projection;
        let point = |row: usize| {
            let embedding = vectors.as_ref().map(|vectors| vectors.row(row));
            let features = features.row(row);
            let point = representation.training_point(features, rarity[row], embedding);
            point.context
        };
        let points: Vec<Vec<f32>> = (0..features.rows()).into_par_iter().map(point).collect();
        let shape = (features.rows(), representation.context_len());
        let context = Tensor::from_vec(points.concat(), shape, device)?;
        let chars = table
            .prompts
            .par_iter()
            .map(|row| row.text.chars().count() as f32)
            .collect();
        Ok(Self {
            familiarity: familiarity(&features, &representation),
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

/// The most training prompts that explanations may point to.
const MOST_KEPT: usize = 20_000;

/// The latent coordinates of the prompts that are kept for explanations: of those that have a score
/// the ones with the smallest hashes, in the order of the table.
pub(crate) fn kept(
    table: &LogTable,
    examples: &Examples,
) -> Result<(Vec<usize>, Grid<f32>), TrainError> {
    let is_scored = |row: &usize| table.score.row(*row).iter().any(|score| !score.is_nan());
    let mut rows: Vec<usize> = (0..table.prompts.len()).filter(is_scored).collect();
    rows.sort_by_key(|row| (text_hash(&table.prompts[*row].text), *row));
    rows.truncate(MOST_KEPT);
    rows.sort_unstable();
    let dimensions = examples.representation.dimensions();
    let latent = examples.latent()?.flatten_all()?.to_vec1::<f32>()?;
    Ok((
        rows.clone(),
        Grid::from_values(dimensions, latent).select(&rows),
    ))
}

/// The columns of one fit among the columns of several fits side by side.
pub(crate) fn columns_of_fit(all: &Grid<f32>, fit: usize, models: usize) -> Grid<f32> {
    let rows = (0..all.rows()).flat_map(|row| &all.row(row)[fit * models..(fit + 1) * models]);
    Grid::from_values(models, rows.copied().collect())
}
