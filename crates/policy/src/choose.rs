//! The choice among the candidates that no limit refuses.

use std::cmp::Ordering;

use pointsman_types::{Candidate, Probability, Quality, Reason, Refusal};

use crate::spec::Policy;

/// The candidates in order of preference, the chosen one first, and why it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Why the first candidate was chosen.
    pub reason: Reason,
    /// The chosen one first, then by preference, then those that a limit refused, by name.
    pub candidates: Vec<Candidate>,
}

/// Chooses. Equals are decided by cost, then by name, so that nothing depends on the order in
/// which candidates are given.
///
/// # Errors
/// With all candidates back, when a limit refused every one.
pub fn choose(mut candidates: Vec<Candidate>, policy: Policy) -> Result<Choice, Vec<Candidate>> {
    candidates.sort_by(|left, right| preference(left, right, policy));
    let open = candidates.partition_point(|candidate| candidate.refusal.is_none());
    if open == 0 {
        return Err(candidates);
    }
    let reason = reason(&candidates[..open], policy);
    let (chosen, others) = candidates[..open].split_at_mut(1);
    for candidate in others {
        candidate.refusal = Some(refusal(candidate, &chosen[0], policy));
    }
    candidates[0].probability = Probability::ONE;
    Ok(Choice { reason, candidates })
}

/// Less is preferred.
fn preference(left: &Candidate, right: &Candidate, policy: Policy) -> Ordering {
    let by_limit = left.refusal.is_some().cmp(&right.refusal.is_some());
    let by_policy = || match policy {
        Policy::Utility { lambda } | Policy::Budget { lambda } => {
            utility(right, lambda).total_cmp(&utility(left, lambda))
        }
        Policy::Adequate { target } => by_adequacy(left, right, target),
    };
    let by_cost = || left.cost.cmp(&right.cost);
    let by_name = || left.model.cmp(&right.model);
    match left.refusal.is_some() && right.refusal.is_some() {
        true => by_name(),
        false => by_limit
            .then_with(by_policy)
            .then_with(by_cost)
            .then_with(by_name),
    }
}

/// Adequate ones first, the cheapest of them first; then the others, the best first.
fn by_adequacy(left: &Candidate, right: &Candidate, target: Quality) -> Ordering {
    match (is_adequate(left, target), is_adequate(right, target)) {
        (true, true) => Ordering::Equal,
        (false, false) => right
            .quality_lower
            .get()
            .total_cmp(&left.quality_lower.get()),
        (left, right) => right.cmp(&left),
    }
}

fn is_adequate(candidate: &Candidate, target: Quality) -> bool {
    candidate.quality_lower >= target
}

fn utility(candidate: &Candidate, lambda: f64) -> f64 {
    f64::from(candidate.quality.get()) - lambda * candidate.cost.as_f64()
}

fn reason(open: &[Candidate], policy: Policy) -> Reason {
    match policy {
        _ if open.len() == 1 => Reason::OnlyCandidate,
        Policy::Utility { .. } => Reason::BestUtility,
        Policy::Budget { .. } => Reason::WithinBudget,
        Policy::Adequate { target } if is_adequate(&open[0], target) => Reason::CheapestAdequate,
        Policy::Adequate { .. } => Reason::NoneAdequate,
    }
}

fn refusal(candidate: &Candidate, chosen: &Candidate, policy: Policy) -> Refusal {
    match policy {
        Policy::Utility { .. } | Policy::Budget { .. } if candidate.cost <= chosen.cost => {
            Refusal::LowerQuality
        }
        Policy::Utility { .. } | Policy::Budget { .. } => Refusal::LowerUtility,
        Policy::Adequate { target } if is_adequate(candidate, target) => Refusal::Dearer,
        Policy::Adequate { target } => Refusal::BelowTarget { target },
    }
}

#[cfg(test)]
mod tests {
    use pointsman_types::Usd;
    use proptest::prelude::*;

    use super::*;

    fn candidate(name: &str, quality: f64, cost: f64) -> Candidate {
        Candidate {
            model: name.into(),
            quality: Quality::new(quality).unwrap(),
            quality_lower: Quality::new((quality - 0.1).max(0.0)).unwrap(),
            cost: Usd::saturating(cost),
            output_tokens: None,
            output_tokens_p50: None,
            output_tokens_p90: None,
            probability: Probability::new(0.0).unwrap(),
            refusal: None,
        }
    }

