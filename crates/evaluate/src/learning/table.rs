//! A learning curve as text for a terminal.

use std::fmt::Write;

use super::report::LearningCurve;
use crate::number::{NONE, count, quality, signed, with_range};
use crate::table::{add, table};

/// The advice and a row for every size; no colours, so that it can be piped.
#[must_use]
pub fn learning_table(curve: &LearningCurve) -> String {
    let mut text = format!("{}\n", curve.title);
    if curve.synthetic {
        text.push_str("SYNTHETIC LOG: made by a simulator, not by real models\n");
    }
    let _ = writeln!(
        text,
        "{}\nTested on {} prompts in {} folds, {} models; intervals are 95 %, {} resamples\n\n{}",
        curve.advice,
        count(curve.prompts),
        curve.folds,
        curve.models.len(),
        curve.bootstrap.replicates,
        rows(curve)
    );
    for reason in &curve.left_out {
        let _ = writeln!(text, "left out: {reason}");
    }
    text.trim_end().to_owned()
}

fn rows(curve: &LearningCurve) -> String {
    let mut table = table(&["prompts", "AIQ", "over zero router", "over the size before"]);
    for size in &curve.sizes {
        let previous = size.gain_over_previous.as_ref();
        let figures = [
            with_range(&size.aiq, quality),
            with_range(&size.gain_over_zero, signed),
            previous.map_or_else(|| NONE.to_owned(), |gain| with_range(gain, signed)),
        ];
        add(&mut table, &count(size.prompts), figures);
    }
    for (name, aiq) in [
        ("zero router", &curve.zero_router),
        ("oracle", &curve.oracle),
    ] {
        let dash = || NONE.to_owned();
        add(&mut table, name, [with_range(aiq, quality), dash(), dash()]);
    }
    table.to_string()
}
