//! Sums that do not depend on the order of their terms: of whole numbers, and of scores in units
//! so small that nothing is lost.

/// A mean of whole numbers.
#[derive(Debug, Default)]
pub(super) struct Mean {
    sum: i64,
    count: u32,
}

impl Mean {
    pub(super) fn add(&mut self, value: Option<i128>) {
        if let Some(value) = value {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            self.sum = self.sum.saturating_add(value);
            self.count += 1;
        }
    }

    pub(super) fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / f64::from(self.count))
    }
}

/// A weighted mean of scores. Weights count in millionths of a vote, scores in 2^-60, which
/// holds every 32-bit float above 2^-36 exactly.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Votes {
    weighted: u128,
    millionths: u64,
}

const SCORE_UNIT: f64 = (1u64 << 60) as f64;
const WEIGHT_UNIT: f64 = 1e6;

impl Votes {
    pub(super) fn add(&mut self, score: f64, weight: f64) {
        let votes = ((weight * WEIGHT_UNIT).round() as u64).max(1);
        let score = (score * SCORE_UNIT).round() as u128;
        self.weighted = self.weighted.saturating_add(u128::from(votes) * score);
        self.millionths = self.millionths.saturating_add(votes);
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.weighted = self.weighted.saturating_add(other.weighted);
        self.millionths = self.millionths.saturating_add(other.millionths);
    }

    /// The mean, and the votes behind it.
    pub(super) fn mean(&self) -> Option<(f64, f64)> {
        let mean = self.weighted.checked_div(u128::from(self.millionths))?;
        Some((
            mean as f64 / SCORE_UNIT,
            self.millionths as f64 / WEIGHT_UNIT,
        ))
    }
}