    fn three() -> Vec<Candidate> {
        vec![
            candidate("big", 0.9, 0.010),
            candidate("mid", 0.8, 0.002),
            candidate("small", 0.5, 0.001),
        ]
    }

    fn check(policy: Policy, order: [&str; 3], reason: Reason) {
        let choice = choose(three(), policy).unwrap();
        let found: Vec<&str> = choice
            .candidates
            .iter()
            .map(|candidate| candidate.model.as_str())
            .collect();
        assert_eq!(
            (found.as_slice(), choice.reason),
            (order.as_slice(), reason)
        );
    }

    fn adequate(target: f64) -> Policy {
        Policy::Adequate {
            target: Quality::new(target).unwrap(),
        }
    }

    #[test]
    fn utility_weighs_cost() {
        check(
            Policy::Utility { lambda: 0.0 },
            ["big", "mid", "small"],
            Reason::BestUtility,
        );
        check(
            Policy::Utility { lambda: 50.0 },
            ["mid", "small", "big"],
            Reason::BestUtility,
        );
        check(
            Policy::Utility { lambda: 1000.0 },
            ["small", "mid", "big"],
            Reason::BestUtility,
        );
    }

    #[test]
    fn the_cheapest_adequate_model_is_chosen() {
        check(
            adequate(0.65),
            ["mid", "big", "small"],
            Reason::CheapestAdequate,
        );
    }

    #[test]
    fn where_none_is_adequate_the_best_is_chosen() {
        check(
            adequate(0.95),
            ["big", "mid", "small"],
            Reason::NoneAdequate,
        );
    }

    fn check_refusals(policy: Policy, expected: [Option<Refusal>; 3]) {
        let choice = choose(three(), policy).unwrap();
        let found = choice.candidates.iter().map(|candidate| candidate.refusal);
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn every_cheaper_model_says_why_it_was_refused() {
        let target = Quality::new(0.65).unwrap();
        let below = Some(Refusal::BelowTarget { target });
        check_refusals(adequate(0.65), [None, Some(Refusal::Dearer), below]);
    }

    #[test]
    fn utility_tells_a_weaker_model_from_a_dearer_one() {
        let (weaker, dearer) = (Some(Refusal::LowerQuality), Some(Refusal::LowerUtility));
        check_refusals(Policy::Utility { lambda: 50.0 }, [None, weaker, dearer]);
    }

    #[test]
    fn a_limit_outweighs_any_utility() {
        let mut candidates = three();
        candidates[0].refusal = Some(Refusal::NotAllowed);
        let choice = choose(candidates, Policy::Utility { lambda: 0.0 }).unwrap();
        assert_eq!(choice.candidates[0].model.as_str(), "mid");
        assert_eq!(choice.candidates[2].refusal, Some(Refusal::NotAllowed));
    }

    #[test]
    fn the_only_one_left_is_the_only_candidate() {
        let mut candidates = three();
        candidates[0].refusal = Some(Refusal::NotAllowed);
        candidates[1].refusal = Some(Refusal::MaxCost);
        assert_eq!(
            choose(candidates, adequate(0.9)).unwrap().reason,
            Reason::OnlyCandidate
        );
    }

    #[test]
    fn nobody_left_is_an_error_with_every_reason() {
        let mut candidates = three();
        candidates
            .iter_mut()
            .for_each(|candidate| candidate.refusal = Some(Refusal::MaxPrice));
        assert_eq!(choose(candidates, adequate(0.1)).unwrap_err().len(), 3);
    }

    fn any_candidates() -> impl Strategy<Value = Vec<Candidate>> {
        let one = (0.0..=1.0_f64, 0.0..0.1_f64);
        prop::collection::vec(one, 1..8).prop_map(|list| {
            let numbered = list.into_iter().enumerate();
            numbered
                .map(|(number, (quality, cost))| candidate(&format!("m{number}"), quality, cost))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn the_order_of_the_candidates_does_not_matter(candidates in any_candidates(), lambda in 0.0..1000.0_f64) {
            let mut backwards = candidates.clone();
            backwards.reverse();
            prop_assert_eq!(choose(candidates, Policy::Utility { lambda }), choose(backwards, Policy::Utility { lambda }));
        }

        #[test]
        fn a_higher_lambda_never_chooses_a_dearer_model(candidates in any_candidates(), lambda in 0.0..1000.0_f64, more in 0.0..1000.0_f64) {
            let cost = |lambda| choose(candidates.clone(), Policy::Utility { lambda }).unwrap().candidates[0].cost;
            prop_assert!(cost(lambda + more) <= cost(lambda));
        }
    }
}
