//! Why nothing can be said of a policy from a log.

/// The log cannot answer for this policy; an estimate would be a guess.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OffPolicyRefusal {
    /// There is no decision.
    #[error(
        "there is no logged decision to learn from; rows need a propensity and a model that the policy knows"
    )]
    NoDecisions,
    /// No decision has a reward.
    #[error(
        "none of the {decisions} decisions has a reward; send feedback on some of them and export again"
    )]
    NoRewards {
        /// Decisions looked at.
        decisions: usize,
    },
    /// A propensity that no choice can have had.
    #[error(
        "decision {decision} was made with probability {propensity}; a choice that was made had one above 0 and at most 1"
    )]
    Propensity {
        /// Its place, from 0.
        decision: usize,
        /// What was logged.
        propensity: f64,
    },
    /// Something else about a decision is out of its range.
    #[error("the {what} of decision {decision} is missing or out of its range")]
    NotANumber {
        /// Its place, from 0.
        decision: usize,
        /// Which number.
        what: &'static str,
    },
    /// The logging policy never tried anything else.
    #[error(
        "the logging policy is deterministic: each of its {decisions} decisions had probability 1, and the new policy would differ in {:.1} % of them; what it would choose was never tried, so serve with exploration first",
        100.0 * share
    )]
    Deterministic {
        /// Decisions looked at.
        decisions: usize,
        /// The share of the target's probability on other arms.
        share: f64,
    },
    /// The target does what the logging policy cannot have done.
    #[error(
        "the new policy puts {:.1} % of {of} where the logging policy had none; at most {:.1} % can be evaluated, so serve with exploration over these models first",
        100.0 * share,
        100.0 * most
    )]
    NoSupport {
        /// The share that has no support.
        share: f64,
        /// Of what.
        of: &'static str,
        /// The most that is taken.
        most: f64,
    },
    /// The weights do not add up to what true propensities and full support make them add up to.
    #[error(
        "the importance weights have a mean of {mean:.3} ± {standard_error:.3} where {expected:.3} is right; either the logged propensities are not those of the policy that decided, or it rarely or never chose what the new policy chooses"
    )]
    Weights {
        /// Their mean.
        mean: f64,
        /// Its standard error.
        standard_error: f64,
        /// What it should be.
        expected: f64,
    },
    /// The evidence comes from too few decisions.
    #[error(
        "the effective sample size is {found:.1} of {of} decisions with a reward, and at least {least:.0} are needed; collect more feedback, or explore more"
    )]
    FewEffective {
        /// What was found.
        found: f64,
        /// Decisions with a reward.
        of: usize,
        /// What is needed.
        least: f64,
    },
}
