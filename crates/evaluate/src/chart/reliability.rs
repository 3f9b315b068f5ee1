//! Mean score over predicted quality for one model: on the diagonal, predictions mean what they say.

use pointsman_measures::Bin;

use super::svg::{Hold, Svg};
use crate::report::ModelCalibration;

const SIZE: (f64, f64) = (184.0, 172.0);
const LEFT: f64 = 42.0;
const TOP: f64 = 8.0;
const SIDE: f64 = 128.0;
const TEXT: f64 = 11.0;

/// A small chart for a page.
pub(crate) fn reliability_chart(of: &ModelCalibration) -> String {
    let mut svg = Svg::default();
    axes(&mut svg);
    let bins = &of.calibration.equal_mass;
    let places: Vec<(f64, f64)> = bins
        .iter()
        .map(|bin| at(bin.predicted, bin.actual))
        .collect();
    svg.polyline("reliability", &places);
    for (bin, place) in bins.iter().zip(places) {
        svg.circle("dot", place, 3.4, &tip(bin));
    }
    let label = format!("Mean score over predicted quality of {}", of.model);
    svg.inline(SIZE, "small", &label)
}

fn at(x: f64, y: f64) -> (f64, f64) {
    (LEFT + SIDE * x, TOP + SIDE * (1.0 - y))
}

fn axes(svg: &mut Svg) {
    for tick in [0.0, 0.5, 1.0] {
        svg.line("grid", at(0.0, tick), at(1.0, tick));
        svg.line("grid", at(tick, 0.0), at(tick, 1.0));
        let ((x, y), label) = (at(0.0, tick), crate::number::plain(tick));
        svg.text(("m", Hold::End, TEXT), (x - 4.0, y + 4.0), &label);
        let (x, y) = at(tick, 0.0);
        svg.text(("m", Hold::Middle, TEXT), (x, y + 13.0), &label);
    }
    svg.line("diagonal", at(0.0, 0.0), at(1.0, 1.0));
    let (x, y) = at(0.5, 0.0);
    svg.text(
        ("t", Hold::Middle, TEXT),
        (x, y + 29.0),
        "predicted quality",
    );
    let (_, middle) = at(0.0, 0.5);
    svg.upright("t", (11.0, middle), TEXT, "mean score");
}

fn tip(bin: &Bin) -> String {
    format!(
        "{} prompts: predicted {:.3}, scored {:.3}",
        bin.count, bin.predicted, bin.actual
    )
}
