//! By how much a new policy is better than the current one, on the same decisions.
//!
//! DR with differences in place of weights and values: `mean(m_new - m_current) +
//! sum(v (w_new - w_current) (r - q)) / sum(v)`. Where both choose alike, a decision adds nothing, not
//! even noise. Where the current policy is the one that logged, its weights are 1 and the prediction
//! for the chosen arm stands for its value, which has the same mean.

use super::decision::{Logged, Target, check};
use super::estimate::{OffPolicyPlan, Terms};
use super::interval::{ErrorOf, Estimate};
use super::overlap::{Overlap, effective, mean_of, overlap};
use super::refusal::OffPolicyRefusal;
use crate::Bootstrap;

/// The policy that a new one is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Current<'a> {
    /// The one that made the logged decisions.
    OnPolicy,
    /// One whose probabilities are known, for each decision.
    Known(&'a [Target]),
}

/// The value of the new policy minus that of the current one.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    error: ErrorOf,
    confidence: f64,
    /// How much the log says of the new policy.
    pub overlap: Overlap,
    /// The share of the decisions in which the two differ: the total variation between them.
    pub differs: f64,
}

impl Difference {
    /// The difference by DR, with the interval of the plan's confidence.
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        self.error.estimate(self.confidence)
    }

    /// The new policy is better by at least this much, with this confidence (one-sided).
    #[must_use]
    pub fn lower(&self, confidence: f64) -> f64 {
        self.error.lower(1.0 - confidence)
    }
}

/// Estimates how much better the new policy is.
///
/// # Errors
/// With the reason where the log cannot tell. What lacks support is measured against the share of
/// decisions in which the two differ, since that is all a difference rests on.
///
/// # Panics
/// When there is not one target for each decision.
pub fn difference(
    logged: &[Logged],
    new: &[Target],
    current: Current<'_>,
    plan: &OffPolicyPlan,
) -> Result<Difference, OffPolicyRefusal> {
    let overlap = overlap(logged, new)?;
    let terms = terms(logged, new, current)?;
    let differs = mean_of(terms.weights.iter().map(|weight| (-weight).max(0.0)));
    check_support(&overlap, unsupported(&overlap, current), differs, plan)?;
    overlap.check(&plan.limits)?;
    check_evidence(&terms, differs, plan)?;
    let bootstrap = Bootstrap::over_prompts(terms.groups, plan.replicates, plan.seed);
    let [error] = ErrorOf::of(&[terms.switched(f64::INFINITY)], plan.method, &bootstrap);
    Ok(Difference {
        error,
        confidence: plan.confidence,
        overlap,
        differs,
    })
}

fn terms<'a>(
    logged: &'a [Logged],
    new: &[Target],
    current: Current<'_>,
) -> Result<Terms<'a>, OffPolicyRefusal> {
    if let Current::Known(current) = current {
        check(logged, current)?;
    }
    let now = |at: usize| match current {
        Current::OnPolicy => (1.0, logged[at].predicted),
        Current::Known(current) => (logged[at].weight(&current[at]), current[at].value),
    };
    let both = (0..logged.len()).map(|at| {
        let (weight, value) = now(at);
        (logged[at].weight(&new[at]) - weight, new[at].value - value)
    });
    let (weights, values) = both.unzip();
    Ok(Terms::new(logged, weights, values))
}

fn unsupported(overlap: &Overlap, current: Current<'_>) -> f64 {
    let known = match current {
        Current::OnPolicy => 0.0,
        Current::Known(current) => mean_of(current.iter().map(|one| one.unsupported)),
    };
    overlap.unsupported + known
}

fn check_support(
    overlap: &Overlap,
    unsupported: f64,
    differs: f64,
    plan: &OffPolicyPlan,
) -> Result<(), OffPolicyRefusal> {
    // Without support the weights do not show that the two differ, so the share itself does.
    let differs = differs.max(unsupported);
    if differs <= 0.0 {
        return Ok(());
    }
    let of = "the choices in which it differs from the current policy";
    overlap.check_support(unsupported / differs, of, &plan.limits)
}

/// What the new policy does more often must have been done and rated often enough.
fn check_evidence(
    terms: &Terms<'_>,
    differs: f64,
    plan: &OffPolicyPlan,
) -> Result<(), OffPolicyRefusal> {
    let more: Vec<f64> = terms.weights.iter().map(|weight| weight.max(0.0)).collect();
    let found = effective(terms.logged, &more);
    let rated = terms.logged.iter().zip(&more);
    match differs > 0.0 && found < plan.limits.least_effective {
        true => Err(OffPolicyRefusal::FewEffective {
            found,
            of: rated
                .filter(|(one, weight)| one.reward.is_some() && **weight > 0.0)
                .count(),
            least: plan.limits.least_effective,
        }),
        false => Ok(()),
    }
}
