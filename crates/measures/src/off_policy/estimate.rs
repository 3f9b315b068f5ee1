//! The five estimators of a policy's value.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::decision::{Logged, Target};
use super::interval::{ErrorOf, Estimate, IntervalMethod};
use super::overlap::{Overlap, OverlapLimits, overlap};
use super::ratios::{Ratios, numbered};
use super::refusal::OffPolicyRefusal;
use super::switch::threshold;
use crate::Bootstrap;

/// How a value is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// Inverse propensity scores.
    Ips,
    /// The same, divided by the sum of the weights.
    Snips,
    /// The direct method: predictions alone.
    Dm,
    /// Doubly robust.
    Dr,
    /// Doubly robust, by predictions alone where weights are large.
    SwitchDr,
}

impl Estimator {
    /// All, in the order in which they are reported.
    pub const ALL: [Self; 5] = [Self::Ips, Self::Snips, Self::Dm, Self::Dr, Self::SwitchDr];

    /// Its usual name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ips => "IPS",
            Self::Snips => "SNIPS",
            Self::Dm => "DM",
            Self::Dr => "DR",
            Self::SwitchDr => "switch-DR",
        }
    }
}

impl fmt::Display for Estimator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How to estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OffPolicyPlan {
    /// With which probability an interval covers the true value, between 0 and 1.
    pub confidence: f64,
    /// How intervals are made.
    pub method: IntervalMethod,
    /// Resamples behind them.
    pub replicates: usize,
    /// Seed of the resamples.
    pub seed: u64,
    /// From where on nothing is estimated.
    pub limits: OverlapLimits,
}

impl Default for OffPolicyPlan {
    fn default() -> Self {
        Self {
            confidence: 0.95,
            method: IntervalMethod::default(),
            replicates: 1000,
            seed: 0,
            limits: OverlapLimits::default(),
        }
    }
}

/// What a policy would have been worth.
#[derive(Debug, Clone, PartialEq)]
pub struct OffPolicy {
    /// One for each of [`Estimator::ALL`], in that order.
    estimates: [Estimate; 5],
    /// The mean reward of the logged decisions themselves.
    pub logged: Estimate,
    /// The weight from which on switch-DR takes the prediction; infinite where it never does.
    pub switch_threshold: f64,
    /// How much the log says.
    pub overlap: Overlap,
}

impl OffPolicy {
    /// The value by one of the estimators.
    #[must_use]
    pub fn by(&self, estimator: Estimator) -> Estimate {
        self.estimates[estimator as usize]
    }
}

/// Estimates what the target would have been worth on these decisions.
///
/// # Errors
/// With the reason where the log cannot tell.
///
/// # Panics
/// When there is not one target for each decision.
pub fn off_policy(
    logged: &[Logged],
    targets: &[Target],
    plan: &OffPolicyPlan,
) -> Result<OffPolicy, OffPolicyRefusal> {
    let overlap = overlap(logged, targets)?;
    overlap.check(&plan.limits)?;
    let terms = Terms::of(logged, targets);
    let switch_threshold = threshold(&terms);
    let estimators = [
        terms.ips(),
        terms.snips(),
        terms.dm(),
        terms.switched(f64::INFINITY),
        terms.switched(switch_threshold),
        terms.on_policy(),
    ];
    let bootstrap = Bootstrap::over_prompts(terms.groups, plan.replicates, plan.seed);
    let errors = ErrorOf::of(&estimators, plan.method, &bootstrap);
    let [ips, snips, dm, dr, switch_dr, logged] = errors.map(|one| one.estimate(plan.confidence));
    Ok(OffPolicy {
        estimates: [ips, snips, dm, dr, switch_dr],
        logged,
        switch_threshold,
        overlap,
    })
}

/// What every estimator is made of.
pub(super) struct Terms<'a> {
    pub(super) logged: &'a [Logged],
    pub(super) weights: Vec<f64>,
    values: Vec<f64>,
    group_of: Vec<usize>,
    pub(super) groups: usize,
}

impl<'a> Terms<'a> {
    pub(super) fn of(logged: &'a [Logged], targets: &[Target]) -> Self {
        let pairs = logged.iter().zip(targets);
        let weights = pairs.map(|(logged, target)| logged.weight(target));
        let values = targets.iter().map(|target| target.value);
        Self::new(logged, weights.collect(), values.collect())
    }

    /// Weights may be differences of weights, and values of values.
    pub(super) fn new(logged: &'a [Logged], weights: Vec<f64>, values: Vec<f64>) -> Self {
        let (group_of, groups) = numbered(logged.iter().map(|one| one.group));
        Self {
            logged,
            weights,
            values,
            group_of,
            groups,
        }
    }

    fn ratios(&self, of_decision: impl Fn(usize, &Logged) -> [f64; 4]) -> Ratios {
        let each = |at: usize| of_decision(at, &self.logged[at]);
        Ratios::new(&self.group_of, self.groups, each)
    }

    fn ips(&self) -> Ratios {
        self.ratios(|at, one| {
            let v = one.stands_for();
            let r = one.reward.unwrap_or(0.0);
            [v * self.weights[at] * r, v, 0.0, 0.0]
        })
    }

    fn snips(&self) -> Ratios {
        self.ratios(|at, one| {
            let vw = one.stands_for() * self.weights[at];
            [vw * one.reward.unwrap_or(0.0), vw, 0.0, 0.0]
        })
    }

    fn dm(&self) -> Ratios {
        self.ratios(|at, _| [0.0, 0.0, self.values[at], 1.0])
    }

    /// Switch-DR with this threshold; DR where it is infinite.
    pub(super) fn switched(&self, threshold: f64) -> Ratios {
        self.ratios(|at, one| {
            let (v, w) = (one.stands_for(), self.weights[at]);
            let trusted = if w <= threshold { w } else { 0.0 };
            [v * trusted * one.surprise(), v, self.values[at], 1.0]
        })
    }

    fn on_policy(&self) -> Ratios {
        self.ratios(|_, one| {
            let v = one.stands_for();
            [v * one.reward.unwrap_or(0.0), v, 0.0, 0.0]
        })
    }
}
