//! How well probabilities foretell which of two answers is preferred.

use serde::{Deserialize, Serialize};

/// One comparison and what was foretold of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Foretold {
    /// The probability that the first answer wins, strictly between 0 and 1.
    pub probability: f64,
    /// The share of the wins that the first answer had; a tie is half a win.
    pub share_of_first: f64,
    /// Number of votes.
    pub weight: f64,
}

/// Measures of such probabilities; a tie counts as half a win of either.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PreferenceMeasures {
    /// Mean log loss in nats; 0.693 for tossing a coin.
    pub log_loss: f64,
    /// The share of the votes that the answer held to be better got.
    pub accuracy: f64,
    /// The probability that a comparison won by the first answer had a higher probability than one
    /// won by the second; 0.5 where either is missing.
    pub auc: f64,
}

/// Measures what was foretold; `None` where there is no vote.
#[must_use]
pub fn preference_measures(foretold: &[Foretold]) -> Option<PreferenceMeasures> {
    let votes: f64 = foretold.iter().map(|one| one.weight).sum();
    let mean = |of: fn(&Foretold) -> f64| {
        foretold.iter().map(|one| one.weight * of(one)).sum::<f64>() / votes
    };
    (votes > 0.0).then(|| PreferenceMeasures {
        log_loss: mean(log_loss),
        accuracy: mean(accuracy),
        auc: auc(foretold),
    })
}

fn log_loss(one: &Foretold) -> f64 {
    let share = one.share_of_first;
    -(share * one.probability.ln() + (1.0 - share) * (-one.probability).ln_1p())
}

fn accuracy(one: &Foretold) -> f64 {
    match one.probability {
        high if high > 0.5 => one.share_of_first,
        low if low < 0.5 => 1.0 - one.share_of_first,
        _ => 0.5,
    }
}

/// The area under the ROC curve by the trapezoid rule: equal probabilities count half.
fn auc(foretold: &[Foretold]) -> f64 {
    let mut sorted: Vec<&Foretold> = foretold.iter().collect();
    sorted.sort_by(|left, right| left.probability.total_cmp(&right.probability));
    let (mut area, mut lost) = (0.0, 0.0);
    let (mut all_won, mut all_lost) = (0.0, 0.0);
    for equal in
        sorted.chunk_by(|left, right| left.probability.total_cmp(&right.probability).is_eq())
    {
        let won: f64 = equal
            .iter()
            .map(|one| one.weight * one.share_of_first)
            .sum();
        let votes: f64 = equal.iter().map(|one| one.weight).sum();
        let lost_here = votes - won;
        area += won * (lost + lost_here / 2.0);
        lost += lost_here;
        all_won += won;
        all_lost += lost_here;
    }
    match all_won > 0.0 && all_lost > 0.0 {
        true => area / (all_won * all_lost),
        false => 0.5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(each: &[(f64, f64, f64)]) -> PreferenceMeasures {
        let foretold: Vec<Foretold> = each
            .iter()
            .map(|(probability, share_of_first, weight)| Foretold {
                probability: *probability,
                share_of_first: *share_of_first,
                weight: *weight,
            })
            .collect();
        preference_measures(&foretold).unwrap()
    }

    #[test]
    fn a_coin_has_the_loss_of_a_coin() {
        let found = measured(&[(0.5, 1.0, 1.0), (0.5, 0.0, 3.0), (0.5, 0.5, 1.0)]);
        assert!((found.log_loss - 2_f64.ln()).abs() < 1e-12);
        assert!((found.accuracy - 0.5).abs() < 1e-12 && (found.auc - 0.5).abs() < 1e-12);
    }

    #[test]
    fn votes_weigh() {
        // 3 of 4 votes agree; the pair (0.8 won, 0.2 lost) is in order, (0.2 won, 0.8 lost) is not.
        let found = measured(&[(0.8, 1.0, 3.0), (0.8, 0.0, 1.0), (0.2, 0.0, 1.0)]);
        assert!((found.accuracy - 0.8).abs() < 1e-12, "{found:?}");
        // wins at 0.8 weigh 3; losses 1 at 0.8 (half) and 1 at 0.2: (1 + 0.5) / 2
        assert!((found.auc - 0.75).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn without_votes_there_is_nothing_to_measure() {
        assert_eq!(preference_measures(&[]), None);
    }
}
