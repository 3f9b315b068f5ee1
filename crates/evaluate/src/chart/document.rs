//! A chart as a file of its own, with title, finding and background.

use super::frame::{TEXT, Width, text_width};
use super::svg::{Hold, Svg};
use super::theme::document_css;

/// What stands above the chart.
pub(crate) struct Heading<'a> {
    pub(crate) title: &'a str,
    pub(crate) synthetic: bool,
    pub(crate) finding: &'a str,
}

/// A wide chart of this height below its heading.
pub(crate) fn document(above: &Heading<'_>, (chart, height): (Svg, f64)) -> String {
    let width = Width::Wide.pixels();
    let mut svg = Svg::default();
    let mut heading = Svg::default();
    let below = title(&mut heading, above);
    let size = (width, height + below);
    svg.rect("paper", 0.0, 0.0, size);
    svg.shifted(0.0, &heading);
    svg.shifted(below, &chart);
    svg.document(size, &document_css())
}

fn title(svg: &mut Svg, heading: &Heading<'_>) -> f64 {
    let mut y = 26.0;
    svg.text(("t", Hold::Start, 17.0), (14.0, y), heading.title);
    if heading.synthetic {
        y += 19.0;
        let said = "Synthetic log: made by a simulator, not by real models";
        svg.text(("warn", Hold::Start, TEXT), (14.0, y), said);
    }
    for line in wrapped(heading.finding, Width::Wide.pixels() - 28.0) {
        y += 18.0;
        svg.text(("m", Hold::Start, TEXT), (14.0, y), &line);
    }
    y + 12.0
}

fn wrapped(text: &str, width: f64) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        let longer = format!("{} {word}", lines[last]).trim_start().to_owned();
        if lines[last].is_empty() || text_width(&longer, TEXT) <= width {
            lines[last] = longer;
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
