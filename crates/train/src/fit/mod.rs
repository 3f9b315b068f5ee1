//! The families of quality heads. Each fits a small grid of settings, on every split at once, and
//! says what it predicts for prompts it did not see.

mod context;
mod kmeans;
mod ngrams;
mod tables;

use pointsman_models::{ClusterTable, QualityHead};
use pointsman_types::Grid;
use serde::Serialize;

pub(crate) use context::{fit_context, ridge};
pub(crate) use ngrams::fit_ngrams;
pub(crate) use tables::fit_tables;

/// The families, the simplest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Family {
    /// Shrunk means by cluster.
    Table,
    /// Ridge on surface features and latent coordinates.
    Context,
    /// Ridge on hashed n-grams.
    Ngrams,
}

/// One setting of one family, fitted.
pub(crate) struct Fitted {
    pub(crate) family: Family,
    /// The setting in words.
    pub(crate) setting: String,
    /// Deviations from the models' means, each prompt by the fit that held it out.
    pub(crate) held_out: Grid<f32>,
    /// The fit on everything.
    pub(crate) part: Part,
}

/// What a fitted family puts into a quality head.
#[derive(Clone)]
pub(crate) enum Part {
    Tables(Vec<ClusterTable>),
    Context(Grid<f32>),
    Ngrams(Grid<f32>),
}

impl Part {
    /// Adds this part to a head, scaled by its weight in the blend.
    pub(crate) fn add_to(&self, head: &mut QualityHead, weight: f32) {
        match self {
            Self::Tables(tables) => head.tables.extend(tables.iter().map(|table| ClusterTable {
                centroids: table.centroids.clone(),
                deviations: scaled(&table.deviations, weight),
            })),
            Self::Context(weights) => head.context = Some(scaled(weights, weight)),
            Self::Ngrams(weights) => head.ngrams = Some(scaled(weights, weight)),
        }
    }
}

pub(crate) fn scaled(grid: &Grid<f32>, factor: f32) -> Grid<f32> {
    Grid::from_values(
        grid.columns(),
        grid.values().iter().map(|value| value * factor).collect(),
    )
}

pub(crate) fn add(left: &Grid<f32>, right: &Grid<f32>) -> Grid<f32> {
    let sums = left
        .values()
        .iter()
        .zip(right.values())
        .map(|(left, right)| left + right);
    Grid::from_values(left.columns(), sums.collect())
}
