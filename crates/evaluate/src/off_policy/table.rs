//! An off-policy evaluation as text for a terminal.

use std::fmt::Write;

use super::finding::with_ends;
use super::report::OffPolicyReport;
use crate::number::{count, or_none, percent, quality, signed, usd_per_thousand};
use crate::table::{add, table};

/// The finding, the estimates, the overlap and the traffic; no colours, so that it can be piped.
#[must_use]
pub fn off_policy_table(report: &OffPolicyReport) -> String {
    let parts = [
        heading(report),
        estimates(report),
        overlap(report),
        models(report),
    ];
    let mut text = parts.join("\n\n");
    for (rows, why) in report.left_out.counts() {
        let _ = write!(text, "\nleft out: {} rows {why}", count(rows));
    }
    for decision in &report.left_out.first {
        let _ = write!(text, "\n  {}: {}", decision.id, decision.why);
    }
    text
}

fn heading(report: &OffPolicyReport) -> String {
    let mut text = format!("{}\n", report.title);
    if report.synthetic {
        text.push_str("SYNTHETIC LOG: made by a simulator, not by real models\n");
    }
    for warning in &report.warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    let facts = &report.facts;
    let _ = write!(
        text,
        "{}\npolicy {} ({}); intervals are {} ({}); assumed: {}",
        report.finding,
        facts.policy,
        facts.policy_version,
        percent(facts.confidence),
        facts.interval,
        facts.assumption,
    );
    text
}

fn estimates(report: &OffPolicyReport) -> String {
    let mut table = table(&["mean reward", "estimate", "standard error"]);
    for row in &report.estimates {
        let figures = [
            with_ends(&row.estimate, quality),
            quality(row.estimate.standard_error),
        ];
        add(&mut table, row.estimator.as_str(), figures);
    }
    let logged = &report.logged;
    let figures = [with_ends(logged, quality), quality(logged.standard_error)];
    add(&mut table, "what decided", figures);
    if let Some(found) = &report.difference {
        let estimate = &found.estimate;
        let figures = [
            with_ends(estimate, signed),
            quality(estimate.standard_error),
        ];
        add(&mut table, "difference (DR)", figures);
    }
    table.to_string()
}

fn overlap(report: &OffPolicyReport) -> String {
    let mut table = table(&["overlap", ""]);
    for (name, figure) in overlap_figures(report) {
        add(&mut table, &name, [figure]);
    }
    table.to_string()
}

/// What a reader may want to know of the overlap, by name.
pub(crate) fn overlap_figures(report: &OffPolicyReport) -> Vec<(String, String)> {
    let overlap = &report.overlap;
    let top = "weight on the heaviest 1 % of the decisions";
    [
        ("decisions", count(overlap.decisions)),
        ("of those with a reward", count(overlap.with_reward)),
        ("sessions, or prompts without one", count(overlap.groups)),
        ("effective sample size", format!("{:.1}", overlap.effective)),
        ("largest weight", format!("{:.2}", overlap.max_weight)),
        (top, percent(overlap.top_share)),
        (
            "mean weight",
            format!(
                "{:.3} ± {:.3}, should be {:.3} (p = {:.3})",
                overlap.mean_weight,
                overlap.mean_weight_error,
                overlap.mean_weight_expected,
                overlap.mean_weight_p
            ),
        ),
        ("choices without support", percent(overlap.unsupported)),
        (
            "mean cost, USD per 1,000",
            format!(
                "{} logged, {} expected of the router",
                usd_per_thousand(report.logged_cost_usd.as_f64()),
                usd_per_thousand(report.target_cost_usd.as_f64())
            ),
        ),
    ]
    .map(|(name, figure)| (name.to_owned(), figure))
    .into()
}

fn models(report: &OffPolicyReport) -> String {
    let mut table = table(&MODEL_HEADER);
    for model in &report.models {
        add(&mut table, model.model.as_str(), model_figures(model));
    }
    table.to_string()
}

pub(crate) const MODEL_HEADER: [&str; 6] = [
    "model",
    "decisions",
    "with reward",
    "mean reward",
    "logged share",
    "router's share",
];

pub(crate) fn model_figures(model: &super::ModelTraffic) -> [String; 5] {
    [
        count(model.decisions),
        count(model.with_reward),
        or_none(model.mean_reward, quality),
        percent(model.logged_share),
        percent(model.target_share),
    ]
}
