//! `usage`: all tokens in and out, and what of them was cached or reasoning.

use crate::Usage;
use crate::json::{Fault, Fields, Object};

/// Reads it.
pub(super) fn read(fields: Option<Fields<'_>>) -> Result<Option<Usage>, Fault> {
    let Some(mut fields) = fields else {
        return Ok(None);
    };
    let mut usage = Usage {
        input: fields.count("input_tokens")?.unwrap_or(0),
        output: fields.count("output_tokens")?.unwrap_or(0),
        ..Usage::default()
    };
    if let Some(mut details) = fields.nested("input_tokens_details")? {
        usage.cached = details.count("cached_tokens")?.unwrap_or(0);
        usage.cache_write = details.count("cache_write_tokens")?.unwrap_or(0);
    }
    if let Some(mut details) = fields.nested("output_tokens_details")? {
        usage.reasoning = details.count("reasoning_tokens")?.unwrap_or(0);
    }
    Ok(Some(usage))
}

/// Writes it.
pub(super) fn write(o: &mut Object<'_>, usage: &Usage) {
    o.count("input_tokens", usage.input);
    o.object("input_tokens_details", |o| {
        o.count("cached_tokens", usage.cached);
        o.count("cache_write_tokens", usage.cache_write);
    });
    o.count("output_tokens", usage.output);
    o.object("output_tokens_details", |o| {
        o.count("reasoning_tokens", usage.reasoning)
    });
    o.count("total_tokens", usage.total());
}
