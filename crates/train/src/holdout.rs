//! The prompts that nothing is learnt from, so that a later evaluation has unseen ones.

use pointsman_types::{LogTable, fold_of};

const PARTS: u64 = 1_000_000;

/// A share of all prompts, chosen by the hash of their text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holdout {
    parts: u64,
    seed: u64,
}

impl Holdout {
    /// The holdout has a seed of its own: folds and holdout must not be cut along the same lines.
    pub(crate) fn new(share: f64, seed: u64) -> Self {
        Self {
            parts: (share * PARTS as f64) as u64,
            seed: !seed,
        }
    }

    /// Whether nothing may be learnt from this text.
    pub(crate) fn contains(self, text: &str) -> bool {
        self.parts > 0 && fold_of(text, self.seed, PARTS) < self.parts
    }

    /// The table without these prompts.
    pub(crate) fn left_out_of(self, table: LogTable) -> LogTable {
        if self.parts == 0 {
            return table;
        }
        let is_kept = |row: &usize| !self.contains(&table.prompts[*row].text);
        let kept: Vec<usize> = (0..table.prompts.len()).filter(is_kept).collect();
        table.select(&kept)
    }
}
