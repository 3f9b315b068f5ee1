//! Who judges, how much of the whole that is, and who is set aside.
//!
//! Every key has the sum of its weights, of which the past counts less and less. From some number of
//! keys on, none may have more than its share of the whole: sums above a common cut are scaled down
//! to it, where the cut is that share of all sums after cutting. So a key with a fifth of all
//! judgements still teaches with every one of them, each counting less.

use std::collections::BTreeMap;

use super::suspicion::Suspicion;
use super::{KeyStanding, LearnerSettings};

/// Per judgement of anybody, how much of every sum remains.
pub(super) const STAYS: f64 = 0.9995;
/// The cut is computed anew after so many judgements.
const CUT_EVERY: u64 = 64;
/// So many keys are remembered, those with the largest sums.
const MOST_KEYS: usize = 1024;
/// A key counts as one among others from this sum on.
const ESTABLISHED: f64 = 5.0;
/// The others must weigh this much before they can contradict a key.
const LEAST_OTHERS: f64 = 20.0;
/// Pulls the mean residual of the others towards 0: so many judgements.
const SHRINKAGE: f64 = 10.0;
/// Sums grow instead of all others shrinking; here they are scaled back.
const RESCALE: f64 = 1e9;

/// One key. Sums are in units of [`Influence::unit`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Key {
    pub(super) offered: f64,
    pub(super) residual: f64,
    pub(super) suspicion: Suspicion,
    pub(super) lessons: u64,
    pub(super) set_aside: u64,
}

/// All keys.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Influence {
    pub(super) keys: BTreeMap<Option<u64>, Key>,
    /// What a weight of 1 is now.
    pub(super) unit: f64,
    pub(super) heard: u64,
    pub(super) cut: f64,
}

/// A judgement before it is believed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    pub(super) key: Option<u64>,
    pub(super) score: f64,
    /// By the posterior.
    pub(super) expected: f64,
    pub(super) weight: f64,
}

impl Influence {
    pub(super) fn new() -> Self {
        Self {
            keys: BTreeMap::new(),
            unit: 1.0,
            heard: 0,
            cut: f64::INFINITY,
        }
    }

    /// Takes note of a judgement. The share of its weight that counts; `None` where its key is set
    /// aside.
    pub(super) fn hear(&mut self, said: Said, settings: &LearnerSettings) -> Option<f64> {
        self.age();
        let others = self.others(said.key);
        let (unit, cut) = (self.unit, self.cut);
        let key = self.keys.entry(said.key).or_default();
        let residual = said.score - said.expected;
        let is_contradicted = others.weight / unit >= LEAST_OTHERS && others.weight > key.offered;
        if settings.quarantine && is_contradicted {
            let expected = said.expected + others.residual / (others.weight + SHRINKAGE * unit);
            key.suspicion
                .hear(said.score, expected, said.weight.min(1.0));
        }
        key.lessons += 1;
        key.offered += said.weight * unit;
        key.residual += said.weight * unit * residual;
        let share = (cut / key.offered).min(1.0);
        if key.suspicion.is_set_aside() {
            key.set_aside += 1;
            return None;
        }
        if self.heard.is_multiple_of(CUT_EVERY) {
            self.forget_small();
            self.cut = self.cut_for(settings);
        }
        Some(share)
    }

    fn age(&mut self) {
        self.heard += 1;
        self.unit /= STAYS;
        if self.unit < RESCALE {
            return;
        }
        for key in self.keys.values_mut() {
            key.offered /= self.unit;
            key.residual /= self.unit;
        }
        self.cut /= self.unit;
        self.unit = 1.0;
    }

    /// Sums over the keys that are believed, but for one.
    fn others(&self, own: Option<u64>) -> Others {
        let believed = self
            .keys
            .iter()
            .filter(|(key, state)| **key != own && !state.suspicion.is_set_aside());
        believed.fold(Others::default(), |sum, (_, state)| Others {
            weight: sum.weight + state.offered,
            residual: sum.residual + state.residual,
        })
    }

    /// How every key stands.
    pub(super) fn standings(&self) -> Vec<KeyStanding> {
        let all: f64 = self.keys.values().map(|key| key.offered).sum();
        let standing = |(key, state): (&Option<u64>, &Key)| KeyStanding {
            key: *key,
            lessons: state.lessons,
            set_aside: state.set_aside,
            is_quarantined: state.suspicion.is_set_aside(),
            share: state.offered / all.max(f64::MIN_POSITIVE),
            severity: state.residual / state.offered.max(f64::MIN_POSITIVE),
        };
        self.keys.iter().map(standing).collect()
    }

    fn forget_small(&mut self) {
        if self.keys.len() <= MOST_KEYS {
            return;
        }
        let mut offered: Vec<f64> = self.keys.values().map(|key| key.offered).collect();
        offered.sort_by(f64::total_cmp);
        let least = offered[offered.len() - MOST_KEYS];
        self.keys
            .retain(|_, key| key.offered >= least || key.suspicion.is_set_aside());
    }

    /// The largest `cut` that is the allowed share of the sum of `min(offered, cut)`.
    fn cut_for(&self, settings: &LearnerSettings) -> f64 {
        let believed = self
            .keys
            .values()
            .filter(|key| !key.suspicion.is_set_aside());
        let mut offered: Vec<f64> = believed.map(|key| key.offered).collect();
        let established = offered
            .iter()
            .filter(|one| **one >= ESTABLISHED * self.unit)
            .count();
        if established < settings.least_keys.max(2) {
            return f64::INFINITY;
        }
        // At 1 / keys even equal keys would cut each other down to the smallest; at twice that a
        // cut is never below the median.
        let share = settings.key_share.max(2.0 / established as f64);
        offered.sort_by(f64::total_cmp);
        water_level(&offered, share)
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Others {
    weight: f64,
    residual: f64,
}

/// `level = share x sum of min(amount, level)`, given amounts in order; infinite where no amount
/// exceeds its share.
pub(super) fn water_level(amounts: &[f64], share: f64) -> f64 {
    let mut below: f64 = amounts.iter().sum();
    for (at, amount) in amounts.iter().enumerate().rev() {
        let above = (amounts.len() - 1 - at) as f64;
        let level = share * below / (1.0 - share * above);
        if share * above >= 1.0 || level >= *amount {
            return if above == 0.0 {
                f64::INFINITY
            } else {
                level.max(*amount)
            };
        }
        below -= amount;
    }
    f64::INFINITY
}
