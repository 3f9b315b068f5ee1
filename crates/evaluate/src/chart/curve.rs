//! Mean quality over mean cost: the router, mixing, each single model, the oracle.

use pointsman_measures::Point;

use super::document::{Heading, document};
use super::frame::{BELOW, Frame, Width, cost_tick};
use super::labels::{Anchor, Label, place};
use super::legend::{Entry, Swatch, legend};
use super::scale::Scale;
use super::svg::{Hold, Svg};
use crate::number::{plain, quality, usd_per_thousand};
use crate::report::Report;

const LABEL: f64 = 11.5;
/// More models than this get numbers on a phone, with a list of names below.
const MOST_NAMES: usize = 8;
/// Between two corners of a hull lies a straight line, which a logarithmic axis bends.
const BEND: usize = 16;

/// Whether the models of this chart are numbered, from 1, in the order of the report's singles.
pub(crate) fn is_numbered(report: &Report, width: Width) -> bool {
    width == Width::Narrow && report.models.len() > MOST_NAMES
}

/// The chart for a page.
pub(crate) fn curve_chart(report: &Report, width: Width) -> String {
    let (svg, height) = drawing(report, width);
    let label = format!("Mean quality over mean cost. {}", report.finding);
    svg.inline((width.pixels(), height), width.class(), &label)
}

/// The chart as a file of its own, with title and background.
pub(crate) fn curve_svg(report: &Report) -> String {
    let heading = Heading {
        title: &report.title,
        synthetic: report.synthetic,
        finding: &report.finding,
    };
    document(&heading, drawing(report, Width::Wide))
}

fn drawing(report: &Report, width: Width) -> (Svg, f64) {
    let mut svg = Svg::default();
    let top = legend(&mut svg, width, 0.0, &entries(report));
    let height = match width {
        Width::Wide => 430.0,
        Width::Narrow => 330.0,
    };
    let frame = Frame::new(width, top, height, scales(report));
    let titles = (frame.cost_title(), "mean quality");
    frame.axes(&mut svg, width, titles, (cost_tick, plain));
    lines(&mut svg, &frame, report);
    points(&mut svg, &frame, report, width);
    (svg, top + height + BELOW)
}

fn entries(report: &Report) -> Vec<Entry> {
    let entry = |swatch, class: &str, text: &str| Entry {
        swatch,
        class: class.to_owned(),
        text: text.to_owned(),
    };
    let mut entries = vec![
        entry(Swatch::Line, "hull", "router"),
        entry(Swatch::Line, "raw", "router, before mixing"),
        entry(Swatch::Line, "mix", "single models mixed"),
        entry(Swatch::Line, "oracle", "oracle (not reachable)"),
        entry(Swatch::Dot, "single", "single model"),
    ];
    if !report.lines.cascade_hull.is_empty() {
        let what = "cascade, all its calls counted";
        entries.insert(2, entry(Swatch::Line, "cascade", what));
    }
    if report.operating.is_some() {
        let text = format!("policy {}", report.policy);
        entries.push(entry(Swatch::Dot, "point", &text));
    }
    entries
}

fn scales(report: &Report) -> (Scale, Scale) {
    let operating = report.operating.as_ref().map(|operating| operating.point);
    let shown: Vec<Point> = [
        &report.lines.router,
        &report.lines.router_hull,
        &report.lines.cascade_hull,
        &report.lines.oracle,
    ]
    .into_iter()
    .flatten()
    .copied()
    .chain(report.singles().map(|(_, point)| point))
    .chain(operating)
    .collect();
    (
        Scale::of_costs(shown.iter().map(|point| point.cost)),
        Scale::of_qualities(shown.iter().map(|point| point.quality)),
    )
}

fn lines(svg: &mut Svg, frame: &Frame, report: &Report) {
    let lines = &report.lines;
    svg.polyline("oracle", &bent(frame, &lines.oracle));
    svg.polyline("mix", &bent(frame, &lines.zero_router));
    let raw: Vec<(f64, f64)> = lines
        .router
        .iter()
        .map(|point| frame.at(point.cost, point.quality))
        .collect();
    svg.polyline("raw", &raw);
    svg.polyline("hull", &bent(frame, &lines.router_hull));
    if !lines.cascade_hull.is_empty() {
        svg.polyline("cascade", &bent(frame, &lines.cascade_hull));
    }
}

/// A hull as the axes show it.
fn bent(frame: &Frame, corners: &[Point]) -> Vec<(f64, f64)> {
    let mut places: Vec<(f64, f64)> = Vec::new();
    for pair in corners.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let steps = match frame.x.is_log() && from.cost * 1.05 < to.cost {
            true => BEND,
            false => 1,
        };
        let slope = (to.quality - from.quality) / (to.cost - from.cost);
        places.extend(
            frame
                .x
                .between(from.cost, to.cost, steps)
                .take(steps)
                .map(|cost| frame.at(cost, from.quality + (cost - from.cost) * slope)),
        );
    }
    places.extend(
        corners
            .last()
            .map(|corner| frame.at(corner.cost, corner.quality)),
    );
    places
}

fn points(svg: &mut Svg, frame: &Frame, report: &Report, width: Width) {
    let numbered = is_numbered(report, width);
    let mut anchors: Vec<Anchor> = report
        .singles()
        .enumerate()
        .map(|(at, (name, point))| Anchor {
            at: frame.at(point.cost, point.quality),
            text: match numbered {
                true => (at + 1).to_string(),
                false => name.to_owned(),
            },
        })
        .collect();
    for ((name, point), anchor) in report.singles().zip(&anchors) {
        svg.circle("single", anchor.at, 4.5, &tip(name, point));
    }
    if let Some(operating) = &report.operating {
        let at = frame.at(operating.point.cost, operating.point.quality);
        let name = format!("policy {}", report.policy);
        svg.circle("point", at, 6.5, &tip(&name, operating.point));
        anchors.push(Anchor {
            at,
            text: String::new(),
        });
    }
    let hidden = [
        &report.lines.router_hull,
        &report.lines.zero_router,
        &report.lines.oracle,
    ]
    .map(|corners| dense(&bent(frame, corners)));
    let labels = place(&anchors, &hidden.concat(), &frame.plot, LABEL);
    for (anchor, label) in anchors.iter().zip(labels) {
        if let Some(label) = label {
            name(svg, anchor, &label);
        }
    }
}

fn name(svg: &mut Svg, anchor: &Anchor, label: &Label) {
    if anchor.text.is_empty() {
        return;
    }
    if let Some(to) = label.leader {
        svg.line("leader", anchor.at, to);
    }
    let at = (label.room.left, label.room.bottom - LABEL * 0.27);
    svg.text(("name", Hold::Start, LABEL), at, &anchor.text);
}

fn tip(name: &str, point: Point) -> String {
    format!(
        "{name}: quality {} at {} per 1,000 requests",
        quality(point.quality),
        usd_per_thousand(point.cost)
    )
}

/// Points at most a few pixels apart on a line.
fn dense(line: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    for pair in line.windows(2) {
        let ((x, y), (to_x, to_y)) = (pair[0], pair[1]);
        let steps = ((to_x - x).hypot(to_y - y) / 4.0).ceil().max(1.0);
        points.extend((0..steps as usize).map(|step| {
            let share = step as f64 / steps;
            (x + (to_x - x) * share, y + (to_y - y) * share)
        }));
    }
    points
}
