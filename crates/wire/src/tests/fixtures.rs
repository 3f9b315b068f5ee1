//! Recorded shapes: streams and whole answers.

use crate::Dialect;

/// A whole stream or answer.
pub(super) struct Recorded {
    pub(super) name: &'static str,
    pub(super) dialect: Dialect,
    pub(super) bytes: &'static [u8],
}

impl std::fmt::Debug for Recorded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! recorded {
    ($dialect:ident, $name:literal) => {
        Recorded {
            name: $name,
            dialect: Dialect::$dialect,
            bytes: include_bytes!(concat!("../../fixtures/", $name)),
        }
    };
}

pub(super) const STREAMS: [Recorded; 9] = [
    recorded!(Chat, "chat_text.sse"),
    recorded!(Chat, "chat_tools.sse"),
    recorded!(Chat, "chat_interleaved.sse"),
    recorded!(Messages, "messages_text.sse"),
    recorded!(Messages, "messages_thinking_tools.sse"),
    recorded!(Messages, "messages_error.sse"),
    recorded!(Responses, "responses_text.sse"),
    recorded!(Responses, "responses_reasoning_tools.sse"),
    recorded!(Responses, "responses_failed.sse"),
];

pub(super) const ANSWERS: [Recorded; 3] = [
    recorded!(Chat, "chat_answer.json"),
    recorded!(Messages, "messages_answer.json"),
    recorded!(Responses, "responses_answer.json"),
];

/// The stream of this name.
pub(super) fn stream(name: &str) -> &'static Recorded {
    STREAMS
        .iter()
        .find(|recorded| recorded.name == name)
        .unwrap()
}
