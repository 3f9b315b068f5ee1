//! When evidence is looked at, and how sure one look must be.

use serde::{Deserialize, Serialize};

/// The looks that a stage has had, by what is counted for them. The number of a look is that of the
/// doubling it came at, so looks that were missed are not made up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Looks {
    /// The last look at judged decisions; 0 before the first.
    pub judged: u32,
    /// The last look at reported calls; 0 before the first.
    pub calls: u32,
}

/// One look at evidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// Which, from 1.
    pub number: u32,
    /// The probability with which it may be wrong.
    pub delta: f64,
}

impl Look {
    /// The look that so many observations allow, where the last one had the number `last` and the
    /// first comes at `least`. `delta` is shared by all looks: look `k` gets `delta / (k (k + 1))`,
    /// which adds up to `delta` however many there are.
    #[must_use]
    pub fn due(count: u64, least: u64, last: u32, delta: f64) -> Option<Self> {
        let number = (count / least.max(1)).checked_ilog2()? + 1;
        (number > last).then(|| Self {
            number,
            delta: share(number, delta),
        })
    }
}

fn share(number: u32, delta: f64) -> f64 {
    let number = f64::from(number);
    delta / (number * (number + 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(count: u64, last: u32, number: Option<u32>) {
        let due = Look::due(count, 100, last, 0.05);
        assert_eq!(due.map(|look| look.number), number, "{count} after {last}");
    }

    #[test]
    fn a_look_comes_with_every_doubling() {
        check(0, 0, None);
        check(99, 0, None);
        check(100, 0, Some(1));
        check(199, 1, None);
        check(200, 1, Some(2));
        check(1000, 1, Some(4));
        check(1000, 4, None);
    }

    proptest! {
        #[test]
        fn all_looks_together_spend_no_more_than_delta(
            steps in prop::collection::vec(1..10_000_u64, 1..200),
            least in 1..500_u64,
        ) {
            let (mut count, mut last, mut spent) = (0, 0, 0.0);
            for step in steps {
                count += step;
                if let Some(look) = Look::due(count, least, last, 0.05) {
                    prop_assert!(look.number > last);
                    last = look.number;
                    spent += look.delta;
                }
            }
            prop_assert!(spent <= 0.05);
        }
    }
}
