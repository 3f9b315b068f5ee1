//! The report as one page that needs nothing but itself: no script, no font, no other file.

mod amounts;
mod cascade;
mod cells;
mod guarantee;
mod learning;
mod notes;
mod off_policy;
mod sections;
mod taught;
mod training;

pub(crate) use learning::learning_page;
pub(crate) use off_policy::off_policy_page;
pub(crate) use taught::taught_page;

use crate::chart::{escape, page_css};
use crate::report::Report;

const LAYOUT: &str = include_str!("html/page.css");
const SYNTHETIC: &str = "<p class=\"banner\">Synthetic log: prompts, answers and scores were made by a \
                         simulator, not by real models.</p>\n";

/// The whole page.
pub(crate) fn page(report: &Report) -> String {
    shell(&report.title, &body(report))
}

fn shell(title: &str, body: &str) -> String {
    let (title, charts) = (escape(title), page_css());
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{charts}\n{LAYOUT}</style>\n</head>\n\
         <body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

fn body(report: &Report) -> String {
    let parts = [
        sections::heading(report),
        sections::figures(report),
        sections::curve(report),
        sections::comparison(report),
        cascade::section(report),
        sections::singles(report),
        sections::operating(report),
        guarantee::section(report),
        sections::two_model(report),
        sections::traffic(report),
        sections::calibration(report),
        amounts::amounts(report),
        training::training(report),
        notes::notes(report),
    ];
    parts.concat()
}
