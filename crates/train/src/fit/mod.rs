//! The families of quality heads. Each fits a small grid of settings, on every split at once, and
//! says what it predicts for prompts it did not see.

mod context;
mod kernel;
mod kmeans;
mod network;
mod ngrams;
mod path;
mod tables;

use pointsman_models::{ClusterTable, Kernel, Network, QualityHead};
use pointsman_types::Grid;
use serde::Serialize;

pub(crate) use context::{fit_context, ridge};
pub(crate) use kernel::fit_kernels;
pub(crate) use network::fit_networks;
pub(crate) use ngrams::fit_ngrams;
pub(crate) use tables::fit_tables;

/// The families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Family {
    /// Shrunk means by cluster.
    Table,
    /// Ridge on surface features and latent coordinates.
    Context,
    /// Ridge on hashed n-grams.
    Ngrams,
    /// A low-rank network on surface features and latent coordinates.
    Network,
    /// Linear on hashed n-grams, learnt from rows that memory has no room for.
    Stream,
    /// Ridge in the space of a kernel on latent coordinates.
    Kernel,
}

impl Family {
    pub(crate) const ALL: [Self; 6] = [
        Self::Table,
        Self::Context,
        Self::Ngrams,
        Self::Network,
        Self::Stream,
        Self::Kernel,
    ];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Context => "context",
            Self::Ngrams => "ngrams",
            Self::Network => "network",
            Self::Stream => "stream",
            Self::Kernel => "kernel",
        }
    }
}

/// One setting of one family, fitted.
#[derive(Clone)]
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
    Networks(Vec<Network>),
    Kernel(Kernel),
}

impl Part {
    /// Adds this part to a head, scaled by its weight in the blend.
    pub(crate) fn add_to(&self, head: &mut QualityHead, weight: f32) {
        match self {
            Self::Tables(tables) => tables
                .iter()
                .for_each(|table| add_table(&mut head.tables, table, weight)),
            Self::Context(weights) => add_grid(&mut head.context, weights, weight),
            Self::Ngrams(weights) => add_grid(&mut head.ngrams, weights, weight),
            Self::Networks(networks) => {
                head.networks.extend(networks.iter().map(|network| Network {
                    weight: network.weight * weight,
                    ..network.clone()
                }))
            }
            Self::Kernel(kernel) => add_kernel(&mut head.kernels, kernel, weight),
        }
    }
}

fn add_grid(sum: &mut Option<Grid<f32>>, grid: &Grid<f32>, weight: f32) {
    let scaled = scaled(grid, weight);
    *sum = Some(match sum.take() {
        Some(sum) => add(&sum, &scaled),
        None => scaled,
    });
}

/// Tables over the same clusters become one.
fn add_table(sum: &mut Vec<ClusterTable>, table: &ClusterTable, weight: f32) {
    let deviations = scaled(&table.deviations, weight);
    match sum
        .iter_mut()
        .find(|there| there.centroids == table.centroids)
    {
        Some(there) => there.deviations = add(&there.deviations, &deviations),
        None => sum.push(ClusterTable {
            centroids: table.centroids.clone(),
            deviations,
        }),
    }
}

/// Kernels from the same landmarks become one.
fn add_kernel(sum: &mut Vec<Kernel>, kernel: &Kernel, weight: f32) {
    let weights = scaled(&kernel.weights, weight);
    let same =
        |there: &&mut Kernel| there.first == kernel.first && there.landmarks == kernel.landmarks;
    match sum.iter_mut().find(same) {
        Some(there) => there.weights = add(&there.weights, &weights),
        None => sum.push(Kernel {
            weights,
            ..kernel.clone()
        }),
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
