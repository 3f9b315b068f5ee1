//! The sections of the page, from the finding down to each model's reliability.

use pointsman_measures::Interval;

use super::cells::{Row, table};
use crate::Resample;
use crate::chart::{Width, curve_chart, escape, is_numbered, reliability_chart, traffic_chart};
use crate::number::{
    NONE, count, gap, or_none, percent, quality, range, signed, signed_percent, usd_per_thousand,
    with_range,
};
use crate::report::{self, ModelCalibration, Report, RowKind};

const WIDTHS: [Width; 2] = [Width::Wide, Width::Narrow];

pub(super) fn heading(report: &Report) -> String {
    let mut html = String::new();
    if report.synthetic {
        html.push_str(super::SYNTHETIC);
    }
    html.push_str(&format!(
        "<h1>{}</h1>\n<p class=\"finding\">{}</p>\n",
        escape(&report.title),
        escape(&report.finding)
    ));
    for warning in &report.warnings {
        html.push_str(&format!(
            "<p class=\"banner\">Warning: {}.</p>\n",
            escape(warning)
        ));
    }
    html.push_str(&format!(
        "<p class=\"facts\">{} prompts, {} models. Policy version {}. Intervals are 95 %, from {} resamples of {}.</p>\n",
        count(report.prompts),
        report.models.len(),
        escape(&report.policy_version),
        count(report.bootstrap.replicates),
        drawn(report),
    ));
    html
}

fn drawn(report: &Report) -> String {
    let count = count(report.bootstrap.drawn_from);
    match report.bootstrap.resample {
        Resample::Prompts => format!("{count} prompts"),
        Resample::Categories => format!("{count} categories"),
    }
}

/// The few figures that most readers come for.
pub(super) fn figures(report: &Report) -> String {
    let versus = &report.versus_best;
    let best = escape(versus.model.as_str());
    let mut html = String::from("<dl class=\"figures\">\n");
    let mut put = |what: String, interval: &Interval, show: fn(f64) -> String| {
        let (figure, range) = match interval.estimate {
            Some(estimate) if interval.low.is_none() => (
                show(estimate),
                "the quality is not reached in every resample".to_owned(),
            ),
            Some(estimate) => (show(estimate), range(interval, show)),
            None => ("never".to_owned(), "the quality is not reached".to_owned()),
        };
        html.push_str(&format!(
            "<div><dt>{what}</dt><dd><b>{figure}</b><span>{range}</span></dd></div>\n"
        ));
    };
    put(
        format!("cost saved at the quality of {best}"),
        &versus.saving_at_equal_quality,
        percent,
    );
    put(
        format!("cost saved at 95 % of the quality of {best}"),
        &versus.saving_at_95_percent,
        percent,
    );
    put(
        format!("quality gained at the cost of {best}"),
        &versus.quality_at_equal_cost,
        signed,
    );
    if let Some(gain) = report
        .row(RowKind::ZeroRouter)
        .and_then(|row| row.router_gain)
    {
        put(
            "AIQ gained over mixing single models".to_owned(),
            &gain,
            signed,
        );
    }
    html.push_str("</dl>\n");
    html
}

pub(super) fn curve(report: &Report) -> String {
    let charts: String = WIDTHS.map(|width| curve_chart(report, width)).concat();
    let key = match is_numbered(report, Width::Narrow) {
        true => key(report),
        false => String::new(),
    };
    format!(
        "<h2>Cost and quality</h2>\n<p>Further up and further left is better. The thick line is \
         what the router reaches at each mean cost, mixing two of its settings where that helps; \
         the dashed line is what mixing single models at random reaches without any \
         learning.</p>\n{charts}\n{key}"
    )
}

fn key(report: &Report) -> String {
    let names: String = report
        .singles()
        .map(|(name, _)| format!("<li>{}</li>", escape(name)))
        .collect();
    format!("<ol class=\"narrow\">{names}</ol>\n")
}

pub(super) fn comparison(report: &Report) -> String {
    let rows = report.rows.iter().filter_map(curve_row);
    let header = [
        "",
        "AIQ",
        "router gains",
        "95 % interval",
        "gap share",
        "QNC",
        "QNC95",
        "best quality",
        "AIQ, RouterBench",
    ];
    format!(
        "<h2>Against baselines and bounds</h2>\n{}",
        table(&header, rows)
    )
}

fn curve_row(row: &report::Row) -> Option<Row> {
    let measures = row.measures?;
    let never = |value: Option<f64>| value.map_or_else(|| "never".to_owned(), quality);
    let gain = row.router_gain.as_ref();
    Some(Row {
        remark: row.caveat.map(str::to_owned),
        ours: row.kind == RowKind::Router,
        ..Row::new(
            &row.name,
            [
                quality(measures.aiq),
                or_none(gain.and_then(|gain| gain.estimate), signed),
                gain.map_or_else(|| NONE.to_owned(), |gain| range(gain, signed)),
                or_none(row.gap_share, gap),
                never(measures.qnc),
                never(measures.qnc95),
                quality(measures.max_quality),
                quality(measures.aiq_routerbench),
            ],
        )
    })
}

