//! AIQ over the number of prompts learnt from, between what mixing and the oracle have.

use pointsman_measures::Interval;

use super::document::{Heading, document};
use super::frame::{BELOW, Frame, Rect, TEXT, Width};
use super::legend::{Entry, Swatch, legend};
use super::scale::Scale;
use super::svg::{Hold, Svg};
use crate::LearningCurve;
use crate::number::{count, plain, quality, with_range};

/// The oracle is drawn to scale while it leaves the curve at least this share of the height.
const LEAST_SHARE: f64 = 0.3;

/// The chart for a page.
pub(crate) fn learning_chart(curve: &LearningCurve, width: Width) -> String {
    let (svg, height) = drawing(curve, width);
    let label = format!("AIQ over prompts learnt from. {}", curve.advice);
    svg.inline((width.pixels(), height), width.class(), &label)
}

/// The chart as a file of its own.
pub(crate) fn learning_svg(curve: &LearningCurve) -> String {
    let heading = Heading {
        title: &curve.title,
        synthetic: curve.synthetic,
        finding: &curve.advice,
    };
    document(&heading, drawing(curve, Width::Wide))
}

fn drawing(curve: &LearningCurve, width: Width) -> (Svg, f64) {
    let mut svg = Svg::default();
    let top = legend(&mut svg, width, 0.0, &entries());
    let height = match width {
        Width::Wide => 360.0,
        Width::Narrow => 300.0,
    };
    let is_to_scale = oracle_is_to_scale(curve);
    let frame = Frame::new(width, top, height, scales(curve, is_to_scale));
    let titles = ("prompts learnt from (log scale)", "AIQ on held-out prompts");
    let prompts = |size: f64| count(size.round() as usize);
    frame.axes(&mut svg, width, titles, (prompts, plain));
    bounds(
        &mut svg,
        &frame.plot,
        curve,
        oracle_height(&frame, curve, is_to_scale),
    );
    let zero = across(&frame.plot, height_of(&frame, &curve.zero_router));
    svg.polyline("mix", &zero);
    learnt(&mut svg, &frame, curve);
    (svg, top + height + BELOW)
}

fn entries() -> Vec<Entry> {
    let entry = |swatch, class: &str, text: &str| Entry {
        swatch,
        class: class.to_owned(),
        text: text.to_owned(),
    };
    vec![
        entry(Swatch::Line, "hull", "router"),
        entry(Swatch::Area, "band", "95 % interval"),
        entry(Swatch::Line, "mix", "single models mixed"),
        entry(Swatch::Line, "oracle", "oracle (not reachable)"),
    ]
}

fn value(interval: &Interval) -> f64 {
    interval.estimate.unwrap_or(0.0)
}

fn ends(interval: &Interval) -> [f64; 2] {
    let estimate = value(interval);
    [
        interval.low.unwrap_or(estimate),
        interval.high.unwrap_or(estimate),
    ]
}

/// Everything that is always to scale.
fn heights(curve: &LearningCurve) -> impl Iterator<Item = f64> {
    let sizes = curve.sizes.iter().flat_map(|size| ends(&size.aiq));
    sizes.chain([value(&curve.zero_router)])
}

/// The oracle may be so far above that the curve would be a flat line at the bottom.
fn oracle_is_to_scale(curve: &LearningCurve) -> bool {
    let low = heights(curve).fold(f64::INFINITY, f64::min);
    let high = heights(curve).fold(f64::NEG_INFINITY, f64::max);
    high - low >= LEAST_SHARE * (value(&curve.oracle) - low)
}

fn scales(curve: &LearningCurve, with_oracle: bool) -> (Scale, Scale) {
    let oracle = with_oracle.then(|| value(&curve.oracle));
    (
        Scale::of_sizes(curve.sizes.iter().map(|size| size.prompts as f64)),
        Scale::of_qualities(heights(curve).chain(oracle)),
    )
}

fn height_of(frame: &Frame, interval: &Interval) -> f64 {
    frame.at(1.0, value(interval)).1
}

fn oracle_height(frame: &Frame, curve: &LearningCurve, is_to_scale: bool) -> f64 {
    match is_to_scale {
        true => height_of(frame, &curve.oracle),
        false => frame.plot.top,
    }
}

fn across(plot: &Rect, height: f64) -> [(f64, f64); 2] {
    [(plot.left, height), (plot.right, height)]
}

/// The oracle, with its figure, since the line may not be to scale.
fn bounds(svg: &mut Svg, plot: &Rect, curve: &LearningCurve, height: f64) {
    svg.polyline("oracle", &across(plot, height));
    let above = match height > plot.top {
        true => "",
        false => ", above the scale",
    };
    let text = format!("oracle {}{above}", quality(value(&curve.oracle)));
    svg.text(
        ("m", Hold::Start, TEXT),
        (plot.left + 4.0, height + 15.0),
        &text,
    );
}

fn learnt(svg: &mut Svg, frame: &Frame, curve: &LearningCurve) {
    let edge = |end: usize| -> Vec<(f64, f64)> {
        let sizes = curve.sizes.iter();
        sizes
            .map(|size| frame.at(size.prompts as f64, ends(&size.aiq)[end]))
            .collect()
    };
    let mut band = edge(0);
    band.extend(edge(1).into_iter().rev());
    svg.polygon("band", &band, "95 % interval");
    let places: Vec<(f64, f64)> = curve
        .sizes
        .iter()
        .map(|size| frame.at(size.prompts as f64, value(&size.aiq)))
        .collect();
    svg.polyline("hull", &places);
    for (size, place) in curve.sizes.iter().zip(places) {
        let tip = format!(
            "{} prompts: AIQ {}",
            count(size.prompts),
            with_range(&size.aiq, quality)
        );
        svg.circle("dot", place, 4.0, &tip);
    }
}
