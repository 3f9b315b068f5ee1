//! The page of an off-policy evaluation.

use super::cells::{Row, table};
use super::shell;
use crate::chart::{Width, escape, estimates_chart, weights_chart};
use crate::number::{NONE, count, percent, quality, signed};
use crate::off_policy::{MODEL_HEADER, OffPolicyReport, model_figures, overlap_figures, with_ends};

/// The whole page.
pub(crate) fn off_policy_page(report: &OffPolicyReport) -> String {
    let parts = [
        heading(report),
        estimates(report),
        weights(report),
        models(report),
        notes(report),
    ];
    shell(&report.title, &parts.concat())
}

fn heading(report: &OffPolicyReport) -> String {
    let banner = match report.synthetic {
        true => super::SYNTHETIC,
        false => "",
    };
    let warnings: String = report
        .warnings
        .iter()
        .map(|warning| format!("<p class=\"banner\">{}</p>\n", escape(warning)))
        .collect();
    let facts = &report.facts;
    format!(
        "{banner}<h1>{}</h1>\n{warnings}<p class=\"finding\">{}</p>\n<p class=\"facts\">Policy {} \
         ({}), on decisions of {}. Intervals are {}, {}.</p>\n",
        escape(&report.title),
        escape(&report.finding),
        escape(&facts.policy),
        escape(&facts.policy_version),
        escape(&versions(&facts.logged_versions)),
        percent(facts.confidence),
        facts.interval,
    )
}

fn versions(versions: &[String]) -> String {
    match versions {
        [] => "a policy that was not named".to_owned(),
        [one] => one.clone(),
        many => format!("{} policies", count(many.len())),
    }
}

fn estimates(report: &OffPolicyReport) -> String {
    let charts = [Width::Wide, Width::Narrow].map(|width| estimates_chart(report, width));
    let row = |name: &str, estimate, show: fn(f64) -> String| {
        let figures = [with_ends(estimate, show), quality(estimate.standard_error)];
        Row::new(name, figures)
    };
    let of_router = report
        .estimates
        .iter()
        .map(|each| row(each.estimator.as_str(), &each.estimate, quality));
    let logged = row("what decided", &report.logged, quality);
    let difference = report.difference.as_ref();
    let difference = difference.map(|one| Row {
        remark: Some(format!(
            "at least {}; the two differ in {} of the decisions",
            signed(one.at_least),
            percent(one.differs)
        )),
        ours: true,
        ..row("difference (DR)", &one.estimate, signed)
    });
    format!(
        "<h2>What the router would have been worth</h2>\n<p>The mean reward of a decision, by five \
         estimators from the same log. Where they disagree, trust none of them.</p>\n{}\n{}",
        charts.concat(),
        table(
            &["mean reward", "estimate", "standard error"],
            of_router.chain([logged]).chain(difference)
        )
    )
}

fn weights(report: &OffPolicyReport) -> String {
    let charts = [Width::Wide, Width::Narrow].map(|width| weights_chart(report, width));
    let rows = overlap_figures(report)
        .into_iter()
        .map(|(name, figure)| Row::new(name, [figure]));
    format!(
        "<h2>Overlap</h2>\n<p>A decision that the router would make as often as it was made has \
         weight 1; one that it would never make has weight 0. Few decisions with much of the weight \
         make a wide interval.</p>\n{}\n{}",
        charts.concat(),
        table(&["", ""], rows)
    )
}

fn models(report: &OffPolicyReport) -> String {
    let row = |model: &crate::ModelTraffic| Row {
        remark: (!model.tried).then(|| "never tried while others could have been".to_owned()),
        ..Row::new(model.model.as_str(), model_figures(model))
    };
    format!(
        "<h2>Traffic</h2>\n{}",
        table(&MODEL_HEADER, report.models.iter().map(row))
    )
}

const NOTES: [(&str, &str); 4] = [
    (
        "IPS, SNIPS",
        "Each logged reward counts by how much more often the router would have made that decision; SNIPS divides by the sum of those weights instead of by their number.",
    ),
    (
        "DM",
        "The router's own predictions, corrected on other folds of the log. It says nothing new of a router that is wrong.",
    ),
    (
        "DR, switch-DR",
        "The prediction, plus what rewards were above it, weighted. Right where the propensities are, and narrow where the predictions are good. Switch-DR leaves out decisions with weights above a threshold.",
    ),
    (
        "Difference",
        "The same on both policies at once, so that decisions in which they agree add no noise.",
    ),
];

fn notes(report: &OffPolicyReport) -> String {
    let notes: String = NOTES
        .iter()
        .map(|(name, text)| format!("<dt>{name}</dt><dd>{text}</dd>\n"))
        .collect();
    let threshold = report
        .switch_threshold
        .map_or_else(|| NONE.to_owned(), |threshold| threshold.to_string());
    let left_out: Vec<String> = report
        .left_out
        .counts()
        .iter()
        .map(|(rows, why)| format!("{} rows {why}.", count(*rows)))
        .collect();
    let left_out = match left_out.is_empty() {
        true => "Nothing.".to_owned(),
        false => left_out.join(" "),
    };
    format!(
        "<h2>How to read this</h2>\n<dl class=\"notes\">\n{notes}<dt>Threshold of switch-DR</dt>\
         <dd>{threshold}</dd>\n<dt>Assumed</dt><dd>Logged propensities are those of the policy that \
         decided, and {}.</dd>\n<dt>Intervals</dt><dd>{} resamples of sessions, or of prompts where \
         there are none, seed {}.</dd>\n<dt>Left out</dt><dd>{}</dd>\n</dl>\n",
        escape(report.facts.assumption),
        count(report.facts.replicates),
        report.facts.seed,
        escape(&left_out),
    )
}
