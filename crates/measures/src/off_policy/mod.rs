//! What a policy that did not decide would have been worth, from decisions that another one made.
//!
//! Pure arithmetic on logged decisions: how likely the logging policy was to choose what it chose,
//! how likely the target is to, what came of it, and what a prediction says. Who predicts, and from
//! which files decisions come, is unknown here; `evaluate` calls [`off_policy`] for its report and
//! whoever promotes a router asks [`difference`].
//!
//! Notation: `p_b` and `p_e` are the probabilities of the chosen arm under the logging and under the
//! target policy, `w = p_e / p_b`, `r` the reward, `q` the prediction for the chosen arm and `m` the
//! sum of `p_e(a) q(a)` over all arms. `v` is 0 for a decision without a reward, and one over the
//! rate of such rewards for the others.
//!
//! | estimator | formula | needs |
//! |---|---|---|
//! | IPS | `sum(v w r) / sum(v)` | true propensities |
//! | SNIPS | `sum(v w r) / sum(v w)` | true propensities; a bias of order 1/n |
//! | DM | `mean(m)` | a true prediction |
//! | DR | `mean(m) + sum(v w (r - q)) / sum(v)` | either of the two |
//! | switch-DR | DR, without the second term where `w` is above a threshold | either, nearly |
//!
//! DR: Dudík, Langford and Li 2011, arXiv 1103.4601. SNIPS: Swaminathan and Joachims 2015.
//! Switch-DR: Wang, Agarwal and Dudík 2017, arXiv 1612.01205.
//!
//! Most decisions have no reward. The assumption is that rewards are missing at random: whether one
//! came depends on what `feedback_rate` knows, not on the reward. Then the terms in `r` are
//! means over the decisions with rewards, and `m` is a mean over all.

mod decision;
mod difference;
mod estimate;
mod interval;
mod overlap;
mod ratios;
mod refusal;
mod switch;

#[cfg(test)]
mod tests;

pub use decision::{Logged, Target};
pub use difference::{Current, Difference, difference};
pub use estimate::{Estimator, OffPolicy, OffPolicyPlan, off_policy};
pub use interval::{Estimate, IntervalMethod};
pub use overlap::{Overlap, OverlapLimits, overlap};
pub use refusal::OffPolicyRefusal;
