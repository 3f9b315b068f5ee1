//! `status` and `incomplete_details.reason`.

use crate::Stop;
use crate::json::{Fault, Fields};

/// Why an answer ended.
pub(super) fn read(fields: &mut Fields<'_>, has_called: bool) -> Result<Stop, Fault> {
    let status = fields.text("status")?;
    let reason = match fields.nested("incomplete_details")? {
        Some(mut details) => details.text("reason")?,
        None => None,
    };
    Ok(match (status.as_deref(), reason.as_deref()) {
        (_, Some("content_filter")) => Stop::Filtered,
        (_, Some(_)) | (Some("incomplete"), None) => Stop::Length,
        _ if has_called => Stop::ToolCalls,
        _ => Stop::End,
    })
}

/// The status of an answer that ended so, and the reason where it is incomplete.
pub(super) const fn words(stop: Stop) -> (&'static str, Option<&'static str>) {
    match stop {
        Stop::Length | Stop::Window => ("incomplete", Some("max_output_tokens")),
        Stop::Filtered => ("incomplete", Some("content_filter")),
        Stop::End | Stop::Sequence | Stop::ToolCalls => ("completed", None),
    }
}
