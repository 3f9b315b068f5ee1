//! The figures as text for a terminal.

use std::fmt::Write;

use comfy_table::{Cell, CellAlignment, Table};

use crate::report::Report;
use crate::scenario::{DropReport, NewModelReport, PoisonReport, ScenarioReport};

/// A table of utilities, and what follows from them; no colours, so that it can be piped.
#[must_use]
pub fn terminal_table(report: &Report) -> String {
    let mut text = heading(report);
    let _ = writeln!(text, "{}", utilities(report));
    let _ = writeln!(
        text,
        "online minus the better of frozen and best single: {:+.4}\nof the way from frozen to fitted: {:.0} %\nworst running mean below frozen after 500 requests: {} (worst seed {})\ndrawn though another looked better: {:.1} % of the decisions",
        report.above_the_better,
        100.0 * report.way_to_fitted,
        depth(report.worst_drop_after_500),
        depth(report.worst_drop_of_a_seed),
        100.0 * report.explored,
    );
    if let Some(happened) = &report.happened {
        text.push_str(&scenario(happened));
    }
    text.trim_end().to_owned()
}

fn heading(report: &Report) -> String {
    format!(
        "{:?}: {} complete prompts, about {:.0} online, {} seeds of {} streams\n{} labels, {:.0} % feedback within {} requests, utility = score - {} x cost in USD\n",
        report.regime,
        report.prompts,
        report.online_prompts,
        report.seeds,
        report.streams,
        report.labels,
        100.0 * report.feedback,
        report.delay,
        report.lambda
    )
}

fn depth(value: Option<f64>) -> String {
    value.map_or_else(
        || "too few requests".to_owned(),
        |value| format!("{value:.4}"),
    )
}

fn utilities(report: &Report) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::UTF8_BORDERS_ONLY);
    table.set_header(["policy", "mean utility", "online minus it", "± se"].map(Cell::new));
    for (name, value) in report.utility.named() {
        let difference = report.online_minus.iter().find(|one| one.from == name);
        let gap = difference.map(|one| format!("{:+.4}", one.mean));
        let error = difference.and_then(|one| one.error);
        let error = error.map(|error| format!("{error:.4}"));
        let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        table.add_row([
            Cell::new(name),
            right(format!("{value:.4}")),
            right(gap.unwrap_or_default()),
            right(error.unwrap_or_default()),
        ]);
    }
    table
}

fn scenario(report: &ScenarioReport) -> String {
    match report {
        ScenarioReport::Drop(report) => moved("loses 0.3 of its mean score", report),
        ScenarioReport::Price(report) => moved("costs five times as much", report),
        ScenarioReport::NewModel(report) => arrived(report),
        ScenarioReport::Poison(report) => poisoned(report),
    }
}

fn count(number: Option<usize>) -> String {
    number.map_or_else(|| "never".to_owned(), |number| number.to_string())
}

fn moved(what: &str, report: &DropReport) -> String {
    format!(
        "\nhalf-way the model that serves most ({:.0} %) {what}:\n  its own decisions until its share halved: median {}, nine of ten {}, never in {} of {} seeds\n  mean utility afterwards: online {:.4}, frozen {:.4}\n",
        100.0 * report.share_before,
        count(report.decisions_median),
        count(report.decisions_p90),
        report.never,
        report.seeds,
        report.online,
        report.frozen
    )
}

fn arrived(report: &NewModelReport) -> String {
    format!(
        "\nhalf-way the best single model is added, of which {:.0} % would be the share:\n  requests until 80 % of that: median {}, at most 1,000 in {} of {} seeds, never in {}\n  its share in the last 500 requests: {:.0} %\n",
        100.0 * report.ideal_share,
        count(report.requests_median),
        report.within_1000,
        report.seeds,
        report.never,
        100.0 * report.share_at_end
    )
}

fn poisoned(report: &PoisonReport) -> String {
    format!(
        "\none key with a fifth of the feedback inverts it:\n  mean utility {:.4} instead of {:.4}: {:.2} % lost, {:.2} % in the worst seed\n  of its judgements {} were learnt (median); set aside in {} seeds; {} honest judgements were set aside\n",
        report.poisoned,
        report.clean,
        100.0 * report.lost_share,
        100.0 * report.worst_lost_share,
        count(report.learnt_median),
        report.set_aside,
        report.wrongly_set_aside
    )
}
