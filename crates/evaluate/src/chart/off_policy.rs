//! A policy's value by each estimator, and how weights are spread.

use pointsman_measures::Estimate;

use super::document::{Heading, document};
use super::frame::{BELOW, Frame, Width};
use super::legend::{Entry, Swatch, legend};
use super::scale::Scale;
use super::svg::Svg;
use super::whiskers::{Whisker, places, whiskers};
use crate::number::{percent, plain, quality};
use crate::off_policy::{OffPolicyReport, WeightBin};

const BARS: f64 = 230.0;

/// The estimates for a page.
pub(crate) fn estimates_chart(report: &OffPolicyReport, width: Width) -> String {
    let (svg, height) = estimates(report, width);
    let label = format!("Estimated mean reward. {}", report.finding);
    svg.inline((width.pixels(), height), width.class(), &label)
}

/// The estimates as a file of its own.
pub(crate) fn off_policy_svg(report: &OffPolicyReport) -> String {
    let heading = Heading {
        title: &report.title,
        synthetic: report.synthetic,
        finding: &report.finding,
    };
    document(&heading, estimates(report, Width::Wide))
}

/// The weights for a page.
pub(crate) fn weights_chart(report: &OffPolicyReport, width: Width) -> String {
    let mut svg = Svg::default();
    let entries = [
        ("c0", "share of the decisions"),
        ("c1", "share of the weight"),
    ];
    let top = legend(&mut svg, width, 0.0, &entries.map(area));
    let bins = &report.weights;
    let most = bins.iter().map(|bin| bin.decisions.max(bin.weight));
    let x = places(bins.len());
    let y = Scale::Linear {
        low: 0.0,
        high: most.fold(0.0, f64::max) * 1.05,
    };
    let frame = Frame::new(width, top, BARS, (x, y));
    let names = |at: f64| {
        bins.get(at.round() as usize)
            .map_or_else(String::new, bin_name)
    };
    let share = |share: f64| format!("{:.0} %", 100.0 * share);
    frame.axes(
        &mut svg,
        width,
        ("importance weight", "share"),
        (names, share),
    );
    for (at, bin) in bins.iter().enumerate() {
        bar(
            &mut svg,
            &frame,
            (at as f64 - 0.38, bin.decisions),
            "key c0",
        );
        bar(&mut svg, &frame, (at as f64 + 0.02, bin.weight), "key c1");
    }
    let size = (width.pixels(), top + BARS + BELOW);
    svg.inline(size, width.class(), "How importance weights are spread")
}

fn area((class, text): (&str, &str)) -> Entry {
    Entry {
        swatch: Swatch::Area,
        class: class.to_owned(),
        text: text.to_owned(),
    }
}

fn bin_name(bin: &WeightBin) -> String {
    match bin.most {
        Some(most) => format!("≤ {}", plain(most)),
        None => format!("> {}", plain(bin.above)),
    }
}

fn bar(svg: &mut Svg, frame: &Frame, (left, share): (f64, f64), class: &str) {
    let right = left + 0.36;
    let corners = [(left, 0.0), (left, share), (right, share), (right, 0.0)];
    let corners = corners.map(|(x, y)| frame.at(x, y));
    svg.polygon(class, &corners, &percent(share));
}

fn estimates(report: &OffPolicyReport, width: Width) -> (Svg, f64) {
    let title = format!("mean reward ({})", report.facts.reward);
    whiskers(&rows(report), width, &title, false)
}

fn rows(report: &OffPolicyReport) -> Vec<Whisker> {
    let name = |name: &'static str| name.strip_suffix("-DR").unwrap_or(name);
    let estimates = report.estimates.iter();
    let estimates = estimates.map(|row| row_of(name(row.estimator.as_str()), &row.estimate, "dot"));
    let logged = row_of("logged", &report.logged, "single");
    estimates.chain([logged]).collect()
}

fn row_of(name: &str, estimate: &Estimate, class: &'static str) -> Whisker {
    let ends = [estimate.low, estimate.value, estimate.high];
    let [low, value, high] = ends.map(quality);
    Whisker {
        name: name.to_owned(),
        ends,
        class,
        tip: format!("{name}: {value} [{low} to {high}]"),
    }
}
