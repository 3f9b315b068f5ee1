//! How learning stands as text for a terminal.

use super::finding::{drift_words, finding, spending};
use super::{Learnt, Taught};
use crate::number::{count, or_none, percent, signed, significant};
use crate::table::{add, table};

/// What stands above the columns of figures of a model.
pub(crate) const MODEL_HEADER: [&str; 7] = [
    "model",
    "level",
    "± (95 %)",
    "judgements",
    "effective",
    "cost factor",
    "tried at least",
];

/// The finding, the models, drift, the budget and the versions; no colours, so that it can be piped.
#[must_use]
pub fn taught_table(taught: &Taught) -> String {
    let learning = &taught.learning;
    let mut parts = vec![format!("{}\n{}", taught.title, finding(learning))];
    parts.extend(learning.learnt.as_ref().map(models));
    parts.push(drift_words(learning));
    parts.extend(learning.pacing.as_ref().map(spending));
    parts.push(versions(taught));
    parts.join("\n\n")
}

fn models(learnt: &Learnt) -> String {
    let mut table = table(&MODEL_HEADER);
    for model in &learnt.models {
        add(&mut table, &model.model, model_figures(model));
    }
    table.to_string()
}

/// The figures of a model, as under [`MODEL_HEADER`].
pub(crate) fn model_figures(model: &super::Model) -> [String; 6] {
    [
        signed(model.mean),
        significant(1.96 * model.error, 2),
        count(model.judgements as usize),
        count(model.effective_weight.round() as usize),
        significant(model.cost_factor, 3),
        or_none(model.quota, percent),
    ]
}

fn versions(taught: &Taught) -> String {
    let mut table = table(&["version", "stage", "share"]);
    for version in &taught.versions.versions {
        let figures = [version.stage.clone(), percent(version.share)];
        add(&mut table, &version.version, figures);
    }
    let verdict = taught.versions.verdict();
    let verdict = verdict.map_or_else(String::new, |(version, verdict)| {
        format!("\n{version}: {verdict}")
    });
    format!("{table}{verdict}")
}
