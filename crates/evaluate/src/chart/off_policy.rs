//! A policy's value by each estimator, and how weights are spread.

use pointsman_measures::Estimate;

use super::document::{Heading, document};
use super::frame::{BELOW, Frame, Width};
use super::legend::{Entry, Swatch, legend};
use super::scale::Scale;
use super::svg::Svg;
use crate::number::{percent, plain, quality};
use crate::off_policy::{OffPolicyReport, WeightBin};

/// The height of one estimate.
const ROW: f64 = 34.0;
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

/// So many rows or columns, each in the middle of its place.
fn places(count: usize) -> Scale {
    Scale::Linear {
        low: -0.5,
        high: count as f64 - 0.5,
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
    let rows = rows(report);
    let mut svg = Svg::default();
    let ends = rows
        .iter()
        .flat_map(|(_, one)| [one.low, one.high, one.value]);
    let scales = (Scale::of_qualities(ends), places(rows.len()));
    let height = ROW * rows.len() as f64;
    let frame = Frame::new(width, 8.0, height, scales);
    // the first row is at the top, where the axis is at its end
    let place = |at: usize| (rows.len() - 1 - at) as f64;
    let names = |tick: f64| {
        let at = rows.len() - 1 - (tick.round().max(0.0) as usize).min(rows.len() - 1);
        rows[at].0.to_owned()
    };
    let title = format!("mean reward ({})", report.facts.reward);
    frame.axes(&mut svg, width, (&title, ""), (plain, names));
    for (at, (name, estimate)) in rows.iter().enumerate() {
        let class = if *name == "logged" { "single" } else { "dot" };
        whisker(&mut svg, &frame, (place(at), estimate), (class, name));
    }
    (svg, 8.0 + height + BELOW)
}

fn rows(report: &OffPolicyReport) -> Vec<(&'static str, Estimate)> {
    let name = |name: &'static str| name.strip_suffix("-DR").unwrap_or(name);
    let estimates = report.estimates.iter();
    let estimates = estimates.map(|row| (name(row.estimator.as_str()), row.estimate));
    estimates.chain([("logged", report.logged)]).collect()
}

fn whisker(
    svg: &mut Svg,
    frame: &Frame,
    (place, estimate): (f64, &Estimate),
    (class, name): (&str, &str),
) {
    let at = |value: f64, off: f64| {
        let (x, y) = frame.at(value, place);
        (x, y + off)
    };
    let (low, high) = (estimate.low, estimate.high);
    svg.polyline("hull", &[at(low, 0.0), at(high, 0.0)]);
    [low, high]
        .iter()
        .for_each(|end| svg.polyline("hull", &[at(*end, -6.0), at(*end, 6.0)]));
    let tip = format!(
        "{name}: {} [{} to {}]",
        quality(estimate.value),
        quality(low),
        quality(high)
    );
    svg.circle(class, at(estimate.value, 0.0), 5.0, &tip);
}
