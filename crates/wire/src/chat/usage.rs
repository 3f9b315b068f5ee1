//! `usage`: all tokens in and out, and what of them was cached or reasoning.

use crate::Usage;
use crate::json::{Fault, Fields, Object};

/// Reads it. Providers beyond OpenAI name what was written to the cache.
pub(super) fn read(fields: Option<Fields<'_>>) -> Result<Option<Usage>, Fault> {
    let Some(mut fields) = fields else {
        return Ok(None);
    };
    let mut usage = Usage {
        input: fields.count("prompt_tokens")?.unwrap_or(0),
        output: fields.count("completion_tokens")?.unwrap_or(0),
        cached: fields.count("prompt_cache_hit_tokens")?.unwrap_or(0),
        ..Usage::default()
    };
    if let Some(mut details) = fields.nested("prompt_tokens_details")? {
        usage.cached = details.count("cached_tokens")?.unwrap_or(usage.cached);
        usage.cache_write = details.count("cache_write_tokens")?.unwrap_or(0);
    }
    if let Some(mut details) = fields.nested("completion_tokens_details")? {
        usage.reasoning = details.count("reasoning_tokens")?.unwrap_or(0);
    }
    Ok(Some(usage))
}

/// Writes it.
pub(super) fn write(o: &mut Object<'_>, usage: &Usage) {
    o.count("prompt_tokens", usage.input);
    o.count("completion_tokens", usage.output);
    o.count("total_tokens", usage.total());
    o.object("prompt_tokens_details", |o| {
        o.count("cached_tokens", usage.cached);
        if usage.cache_write > 0 {
            o.count("cache_write_tokens", usage.cache_write);
        }
    });
    o.object("completion_tokens_details", |o| {
        o.count("reasoning_tokens", usage.reasoning)
    });
}
