//! By how much models differ from what training predicts.

use super::document::{Heading, document};
use super::frame::Width;
use super::svg::Svg;
use super::whiskers::{Whisker, whiskers};
use crate::number::signed;
use crate::taught::{Model, Taught, finding};

/// Of a normal distribution, 95 % lie within so many standard errors.
const WITHIN: f64 = 1.96;

/// The levels for a page; none before anything was learnt.
pub(crate) fn levels_chart(taught: &Taught, width: Width) -> Option<String> {
    let (svg, height) = levels(taught, width)?;
    let label = format!("Levels of the models. {}", finding(&taught.learning));
    Some(svg.inline((width.pixels(), height), width.class(), &label))
}

/// The levels as a file of its own; none before anything was learnt.
pub(crate) fn levels_svg(taught: &Taught) -> Option<String> {
    let heading = Heading {
        title: &taught.title,
        synthetic: false,
        finding: &finding(&taught.learning),
    };
    Some(document(&heading, levels(taught, Width::Wide)?))
}

fn levels(taught: &Taught, width: Width) -> Option<(Svg, f64)> {
    let models = &taught.learning.learnt.as_ref()?.models;
    let rows: Vec<Whisker> = models.iter().map(row).collect();
    let title = "quality above what training predicts (95 % interval)";
    (!rows.is_empty()).then(|| whiskers(&rows, width, title, true))
}

fn row(model: &Model) -> Whisker {
    let [low, high] = [-WITHIN, WITHIN].map(|errors| model.mean + errors * model.error);
    Whisker {
        name: model.model.clone(),
        ends: [low, model.mean, high],
        class: "dot",
        tip: format!(
            "{}: {} [{} to {}], {} judgements",
            model.model,
            signed(model.mean),
            signed(low),
            signed(high),
            model.judgements
        ),
    }
}
