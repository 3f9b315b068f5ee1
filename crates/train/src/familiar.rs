//! Where the training prompts end.

use pointsman_features::FeatureMatrix;
use pointsman_models::{Familiarity, Representation, known_share};
use rayon::prelude::*;

use crate::represent::prompts_with;

/// All but this share of the training prompts lie within the range of known n-grams.
const STRANGEST: f64 = 0.01;
/// The surface is strange only from this multiple of the distance on that as many prompts lie
/// within: long, short or tabular prompts are predicted as well as others until far beyond it.
const FAR: f32 = 3.0;

/// The range of the training prompts. Each prompt is looked at as if it had not been in training:
/// its n-grams count as known only where enough other prompts have them.
pub(crate) fn familiarity(features: &FeatureMatrix, seen: &Representation) -> Familiarity {
    let prompts_with = prompts_with(features, &seen.lexicon);
    let least = prompts_with.iter().copied().min().unwrap_or(0);
    let rows = 0..features.rows();
    let mut known: Vec<f32> = rows
        .clone()
        .into_par_iter()
        .map(|row| {
            known_share(&seen.lexicon, features.row(row), |ngram| {
                prompts_with[ngram] > least
            })
        })
        .collect();
    let mut distance: Vec<f32> = rows
        .map(|row| seen.surface_distance(features.row(row)))
        .collect();
    Familiarity {
        least_known: quantile(&mut known, STRANGEST),
        most_distance: FAR * quantile(&mut distance, 1.0 - STRANGEST),
    }
}

/// The value that this share of the values lies below.
fn quantile(values: &mut [f32], share: f64) -> f32 {
    values.sort_by(f32::total_cmp);
    let last = values.len().saturating_sub(1);
    values
        .get((last as f64 * share).round() as usize)
        .copied()
        .unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_leaves_its_share_below() {
        let mut values: Vec<f32> = (0..101).map(|number| (100 - number) as f32).collect();
        assert!((quantile(&mut values, 0.01) - 1.0).abs() < 1e-6);
        assert!((quantile(&mut values, 0.99) - 99.0).abs() < 1e-6);
    }
}
