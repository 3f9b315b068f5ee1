//! `usage`: what was read from and written to the cache stands beside `input_tokens`, not in it.

use crate::Usage;
use crate::json::{Fault, Fields, Object};

/// The counts as they stand there. A stream gives them in pieces, the later ones counting.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    fresh: u64,
    read: u64,
    written: u64,
    output: u64,
    thinking: u64,
}

impl Counts {
    /// Takes up what is said; what is not said stays.
    pub(super) fn update(&mut self, mut fields: Fields<'_>) -> Result<(), Fault> {
        let mut put = |name, count: &mut u64| -> Result<(), Fault> {
            *count = fields.count(name)?.unwrap_or(*count);
            Ok(())
        };
        put("input_tokens", &mut self.fresh)?;
        put("cache_read_input_tokens", &mut self.read)?;
        put("cache_creation_input_tokens", &mut self.written)?;
        put("output_tokens", &mut self.output)?;
        if let Some(mut details) = fields.nested("output_tokens_details")? {
            self.thinking = details.count("thinking_tokens")?.unwrap_or(self.thinking);
        }
        Ok(())
    }

    pub(super) const fn usage(self) -> Usage {
        Usage {
            input: self
                .fresh
                .saturating_add(self.read)
                .saturating_add(self.written),
            cached: self.read,
            cache_write: self.written,
            output: self.output,
            reasoning: self.thinking,
        }
    }
}

/// Writes it. The dialect demands it, so that what is not known is 0.
pub(super) fn write(o: &mut Object<'_>, usage: Option<&Usage>) {
    let usage = usage.copied().unwrap_or_default();
    o.count("input_tokens", usage.fresh());
    o.count("cache_creation_input_tokens", usage.cache_write);
    o.count("cache_read_input_tokens", usage.cached);
    o.count("output_tokens", usage.output);
    if usage.reasoning > 0 {
        o.object("output_tokens_details", |o| {
            o.count("thinking_tokens", usage.reasoning)
        });
    }
}
