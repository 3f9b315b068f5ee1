//! With which probability each candidate is chosen, where the policy may try others than the best.
//!
//! Probabilities are exact and in closed form, so that they can be logged with the decision and
//! what was learnt from it can be corrected for them.

use pointsman_types::{ModelName, OutOfRange};
use serde::{Deserialize, Serialize};

/// How a policy tries candidates that look worse than the best.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum Exploration {
    /// Never.
    #[default]
    Greedy,
    /// One of the others, evenly, in this share of the decisions.
    Epsilon {
        /// From 0 to 1.
        share: f64,
    },
    /// The less a candidate falls short of the best, the more often: `1 / (K + gamma gap)` for `K`
    /// candidates, the best takes the rest (SquareCB; Foster and Rakhlin, arXiv 2002.04926).
    /// Candidates that cannot be the best by what is known of them are left out.
    SquareCb {
        /// How much a gap of 1 in utility counts.
        gamma: f64,
        /// Of all decisions, at most this share explores.
        share: f64,
    },
    /// By the odds that a candidate is better than the best by what feedback has taught: for a gap of
    /// `g` with standard error `s`, `F / (1 - F)` at `F = Φ(-g / (doubt s))`, against 1 for the best.
    /// Hopeless candidates get next to nothing, however many there are, and what is unsure of all
    /// alike does not count. Without anything learnt it does not explore.
    Odds {
        /// How much of the standard error counts: 1 is probability matching, two by two; less
        /// explores less.
        doubt: f64,
        /// Of all decisions, at most this share explores.
        share: f64,
    },
}

/// A candidate that no limit refuses, as exploration sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contender {
    /// How far its utility is below the best one's; 0 for the best. `None`: never to be tried.
    pub gap: Option<f64>,
    /// Standard error of the gap; infinite where nothing is known of it.
    pub error: f64,
    /// With at least this probability, whatever its gap: a model that is new.
    pub quota: f64,
}

/// New models and the probability that each is tried with at least.
pub type Quotas = Vec<(ModelName, f64)>;

/// A contender whose gap is beyond so many standard errors cannot be the best (two-sided 95 %).
const PLAUSIBLE: f64 = 1.96;
/// Together new models get at most this share of the decisions.
const MOST_QUOTA: f64 = 0.5;

