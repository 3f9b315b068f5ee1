//! The report as text for a terminal.

use std::fmt::Write;

use comfy_table::{Cell, CellAlignment, Table};

use crate::number::{
    NONE, count, gap, or_none, percent, quality, signed, usd_per_thousand, with_range,
};
use crate::report::{Guaranteed, Operating, Report, Row, TwoModel};

/// The finding, the main table and the operating point; no colours, so that it can be piped.
#[must_use]
pub fn terminal_table(report: &Report) -> String {
    let mut text = heading(report);
    let mut put = |part: String| {
        text.push_str(&part);
        text.push_str("\n\n");
    };
    put(curves(report));
    put(singles(report));
    if let Some(operating) = &report.operating {
        put(point(report, operating));
    }
    if let Some(guaranteed) = &report.guaranteed {
        put(promise(guaranteed));
    }
    if let Some(two) = &report.two_model {
        put(two_model(two));
    }
    put(calibration(report));
    text.trim_end().to_owned()
}

fn heading(report: &Report) -> String {
    let mut text = format!("{}\n", report.title);
    if report.synthetic {
        text.push_str("SYNTHETIC LOG: made by a simulator, not by real models\n");
    }
    for warning in &report.warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    let _ = writeln!(
        text,
        "{}\n{} prompts, {} models; intervals are 95 %, {} resamples\n",
        report.finding,
        count(report.prompts),
        report.models.len(),
        report.bootstrap.replicates
    );
    text
}

pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::UTF8_BORDERS_ONLY);
    table.set_header(header.iter().map(Cell::new));
    table
}

pub(crate) fn add(table: &mut Table, name: &str, figures: impl IntoIterator<Item = String>) {
    let figures = figures
        .into_iter()
        .map(|figure| Cell::new(figure).set_alignment(CellAlignment::Right));
    table.add_row(std::iter::once(Cell::new(name)).chain(figures));
}

fn curves(report: &Report) -> String {
    let mut table = table(&[
        "",
        "AIQ",
        "AIQ (RB)",
        "gap share",
        "QNC",
        "QNC95",
        "max q",
        "router gains AIQ",
    ]);
    for row in &report.rows {
        if let Some(figures) = curve_row(row) {
            let name = match row.caveat {
                Some(caveat) => format!("{} ({caveat})", row.name),
                None => row.name.clone(),
            };
            add(&mut table, &name, figures);
        }
    }
    table.to_string()
}

fn curve_row(row: &Row) -> Option<Vec<String>> {
    let measures = row.measures?;
    let never = |value: Option<f64>| value.map_or_else(|| "never".to_owned(), quality);
    let gain = row.router_gain.as_ref();
    Some(vec![
        quality(measures.aiq),
        quality(measures.aiq_routerbench),
        or_none(row.gap_share, gap),
        never(measures.qnc),
        never(measures.qnc95),
        quality(measures.max_quality),
        gain.map_or_else(|| NONE.to_owned(), |gain| with_range(gain, signed)),
    ])
}

fn singles(report: &Report) -> String {
    let mut table = table(&["single model", "USD per 1,000", "quality"]);
    let mut singles: Vec<_> = report.singles().collect();
    singles.sort_by(|a, b| b.1.quality.total_cmp(&a.1.quality));
    for (name, point) in singles {
        let figures = [usd_per_thousand(point.cost), quality(point.quality)];
        add(&mut table, name, figures);
    }
    table.to_string()
}

fn point(report: &Report, operating: &Operating) -> String {
    let best = &report.versus_best.model;
    let mut table = table(&[&format!("policy {}", report.policy), ""]);
    let mut put = |name: String, figure: String| add(&mut table, &name, [figure]);
    put(
        "USD per 1,000 requests".to_owned(),
        usd_per_thousand(operating.point.cost),
    );
    put("mean quality".to_owned(), quality(operating.point.quality));
    put(
        format!("cost saved against {best}"),
        with_range(&operating.saving, percent),
    );
    put(
        format!("quality against {best}"),
        with_range(&operating.quality_difference, signed),
    );
    put(
        format!("regression risk against {best}"),
        with_range(&operating.regression_risk, quality),
    );
    put(
        format!("answers below {}", operating.target),
        with_range(&operating.adequacy_risk, percent),
    );
    if operating.refused > 0 {
        put(
            "prompts that every model was refused for".to_owned(),
            operating.refused.to_string(),
        );
    }
    table.to_string()
}

fn promise(guaranteed: &Guaranteed) -> String {
    let mut text = format!("guaranteed: {}", guaranteed.promise);
    match &guaranteed.here {
        Some(here) => {
            let _ = write!(
                text,
                "\non these {} prompts: regression risk {}, cost saved {}",
                count(here.prompts),
                with_range(&here.regression_risk, quality),
                with_range(&here.saving, percent),
            );
        }
        None => text.push_str("\nnot measured here: the reference is not among the models"),
    }
    text
}

fn two_model(two: &TwoModel) -> String {
    let mut table = table(&[
        &format!("{} or {}", two.strong, two.weak),
        "APGR",
        "CPT 20 %",
        "CPT 50 %",
        "CPT 80 %",
    ]);
    let mut put = |name: &str, apgr: f64, cpt: [f64; 3]| {
        let figures = std::iter::once(format!("{apgr:.4}")).chain(cpt.map(percent));
        add(&mut table, name, figures);
    };
    put("exact, by first crossing", two.apgr, two.cpt);
    let routellm = &two.routellm;
    put("as RouteLLM computes it", routellm.apgr, routellm.cpt);
    table.to_string()
}

fn calibration(report: &Report) -> String {
    let mut table = table(&[
        "predicted quality",
        "mean",
        "actual",
        "Brier",
        "ECE width",
        "ECE mass",
        "log loss",
        "slope",
    ]);
    for of in &report.calibration {
        let figures = &of.calibration;
        let row = [
            figures.mean_predicted,
            figures.mean_actual,
            figures.brier,
            figures.ece_equal_width,
            figures.ece_equal_mass,
            figures.log_loss,
        ]
        .map(quality);
        let slope = or_none(figures.slope, |slope| format!("{slope:.2}"));
        add(
            &mut table,
            of.model.as_str(),
            row.into_iter().chain(std::iter::once(slope)),
        );
    }
    table.to_string()
}
