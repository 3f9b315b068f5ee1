//! Swatches with names, row after row, above a plot.

use super::frame::{TEXT, Width, text_width};
use super::svg::{Hold, Svg};

/// What stands before a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Swatch {
    Line,
    Dot,
    Area,
}

/// One name of a legend.
pub(crate) struct Entry {
    pub(crate) swatch: Swatch,
    pub(crate) class: String,
    pub(crate) text: String,
}

const ROW: f64 = 19.0;
const SWATCH: f64 = 22.0;
const GAP: f64 = 16.0;

/// Draws a legend from `top` on; the plot may begin at the height that is returned.
pub(crate) fn legend(svg: &mut Svg, width: Width, top: f64, entries: &[Entry]) -> f64 {
    let (mut x, mut y) = (8.0, top + 12.0);
    for entry in entries {
        let room = SWATCH + 5.0 + text_width(&entry.text, TEXT);
        if x > 8.0 && x + room > width.pixels() - 4.0 {
            (x, y) = (8.0, y + ROW);
        }
        swatch(svg, entry, (x, y - 4.0));
        svg.text(("t", Hold::Start, TEXT), (x + SWATCH + 5.0, y), &entry.text);
        x += room + GAP;
    }
    y + 14.0
}

fn swatch(svg: &mut Svg, entry: &Entry, (x, y): (f64, f64)) {
    let middle = (x + SWATCH / 2.0, y);
    match entry.swatch {
        Swatch::Line => svg.line(&entry.class, (x, y), (x + SWATCH, y)),
        Swatch::Dot => svg.circle(&entry.class, middle, 5.0, &entry.text),
        Swatch::Area => {
            let class = format!("key {}", entry.class);
            svg.rect(&class, x + 4.0, y - 6.0, (14.0, 12.0));
        }
    }
}
