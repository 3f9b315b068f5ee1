//! The section on the cascade.

use super::cells::{Row, table};
use crate::number::{quality, significant, usd_per_thousand};
use crate::report::{CascadePoint, Report};

/// About as many points of the curve as are read.
const SHOWN: usize = 10;

/// Empty where no cascade was measured.
pub(super) fn section(report: &Report) -> String {
    if report.cascade.is_empty() {
        return String::new();
    }
    let step = report.cascade.len().div_ceil(SHOWN);
    let rows = report.cascade.iter().step_by(step).map(row);
    let header = [
        "quality that a dollar must buy",
        "USD per 1,000 requests",
        "quality",
        "calls per request",
    ];
    format!(
        "<h2>The cascade</h2>\n<p>A model answers, its answer is read (how sure it was, how long it \
         is), and then that is returned or another model is called. Costs are those of all calls of \
         a request together.</p>\n{}",
        table(&header, rows)
    )
}

fn row(point: &CascadePoint) -> Row {
    Row::new(
        significant(point.lambda, 3),
        [
            usd_per_thousand(point.cost_usd),
            quality(point.quality),
            format!("{:.2}", point.calls),
        ],
    )
}
