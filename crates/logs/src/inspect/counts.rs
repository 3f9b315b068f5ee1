//! Counters that fit in little memory: means, histograms of whole numbers, counts of labels.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

/// How many labels are listed.
const LISTED: usize = 30;
/// How many labels are told apart: a label that is never the same must not fill the memory.
const TOLD_APART: usize = 100_000;

/// A mean of the values that are there.
#[derive(Default)]
pub(super) struct Mean {
    sum: f64,
    pub(super) count: u64,
}

impl Mean {
    pub(super) fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum += value;
            self.count += 1;
        }
    }

    pub(super) fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// A distribution: the smallest value at or below which that share of the values lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Quantiles {
    /// The smallest.
    pub min: u64,
    /// 10 %.
    pub p10: u64,
    /// The median.
    pub p50: u64,
    /// 90 %.
    pub p90: u64,
    /// 99 %.
    pub p99: u64,
    /// The largest.
    pub max: u64,
}

/// How often each whole number occurs; its size is that of the distinct numbers.
#[derive(Default)]
pub(super) struct Histogram {
    counts: BTreeMap<u64, u64>,
    total: u64,
}

impl Histogram {
    pub(super) fn add(&mut self, value: u64) {
        *self.counts.entry(value).or_default() += 1;
        self.total += 1;
    }

    pub(super) fn quantiles(&self) -> Option<Quantiles> {
        Some(Quantiles {
            min: *self.counts.keys().next()?,
            p10: self.quantile(10)?,
            p50: self.quantile(50)?,
            p90: self.quantile(90)?,
            p99: self.quantile(99)?,
            max: *self.counts.keys().next_back()?,
        })
    }

    fn quantile(&self, percent: u64) -> Option<u64> {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut below = 0;
        self.counts.iter().find_map(|(value, count)| {
            below += count;
            (below >= rank).then_some(*value)
        })
    }
}

/// How often each label occurs.
#[derive(Default)]
pub(super) struct Labels {
    counts: HashMap<String, u64>,
    others: u64,
}

impl Labels {
    pub(super) fn add(&mut self, label: Option<&str>) {
        let Some(label) = label else {
            return;
        };
        if let Some(count) = self.counts.get_mut(label) {
            *count += 1;
        } else if self.counts.len() < TOLD_APART {
            self.counts.insert(label.to_owned(), 1);
        } else {
            self.others += 1;
        }
    }

    /// The most frequent labels, equal ones by name, and the count of all others together.
    pub(super) fn most_frequent(self) -> (Vec<(String, u64)>, u64) {
        let mut counts: Vec<(String, u64)> = self.counts.into_iter().collect();
        counts.sort_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
        let rest = counts.split_off(counts.len().min(LISTED));
        let others = self.others + rest.iter().map(|(_, count)| count).sum::<u64>();
        (counts, others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_one_to_a_hundred() {
        let mut histogram = Histogram::default();
        for value in (1..=100).rev() {
            histogram.add(value);
        }
        let expected = Quantiles {
            min: 1,
            p10: 10,
            p50: 50,
            p90: 90,
            p99: 99,
            max: 100,
        };
        assert_eq!(histogram.quantiles(), Some(expected));
    }

    #[test]
    fn one_value_is_every_quantile() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantiles(), None);
        histogram.add(7);
        let quantiles = histogram.quantiles().unwrap();
        assert_eq!((quantiles.min, quantiles.p99, quantiles.max), (7, 7, 7));
    }

    #[test]
    fn the_most_frequent_labels_are_listed() {
        let mut labels = Labels::default();
        for number in 0..40 {
            labels.add(Some(&format!("{number:02}")));
        }
        labels.add(Some("39"));
        labels.add(None);
        let (listed, others) = labels.most_frequent();
        assert_eq!(listed[0], ("39".to_owned(), 2));
        assert_eq!(listed[1].0, "00");
        assert_eq!((listed.len(), others), (30, 10));
    }
}
