//! Tables of shrunk mean deviations by cluster, averaged over several clusterings.

use pointsman_models::ClusterTable;
use pointsman_types::Grid;

use super::kmeans::{Clusters, kmeans};
use super::{Family, Fitted, Part, scaled};
use crate::error::TrainError;
use crate::examples::Examples;
use crate::splits::{Labels, Splits};

const CLUSTERS: [usize; 4] = [8, 16, 32, 64];
/// Prompts with no deviation that every cluster is credited with.
const PRIORS: [f32; 2] = [10.0, 40.0];
const CLUSTERINGS: u64 = 3;
/// A cluster has at least this many prompts on average.
const LEAST_PROMPTS: usize = 8;

/// For every number of clusters and prior strength: the mean of several tables. The clusterings
/// see prompts only, so the splits share them.
pub(crate) fn fit_tables(
    examples: &Examples,
    splits: &Splits,
    seed: u64,
) -> Result<Vec<Fitted>, TrainError> {
    let latent = examples.latent()?;
    let most = examples.chars.len() / LEAST_PROMPTS;
    let mut fitted = Vec::new();
    for count in CLUSTERS.into_iter().filter(|count| *count <= most) {
        let clusterings = (0..CLUSTERINGS).map(|number| kmeans(&latent, count, seed ^ number));
        let clusterings = clusterings.collect::<Result<Vec<_>, _>>()?;
        fitted.extend(PRIORS.map(|prior| tables(&clusterings, splits, prior)));
    }
    Ok(fitted)
}

fn tables(clusterings: &[Clusters], splits: &Splits, prior: f32) -> Fitted {
    let models = splits.whole().mean.len();
    let share = 1.0 / clusterings.len() as f32;
    let of_fit = |labels: &Labels| -> Vec<ClusterTable> {
        let table = |clusters: &Clusters| ClusterTable {
            centroids: clusters.centroids.clone(),
            deviations: scaled(&deviations(clusters, labels, prior), share),
        };
        clusterings.iter().map(table).collect()
    };
    let by_fit: Vec<Vec<ClusterTable>> = splits.fits.iter().map(of_fit).collect();
    let mut held_out = Grid::filled(splits.whole().weight.rows(), models, 0.0);
    for (number, clusters) in clusterings.iter().enumerate() {
        let one = splits.held_out(models, |fit, row| {
            by_fit[fit][number]
                .deviations
                .row(clusters.cluster[row] as usize)
        });
        held_out = Grid::from_values(
            models,
            held_out
                .values()
                .iter()
                .zip(one.values())
                .map(|(a, b)| a + b)
                .collect(),
        );
    }
    Fitted {
        family: Family::Table,
        setting: format!(
            "{} clusters, prior {prior}",
            clusterings[0].centroids.rows()
        ),
        held_out,
        part: Part::Tables(by_fit.into_iter().next_back().unwrap_or_default()),
    }
}

/// `Σ weight deviation / (Σ weight + prior)` of each cluster and model.
fn deviations(clusters: &Clusters, labels: &Labels, prior: f32) -> Grid<f32> {
    let (count, models) = (clusters.centroids.rows(), labels.mean.len());
    let mut sums = Grid::filled(count, models, 0.0);
    let mut weights = Grid::filled(count, models, prior);
    for (row, cluster) in clusters.cluster.iter().enumerate() {
        let cells = labels
            .deviation
            .row(row)
            .iter()
            .zip(labels.weight.row(row))
            .enumerate();
        for (model, (deviation, weight)) in cells {
            sums[(*cluster as usize, model)] += weight * deviation;
            weights[(*cluster as usize, model)] += weight;
        }
    }
    let shrunk = sums
        .values()
        .iter()
        .zip(weights.values())
        .map(|(sum, weight)| sum / weight);
    Grid::from_values(models, shrunk.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_shrunk_by_its_prior() {
        let clusters = Clusters {
            centroids: Grid::filled(2, 1, 0.0),
            cluster: vec![0, 0, 1],
        };
        let labels = Labels {
            mean: vec![0.5],
            deviation: Grid::from_values(1, vec![0.3, 0.1, 0.4]),
            weight: Grid::from_values(1, vec![1.0, 1.0, 0.0]),
        };
        let found = deviations(&clusters, &labels, 2.0);
        assert!((found[(0, 0)] - 0.1).abs() < 1e-6, "(0.3 + 0.1) / (2 + 2)");
        assert!(
            found[(1, 0)].abs() < 1e-6,
            "a held-out label must not count"
        );
    }
}
