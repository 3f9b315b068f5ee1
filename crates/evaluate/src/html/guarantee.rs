//! What is guaranteed, on which evidence, and whether it held here.

use pointsman_policy::CategoryRisk;

use super::cells::{Row, table};
use crate::chart::escape;
use crate::number::{NONE, count, or_none, percent, quality, signed, signed_percent, with_range};
use crate::report::{AgainstReference, Guaranteed, Report};

/// Empty where nothing is promised.
pub(super) fn section(report: &Report) -> String {
    let Some(guaranteed) = &report.guaranteed else {
        return String::new();
    };
    let promise = &guaranteed.promise;
    let mut html = format!(
        "<h2>What is guaranteed</h2>\n<p>{}.</p>\n",
        escape(&sentence(guaranteed))
    );
    let header = ["", "calibration prompts", "these prompts [95 % interval]"];
    html.push_str(&table(&header, rows(guaranteed)));
    if !promise.categories.is_empty() {
        let rows = promise
            .categories
            .iter()
            .map(|one| category(one, guaranteed));
        let header = [
            "category",
            "calibration prompts",
            "measured",
            "upper bound",
            "these prompts",
            "measured here",
        ];
        html.push_str(&table(&header, rows));
    }
    html
}

fn sentence(guaranteed: &Guaranteed) -> String {
    let promise = &guaranteed.promise;
    let scope = match promise.categories.is_empty() {
        true => "",
        false => " in every category of the table",
    };
    format!(
        "The policy {} keeps the {} at most {}{scope}, except with probability {} of having been \
         unlucky in the calibration prompts. This holds while {}",
        promise.policy, promise.risk, promise.alpha, promise.delta, promise.assumption
    )
}

fn rows(guaranteed: &Guaranteed) -> Vec<Row> {
    let (promise, here) = (&guaranteed.promise, guaranteed.here.as_ref());
    let measured =
        |show: &dyn Fn(&AgainstReference) -> String| here.map_or_else(|| NONE.to_owned(), show);
    let reference = promise.reference.as_str();
    let at_worst = format!(
        "{} without a score, taken at its worst",
        promise.prompts_at_worst
    );
    vec![
        Row {
            remark: Some(at_worst).filter(|_| promise.prompts_at_worst > 0),
            ..Row::new(
                "prompts",
                [
                    count(promise.prompts),
                    measured(&|here| count(here.prompts)),
                ],
            )
        },
        Row::new(
            format!("regression risk against {reference}"),
            [
                quality(promise.measured),
                measured(&|here| with_range(&here.regression_risk, quality)),
            ],
        ),
        Row {
            remark: Some(promise.method.clone()),
            ..Row::new(
                format!("its upper bound at error {}", promise.delta),
                [quality(promise.bound), NONE.to_owned()],
            )
        },
        Row::new(
            format!("cost saved against {reference}"),
            [
                percent(promise.saving),
                measured(&|here| with_range(&here.saving, signed_percent)),
            ],
        ),
        Row::new(
            format!("quality against {reference}"),
            [
                NONE.to_owned(),
                measured(&|here| with_range(&here.quality_difference, signed)),
            ],
        ),
    ]
}

fn category(risk: &CategoryRisk, guaranteed: &Guaranteed) -> Row {
    let here = guaranteed.here.as_ref().and_then(|here| {
        let mut categories = here.categories.iter();
        categories.find(|one| one.category == risk.category)
    });
    let name = match risk.category.as_str() {
        "" => "without a label",
        label => label,
    };
    Row::new(
        name,
        [
            count(risk.prompts),
            quality(risk.measured),
            quality(risk.bound),
            here.map_or_else(|| NONE.to_owned(), |here| count(here.prompts)),
            or_none(here.map(|here| here.regression_risk), quality),
        ],
    )
}
