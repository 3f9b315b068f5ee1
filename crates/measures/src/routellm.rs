//! The two-model measures as RouteLLM's own code computes them, for comparison with its tables.
//!
//! Eleven thresholds at the deciles of the preference stand for the whole curve. The CPT looks a
//! quality up by bisection in a list that need not rise: where the curve dips, the value depends
//! on where the bisection happens to step. [`crate::TwoModelCurve`] has the exact measures.

use serde::{Deserialize, Serialize};

use crate::two_model::trapezoid;
use crate::{MeasureError, Preference};

const BINS: usize = 10;

/// The measures of RouteLLM's evaluation (arXiv 2406.18665, tables 1 to 3).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RouteLlm {
    /// Mean score of the strong model.
    pub strong: f64,
    /// Mean score of the weak model.
    pub weak: f64,
    /// Area under PGR over the share of strong calls, on eleven thresholds.
    pub apgr: f64,
    /// Mean PGR at the ten thresholds that call the strong model at all.
    pub apgr_mean10: f64,
    /// Share of strong calls for 20, 50 and 80 % of the gap, interpolated.
    pub cpt: [f64; 3],
}

/// Measures a preference with ten quantile bins.
///
/// # Errors
/// When the lists differ in length or are empty, a number is not finite, or the strong model is
/// not better than the weak one.
pub fn quantile_binned(preference: Preference<'_>) -> Result<RouteLlm, MeasureError> {
    let (strong, weak) = preference.check()?;
    let edges = decile_edges(preference.for_strong);
    let mut points: Vec<(f64, f64)> = edges
        .iter()
        .enumerate()
        .map(|(at, edge)| at_threshold(preference, *edge, at + 1 == edges.len()))
        .collect();
    points.reverse();
    let pgr = |quality: f64| (quality - weak) / (strong - weak);
    let recovered: Vec<(f64, f64)> = points
        .iter()
        .map(|(share, quality)| (*share, pgr(*quality)))
        .collect();
    let called = recovered.get(1..).unwrap_or_default();
    Ok(RouteLlm {
        strong,
        weak,
        apgr: trapezoid(&recovered),
        apgr_mean10: called.iter().map(|point| point.1).sum::<f64>() / called.len() as f64,
        cpt: [0.2, 0.5, 0.8].map(|share| interpolated(&points, weak + share * (strong - weak))),
    })
}

/// Share of strong calls and mean quality where prompts at or above the edge go to the strong
/// model; at the last edge, only those above.
fn at_threshold(preference: Preference<'_>, edge: f64, last: bool) -> (f64, f64) {
    let (mut calls, mut quality) = (0_usize, 0.0);
    for (prompt, value) in preference.for_strong.iter().enumerate() {
        let to_strong = if last { *value > edge } else { *value >= edge };
        calls += usize::from(to_strong);
        quality += if to_strong {
            preference.strong[prompt]
        } else {
            preference.weak[prompt]
        };
    }
    let prompts = preference.for_strong.len() as f64;
    (calls as f64 / prompts, quality / prompts)
}

/// Distinct deciles, lowest first, interpolated between order statistics.
fn decile_edges(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = (sorted.len() - 1) as f64;
    let mut edges: Vec<f64> = (0..=BINS)
        .map(|bin| {
            let place = bin as f64 / BINS as f64 * last;
            let (low, high) = (
                sorted[place.floor() as usize],
                sorted[place.ceil() as usize],
            );
            low + (high - low) * (place - place.floor())
        })
        .collect();
    edges.dedup();
    edges
}

/// The share of strong calls at a quality, between the neighbours that a bisection ends at.
fn interpolated(points: &[(f64, f64)], quality: f64) -> f64 {
    let (first, last) = (points[0], points[points.len() - 1]);
    if quality >= last.1 {
        return last.0;
    }
    if quality < first.1 {
        return first.0;
    }
    let (mut low, mut high) = (0, points.len());
    while low < high {
        let middle = low + (high - low) / 2;
        if quality >= points[middle].1 {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let (from, to) = (points[low - 1], points[low]);
    from.0 + (to.0 - from.0) * (quality - from.1) / (to.1 - from.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_bins_by_hand() {
        // Eleven prompts, so that deciles fall on them; the strong model wins all, the gap is 1.
        let for_strong: Vec<f64> = (0..11).map(f64::from).collect();
        let measured = quantile_binned(Preference {
            for_strong: &for_strong,
            strong: &[1.0; 11],
            weak: &[0.0; 11],
        })
        .unwrap();
        // the edges call 11, 10, ... 2 and, above the last, 0 of 11: PGR equals the share of calls
        assert!((measured.apgr - 0.5).abs() < 1e-12);
        assert!((measured.apgr_mean10 - 65.0 / 110.0).abs() < 1e-12);
        for (cpt, expected) in measured.cpt.iter().zip([0.2, 0.5, 0.8]) {
            assert!((cpt - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn equal_preferences_leave_one_edge_and_no_panic() {
        let measured = quantile_binned(Preference {
            for_strong: &[0.5; 4],
            strong: &[1.0; 4],
            weak: &[0.0; 4],
        })
        .unwrap();
        assert!(measured.apgr.abs() < 1e-12);
    }
}
