//! The room a chart has: its size, its plot, its axes.

use super::scale::Scale;
use super::svg::{Hold, Svg};
use crate::number::plain;

/// Which screen a chart is drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// A desk.
    Wide,
    /// A phone.
    Narrow,
}

impl Width {
    /// The class that shows it on its screen only.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Wide => "wide",
            Self::Narrow => "narrow",
        }
    }

    pub(crate) const fn pixels(self) -> f64 {
        match self {
            Self::Wide => 820.0,
            Self::Narrow => 360.0,
        }
    }

    pub(crate) const fn ticks(self) -> usize {
        match self {
            Self::Wide => 9,
            Self::Narrow => 5,
        }
    }
}

/// An upright rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rect {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

impl Rect {
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    pub(crate) fn contains(&self, (x, y): (f64, f64)) -> bool {
        (self.left..=self.right).contains(&x) && (self.top..=self.bottom).contains(&y)
    }

    pub(crate) fn holds(&self, inner: &Self) -> bool {
        self.contains((inner.left, inner.top)) && self.contains((inner.right, inner.bottom))
    }

    /// Larger by this much on every side.
    pub(crate) fn grown(&self, by: f64) -> Self {
        Self {
            left: self.left - by,
            top: self.top - by,
            right: self.right + by,
            bottom: self.bottom + by,
        }
    }
}

/// A plot with its scales.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) plot: Rect,
    pub(crate) x: Scale,
    pub(crate) y: Scale,
}

pub(crate) const TEXT: f64 = 12.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 12.0;
/// Room for the tick labels and the title of the horizontal axis.
pub(crate) const BELOW: f64 = 46.0;

impl Frame {
    pub(crate) fn new(width: Width, top: f64, height: f64, (x, y): (Scale, Scale)) -> Self {
        let plot = Rect {
            left: LEFT,
            top,
            right: width.pixels() - RIGHT,
            bottom: top + height,
        };
        Self { plot, x, y }
    }

    /// The place of a point.
    pub(crate) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let (plot, x, y) = (&self.plot, self.x.place(x), self.y.place(y));
        (
            plot.left + x * (plot.right - plot.left),
            plot.bottom - y * (plot.bottom - plot.top),
        )
    }

    /// Grid lines, ticks and the titles of both axes; `show` writes a tick of each.
    pub(crate) fn axes(
        &self,
        svg: &mut Svg,
        width: Width,
        titles: (&str, &str),
        show: (impl Fn(f64) -> String, impl Fn(f64) -> String),
    ) {
        let plot = &self.plot;
        for tick in self.y.ticks(8) {
            let y = plot.bottom - self.y.place(tick) * (plot.bottom - plot.top);
            svg.line("grid", (plot.left, y), (plot.right, y));
            let at = (plot.left - 6.0, y + 4.0);
            svg.text(("m", Hold::End, TEXT), at, &show.1(tick));
        }
        for tick in self.x.ticks(width.ticks()) {
            let x = plot.left + self.x.place(tick) * (plot.right - plot.left);
            svg.line("grid", (x, plot.top), (x, plot.bottom));
            let at = (x, plot.bottom + 17.0);
            svg.text(("m", Hold::Middle, TEXT), at, &show.0(tick));
        }
        svg.line("axis", (plot.left, plot.bottom), (plot.right, plot.bottom));
        let middle = f64::midpoint(plot.left, plot.right);
        svg.text(
            ("t", Hold::Middle, TEXT),
            (middle, plot.bottom + 38.0),
            titles.0,
        );
        svg.upright(
            "t",
            (13.0, f64::midpoint(plot.top, plot.bottom)),
            TEXT,
            titles.1,
        );
    }

    /// The title of a cost axis.
    pub(crate) fn cost_title(&self) -> &'static str {
        match self.x.is_log() {
            true => "mean cost, USD per 1,000 requests (log scale)",
            false => "mean cost, USD per 1,000 requests",
        }
    }
}

/// A tick of a cost axis: ticks are in dollars for one request, labels for 1,000.
pub(crate) fn cost_tick(cost: f64) -> String {
    plain(cost * 1000.0)
}

/// About how wide a text is, rather too wide than too narrow.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    text.chars()
        .map(|character| advance(character) * size)
        .sum()
}

fn advance(character: char) -> f64 {
    match character {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.36,
        ' ' | '-' | 'f' | 'r' | 't' | '(' | ')' | '/' => 0.42,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.96,
        upper if upper.is_ascii_uppercase() => 0.73,
        ascii if ascii.is_ascii() => 0.63,
        _ => 1.0,
    }
}
