//! How to read the figures, and what was left out of them.

use pointsman_types::ModelName;

use crate::chart::escape;
use crate::report::Report;

const MEASURES: [(&str, &str); 9] = [
    (
        "Router",
        "Each prompt goes to the model with the greatest predicted quality minus lambda times predicted cost. The curve takes every lambda from infinity to zero; every switch counts.",
    ),
    (
        "Zero router",
        "Single models mixed at random, two neighbours at a time. It learns nothing, so a router must beat it.",
    ),
    (
        "AIQ",
        "Mean quality on the hull of a curve over all costs between the cheapest and the dearest single model. RouterBench's code divides the same area by the dearest cost instead.",
    ),
    (
        "Gap share",
        "Which part of the way from the zero router to the oracle a router goes, by AIQ.",
    ),
    (
        "QNC, QNC95",
        "The least cost at which the best single model's quality, or 95 % of it, is reached, divided by that model's cost. 1 means nothing is saved.",
    ),
    (
        "Oracle",
        "Knows every model's score and cost beforehand. It also profits from lucky guesses, so it is a bound and not a goal.",
    ),
    (
        "Baselines",
        "Fitted on these very prompts in five folds, equal texts in one fold: a parabola over the logarithm of the prompt's length; the mean score of up to 100 nearest prompts by TF-IDF over words and pairs of words; a table of mean scores per category, where there are categories. All of them take costs from a log-cost regression on length.",
    ),
    (
        "Brier, log loss, ECE, slope",
        "Mean squared difference and cross-entropy of predicted quality and score; mean distance from the diagonal over 15 bins; slope of the scores on the predictions, below 1 where they are overconfident.",
    ),
    (
        "APGR, CPT",
        "For two models: the share of the quality gap recovered, averaged over all shares of strong calls (random routing has 0.5), and the share of strong calls that recovers 20, 50 or 80 % of it.",
    ),
];

/// The end of the page.
pub(super) fn notes(report: &Report) -> String {
    let entries: String = MEASURES
        .iter()
        .filter(|(name, _)| report.two_model.is_some() || !name.starts_with("APGR"))
        .map(|(name, text)| format!("<dt>{name}</dt><dd>{text}</dd>\n"))
        .collect();
    format!(
        "<h2>How to read this</h2>\n<dl class=\"notes\">\n{entries}<dt>Left out</dt><dd>{}</dd>\n\
         <dt>Intervals</dt><dd>Percentiles of {} resamples with replacement, seed {}; both sides \
         of a comparison see the same resample.</dd>\n</dl>\n",
        escape(&left_out(report)),
        report.bootstrap.replicates,
        report.bootstrap.seed
    )
}

fn left_out(report: &Report) -> String {
    let left = &report.left_out;
    let prompts = [
        (
            left.prompts_incomplete,
            "lack a score or a cost from some model",
        ),
        (left.prompts_seen, "were seen in training"),
    ];
    let models = [
        (
            &left.models_sparse,
            "have a score on fewer than 95 % of the prompts",
        ),
        (&left.models_unknown_to_router, "are unknown to the router"),
        (&left.models_not_in_log, "are not in the log"),
    ];
    let prompts = prompts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, why)| format!("{count} prompts {why}."));
    let models = models
        .iter()
        .filter(|(models, _)| !models.is_empty())
        .map(|(models, why)| format!("Models that {why}: {}.", listed(models)));
    let all: Vec<String> = prompts.chain(models).collect();
    match all.is_empty() {
        true => "Nothing: every prompt has a score and a cost from every model.".to_owned(),
        false => all.join(" "),
    }
}

fn listed(models: &[ModelName]) -> String {
    let names: Vec<&str> = models.iter().map(ModelName::as_str).collect();
    names.join(", ")
}