impl Exploration {
    /// Whether anything but the best may be chosen.
    #[must_use]
    pub fn explores(&self) -> bool {
        match self {
            Self::Greedy => false,
            Self::Epsilon { share } | Self::SquareCb { share, .. } | Self::Odds { share, .. } => {
                *share > 0.0
            }
        }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// When a share is not from 0 to 1, or gamma or the doubt is not above 0.
    pub fn check(&self) -> Result<(), OutOfRange> {
        let share_of = |value: f64| match (0.0..=1.0).contains(&value) {
            true => Ok(()),
            false => Err(OutOfRange {
                unit: "the share that explores",
                range: "from 0 to 1",
                value,
            }),
        };
        match *self {
            Self::Greedy => Ok(()),
            Self::Epsilon { share } => share_of(share),
            Self::SquareCb { gamma, share } => above_zero("gamma", gamma).and(share_of(share)),
            Self::Odds { doubt, share } => above_zero("the doubt", doubt).and(share_of(share)),
        }
    }

    /// One probability per contender, the best first; they add up to 1.
    #[must_use]
    pub fn probabilities(&self, contenders: &[Contender]) -> Vec<f64> {
        let mut shares = self.shares(contenders);
        let quotas: f64 = contenders.iter().skip(1).map(|one| one.quota).sum();
        let room = (MOST_QUOTA / quotas.max(f64::MIN_POSITIVE)).min(1.0);
        // The rule has what the quotas leave, so that together they stay a probability.
        for (share, contender) in shares.iter_mut().zip(contenders).skip(1) {
            *share = (1.0 - room * quotas) * *share + room * contender.quota;
        }
        let others: f64 = shares.iter().skip(1).sum();
        if let Some(best) = shares.first_mut() {
            *best = (1.0 - others).max(0.0);
        }
        shares
    }

    /// What each of the others gets; the best one's own is not filled in.
    fn shares(&self, contenders: &[Contender]) -> Vec<f64> {
        let others = contenders.iter().skip(1).filter(|one| one.gap.is_some());
        let others = others.count().max(1) as f64;
        let share = |one: &Contender| match (self, one.gap) {
            (Self::Greedy, _) | (_, None) => 0.0,
            (Self::Epsilon { share }, Some(_)) => share / others,
            (Self::SquareCb { .. }, Some(gap)) if gap > PLAUSIBLE * one.error => 0.0,
            (Self::SquareCb { gamma, .. }, Some(gap)) => 1.0 / (others + 1.0 + gamma * gap),
            (Self::Odds { doubt, .. }, Some(gap)) => odds(gap, doubt * one.error),
        };
        let mut shares: Vec<f64> = contenders.iter().map(share).collect();
        let most = match self {
            Self::Greedy | Self::Epsilon { .. } => return shares,
            Self::SquareCb { share, .. } => share,
            Self::Odds { share, .. } => {
                let odds: f64 = shares.iter().skip(1).sum();
                shares.iter_mut().for_each(|share| *share /= 1.0 + odds);
                share
            }
        };
        let sum: f64 = shares.iter().skip(1).sum();
        if sum > *most {
            shares.iter_mut().for_each(|share| *share *= most / sum);
        }
        shares
    }
}

/// The odds that a normal quantity of this mean shortfall and standard error is above 0: at most 1.
fn odds(gap: f64, error: f64) -> f64 {
    if !error.is_finite() || error <= 0.0 {
        return 0.0;
    }
    let above = 0.5 * libm::erfc(gap / error * std::f64::consts::FRAC_1_SQRT_2);
    above / (1.0 - above)
}

fn above_zero(unit: &'static str, value: f64) -> Result<(), OutOfRange> {
    match value.is_finite() && value > 0.0 {
        true => Ok(()),
        false => Err(OutOfRange {
            unit,
            range: "finite and above 0",
            value,
        }),
    }
}

/// The first position at which the running sum of the probabilities exceeds the draw.
pub(crate) fn drawn(probabilities: &[f64], draw: f64) -> usize {
    let mut sum = 0.0;
    let mut last = 0;
    for (at, probability) in probabilities.iter().enumerate() {
        sum += probability;
        if *probability > 0.0 {
            last = at;
        }
        if draw < sum {
            return at;
        }
    }
    // The sum falls short of 1 by rounding only.
    last
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn contender(gap: f64, error: f64) -> Contender {
        Contender {
            gap: Some(gap),
            error,
            quota: 0.0,
        }
    }

    fn check(exploration: &Exploration, gaps: &[f64], expected: &[f64]) {
        let contenders: Vec<_> = gaps.iter().map(|gap| contender(*gap, 1.0)).collect();
        let found = exploration.probabilities(&contenders);
        let is_near = |(found, expected): (&f64, &f64)| (found - expected).abs() < 1e-6;
        assert!(found.iter().zip(expected).all(is_near), "{found:?}");
    }

    const SQUARE_CB: Exploration = Exploration::SquareCb {
        gamma: 100.0,
        share: 1.0,
    };

    #[test]
    fn rules_have_their_formulas() {
        check(&Exploration::Greedy, &[0.0, 0.1], &[1.0, 0.0]);
        let epsilon = Exploration::Epsilon { share: 0.1 };
        check(&epsilon, &[0.0, 0.1, 0.9], &[0.9, 0.05, 0.05]);
        check(
            &SQUARE_CB,
            &[0.0, 0.0, 0.07],
            &[1.0 - 1.0 / 3.0 - 0.1, 1.0 / 3.0, 0.1],
        );
        check(&SQUARE_CB, &[0.0], &[1.0]);
    }

    #[test]
    fn odds_are_those_of_being_better() {
        let odds = Exploration::Odds {
            doubt: 0.5,
            share: 1.0,
        };
        // Φ(-2) = 0.022750, of which the odds are 0.023280
        check(&odds, &[0.0, 0.0, 1.0], &[0.494_247, 0.494_247, 0.011_506]);
        let unknown = [contender(0.0, f64::INFINITY), contender(0.1, f64::INFINITY)];
        assert_eq!(odds.probabilities(&unknown), [1.0, 0.0]);
    }

    #[test]
    fn the_share_bounds_what_explores() {
        let bounded = Exploration::SquareCb {
            gamma: 100.0,
            share: 0.05,
        };
        check(&bounded, &[0.0, 0.01, 0.01], &[0.95, 0.025, 0.025]);
    }

    #[test]
    fn what_cannot_be_the_best_is_not_tried() {
        let contenders = [
            contender(0.0, 0.0),
            contender(0.2, 0.1),
            contender(0.19, 0.1),
        ];
        let found = SQUARE_CB.probabilities(&contenders);
        assert!(found[1] == 0.0 && found[2] > 0.0, "{found:?}");
    }

    #[test]
    fn a_new_model_gets_its_quota_whatever_its_gap() {
        let new = Contender {
            gap: Some(0.9),
            error: 0.0,
            quota: 0.2,
        };
        let found = Exploration::Greedy.probabilities(&[contender(0.0, 0.0), new]);
        assert_eq!(found, [0.8, 0.2]);
    }

    #[test]
    fn many_new_models_share_half_of_the_decisions() {
        let new = Contender {
            gap: Some(0.1),
            error: 0.0,
            quota: 0.2,
        };
        let found = Exploration::Greedy.probabilities(&[contender(0.0, 0.0), new, new, new, new]);
        assert!((found[0] - 0.5).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn shares_and_gamma_are_checked() {
        for wrong in [-0.1, 1.1, f64::NAN] {
            assert!(Exploration::Epsilon { share: wrong }.check().is_err());
        }
        let still = Exploration::SquareCb {
            gamma: 0.0,
            share: 0.1,
        };
        assert!(still.check().is_err() && SQUARE_CB.check().is_ok());
    }

    proptest! {
        #[test]
        fn probabilities_are_probabilities(
            gaps in prop::collection::vec((0.0..1.0_f64, 0.0..1.0_f64, 0.0..0.4_f64), 1..12),
            gamma in 1.0..1e4_f64,
            share in 0.0..=1.0_f64,
            draw in 0.0..1.0_f64,
        ) {
            let mut contenders: Vec<Contender> = gaps
                .iter()
                .map(|(gap, error, quota)| Contender { quota: *quota, ..contender(*gap, *error) })
                .collect();
            contenders[0].gap = Some(0.0);
            for rule in [Exploration::Greedy, Exploration::Epsilon { share }, Exploration::SquareCb { gamma, share }, Exploration::Odds { doubt: gamma / 1e4, share }] {
                let found = rule.probabilities(&contenders);
                prop_assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-9);
                prop_assert!(found.iter().all(|p| (0.0..=1.0).contains(p)), "{:?}", found);
                prop_assert!(found[drawn(&found, draw)] > 0.0);
            }
        }

        #[test]
        fn nearer_contenders_are_tried_no_less(near in 0.0..1.0_f64, farther in 0.0..1.0_f64, gamma in 1.0..1e4_f64) {
            let rule = Exploration::SquareCb { gamma, share: 1.0 };
            let found = rule.probabilities(&[contender(0.0, 9.0), contender(near, 9.0), contender(near + farther, 9.0)]);
            prop_assert!(found[0] >= found[1] && found[1] >= found[2]);
        }
    }
}