pub(super) fn singles(report: &Report) -> String {
    let best = report.versus_best.point;
    let shares = report.operating.as_ref().map(|operating| &operating.shares);
    let mut rows: Vec<(f64, Row)> = report
        .singles()
        .enumerate()
        .map(|(at, (name, point))| {
            let share = shares.map(|shares| shares[at]);
            let figures = [
                usd_per_thousand(point.cost),
                quality(point.quality),
                relative(point.cost, best.cost),
                relative(point.quality, best.quality),
                or_none(share, percent),
            ];
            (point.quality, Row::new(name, figures))
        })
        .collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let header = [
        "",
        "USD per 1,000 requests",
        "mean quality",
        "cost, of the best model's",
        "quality, of the best model's",
        "requests it gets by the policy",
    ];
    format!(
        "<h2>Single models</h2>\n{}",
        table(&header, rows.into_iter().map(|row| row.1))
    )
}

fn relative(value: f64, reference: f64) -> String {
    match reference > 0.0 {
        true => percent(value / reference),
        false => NONE.to_owned(),
    }
}

pub(super) fn operating(report: &Report) -> String {
    let Some(point) = &report.operating else {
        return "<h2>As its policy decides</h2>\n<p>The policy could not decide on any prompt: \
                every model was refused.</p>\n"
            .to_owned();
    };
    let best = &report.versus_best.model;
    let mut rows = vec![
        Row::new(
            "mean cost, USD per 1,000 requests",
            [usd_per_thousand(point.point.cost)],
        ),
        Row::new("mean quality", [quality(point.point.quality)]),
        Row::new(
            format!("cost saved against {best}"),
            [with_range(&point.saving, signed_percent)],
        ),
        Row::new(
            format!("quality against {best}"),
            [with_range(&point.quality_difference, signed)],
        ),
        Row {
            remark: Some("mean loss on the prompts where that model scores higher".to_owned()),
            ..Row::new(
                format!("regression risk against {best}"),
                [with_range(&point.regression_risk, quality)],
            )
        },
        Row::new(
            format!("answers that score below {}", point.target),
            [with_range(&point.adequacy_risk, percent)],
        ),
    ];
    if point.refused > 0 {
        let refused = point.refused.to_string();
        rows.push(Row::new(
            "prompts for which every model was refused",
            [refused],
        ));
    }
    format!(
        "<h2>As its policy decides</h2>\n<p>Policy {}, without a sweep: the point of that name in \
         the chart.</p>\n{}",
        escape(&report.policy),
        table(&["", "figure [95 % interval]"], rows)
    )
}

pub(super) fn two_model(report: &Report) -> String {
    let Some(two) = &report.two_model else {
        return String::new();
    };
    let row = |name: &str, apgr: f64, cpt: [f64; 3]| {
        let figures = std::iter::once(quality(apgr)).chain(cpt.map(percent));
        Row::new(name, figures)
    };
    let rows = [
        row("exact, by first crossing", two.apgr, two.cpt),
        Row {
            remark: Some("eleven thresholds, interpolated".to_owned()),
            ..row(
                "as RouteLLM's code computes it",
                two.routellm.apgr,
                two.routellm.cpt,
            )
        },
    ];
    format!(
        "<h2>Two models: {} or {}</h2>\n{}",
        escape(two.strong.as_str()),
        escape(two.weak.as_str()),
        table(&["", "APGR", "CPT 20 %", "CPT 50 %", "CPT 80 %"], rows)
    )
}

pub(super) fn traffic(report: &Report) -> String {
    let charts: String = WIDTHS.map(|width| traffic_chart(report, width)).concat();
    format!(
        "<h2>Traffic along the curve</h2>\n<p>Which models answer as the router is allowed to \
         spend more, the cheapest model at the bottom.</p>\n{charts}\n"
    )
}

pub(super) fn calibration(report: &Report) -> String {
    let plots: String = report.calibration.iter().map(plot).collect();
    let header = [
        "",
        "mean predicted",
        "mean score",
        "Brier",
        "ECE, equal width",
        "ECE, equal mass",
        "log loss",
        "slope",
    ];
    format!(
        "<h2>Do the predictions mean what they say?</h2>\n<p>Each dot is about a fifteenth of the \
         prompts. On the dashed diagonal, predicted quality equals the mean score.</p>\n\
         <div class=\"plots\">{plots}</div>\n{}",
        table(&header, report.calibration.iter().map(calibration_row))
    )
}

fn plot(of: &ModelCalibration) -> String {
    format!(
        "<figure><h3>{}</h3>{}<figcaption>ECE {:.3}, slope {}</figcaption></figure>\n",
        escape(of.model.as_str()),
        reliability_chart(of),
        of.calibration.ece_equal_mass,
        slope(of)
    )
}

fn slope(of: &ModelCalibration) -> String {
    or_none(of.calibration.slope, |slope| format!("{slope:.2}"))
}

fn calibration_row(of: &ModelCalibration) -> Row {
    let figures = &of.calibration;
    let all = [
        figures.mean_predicted,
        figures.mean_actual,
        figures.brier,
        figures.ece_equal_width,
        figures.ece_equal_mass,
        figures.log_loss,
    ];
    Row::new(
        of.model.as_str(),
        all.map(quality)
            .into_iter()
            .chain(std::iter::once(slope(of))),
    )
}
