//! Sentence embeddings of the training prompts, and their principal directions.

use std::fmt::Debug;

use candle_core::{Device, Tensor};
use pointsman_features::current_turn;
use pointsman_models::{EmbeddingProjection, EncoderReference};
use pointsman_types::{Grid, LogTable};

use crate::error::TrainError;
use crate::linear::{eigen, to_double};

/// The most principal directions kept.
const DIRECTIONS: usize = 96;

/// A sentence encoder, as training sees it.
pub trait Embed: Debug + Send + Sync {
    /// How the artifact names it.
    fn reference(&self) -> EncoderReference;

    /// Vectors of unit length, shape `(texts, dimensions)`.
    ///
    /// # Errors
    /// In words, when the encoder fails.
    fn embed(&self, texts: &[&str]) -> Result<Grid<f32>, String>;
}

/// The embeddings of every prompt, with the directions in which they differ.
pub(crate) struct Embedded {
    pub(crate) vectors: Grid<f32>,
    pub(crate) projection: EmbeddingProjection,
}

impl Embedded {
    pub(crate) fn new(
        table: &LogTable,
        encoder: &dyn Embed,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let texts: Vec<&str> = table
            .prompts
            .iter()
            .map(|row| current_turn(&row.text))
            .collect();
        let vectors = encoder.embed(&texts).map_err(TrainError::Encoder)?;
        Ok(Self {
            projection: principal_directions(&vectors, device)?,
            vectors,
        })
    }
}

/// The first eigenvectors of the covariance. Sees prompts only.
fn principal_directions(
    vectors: &Grid<f32>,
    device: &Device,
) -> Result<EmbeddingProjection, TrainError> {
    let shape = (vectors.rows(), vectors.columns());
    let vectors = Tensor::from_slice(vectors.values(), shape, device)?;
    let mean = vectors.mean_keepdim(0)?;
    let centred = vectors.broadcast_sub(&mean)?;
    let (_, directions) = eigen(to_double(&centred.t()?.contiguous()?.matmul(&centred)?)?);
    let kept = DIRECTIONS.min(shape.1).min(shape.0 / 3).max(1);
    let entries = (0..shape.1).flat_map(|row| (0..kept).map(move |column| (row, column)));
    Ok(EmbeddingProjection {
        mean: mean.flatten_all()?.to_vec1::<f32>()?,
        directions: Grid::from_values(kept, entries.map(|at| directions[at] as f32).collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_direction_is_that_of_the_greatest_spread() {
        let values = (0..30).flat_map(|number| [1.0, number as f32, 0.1 * (number % 2) as f32]);
        let vectors = Grid::from_values(3, values.collect());
        let found = principal_directions(&vectors, &Device::Cpu).unwrap();
        assert!((found.mean[1] - 14.5).abs() < 1e-4);
        assert!(found.directions[(1, 0)].abs() > 0.99, "{found:?}");
    }
}
