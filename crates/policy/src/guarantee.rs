//! What is promised of a policy, on which evidence.

use std::fmt;

use pointsman_types::ModelName;
use serde::{Deserialize, Serialize};

use crate::spec::PolicySpec;

/// A bound on the regression risk of one policy of one router: with probability `1 - delta` over
/// the calibration prompts, the mean of `max(0, score of the reference - score of the choice)` is at
/// most `alpha` on requests like them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guarantee {
    /// The most regression risk.
    pub alpha: f64,
    /// With which probability the promise may be wrong.
    pub delta: f64,
    /// What is bounded, in words.
    pub risk: String,
    /// The model that is regressed from.
    pub reference: ModelName,
    /// The only policy that the promise is about.
    pub policy: PolicySpec,
    /// Calibration prompts; nothing else was learnt from them.
    pub prompts: usize,
    /// Of those, how many lack a score that counts, and were taken at their worst.
    pub prompts_at_worst: usize,
    /// Mean regression on the calibration prompts.
    pub measured: f64,
    /// Upper confidence bound of the risk, at error `delta`; of several categories, the highest.
    pub bound: f64,
    /// What kind of bound that is.
    pub method: String,
    /// Share of the reference's cost that was saved on the calibration prompts.
    pub saving: f64,
    /// Each category by itself, where the promise is made to each; otherwise empty.
    pub categories: Vec<CategoryRisk>,
    /// When the promise holds.
    pub assumption: String,
}

/// The evidence in one category.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoryRisk {
    /// Its label; empty for the prompts without one.
    pub category: String,
    /// Calibration prompts in it.
    pub prompts: usize,
    /// Mean regression on them.
    pub measured: f64,
    /// Upper confidence bound of its risk, at error `delta`.
    pub bound: f64,
}

impl Guarantee {
    /// What is bounded, against this reference.
    #[must_use]
    pub fn risk_against(reference: &ModelName) -> String {
        format!("mean of max(0, score of {reference} - score of the chosen model)")
    }

    /// The assumption that every such promise makes.
    pub const ASSUMPTION: &str = "requests are prompts without limits, exchangeable with the \
        calibration prompts, and models and prices are the same";
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = match self.categories.len() {
            0 => String::new(),
            many => format!(" in each of {many} categories"),
        };
        write!(
            f,
            "regression risk against {} at most {}{scope}, with confidence {} %: measured {:.4}, \
             bound {:.4} ({}) on {} calibration prompts, {:.1} % saved there",
            self.reference,
            self.alpha,
            // 0.1 is not exact, and nobody asked for 90.00000000000001 %.
            ((1.0 - self.delta) * 1e6).round() / 1e4,
            self.measured,
            self.bound,
            self.method,
            self.prompts,
            100.0 * self.saving,
        )?;
        if self.prompts_at_worst > 0 {
            write!(
                f,
                " ({} lack a score and count at their worst)",
                self.prompts_at_worst
            )?;
        }
        write!(f, "; holds while {}", self.assumption)
    }
}
