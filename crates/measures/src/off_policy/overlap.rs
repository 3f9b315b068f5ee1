//! How much a log can say of a policy: do the two choose the same often enough?

use serde::{Deserialize, Serialize};
use statrs::function::erf::erfc;

use super::decision::{Logged, Target, check};
use super::ratios::{Ratios, numbered};
use super::refusal::OffPolicyRefusal;

/// How far logging policy and target overlap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overlap {
    /// Logged decisions.
    pub decisions: usize,
    /// Those with a reward.
    pub with_reward: usize,
    /// Groups that are resampled.
    pub groups: usize,
    /// Effective sample size of the decisions with a reward: `sum(v w)^2 / sum((v w)^2)`, and at most
    /// what their rates of rewards leave of all decisions.
    pub effective: f64,
    /// The largest weight.
    pub max_weight: f64,
    /// The share of the weight that the heaviest 1 % of the decisions have (one decision at least).
    pub top_share: f64,
    /// The mean weight.
    pub mean_weight: f64,
    /// Its standard error.
    pub mean_weight_error: f64,
    /// What the mean weight should be: 1, less what is known to have no support.
    pub mean_weight_expected: f64,
    /// How probable a mean weight this far off is, if propensities and support are as they should be.
    pub mean_weight_p: f64,
    /// The target's mean probability of arms that the logging policy cannot have chosen.
    pub unsupported: f64,
    /// Whether every propensity is 1.
    pub is_deterministic: bool,
}

/// From where on nothing is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OverlapLimits {
    /// The most of the target's probability that may lie where the logging policy had none.
    pub most_unsupported: f64,
    /// The least effective sample size of the decisions with a reward.
    pub least_effective: f64,
    /// How far the mean weight may be from what it should be, where that is beyond chance
    /// (p below 0.001).
    pub most_weight_error: f64,
}

impl Default for OverlapLimits {
    fn default() -> Self {
        Self {
            most_unsupported: 0.05,
            least_effective: 30.0,
            most_weight_error: 0.1,
        }
    }
}

/// A mean weight this improbable is no accident.
const BEYOND_CHANCE: f64 = 0.001;

/// How far logging policy and target overlap; see [`Overlap::check`] for whether that is enough.
///
/// # Errors
/// When there is no decision, none has a reward, or a number is out of its range.
///
/// # Panics
/// When there is not one target for each decision.
pub fn overlap(logged: &[Logged], targets: &[Target]) -> Result<Overlap, OffPolicyRefusal> {
    check(logged, targets)?;
    let weights: Vec<f64> = logged.iter().zip(targets).map(weight).collect();
    let (group_of, groups) = numbered(logged.iter().map(|one| one.group));
    let even = vec![1.0; groups];
    let mean = Ratios::new(&group_of, groups, |at| [weights[at], 1.0, 0.0, 0.0]).spread(&even);
    let unsupported = mean_of(targets.iter().map(|one| one.unsupported));
    let expected = 1.0 - unsupported;
    Ok(Overlap {
        decisions: logged.len(),
        with_reward: logged.iter().filter(|one| one.reward.is_some()).count(),
        groups,
        effective: effective(logged, &weights),
        max_weight: weights.iter().copied().fold(0.0, f64::max),
        top_share: top_share(&weights),
        mean_weight: mean.value,
        mean_weight_error: mean.standard_error,
        mean_weight_expected: expected,
        mean_weight_p: two_sided(mean.value - expected, mean.standard_error),
        unsupported,
        is_deterministic: logged.iter().all(|one| one.propensity >= 1.0 - 1e-9),
    })
}

impl Overlap {
    /// Whether it is enough.
    ///
    /// # Errors
    /// With the reason where it is not.
    pub fn check(&self, limits: &OverlapLimits) -> Result<(), OffPolicyRefusal> {
        self.check_support(self.unsupported, "its choices", limits)?;
        let off = (self.mean_weight - self.mean_weight_expected).abs();
        if off > limits.most_weight_error && self.mean_weight_p < BEYOND_CHANCE {
            return Err(OffPolicyRefusal::Weights {
                mean: self.mean_weight,
                standard_error: self.mean_weight_error,
                expected: self.mean_weight_expected,
            });
        }
        match self.effective < limits.least_effective {
            true => Err(OffPolicyRefusal::FewEffective {
                found: self.effective,
                of: self.with_reward,
                least: limits.least_effective,
            }),
            false => Ok(()),
        }
    }

    /// Whether so large a share without support can be put up with.
    pub(super) fn check_support(
        &self,
        share: f64,
        of: &'static str,
        limits: &OverlapLimits,
    ) -> Result<(), OffPolicyRefusal> {
        match (share > limits.most_unsupported, self.is_deterministic) {
            (false, _) => Ok(()),
            (true, true) => Err(OffPolicyRefusal::Deterministic {
                decisions: self.decisions,
                share: self.unsupported,
            }),
            (true, false) => Err(OffPolicyRefusal::NoSupport {
                share,
                of,
                most: limits.most_unsupported,
            }),
        }
    }
}

fn weight((logged, target): (&Logged, &Target)) -> f64 {
    logged.weight(target)
}

/// Effective sample size of the decisions with a reward (Kish): `sum(v w)^2 / sum((v w)^2)`, where `v`
/// is 0 without a reward. Where chance left the heavy decisions without one that looks like much
/// evidence; so it is at most what all decisions promise, `sum(w)^2 / sum(w^2 / rate)`.
pub(super) fn effective(logged: &[Logged], weights: &[f64]) -> f64 {
    let pairs = || logged.iter().zip(weights);
    let counted = pairs().map(|(one, weight)| (one.stands_for() * weight, 1.0));
    let rates = rate_of_all(logged);
    let all = pairs().map(|(one, weight)| (*weight, rates * one.feedback_rate));
    kish(counted).min(kish(all))
}

/// What relative rates of rewards are to be multiplied by to be probabilities: the rewards there are
/// then stand for all decisions.
fn rate_of_all(logged: &[Logged]) -> f64 {
    let stood_for: f64 = logged.iter().map(Logged::stands_for).sum();
    stood_for / logged.len() as f64
}

/// `sum(w)^2 / sum(w^2 / rate)` over pairs of weight and rate; 0 where all weights are 0.
fn kish(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (sum, squares) = pairs.fold((0.0, 0.0), |(sum, squares), (weight, rate)| {
        (sum + weight, squares + weight * weight / rate)
    });
    match squares > 0.0 {
        true => sum * sum / squares,
        false => 0.0,
    }
}

fn top_share(weights: &[f64]) -> f64 {
    let mut sorted = weights.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let top = weights.len().div_ceil(100);
    let sum: f64 = sorted.iter().sum();
    match sum > 0.0 {
        true => sorted[..top].iter().sum::<f64>() / sum,
        false => 0.0,
    }
}

/// How probable a difference this large is under a normal error.
fn two_sided(off: f64, standard_error: f64) -> f64 {
    if off.abs() < 1e-9 {
        return 1.0;
    }
    erfc(off.abs() / standard_error.max(f64::MIN_POSITIVE) / std::f64::consts::SQRT_2)
}

pub(super) fn mean_of(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}
