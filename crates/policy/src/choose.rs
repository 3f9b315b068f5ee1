//! The choice among the candidates that no limit refuses.

use std::cmp::Ordering;

use pointsman_types::{Candidate, Draw, ModelName, Probability, Quality, Reason, Refusal};

use crate::explore::{Contender, Exploration, drawn};
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
pub fn choose(mut candidates: Vec<Candidate>, policy: &Policy) -> Result<Choice, Vec<Candidate>> {
    let rule = Rule::new(policy, &candidates);
    candidates.sort_by(|left, right| rule.preference(left, right));
    let open = candidates.partition_point(|candidate| candidate.refusal.is_none());
    if open == 0 {
        return Err(candidates);
    }
    let reason = rule.reason(&candidates[..open]);
    let (chosen, others) = candidates[..open].split_at_mut(1);
    for candidate in others {
        candidate.refusal = Some(rule.refusal(candidate, &chosen[0]));
    }
    candidates[0].probability = Probability::ONE;
    Ok(Choice { reason, candidates })
}

/// The chance in a choice.
#[derive(Debug, Clone, Copy)]
pub struct Chance<'a> {
    /// By which rule others than the best are tried.
    pub exploration: &'a Exploration,
    /// New models and the least probability of each.
    pub quotas: &'a [(ModelName, f64)],
    /// What was drawn.
    pub draw: Draw,
}

impl Choice {
    /// The same choice where chance may take another candidate than the best. `error` is the
    /// standard error of the difference of two models' qualities, infinite where nothing is known of
    /// it. Every candidate gets its probability; the drawn one comes first.
    #[must_use]
    pub fn explored(
        mut self,
        policy: &Policy,
        chance: Chance<'_>,
        error: impl Fn(&ModelName, &ModelName) -> f64,
    ) -> Self {
        let rule = Rule::new(policy, &self.candidates);
        let open = open(&self.candidates);
        let contenders: Vec<Contender> = self.candidates[..open]
            .iter()
            .map(|one| Contender {
                gap: rule.gap(one, &self.candidates[0]),
                error: error(&one.model, &self.candidates[0].model),
                quota: quota(&one.model, chance.quotas),
            })
            .collect();
        let probabilities = chance.exploration.probabilities(&contenders);
        for (candidate, probability) in self.candidates.iter_mut().zip(&probabilities) {
            candidate.probability = Probability::new(*probability).unwrap_or(Probability::ZERO);
        }
        let at = drawn(&probabilities, chance.draw.get());
        if at > 0 {
            self.candidates[..=at].rotate_right(1);
            self.candidates[0].refusal = None;
            self.candidates[1].refusal = Some(Refusal::PassedOver);
            self.reason = Reason::Explored;
        }
        self
    }
}

/// How many candidates no limit refuses, once they are in order.
fn open(candidates: &[Candidate]) -> usize {
    candidates.partition_point(|one| one.refusal.is_none_or(|why| !why.is_limit()))
}

/// A policy, as it looks at the candidates of one request.
struct Rule<'a> {
    policy: &'a Policy,
    /// Predicted quality of the reference, which counts even where a limit refuses it.
    reference: Quality,
}

impl<'a> Rule<'a> {
    fn new(policy: &'a Policy, candidates: &[Candidate]) -> Self {
        let reference = match policy {
            Policy::Reference { model, .. } => candidates
                .iter()
                .find(|candidate| candidate.model == *model)
                .map(|candidate| candidate.quality),
            _ => None,
        };
        Self {
            policy,
            // A reference that is not there is taken to be right always.
            reference: reference.unwrap_or(Quality::clamped(1.0)),
        }
    }

