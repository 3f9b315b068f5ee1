//! `finish_reason`.

use crate::Stop;

/// Why an answer ended; words that nobody knows mean that it simply ended.
pub(super) fn read(word: &str) -> Stop {
    match word {
        "length" => Stop::Length,
        "tool_calls" | "function_call" => Stop::ToolCalls,
        "content_filter" => Stop::Filtered,
        _ => Stop::End,
    }
}

/// The word.
pub(super) const fn word(stop: Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Sequence => "stop",
        Stop::Length | Stop::Window => "length",
        Stop::ToolCalls => "tool_calls",
        Stop::Filtered => "content_filter",
    }
}
