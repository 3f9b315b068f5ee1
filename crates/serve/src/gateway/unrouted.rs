//! The choice where no router makes one: the default model, or the first in the settings that a
//! request's limits allow.

use pointsman_policy::{Needs, limit_refusal};
use pointsman_router::Unsatisfiable;
use pointsman_types::{
    Candidate, Decision, Limits, ModelCard, ModelName, Probability, Quality, Reason, Refusal,
    Request, Tokens, Usd,
};

use crate::Decide;

/// The default model first, then the others as the settings list them.
pub(crate) struct Unrouted {
    names: Vec<ModelName>,
    cards: Vec<ModelCard>,
    version: String,
}

/// Characters of a token, where nobody counted the tokens.
const CHARS_PER_TOKEN: u64 = 4;
/// Tokens of an answer, where the caller sets no bound.
const ASSUMED_OUTPUT: Tokens = Tokens(500);

impl Unrouted {
    /// A choice among these; the first is the default.
    pub(crate) fn new(cards: Vec<ModelCard>) -> Self {
        let names: Vec<ModelName> = cards.iter().map(|card| card.name.clone()).collect();
        let default = names.first().map_or("none", |name| name.as_str());
        Self {
            version: format!("default:{default}"),
            names,
            cards,
        }
    }

    /// The choice, for this reason.
    pub(crate) fn choose(
        &self,
        request: &Request,
        reason: Reason,
    ) -> Result<Decision, Unsatisfiable> {
        let seen = self.cards.iter().map(|card| seen(card, request));
        let (mut candidates, mut refused): (Vec<_>, Vec<_>) =
            seen.partition(|candidate| candidate.refusal.is_none());
        let Some((chosen, rest)) = candidates.split_first_mut() else {
            return Err(Unsatisfiable {
                candidates: refused,
            });
        };
        chosen.probability = Probability::ONE;
        for other in rest {
            other.refusal = Some(Refusal::LowerUtility);
        }
        let model = chosen.model.clone();
        candidates.append(&mut refused);
        Ok(Decision {
            model,
            reason,
            familiarity: 0.0,
            coordinates: Vec::new(),
            lambda: None,
            propensity: Probability::ONE,
            policy_version: self.version.clone(),
            candidates,
        })
    }
}

/// A model as it looks for a request: what is known of it is the price list.
fn seen(card: &ModelCard, request: &Request) -> Candidate {
    let needs = needs(card, request);
    Candidate {
        cost: needs.cost,
        refusal: limit_refusal(card, &without_target(&request.limits), needs),
        ..unpredicted(&card.name)
    }
}

/// A model of which nothing is predicted: its quality is 0.
pub(super) fn unpredicted(model: &ModelName) -> Candidate {
    Candidate {
        model: model.clone(),
        quality: Quality::clamped(0.0),
        quality_lower: Quality::clamped(0.0),
        learned: None,
        cost: Usd::ZERO,
        output_tokens: None,
        output_tokens_p50: None,
        output_tokens_p90: None,
        probability: Probability::ZERO,
        refusal: None,
    }
}

/// No quality is known, so none can be asked for.
fn without_target(limits: &Limits) -> Limits {
    Limits {
        min_quality: None,
        ..limits.clone()
    }
}

/// What a request needs of a model of which nothing is predicted.
pub(super) fn needs(card: &ModelCard, request: &Request) -> Needs {
    let chars = request.prompt.text().len() as u64;
    let input = request
        .input_tokens
        .unwrap_or(Tokens(chars / CHARS_PER_TOKEN));
    let output = request.limits.max_tokens;
    let billed = output.unwrap_or(ASSUMED_OUTPUT);
    let cost = card
        .prices()
        .map(|prices| prices.cost(input.0 as f64, 0.0, billed.0 as f64));
    Needs {
        input,
        output: output.unwrap_or(Tokens(0)),
        cost: cost.unwrap_or(Usd::ZERO),
    }
}

impl Decide for Unrouted {
    fn models(&self) -> &[ModelName] {
        &self.names
    }

    fn cards(&self) -> &[ModelCard] {
        &self.cards
    }

    fn policy_version(&self) -> &str {
        &self.version
    }

    fn is_stand_in(&self) -> bool {
        true
    }

    fn decide(&self, request: &Request) -> Result<Decision, Unsatisfiable> {
        self.choose(request, Reason::NoRouter)
    }
}

#[cfg(test)]
mod tests {
    use pointsman_types::Prompt;

    use super::*;

    fn card(name: &str, window: u64) -> ModelCard {
        ModelCard {
            context_window: Some(Tokens(window)),
            ..ModelCard::unknown(name.into())
        }
    }

    fn two() -> Unrouted {
        Unrouted::new(vec![card("large", 100), card("small", 1000)])
    }

    #[test]
    fn the_default_model_answers() {
        let decision = two().decide(&Request::new(Prompt::from("Why?"))).unwrap();
        assert_eq!(
            (decision.model.as_str(), decision.reason),
            ("large", Reason::NoRouter)
        );
        assert_eq!(decision.candidates.len(), 2);
    }

    #[test]
    fn where_a_limit_refuses_it_the_next_one_does() {
        let long = Request::new(Prompt::from("word ".repeat(300).as_str()));
        let decision = two().choose(&long, Reason::RouterSlow).unwrap();
        assert_eq!(
            (decision.model.as_str(), decision.reason),
            ("small", Reason::RouterSlow)
        );
        let window = decision.candidates[1].refusal.unwrap();
        assert!(
            matches!(window, Refusal::ContextWindow { .. }),
            "{window:?}"
        );
    }

    #[test]
    fn where_limits_refuse_all_nobody_does() {
        let longer = Request::new(Prompt::from("word ".repeat(3000).as_str()));
        let refused = two().decide(&longer).unwrap_err();
        assert_eq!(refused.candidates.len(), 2);
    }
}
