//! The part of a log on which decisions can be measured: prompts that every model answered.
//! Comparisons do not count: read as scores they have weights, and mean nothing without.

use std::borrow::Cow;

use pointsman_measures::{Kept, Outcomes};
use pointsman_types::{Grid, LogTable};

/// Complete prompts needed for a measurement to mean anything.
pub(crate) const LEAST_PROMPTS: usize = 50;

/// Scores and costs of all models on the complete prompts; models that hardly any prompt was sent
/// to go first. Where that leaves too little, the prompts that are complete as they stand; `None`
/// where there are too few of those as well.
pub(crate) fn measurable(table: &LogTable) -> Option<(Outcomes, Kept)> {
    let scored = without_comparisons(table);
    let covering = Outcomes::complete(&scored, &table.cost_usd).ok();
    covering.filter(is_enough).or_else(|| {
        let is_scored = |row: &usize| scored.row(*row).iter().all(|score| !score.is_nan());
        let kept = Kept {
            models: (0..table.models.len()).collect(),
            prompts: table
                .complete_rows()
                .into_iter()
                .filter(is_scored)
                .collect(),
        };
        if kept.prompts.len() < LEAST_PROMPTS {
            return None;
        }
        let outcomes = Outcomes::new(
            kept.pick(&scored, f64::from),
            kept.pick(&table.cost_usd, |cost| cost),
        );
        outcomes.ok().map(|outcomes| (outcomes, kept))
    })
}

fn without_comparisons(table: &LogTable) -> Cow<'_, Grid<f32>> {
    let mut scored = Cow::Borrowed(&table.score);
    for one in &table.comparisons {
        scored.to_mut().row_mut(one.prompt).fill(f32::NAN);
    }
    scored
}

fn is_enough((outcomes, kept): &(Outcomes, Kept)) -> bool {
    outcomes.prompts() >= LEAST_PROMPTS && kept.models.len() > 1
}
