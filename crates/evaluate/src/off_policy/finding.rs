//! The result in a sentence, and what a reader must know before trusting it.

use pointsman_measures::{Estimate, Estimator};

use super::report::OffPolicyReport;
use crate::number::{count, percent, quality, signed};

/// Below this a mean weight is no accident.
const SUSPICIOUS: f64 = 0.01;
/// From here on a few decisions carry the result.
const HEAVY_TOP: f64 = 0.3;

pub(super) fn finding(report: &OffPolicyReport) -> String {
    let value = format!(
        "On {} logged decisions the router would have been worth {} each ({}, by DR).",
        count(report.overlap.decisions),
        with_ends(&report.dr(), quality),
        report.facts.reward,
    );
    let confidence = percent(report.facts.confidence);
    let against = match (&report.difference, &report.difference_refused) {
        (Some(found), _) if found.at_least > 0.0 => format!(
            "It is better than what decided, by {}; by at least {} with {confidence} confidence.",
            with_ends(&found.estimate, signed),
            signed(found.at_least),
        ),
        (Some(found), _) => format!(
            "Whether it is better than what decided cannot be told: the difference is {}, and with \
             {confidence} confidence no less than {}.",
            with_ends(&found.estimate, signed),
            signed(found.at_least),
        ),
        (None, Some(reason)) => format!("No difference from what decided is stated: {reason}."),
        (None, None) => String::new(),
    };
    format!("{value} {against}").trim_end().to_owned()
}

pub(super) fn warnings(report: &OffPolicyReport, trained_on: usize) -> Vec<String> {
    let overlap = &report.overlap;
    let mut warnings = Vec::new();
    if trained_on > 0 {
        warnings.push(format!(
            "the router was trained on the prompts of {} of these decisions, so the figures flatter it",
            count(trained_on)
        ));
    }
    if overlap.mean_weight_p < SUSPICIOUS {
        warnings.push(format!(
            "the weights have a mean of {:.3} where {:.3} is right (p = {:.4}); are the logged \
             propensities those of the policy that decided?",
            overlap.mean_weight, overlap.mean_weight_expected, overlap.mean_weight_p
        ));
    }
    if overlap.top_share > HEAVY_TOP {
        warnings.push(format!(
            "1 % of the decisions carry {} of the weight",
            percent(overlap.top_share)
        ));
    }
    if overlap.unsupported > 0.0 {
        warnings.push(format!(
            "{} of the router's choices have no support in the log; for those the prediction alone speaks",
            percent(overlap.unsupported)
        ));
    }
    warnings
}

impl OffPolicyReport {
    /// The value by DR, which the finding states.
    pub(super) fn dr(&self) -> Estimate {
        let mut rows = self.estimates.iter();
        rows.find(|row| row.estimator == Estimator::Dr)
            .map_or(self.logged, |row| row.estimate)
    }
}

/// A value with its interval in brackets.
pub(crate) fn with_ends(estimate: &Estimate, show: impl Fn(f64) -> String) -> String {
    let [value, low, high] = [estimate.value, estimate.low, estimate.high].map(show);
    format!("{value} [{low} to {high}]")
}
