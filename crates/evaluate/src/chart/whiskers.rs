//! Values with their intervals, one line each.

use super::frame::{BELOW, Frame, TEXT, Width};
use super::scale::Scale;
use super::svg::{Hold, Svg};
use crate::number::plain;

/// The height of one line, its name above it: beside it there is no room for a long one.
const ROW: f64 = 42.0;
/// From a line up to its name.
const NAME: f64 = 11.0;
const TOP: f64 = 8.0;

/// One line.
pub(crate) struct Whisker {
    pub(crate) name: String,
    /// The lower end, the value, the upper end.
    pub(crate) ends: [f64; 3],
    /// The class of its dot.
    pub(crate) class: &'static str,
    /// What it says when it is pointed at.
    pub(crate) tip: String,
}

/// The first line at the top; with a line where 0 is, if asked for. Returns the height too.
pub(crate) fn whiskers(
    rows: &[Whisker],
    width: Width,
    title: &str,
    around_zero: bool,
) -> (Svg, f64) {
    let mut svg = Svg::default();
    let zero = around_zero.then_some(0.0);
    let ends = rows.iter().flat_map(|row| row.ends).chain(zero);
    let scales = (Scale::of_qualities(ends), places(rows.len()));
    let height = ROW * rows.len() as f64;
    let frame = Frame::new(width, TOP, height, scales);
    frame.axes(&mut svg, width, (title, ""), (plain, |_| String::new()));
    // the first row is at the top, where the axis is at its end
    let last = rows.len().saturating_sub(1);
    if around_zero {
        let line = [-0.5, last as f64 + 0.5].map(|place| frame.at(0.0, place));
        svg.polyline("mix", &line);
    }
    for (at, row) in rows.iter().enumerate() {
        whisker(&mut svg, &frame, (last - at) as f64, row);
    }
    (svg, TOP + height + BELOW)
}

/// So many rows or columns, each in the middle of its place.
pub(super) fn places(count: usize) -> Scale {
    Scale::Linear {
        low: -0.5,
        high: count as f64 - 0.5,
    }
}

fn whisker(svg: &mut Svg, frame: &Frame, place: f64, row: &Whisker) {
    let at = |value: f64, off: f64| {
        let (x, y) = frame.at(value, place);
        (x, y + off)
    };
    let [low, value, high] = row.ends;
    svg.polyline("hull", &[at(low, 0.0), at(high, 0.0)]);
    [low, high]
        .iter()
        .for_each(|end| svg.polyline("hull", &[at(*end, -6.0), at(*end, 6.0)]));
    svg.circle(row.class, at(value, 0.0), 5.0, &row.tip);
    let above = (frame.plot.left + 4.0, at(value, -NAME).1);
    svg.text(("m", Hold::Start, TEXT), above, &row.name);
}
