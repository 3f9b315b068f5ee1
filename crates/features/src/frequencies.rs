//! How often each bucket occurs in one text.
//!
//! An open-addressed table as large as the text asks for: sorting the n-grams instead takes a third
//! of a whole decision, and a table of all buckets would be cleared for every prompt.

/// Marks a free slot.
const FREE: u32 = u32::MAX;

/// Distinct buckets in the order of their first occurrence, with their counts.
pub(crate) struct Frequencies {
    /// Where a bucket stands in `counted`, by the low bits of the bucket and linear probing.
    slots: Vec<u32>,
    counted: Vec<(u32, u32)>,
}

impl Frequencies {
    /// Room for about so many n-grams; it grows when there are more.
    pub(crate) fn for_at_most(ngrams: usize) -> Self {
        Self {
            slots: vec![FREE; (ngrams * 2).next_power_of_two()],
            counted: Vec::with_capacity(ngrams),
        }
    }

    /// Counts one occurrence; says whether it is the first. Buckets are hashes, so their low bits
    /// spread.
    pub(crate) fn count(&mut self, bucket: u32) -> bool {
        let mut at = bucket as usize & (self.slots.len() - 1);
        while self.slots[at] != FREE {
            let known = &mut self.counted[self.slots[at] as usize];
            if known.0 == bucket {
                known.1 += 1;
                return false;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.slots[at] = self.counted.len() as u32;
        self.counted.push((bucket, 1));
        if self.counted.len() * 2 > self.slots.len() {
            self.grow();
        }
        true
    }

    fn grow(&mut self) {
        let mut larger = Self {
            slots: vec![FREE; self.slots.len() * 2],
            counted: Vec::new(),
        };
        for (number, (bucket, _)) in self.counted.iter().enumerate() {
            let mut at = *bucket as usize & (larger.slots.len() - 1);
            while larger.slots[at] != FREE {
                at = (at + 1) & (larger.slots.len() - 1);
            }
            larger.slots[at] = number as u32;
        }
        self.slots = larger.slots;
    }

    /// The buckets, and `1 + ln(count)` of each.
    pub(crate) fn into_sublinear(self) -> (Vec<u32>, Vec<f32>) {
        let value = |count: u32| {
            if count == 1 {
                1.0
            } else {
                1.0 + libm::logf(count as f32)
            }
        };
        self.counted
            .into_iter()
            .map(|(bucket, count)| (bucket, value(count)))
            .unzip()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn counts_are_those_of_a_map(buckets in prop::collection::vec(0..300_u32, 0..400), room in 1..50_usize) {
            let mut frequencies = Frequencies::for_at_most(room);
            let mut expected: BTreeMap<u32, u32> = BTreeMap::new();
            for bucket in buckets {
                let is_first = frequencies.count(bucket);
                prop_assert_eq!(is_first, !expected.contains_key(&bucket));
                *expected.entry(bucket).or_default() += 1;
            }
            let found: BTreeMap<u32, u32> = frequencies.counted.iter().copied().collect();
            prop_assert_eq!(found.len(), frequencies.counted.len());
            prop_assert_eq!(found, expected);
        }
    }
}
