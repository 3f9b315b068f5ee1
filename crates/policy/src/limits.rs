//! Hard filters: what a request does not allow, no utility can outweigh.

use pointsman_types::{Limits, ModelCard, Refusal, Tokens, Usd, UsdPerMillion};

/// What one request would need of one model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Needs {
    /// Tokens in.
    pub input: Tokens,
    /// Tokens out: the caller's bound, or what is expected.
    pub output: Tokens,
    /// Expected cost.
    pub cost: Usd,
}

/// The first limit that refuses a model, in a fixed order; `None` when it may be chosen.
/// What a card does not state is not refused, except where the limit asks for a promise: a region,
/// zero retention, a highest price.
#[must_use]
pub fn limit_refusal(card: &ModelCard, limits: &Limits, needs: Needs) -> Option<Refusal> {
    let retired = card.retired.then_some(Refusal::Retired);
    retired
        .or_else(|| not_allowed(card, limits))
        .or_else(|| lacking(card, limits))
        .or_else(|| too_small(card, limits, needs))
        .or_else(|| elsewhere(card, limits))
        .or_else(|| too_dear(card, limits, needs.cost))
}

fn not_allowed(card: &ModelCard, limits: &Limits) -> Option<Refusal> {
    let allowed = limits.models.as_ref()?;
    (!allowed.contains(&card.name)).then_some(Refusal::NotAllowed)
}

fn lacking(card: &ModelCard, limits: &Limits) -> Option<Refusal> {
    let has = card.capabilities.as_ref()?;
    limits
        .needs
        .difference(has)
        .next()
        .map(|capability| Refusal::Lacks {
            capability: *capability,
        })
}

fn too_small(card: &ModelCard, limits: &Limits, needs: Needs) -> Option<Refusal> {
    let whole = Tokens(needs.input.0.saturating_add(needs.output.0));
    if let Some(has) = card.context_window.filter(|has| *has < whole) {
        return Some(Refusal::ContextWindow { needs: whole, has });
    }
    // Only a bound that the caller set is refused; an expectation may be cut short.
    let wanted = limits.max_tokens?;
    let has = card.max_output_tokens.filter(|has| *has < wanted)?;
    Some(Refusal::MaxOutput { needs: wanted, has })
}

fn elsewhere(card: &ModelCard, limits: &Limits) -> Option<Refusal> {
    if limits.region.is_some() && limits.region != card.region {
        return Some(Refusal::Region);
    }
    (limits.zero_retention && !card.zero_retention).then_some(Refusal::Retention)
}

fn too_dear(card: &ModelCard, limits: &Limits, cost: Usd) -> Option<Refusal> {
    let above = |limit: Option<UsdPerMillion>, price: Option<UsdPerMillion>| {
        limit.is_some_and(|limit| price.is_none_or(|price| price > limit))
    };
    if above(limits.max_price.prompt, card.input_usd_per_million)
        || above(limits.max_price.completion, card.output_usd_per_million)
    {
        return Some(Refusal::MaxPrice);
    }
    limits
        .max_cost
        .filter(|limit| cost > *limit)
        .map(|_| Refusal::MaxCost)
}

#[cfg(test)]
mod tests {
    use pointsman_types::{Capability, MaxPrice};

    use super::*;

    fn card() -> ModelCard {
        let price = |usd| Some(UsdPerMillion::new(usd).unwrap());
        ModelCard {
            input_usd_per_million: price(1.0),
            output_usd_per_million: price(4.0),
            context_window: Some(Tokens(1000)),
            max_output_tokens: Some(Tokens(300)),
            capabilities: Some([Capability::Tools].into()),
            region: Some("eu".into()),
            ..ModelCard::unknown("a".into())
        }
    }

    fn check(limits: Limits, expected: Option<Refusal>) {
        let needs = Needs {
            input: Tokens(700),
            output: limits.max_tokens.unwrap_or(Tokens(200)),
            cost: Usd::saturating(0.002),
        };
        assert_eq!(
            limit_refusal(&card(), &limits, needs),
            expected,
            "{limits:?}"
        );
    }

    fn max_price(prompt: f64, completion: f64) -> Limits {
        let price = |usd| Some(UsdPerMillion::new(usd).unwrap());
        Limits {
            max_price: MaxPrice {
                prompt: price(prompt),
                completion: price(completion),
            },
            ..Limits::default()
        }
    }

    #[test]
    fn no_limits_refuse_nothing() {
        check(Limits::default(), None);
    }

    #[test]
    fn a_retired_model_is_refused_whatever_the_limits() {
        let retired = ModelCard {
            retired: true,
            ..card()
        };
        let needs = Needs {
            input: Tokens(1),
            output: Tokens(1),
            cost: Usd::saturating(0.0),
        };
        let found = limit_refusal(&retired, &Limits::default(), needs);
        assert_eq!(found, Some(Refusal::Retired));
    }

    #[test]
    fn a_list_of_models_is_exhaustive() {
        check(
            Limits {
                models: Some(vec!["b".into()]),
                ..Limits::default()
            },
            Some(Refusal::NotAllowed),
        );
        check(
            Limits {
                models: Some(vec!["b".into(), "a".into()]),
                ..Limits::default()
            },
            None,
        );
    }

    #[test]
    fn a_missing_capability_is_named() {
        let lacks = Refusal::Lacks {
            capability: Capability::Vision,
        };
        check(
            Limits {
                needs: [Capability::Tools, Capability::Vision].into(),
                ..Limits::default()
            },
            Some(lacks),
        );
    }

    #[test]
    fn prompt_and_answer_share_the_window() {
        let refusal = Refusal::ContextWindow {
            needs: Tokens(1001),
            has: Tokens(1000),
        };
        check(
            Limits {
                max_tokens: Some(Tokens(301)),
                ..Limits::default()
            },
            Some(refusal),
        );
        check(
            Limits {
                max_tokens: Some(Tokens(300)),
                ..Limits::default()
            },
            None,
        );
    }

    #[test]
    fn where_it_runs_must_be_promised() {
        check(
            Limits {
                region: Some("us".into()),
                ..Limits::default()
            },
            Some(Refusal::Region),
        );
        check(
            Limits {
                zero_retention: true,
                ..Limits::default()
            },
            Some(Refusal::Retention),
        );
    }

    #[test]
    fn prices_have_two_directions() {
        check(max_price(1.0, 4.0), None);
        check(max_price(0.5, 4.0), Some(Refusal::MaxPrice));
        check(max_price(1.0, 3.9), Some(Refusal::MaxPrice));
    }

    #[test]
    fn an_unpriced_model_keeps_no_promise_of_price() {
        let needs = Needs {
            input: Tokens(1),
            output: Tokens(1),
            cost: Usd::ZERO,
        };
        assert_eq!(
            limit_refusal(&ModelCard::unknown("b".into()), &max_price(9.0, 9.0), needs),
            Some(Refusal::MaxPrice)
        );
    }

    #[test]
    fn the_cost_of_the_request_has_a_limit() {
        check(
            Limits {
                max_cost: Some(Usd::saturating(0.001)),
                ..Limits::default()
            },
            Some(Refusal::MaxCost),
        );
    }
}
