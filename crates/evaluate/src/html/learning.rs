//! The page of a learning curve.

use super::cells::{Row, table};
use super::shell;
use crate::chart::{Width, escape, learning_chart};
use crate::number::{NONE, count, quality, signed, with_range};
use crate::{LearningCurve, Resample};

/// The whole page.
pub(crate) fn learning_page(curve: &LearningCurve) -> String {
    let parts = [heading(curve), chart(curve), sizes(curve), notes(curve)];
    shell(&curve.title, &parts.concat())
}

fn heading(curve: &LearningCurve) -> String {
    let banner = match curve.synthetic {
        true => super::SYNTHETIC,
        false => "",
    };
    let drawn = match curve.bootstrap.resample {
        Resample::Prompts => "prompts",
        Resample::Categories => "categories",
    };
    format!(
        "{banner}<h1>{}</h1>\n<p class=\"finding\">{}</p>\n<p class=\"facts\">Tested on {} prompts, \
         {} models, {} folds. Intervals are 95 %, from {} resamples of {} {drawn}.</p>\n",
        escape(&curve.title),
        escape(&curve.advice),
        count(curve.prompts),
        curve.models.len(),
        curve.folds,
        count(curve.bootstrap.replicates),
        count(curve.bootstrap.drawn_from),
    )
}

fn chart(curve: &LearningCurve) -> String {
    let charts = [Width::Wide, Width::Narrow].map(|width| learning_chart(curve, width));
    format!(
        "<h2>Quality by the number of labelled prompts</h2>\n<p>AIQ is the mean quality over the \
         range of costs. Where the line still rises at its right end, more labels help.</p>\n{}\n",
        charts.concat()
    )
}

fn sizes(curve: &LearningCurve) -> String {
    let size = |size: &crate::LearningPoint| {
        let previous = size.gain_over_previous.as_ref();
        let figures = [
            with_range(&size.aiq, quality),
            with_range(&size.gain_over_zero, signed),
            previous.map_or_else(|| NONE.to_owned(), |gain| with_range(gain, signed)),
        ];
        Row::new(count(size.prompts), figures)
    };
    let bounds = [
        ("zero router", &curve.zero_router),
        ("oracle", &curve.oracle),
    ];
    let bounds = bounds.map(|(name, aiq)| {
        let figures = [with_range(aiq, quality), NONE.to_owned(), NONE.to_owned()];
        Row::new(name, figures)
    });
    let header = [
        "prompts learnt from",
        "AIQ",
        "over mixing single models",
        "over the size before",
    ];
    table(&header, curve.sizes.iter().map(size).chain(bounds))
}

fn notes(curve: &LearningCurve) -> String {
    let law = curve.extrapolation.as_ref().map(|law| {
        format!(
            "<dt>Extrapolation</dt><dd>{:.4} − {} · prompts<sup>−{:.2}</sup>, by least squares through \
             all sizes and anew in every resample.</dd>\n",
            law.ceiling,
            crate::number::significant(law.scale, 3),
            law.exponent
        )
    });
    let left_out: String = curve
        .left_out
        .iter()
        .map(|reason| format!("<dt>Left out</dt><dd>{}</dd>\n", escape(reason)))
        .collect();
    format!(
        "<h2>How to read this</h2>\n<dl class=\"notes\">\n<dt>Sizes</dt><dd>Random subsets of the \
         training prompts of each fold; each contains the smaller ones. Heads and settings are chosen \
         anew for each. Every prompt is tested by the router of its fold, which did not learn from \
         it.</dd>\n<dt>Intervals</dt><dd>Percentiles over resampled test prompts, seed {}; both sides of \
         a comparison see the same resample. Which prompts were drawn to learn from adds to them, the \
         more the fewer they are.</dd>\n{}{left_out}</dl>\n",
        curve.bootstrap.seed,
        law.unwrap_or_default()
    )
}
