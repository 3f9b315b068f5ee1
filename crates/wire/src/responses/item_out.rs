//! Items that requests and answers have in common.

use crate::json::Object;
use crate::{Dialect, Reasoning, ToolCall};

/// A call of a tool; in an answer it has a name of its own.
pub(super) fn function_call(o: &mut Object<'_>, id: Option<&str>, call: &ToolCall<'_>) {
    o.text("type", "function_call");
    o.text_if("id", id);
    o.text("call_id", &call.id);
    o.text("name", &call.name);
    o.text("arguments", &call.arguments);
}

/// A thought.
pub(super) fn reasoning(o: &mut Object<'_>, id: Option<&str>, thought: &Reasoning<'_>) {
    o.text("type", "reasoning");
    o.text_if("id", id);
    o.list("summary", |l| {
        if !thought.text.is_empty() {
            l.object(|o| {
                o.text("type", "summary_text");
                o.text("text", &thought.text);
            });
        }
    });
    if let Some(seal) = &thought.seal {
        o.text(
            "encrypted_content",
            &seal.within(Dialect::Responses, thought.id.as_deref()),
        );
    }
}

/// What the names of thoughts begin with that no provider keeps.
pub(super) const UNKEPT: &str = "rs_pointsman";
