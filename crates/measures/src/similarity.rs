//! From which similarity on two questions may share an answer: the lowest threshold at which false
//! hits are bounded, by pairs whose truth is known.

use crate::{Bound, fixed_sequence};

/// Two questions and what is known of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Compared {
    /// The cosine of their vectors, in [-1, 1].
    pub similarity: f64,
    /// Whether one answer serves both.
    pub is_same: bool,
}

/// What a threshold does to the pairs it was chosen on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HitMeasures {
    /// Pairs of at least this similarity are hits.
    pub threshold: f64,
    /// How many are.
    pub hits: usize,
    /// Of these, the pairs that no answer serves.
    pub false_hits: usize,
    /// Their share among the hits.
    pub false_share: f64,
    /// The share's upper bound (Clopper and Pearson), at the error that was asked for.
    pub false_share_upper: f64,
    /// The share of the pairs with one answer that are hits.
    pub hit_rate: f64,
}

/// Thresholds are tried in steps of one over this, from 1 down.
const STEPS: u32 = 200;
/// What rounding may take from the similarity of two equal texts.
const ROUNDING: f64 = 1e-6;

/// The fewest hits whose bound can be within `alpha`: those of which none is false.
#[must_use]
pub fn fewest_hits(alpha: f64, delta: f64) -> usize {
    // 1 - delta^(1 / n) is Clopper's and Pearson's bound of no losses among n.
    (delta.ln() / (1.0 - alpha).ln()).ceil() as usize
}

/// The lowest threshold of which, with probability `1 - delta` of the pairs, at most a share `alpha`
/// of the hits is false; `None` where none can be shown to be. Thresholds are tested in a fixed
/// sequence from 1 down, beginning where there are hits enough, which no label decides.
#[must_use]
pub fn similarity_threshold(pairs: &[Compared], alpha: f64, delta: f64) -> Option<HitMeasures> {
    let fewest = fewest_hits(alpha, delta);
    let all = (0..=STEPS).map(|step| f64::from(STEPS - step) / f64::from(STEPS));
    let all = all.map(|threshold| measured(pairs, threshold, delta));
    let tested: Vec<HitMeasures> = all.skip_while(|found| found.hits < fewest).collect();
    let bounds = tested.iter().map(|found| found.false_share_upper);
    let passed = fixed_sequence(bounds, alpha);
    passed.checked_sub(1).map(|last| tested[last])
}

/// What this threshold does to the pairs.
fn measured(pairs: &[Compared], threshold: f64, delta: f64) -> HitMeasures {
    let is_hit = |pair: &&Compared| pair.similarity >= threshold - ROUNDING;
    let losses: Vec<f64> = pairs
        .iter()
        .filter(is_hit)
        .map(|pair| if pair.is_same { 0.0 } else { 1.0 })
        .collect();
    let (hits, false_hits) = (losses.len(), losses.iter().sum::<f64>() as usize);
    let same = pairs.iter().filter(|pair| pair.is_same).count();
    let share = |part: usize, of: usize| part as f64 / of.max(1) as f64;
    HitMeasures {
        threshold,
        hits,
        false_hits,
        false_share: share(false_hits, hits),
        false_share_upper: Bound::ClopperPearson.upper(&losses, delta),
        hit_rate: share(hits - false_hits, same),
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn pairs(count: usize, similarity: f64, is_same: bool) -> Vec<Compared> {
        let one = Compared {
            similarity,
            is_same,
        };
        vec![one; count]
    }

    #[test]
    fn the_threshold_lies_above_what_is_different() {
        let all = [
            pairs(400, 0.93, true),
            pairs(100, 0.87, true),
            pairs(200, 0.81, false),
        ]
        .concat();
        let found = similarity_threshold(&all, 0.01, 0.05).unwrap();
        assert!((0.81..=0.87).contains(&found.threshold), "{found:?}");
        assert_eq!((found.hits, found.false_hits), (500, 0));
        assert!(
            found.false_share_upper <= 0.01 && found.hit_rate > 0.999,
            "{found:?}"
        );
    }

    #[test]
    fn few_pairs_show_nothing() {
        assert_eq!(fewest_hits(0.01, 0.05), 299);
        assert_eq!(
            similarity_threshold(&pairs(298, 1.0, true), 0.01, 0.05),
            None
        );
        assert!(similarity_threshold(&pairs(299, 1.0, true), 0.01, 0.05).is_some());
    }

    #[test]
    fn where_equal_questions_differ_there_is_no_threshold() {
        assert_eq!(
            similarity_threshold(&pairs(1000, 1.0, false), 0.1, 0.05),
            None
        );
    }

    /// The share of false hits rises as similarity falls; the truth is known.
    #[test]
    fn the_promise_is_kept_as_often_as_it_says() {
        let wrong = |similarity: f64| (1.0 - similarity).powi(2);
        // Of what is at least as similar as t: the mean of (1 - s)^2 over s uniform in [t, 1].
        let truth = |threshold: f64| (1.0 - threshold).powi(2) / 3.0;
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let broken = (0..400).filter(|_| {
            let all: Vec<Compared> = (0..1500)
                .map(|_| {
                    let similarity = random.random_range(0.0..1.0);
                    let is_same = random.random_range(0.0..1.0) >= wrong(similarity);
                    Compared {
                        similarity,
                        is_same,
                    }
                })
                .collect();
            let found = similarity_threshold(&all, 0.05, 0.1);
            found.is_some_and(|found| truth(found.threshold) > 0.05)
        });
        // 40 of 400 are promised; five standard errors beyond.
        assert!(broken.count() <= 70);
    }
}
