//! The part of a log on which decisions can be measured: prompts that every model answered.

use pointsman_measures::{Kept, Outcomes};
use pointsman_types::LogTable;

/// Complete prompts needed for a measurement to mean anything.
const LEAST_PROMPTS: usize = 50;

/// Scores and costs of all models on the complete prompts; models that hardly any prompt was sent
/// to go first. Where that leaves too little, the prompts that are complete as they stand; `None`
/// where there are too few of those as well.
pub(crate) fn measurable(table: &LogTable) -> Option<(Outcomes, Kept)> {
    let covering = Outcomes::complete(&table.score, &table.cost_usd).ok();
    covering.filter(is_enough).or_else(|| {
        let kept = Kept {
            models: (0..table.models.len()).collect(),
            prompts: table.complete_rows(),
        };
        if kept.prompts.len() < LEAST_PROMPTS {
            return None;
        }
        let outcomes = Outcomes::new(
            kept.pick(&table.score, f64::from),
            kept.pick(&table.cost_usd, |cost| cost),
        );
        outcomes.ok().map(|outcomes| (outcomes, kept))
    })
}

fn is_enough((outcomes, kept): &(Outcomes, Kept)) -> bool {
    outcomes.prompts() >= LEAST_PROMPTS && kept.models.len() > 1
}
