//! What the router decided, and why.

use serde::{Deserialize, Serialize};

use crate::{Capability, ModelName, Probability, Quality, Tokens, Usd};

/// Why the chosen model was chosen: a closed list, one per decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Every other model was refused by a limit.
    OnlyCandidate,
    /// It has the highest quality minus lambda times cost.
    BestUtility,
    /// It is the cheapest whose lower estimate reaches the target.
    CheapestAdequate,
    /// No lower estimate reaches the target, so the highest was taken.
    NoneAdequate,
    /// It has the best utility at the lambda that meets the mean budget.
    WithinBudget,
    /// The prompt is unlike those of the training, so the models' means decided.
    Unfamiliar,
    /// It is the reference, and nothing cheaper is worth its risk.
    ReferenceKept,
    /// It saves more against the reference than it may lose against it.
    SavesMoreThanItRisks,
    /// A limit refused the reference; of the others it loses and costs the least.
    ReferenceRefused,
    /// Another looked better; it was drawn to learn how good it is.
    Explored,
    /// The caller named it.
    Pinned,
    /// A pipeline asks it.
    Pipeline,
    /// The conversation has it, and another would not gain what that would lose.
    SessionKept,
    /// Those chosen before it gave no answer.
    Fallback,
    /// There is no router, so the default model answers.
    NoRouter,
    /// The router failed, so the default model answers.
    RouterFailed,
    /// The router took too long, so the default model answers.
    RouterSlow,
}

impl Reason {
    /// Every reason, for closed label sets.
    pub const ALL: [Self; 17] = [
        Self::OnlyCandidate,
        Self::BestUtility,
        Self::CheapestAdequate,
        Self::NoneAdequate,
        Self::WithinBudget,
        Self::Unfamiliar,
        Self::ReferenceKept,
        Self::SavesMoreThanItRisks,
        Self::ReferenceRefused,
        Self::Explored,
        Self::Pinned,
        Self::Pipeline,
        Self::SessionKept,
        Self::Fallback,
        Self::NoRouter,
        Self::RouterFailed,
        Self::RouterSlow,
    ];

    /// The word used in answers, records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnlyCandidate => "only_candidate",
            Self::BestUtility => "best_utility",
            Self::CheapestAdequate => "cheapest_adequate",
            Self::NoneAdequate => "none_adequate",
            Self::WithinBudget => "within_budget",
            Self::Unfamiliar => "unfamiliar",
            Self::ReferenceKept => "reference_kept",
            Self::SavesMoreThanItRisks => "saves_more_than_it_risks",
            Self::ReferenceRefused => "reference_refused",
            Self::Explored => "explored",
            Self::Pinned => "pinned",
            Self::Pipeline => "pipeline",
            Self::SessionKept => "session_kept",
            Self::Fallback => "fallback",
            Self::NoRouter => "no_router",
            Self::RouterFailed => "router_failed",
            Self::RouterSlow => "router_slow",
        }
    }
}

/// Why a candidate was not chosen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum Refusal {
    /// The caller did not list it.
    NotAllowed,
    /// The catalogue has retired it.
    Retired,
    /// Prompt and answer do not fit its window.
    ContextWindow {
        /// What the request needs.
        needs: Tokens,
        /// What the model has.
        has: Tokens,
    },
    /// It cannot answer that long.
    MaxOutput {
        /// What the request needs.
        needs: Tokens,
        /// What the model has.
        has: Tokens,
    },
    /// It cannot do what is needed.
    Lacks {
        /// What it lacks.
        capability: Capability,
    },
    /// It runs elsewhere, or nobody said where.
    Region,
    /// Its provider keeps data.
    Retention,
    /// It costs more per million tokens than allowed, or nobody said what it costs.
    MaxPrice,
    /// This request would cost more than allowed.
    MaxCost,
    /// It may cost more than is left of the budget of this period.
    BudgetSpent,
    /// It is adequate, and a cheaper model is too.
    Dearer,
    /// Its lower estimate misses the target.
    BelowTarget {
        /// The quality asked for.
        target: Quality,
    },
    /// It costs no more than the chosen model, but saves less than its lower quality is worth.
    LowerQuality,
    /// It costs more than the chosen model, and its quality does not make up for it.
    LowerUtility,
    /// It costs no more than the chosen model, but may lose more against the reference than that is
    /// worth.
    RisksMore,
    /// It looked better than the chosen one, which was drawn to learn how good it is.
    PassedOver,
    /// It was asked and gave no answer.
    Failed,
    /// Its predicted quality is further below the best one's than the caller allows.
    BeyondThreshold,
    /// The caller named another.
    NotNamed,
}

impl Refusal {
    /// Whether a limit of the request refused it, rather than the comparison.
    #[must_use]
    pub const fn is_limit(&self) -> bool {
        !matches!(
            self,
            Self::Dearer
                | Self::BelowTarget { .. }
                | Self::LowerQuality
                | Self::LowerUtility
                | Self::RisksMore
                | Self::PassedOver
        )
    }
}

/// How feedback moved what is expected of a model for one request.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    /// The quality as training predicted it.
    pub predicted: Quality,
    /// The cost as training and today's prices predict it.
    #[serde(rename = "cost_usd")]
    pub cost: Usd,
    /// Standard error of what was added to it.
    pub error: f32,
}

/// One model as it looked for one request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Which model.
    pub model: ModelName,
    /// Calibrated expected quality.
    pub quality: Quality,
    /// Calibrated lower estimate of the quality.
    pub quality_lower: Quality,
    /// What feedback has made of the quality, where feedback is learnt from.
    pub learned: Option<Correction>,
    /// Expected cost of this request.
    #[serde(rename = "cost_usd")]
    pub cost: Usd,
    /// Expected tokens out, where tokens were logged.
    pub output_tokens: Option<f32>,
    /// The median of the tokens out.
    pub output_tokens_p50: Option<f32>,
    /// What nine of ten answers stay below in tokens.
    pub output_tokens_p90: Option<f32>,
    /// With which probability the policy would choose it.
    pub probability: Probability,
    /// Why it was not chosen; `None` for the chosen one.
    pub refusal: Option<Refusal>,
}

/// The choice for one request, with every candidate, the best first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The chosen model.
    pub model: ModelName,
    /// Why.
    pub reason: Reason,
    /// How much the prompt is like those of the training: 1 within their range, 0 where nothing
    /// that was learnt carries over.
    pub familiarity: f32,
    /// Where the prompt lies for what is learnt from feedback.
    pub coordinates: Vec<f32>,
    /// Quality that a dollar had to buy, where the policy weighs one against the other.
    pub lambda: Option<f64>,
    /// With which probability it was chosen.
    pub propensity: Probability,
    /// The artifact, catalogue and policy that decided.
    pub policy_version: String,
    /// Every candidate, the chosen one first, then by preference, those refused by a limit last.
    pub candidates: Vec<Candidate>,
}

impl Decision {
    /// The chosen candidate.
    #[must_use]
    pub fn chosen(&self) -> &Candidate {
        &self.candidates[0]
    }
}
