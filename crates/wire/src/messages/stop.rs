//! `stop_reason`.

use crate::Stop;

/// Why an answer ended; words that nobody knows mean that it simply ended.
pub(super) fn read(word: &str) -> Stop {
    match word {
        "max_tokens" => Stop::Length,
        "stop_sequence" => Stop::Sequence,
        "tool_use" => Stop::ToolCalls,
        "refusal" => Stop::Filtered,
        "model_context_window_exceeded" => Stop::Window,
        _ => Stop::End,
    }
}

/// The word; an answer that is a refusal ends as one.
pub(super) const fn word(stop: Stop, is_refusal: bool) -> &'static str {
    match stop {
        Stop::End if is_refusal => "refusal",
        Stop::End => "end_turn",
        Stop::Sequence => "stop_sequence",
        Stop::Length => "max_tokens",
        Stop::Window => "model_context_window_exceeded",
        Stop::ToolCalls => "tool_use",
        Stop::Filtered => "refusal",
    }
}
