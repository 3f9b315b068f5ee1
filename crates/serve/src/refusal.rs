//! Refusals in words: a code for programs, a sentence for people.

use pointsman_types::{Candidate, Capability, ModelName, Refusal};
use serde::Serialize;

/// Why one model was not chosen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Why {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// A model and why it was refused.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct RefusedModel {
    pub(crate) model: ModelName,
    #[serde(flatten)]
    pub(crate) why: Why,
}

impl From<Refusal> for Why {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: code(refusal),
            message: sentence(refusal),
        }
    }
}

/// The refused among the candidates, in their order.
pub(crate) fn refused(candidates: &[Candidate]) -> Vec<RefusedModel> {
    candidates
        .iter()
        .filter_map(|candidate| {
            Some(RefusedModel {
                model: candidate.model.clone(),
                why: candidate.refusal?.into(),
            })
        })
        .collect()
}

fn code(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NotAllowed => "not_allowed",
        Refusal::Retired => "retired",
        Refusal::ContextWindow { .. } => "context_window",
        Refusal::MaxOutput { .. } => "max_output",
        Refusal::Lacks { .. } => "lacks",
        Refusal::Region => "region",
        Refusal::Retention => "retention",
        Refusal::MaxPrice => "max_price",
        Refusal::MaxCost => "max_cost",
        Refusal::BudgetSpent => "budget_spent",
        Refusal::Dearer => "dearer",
        Refusal::BelowTarget { .. } => "below_target",
        Refusal::LowerQuality => "lower_quality",
        Refusal::LowerUtility => "lower_utility",
        Refusal::RisksMore => "risks_more",
        Refusal::PassedOver => "passed_over",
        Refusal::Failed => "failed",
        Refusal::BeyondThreshold => "beyond_threshold",
        Refusal::NotNamed => "not_named",
    }
}

fn sentence(refusal: Refusal) -> String {
    let fixed = match refusal {
        Refusal::ContextWindow { needs, has } => {
            return format!("prompt and answer need {needs}, its window has {has}");
        }
        Refusal::MaxOutput { needs, has } => {
            return format!("max_tokens asks for {needs}, it answers with at most {has}");
        }
        Refusal::BelowTarget { target } => {
            return format!(
                "the lower estimate of its quality misses the target of {}",
                target.get()
            );
        }
        Refusal::Lacks { capability } => return format!("it cannot {}", ability(capability)),
        Refusal::NotAllowed => "it is not among the models of the request",
        Refusal::Retired => "the catalogue has retired it",
        Refusal::Region => "it does not run in the region asked for, or its region is unknown",
        Refusal::Retention => "its provider keeps data, or does not say that it keeps none",
        Refusal::MaxPrice => "its price is above provider.max_price, or unknown",
        Refusal::MaxCost => "the request would cost more than max_cost_usd",
        Refusal::BudgetSpent => "it may cost more than is left of the budget of this period",
        Refusal::Dearer => "a cheaper model is good enough",
        Refusal::LowerQuality => "it saves less than its lower quality is worth",
        Refusal::LowerUtility => "its quality does not make up for what it costs more",
        Refusal::RisksMore => "it may lose more against the reference than it saves",
        Refusal::PassedOver => "it looks better, and another was drawn to learn how good that is",
        Refusal::Failed => "it was asked and gave no answer",
        Refusal::BeyondThreshold => "its quality is further below the best than the caller allows",
        Refusal::NotNamed => "the caller named another model",
    };
    fixed.to_owned()
}

fn ability(capability: Capability) -> &'static str {
    match capability {
        Capability::Tools => "call tools",
        Capability::Vision => "read images",
        Capability::Json => "answer by a JSON schema",
    }
}

#[cfg(test)]
mod tests {
    use pointsman_types::{Quality, Tokens};

    use super::*;

    #[test]
    fn the_code_is_the_word_that_records_use() {
        let (needs, has) = (Tokens(9), Tokens(8));
        for refusal in [
            Refusal::NotAllowed,
            Refusal::Retired,
            Refusal::ContextWindow { needs, has },
            Refusal::MaxOutput { needs, has },
            Refusal::Lacks {
                capability: Capability::Tools,
            },
            Refusal::Region,
            Refusal::Retention,
            Refusal::MaxPrice,
            Refusal::MaxCost,
            Refusal::BudgetSpent,
            Refusal::Dearer,
            Refusal::BelowTarget {
                target: Quality::clamped(0.5),
            },
            Refusal::LowerQuality,
            Refusal::LowerUtility,
            Refusal::RisksMore,
            Refusal::PassedOver,
            Refusal::Failed,
            Refusal::BeyondThreshold,
            Refusal::NotNamed,
        ] {
            let tagged = serde_json::to_value(refusal).unwrap();
            assert_eq!(tagged["why"], code(refusal));
        }
    }

    #[test]
    fn a_window_that_is_too_small_is_put_in_numbers() {
        let refusal = Refusal::ContextWindow {
            needs: Tokens(9000),
            has: Tokens(8192),
        };
        assert_eq!(
            Why::from(refusal).message,
            "prompt and answer need 9000 tokens, its window has 8192 tokens"
        );
    }
}
