//! The section on tokens and costs.

use super::cells::{Row, table};
use crate::number::{count, percent, significant, usd_per_thousand};
use crate::report::{ModelAmounts, Report};

pub(super) fn amounts(report: &Report) -> String {
    if report.amounts.is_empty() {
        return String::new();
    }
    let header = [
        "",
        "prompts",
        "mean tokens out",
        "R² of log tokens",
        "tokens off by",
        "one median for all",
        "answers below p50",
        "below p90",
        "cost of 1,000 off by",
        "one mean for all",
    ];
    format!(
        "<h2>Tokens and costs</h2>\n<p>Predicted length of each answer and cost of each request \
         against what was logged, beside the same median and mean for every prompt. \
         Half of the answers should stay below the predicted p50, nine of ten below p90.</p>\n{}",
        table(&header, report.amounts.iter().map(row))
    )
}

fn row(of: &ModelAmounts) -> Row {
    let tokens = |tokens: f64| significant(tokens, 3);
    Row::new(
        of.model.as_str(),
        [
            count(of.prompts),
            tokens(of.mean_tokens),
            format!("{:.3}", of.log_r2).replace('-', "−"),
            tokens(of.tokens_error),
            tokens(of.tokens_error_of_median),
            percent(of.below_p50),
            percent(of.below_p90),
            usd_per_thousand(of.cost_error_usd),
            usd_per_thousand(of.cost_error_of_mean_usd),
        ],
    )
}
