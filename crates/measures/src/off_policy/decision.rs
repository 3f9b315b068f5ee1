//! One logged decision, and what a policy would have done in its place.

use super::refusal::OffPolicyRefusal;

/// What the log knows of one decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Logged {
    /// With which probability the logging policy chose what it chose; above 0, at most 1.
    pub propensity: f64,
    /// What came of it; `None` where nobody said.
    pub reward: Option<f64>,
    /// The reward that is predicted for the chosen arm, by something that did not learn from this
    /// decision.
    pub predicted: f64,
    /// How likely a decision like this is to get a reward, relative to others: above 0, and 1 for
    /// all where rewards are missing without any pattern.
    pub feedback_rate: f64,
    /// What is drawn together when resampling, such as a session; any number.
    pub group: u64,
}

/// What a policy would have done in the place of one logged decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// The probability of the arm that the log has.
    pub probability: f64,
    /// The sum over all arms of probability times predicted reward.
    pub value: f64,
    /// The probability of arms that the logging policy cannot have chosen, as far as is known.
    pub unsupported: f64,
}

impl Logged {
    /// How often the target chooses this for each time that the logging policy does.
    pub(super) fn weight(&self, target: &Target) -> f64 {
        target.probability / self.propensity
    }

    /// How many decisions this one stands for that have no reward; 0 without one.
    pub(super) fn stands_for(&self) -> f64 {
        self.reward.map_or(0.0, |_| 1.0 / self.feedback_rate)
    }

    /// How far the reward is above the prediction; 0 without one.
    pub(super) fn surprise(&self) -> f64 {
        self.reward.map_or(0.0, |reward| reward - self.predicted)
    }
}

/// Whether there is a decision and a reward, and every number is one that it can be.
///
/// # Panics
/// When there is not one target for each decision.
pub(super) fn check(logged: &[Logged], targets: &[Target]) -> Result<(), OffPolicyRefusal> {
    assert_eq!(logged.len(), targets.len(), "one target for each decision");
    if logged.is_empty() {
        return Err(OffPolicyRefusal::NoDecisions);
    }
    for (decision, (logged, target)) in logged.iter().zip(targets).enumerate() {
        check_one(decision, logged, target)?;
    }
    match logged.iter().any(|one| one.reward.is_some()) {
        true => Ok(()),
        false => Err(OffPolicyRefusal::NoRewards {
            decisions: logged.len(),
        }),
    }
}

fn check_one(decision: usize, logged: &Logged, target: &Target) -> Result<(), OffPolicyRefusal> {
    let propensity = logged.propensity;
    if !(propensity > 0.0 && propensity <= 1.0) {
        return Err(OffPolicyRefusal::Propensity {
            decision,
            propensity,
        });
    }
    let share = |value: f64| (0.0..=1.0 + 1e-9).contains(&value);
    let numbers = [
        ("reward", logged.reward.is_none_or(f64::is_finite)),
        ("predicted reward", logged.predicted.is_finite()),
        (
            "feedback rate",
            logged.feedback_rate.is_finite() && logged.feedback_rate > 0.0,
        ),
        ("target probability", share(target.probability)),
        ("value", target.value.is_finite()),
        ("unsupported probability", share(target.unsupported)),
    ];
    match numbers.iter().find(|(_, is_right)| !is_right) {
        Some((what, _)) => Err(OffPolicyRefusal::NotANumber { decision, what }),
        None => Ok(()),
    }
}
