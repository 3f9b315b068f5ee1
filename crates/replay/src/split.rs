//! Which prompts are offline, and which come online in which order.

use std::collections::BTreeSet;

use pointsman_types::{LogTable, fold_of};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::error::ReplayError;
use crate::plan::{Plan, Regime};

/// Keeps these draws apart from those of a training with the same seed.
const SPLIT: u64 = 0x5e71_1a70_0001;
/// Fewer prompts are no stream.
const LEAST_ONLINE: usize = 100;

/// Rows of the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Split {
    pub(crate) offline: Vec<usize>,
    pub(crate) online: Vec<usize>,
}

impl Split {
    pub(crate) fn new(table: &LogTable, plan: &Plan, seed: u64) -> Result<Self, ReplayError> {
        let mut rng = ChaCha8Rng::seed_from_u64(SPLIT ^ seed);
        let is_offline: Vec<bool> = match plan.regime {
            Regime::Iid => halves(table, seed),
            Regime::Shift => categories(table, &mut rng)?,
        };
        let rows = |wanted: bool| {
            let rows = is_offline.iter().enumerate();
            rows.filter(move |(_, is)| **is == wanted)
                .map(|(row, _)| row)
        };
        let mut offline: Vec<usize> = rows(true).collect();
        offline.shuffle(&mut rng);
        let online: Vec<usize> = rows(false).collect();
        enough("offline", offline.len(), plan.labels)?;
        enough("online", online.len(), LEAST_ONLINE)?;
        offline.truncate(plan.labels);
        Ok(Self { offline, online })
    }
}

fn enough(part: &'static str, found: usize, needed: usize) -> Result<(), ReplayError> {
    match found >= needed {
        true => Ok(()),
        false => Err(ReplayError::FewPrompts {
            part,
            found,
            needed,
        }),
    }
}

fn halves(table: &LogTable, seed: u64) -> Vec<bool> {
    let rows = table.prompts.iter();
    rows.map(|row| fold_of(&row.text, SPLIT ^ seed, 2) == 0)
        .collect()
}

/// Half of the categories, the smaller half where their number is odd. Prompts without one count as
/// one more.
fn categories(table: &LogTable, rng: &mut ChaCha8Rng) -> Result<Vec<bool>, ReplayError> {
    let names: BTreeSet<&Option<String>> = table.prompts.iter().map(|row| &row.category).collect();
    if names.len() < 2 {
        return Err(ReplayError::FewCategories(names.len()));
    }
    let mut names: Vec<_> = names.into_iter().collect();
    names.shuffle(rng);
    names.truncate(names.len() / 2);
    let rows = table.prompts.iter();
    Ok(rows.map(|row| names.contains(&&row.category)).collect())
}