    /// Less is preferred.
    fn preference(&self, left: &Candidate, right: &Candidate) -> Ordering {
        let by_limit = left.refusal.is_some().cmp(&right.refusal.is_some());
        let by_policy = || match self.policy {
            Policy::Adequate { target } => by_adequacy(left, right, *target),
            Policy::Utility { lambda }
            | Policy::Budget { lambda }
            | Policy::Reference { lambda, .. } => self
                .utility(right, *lambda)
                .total_cmp(&self.utility(left, *lambda))
                .then_with(|| self.is_reference(right).cmp(&self.is_reference(left))),
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

    /// How far a candidate is below the best. Among adequate ones that is the share of the cost that
    /// the cheapest saves; where one is adequate, those that are not are never tried.
    fn gap(&self, candidate: &Candidate, best: &Candidate) -> Option<f64> {
        let gap = match self.policy {
            Policy::Adequate { target } => adequacy_gap(candidate, best, *target)?,
            Policy::Utility { lambda }
            | Policy::Budget { lambda }
            | Policy::Reference { lambda, .. } => {
                self.utility(best, *lambda) - self.utility(candidate, *lambda)
            }
        };
        Some(gap.max(0.0))
    }

    fn utility(&self, candidate: &Candidate, lambda: f64) -> f64 {
        let worth = match self.policy {
            Policy::Reference { .. } => -self.expected_regression(candidate),
            _ => f64::from(candidate.quality.get()),
        };
        worth - lambda * candidate.cost.as_f64()
    }

    fn expected_regression(&self, candidate: &Candidate) -> f64 {
        match self.is_reference(candidate) {
            true => 0.0,
            false => expected_regression(self.reference, candidate.quality),
        }
    }

    fn is_reference(&self, candidate: &Candidate) -> bool {
        matches!(self.policy, Policy::Reference { model, .. } if candidate.model == *model)
    }

    fn reason(&self, open: &[Candidate]) -> Reason {
        match self.policy {
            _ if open.len() == 1 => Reason::OnlyCandidate,
            Policy::Utility { .. } => Reason::BestUtility,
            Policy::Budget { .. } => Reason::WithinBudget,
            Policy::Adequate { target } if is_adequate(&open[0], *target) => {
                Reason::CheapestAdequate
            }
            Policy::Adequate { .. } => Reason::NoneAdequate,
            Policy::Reference { .. } if self.is_reference(&open[0]) => Reason::ReferenceKept,
            Policy::Reference { .. } if open.iter().any(|one| self.is_reference(one)) => {
                Reason::SavesMoreThanItRisks
            }
            Policy::Reference { .. } => Reason::ReferenceRefused,
        }
    }

    fn refusal(&self, candidate: &Candidate, chosen: &Candidate) -> Refusal {
        let is_cheaper = candidate.cost <= chosen.cost;
        match self.policy {
            Policy::Adequate { target } if is_adequate(candidate, *target) => Refusal::Dearer,
            Policy::Adequate { target } => Refusal::BelowTarget { target: *target },
            Policy::Reference { .. } if is_cheaper => Refusal::RisksMore,
            Policy::Utility { .. } | Policy::Budget { .. } if is_cheaper => Refusal::LowerQuality,
            _ => Refusal::LowerUtility,
        }
    }
}

/// What a model of one expected quality loses, by expectation, where a reference of another scores
/// higher: an estimate of the mean of `max(0, r - s)`. It lies between `max(0, mean r - mean s)`,
/// where the two fail on the same prompts as far as they can (Jensen), and `r (1 - s)`, where they
/// fail independently; the middle is taken.
#[must_use]
pub fn expected_regression(reference: Quality, model: Quality) -> f64 {
    let (reference, model) = (f64::from(reference.get()), f64::from(model.get()));
    f64::midpoint((reference - model).max(0.0), reference * (1.0 - model))
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

fn adequacy_gap(candidate: &Candidate, best: &Candidate, target: Quality) -> Option<f64> {
    match (is_adequate(best, target), is_adequate(candidate, target)) {
        (true, true) => {
            Some(1.0 - best.cost.as_f64() / candidate.cost.as_f64().max(f64::MIN_POSITIVE))
        }
        (true, false) => None,
        (false, _) => Some(f64::from(
            best.quality_lower.get() - candidate.quality_lower.get(),
        )),
    }
}

fn quota(model: &ModelName, quotas: &[(ModelName, f64)]) -> f64 {
    let found = quotas.iter().find(|(new, _)| new == model);
    found.map_or(0.0, |(_, quota)| *quota)
}

fn is_adequate(candidate: &Candidate, target: Quality) -> bool {
    candidate.quality_lower >= target
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
            learned: None,
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
        let choice = choose(three(), &policy).unwrap();
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
        let choice = choose(three(), &policy).unwrap();
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

    fn reference(model: &str, lambda: f64) -> Policy {
        Policy::Reference {
            model: model.into(),
            lambda,
        }
    }

    #[test]
    fn the_reference_stays_until_a_saving_outweighs_the_risk() {
        let kept = Reason::ReferenceKept;
        check(reference("big", 0.0), ["big", "mid", "small"], kept);
        // mid may lose between 0.1 and 0.9 * 0.2 and saves 0.008: worth it from 17.5 on
        check(reference("big", 17.0), ["big", "mid", "small"], kept);
        let cheaper = Reason::SavesMoreThanItRisks;
        check(reference("big", 18.0), ["mid", "big", "small"], cheaper);
        check(reference("big", 1000.0), ["small", "mid", "big"], cheaper);
    }

    #[test]
    fn a_dearer_model_never_replaces_the_reference_however_good() {
        check(
            reference("small", 0.0),
            ["small", "big", "mid"],
            Reason::ReferenceKept,
        );
    }

    #[test]
    fn what_risks_more_is_told_from_what_costs_more() {
        let (risks, dearer) = (Some(Refusal::RisksMore), Some(Refusal::LowerUtility));
        check_refusals(reference("big", 18.0), [None, dearer, risks]);
    }

    #[test]
    fn without_the_reference_the_others_are_still_measured_against_it() {
        let mut candidates = three();
        candidates[0].refusal = Some(Refusal::MaxCost);
        let choice = choose(candidates, &reference("big", 0.0)).unwrap();
        assert_eq!(choice.candidates[0].model.as_str(), "mid");
        assert_eq!(choice.reason, Reason::ReferenceRefused);
    }

    #[test]
    fn a_limit_outweighs_any_utility() {
        let mut candidates = three();
        candidates[0].refusal = Some(Refusal::NotAllowed);
        let choice = choose(candidates, &Policy::Utility { lambda: 0.0 }).unwrap();
        assert_eq!(choice.candidates[0].model.as_str(), "mid");
        assert_eq!(choice.candidates[2].refusal, Some(Refusal::NotAllowed));
    }

    #[test]
    fn the_only_one_left_is_the_only_candidate() {
        let mut candidates = three();
        candidates[0].refusal = Some(Refusal::NotAllowed);
        candidates[1].refusal = Some(Refusal::MaxCost);
        assert_eq!(
            choose(candidates, &adequate(0.9)).unwrap().reason,
            Reason::OnlyCandidate
        );
    }

    #[test]
    fn nobody_left_is_an_error_with_every_reason() {
        let mut candidates = three();
        candidates
            .iter_mut()
            .for_each(|candidate| candidate.refusal = Some(Refusal::MaxPrice));
        assert_eq!(choose(candidates, &adequate(0.1)).unwrap_err().len(), 3);
    }

    fn chance<'a>(
        exploration: &'a Exploration,
        quotas: &'a [(ModelName, f64)],
        draw: f64,
    ) -> Chance<'a> {
        Chance {
            exploration,
            quotas,
            draw: Draw::new(draw).unwrap(),
        }
    }

    fn check_drawn(policy: &Policy, draw: f64, model: &str, probability: f64) {
        let exploration = Exploration::Epsilon { share: 0.2 };
        let choice = choose(three(), policy).unwrap();
        let chance = chance(&exploration, &[], draw);
        let explored = choice.explored(policy, chance, |_, _| 1.0);
        let first = &explored.candidates[0];
        assert_eq!(first.model.as_str(), model);
        assert!((first.probability.get() - probability).abs() < 1e-12);
        assert_eq!(first.refusal, None);
        let others = &explored.candidates[1..];
        assert!(others.iter().all(|one| one.refusal.is_some()));
    }

    #[test]
    fn a_draw_takes_each_with_its_probability() {
        let policy = Policy::Utility { lambda: 0.0 };
        for (draw, model, probability) in [
            (0.0, "big", 0.8),
            (0.79, "big", 0.8),
            (0.81, "mid", 0.1),
            (0.99, "small", 0.1),
        ] {
            check_drawn(&policy, draw, model, probability);
        }
    }

    #[test]
    fn where_one_is_adequate_only_adequate_ones_are_tried() {
        for draw in [0.0, 0.5, 0.79] {
            check_drawn(&adequate(0.65), draw, "mid", 0.8);
        }
        check_drawn(&adequate(0.65), 0.999, "big", 0.2);
    }

    #[test]
    fn what_a_limit_refuses_is_never_drawn() {
        let mut candidates = three();
        candidates[1].refusal = Some(Refusal::MaxCost);
        let policy = Policy::Utility { lambda: 0.0 };
        let rule = Exploration::Epsilon { share: 1.0 };
        let choice = choose(candidates, &policy).unwrap();
        let explored = choice.explored(&policy, chance(&rule, &[], 0.999), |_, _| 1.0);
        assert_eq!(explored.candidates[0].model.as_str(), "small");
        assert_eq!(explored.reason, Reason::Explored);
        assert_eq!(explored.candidates[2].refusal, Some(Refusal::MaxCost));
    }

    #[test]
    fn a_quota_is_kept_where_nothing_explores() {
        let policy = Policy::Utility { lambda: 0.0 };
        let quotas = [("small".into(), 0.25)];
        let choice = choose(three(), &policy).unwrap();
        let explored = choice.explored(
            &policy,
            chance(&Exploration::Greedy, &quotas, 0.9),
            |_, _| 1.0,
        );
        assert_eq!(explored.candidates[0].model.as_str(), "small");
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
            for policy in [Policy::Utility { lambda }, reference("m0", lambda)] {
                prop_assert_eq!(choose(candidates.clone(), &policy), choose(backwards.clone(), &policy));
            }
        }

        #[test]
        fn a_higher_lambda_never_chooses_a_dearer_model(candidates in any_candidates(), lambda in 0.0..1000.0_f64, more in 0.0..1000.0_f64) {
            let cost = |policy: Policy| choose(candidates.clone(), &policy).unwrap().candidates[0].cost;
            let utility = |lambda| Policy::Utility { lambda };
            for of in [&utility as &dyn Fn(f64) -> Policy, &|lambda| reference("m0", lambda)] {
                prop_assert!(cost(of(lambda + more)) <= cost(of(lambda)));
            }
        }
    }
}
