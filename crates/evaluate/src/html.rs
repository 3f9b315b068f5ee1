//! The report as one page that needs nothing but itself: no script, no font, no other file.

mod cells;
mod guarantee;
mod notes;
mod sections;

use crate::chart::{escape, page_css};
use crate::report::Report;

const LAYOUT: &str = include_str!("html/page.css");

/// The whole page.
pub(crate) fn page(report: &Report) -> String {
    let title = escape(&report.title);
    let (charts, body) = (page_css(), body(report));
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
        sections::singles(report),
        sections::operating(report),
        guarantee::section(report),
        sections::two_model(report),
        sections::traffic(report),
        sections::calibration(report),
        notes::notes(report),
    ];
    parts.concat()
}
