//! The messages of a conversation, as the chat APIs write them, to one prompt.
//!
//! `content` is text, a list of parts of which the text parts count, or null (a message that only
//! calls tools). Messages without text add nothing to the prompt.

use std::borrow::Cow;

use pointsman_types::{Message, Prompt};
use serde_json::Value;

use crate::cell::Cell;

/// The messages in a cell: a list, or in CSV the JSON text of one.
pub(crate) fn messages(cell: Cell<'_>) -> Result<Option<Vec<Message>>, String> {
    let list = match cell {
        Cell::Missing => return Ok(None),
        Cell::Tree(list) => list,
        Cell::Field(text) => parsed(text)?,
        Cell::Text(text) => parsed(&text)?,
        Cell::Unreadable(reason) => return Err(reason),
        _ => return Err(EXPECTED.to_owned()),
    };
    match list.as_ref() {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| message(index, item).transpose())
            .collect::<Result<_, _>>()
            .map(Some),
        _ => Err(EXPECTED.to_owned()),
    }
}

/// The prompt that messages make; none when they hold no text.
pub(crate) fn prompt(messages: &[Message]) -> Option<Prompt> {
    let has_text = messages.iter().any(|message| !message.content.is_empty());
    has_text.then(|| Prompt::from_messages(messages))
}

const EXPECTED: &str = "must be a list of {role, content}";

fn parsed<'a>(text: &str) -> Result<Cow<'a, Value>, String> {
    serde_json::from_str(text)
        .map(Cow::Owned)
        .map_err(|_| format!("{EXPECTED} in JSON"))
}

fn message(index: usize, item: &Value) -> Result<Option<Message>, String> {
    let Some(role) = item.get("role").and_then(Value::as_str) else {
        return Err(format!("message {index} has no role"));
    };
    let content = match item.get("content") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts_text(parts),
        Some(_) => {
            return Err(format!(
                "message {index}: content must be text or a list of parts"
            ));
        }
    };
    Ok((!content.is_empty()).then(|| Message {
        role: role.to_owned(),
        content,
    }))
}

fn parts_text(parts: &[Value]) -> String {
    let texts: Vec<&str> = parts
        .iter()
        .filter_map(|part| part.get("text").and_then(Value::as_str))
        .collect();
    texts.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Option<Prompt>, String> {
        let value: Value = serde_json::from_str(json).unwrap();
        let read = messages(Cell::from(&value))?.unwrap_or_default();
        Ok(prompt(&read))
    }

    fn text(json: &str) -> Result<Option<String>, String> {
        Ok(read(json)?.map(|prompt| prompt.text().to_owned()))
    }

    #[test]
    fn turns_with_text_are_kept() {
        let read = read(
            r#"[{"role":"system","content":"Be brief."},
                {"role":"assistant","content":null,"tool_calls":[]},
                {"role":"user","content":[{"type":"text","text":"Why"},{"type":"image_url"},{"type":"text","text":"not?"}]}]"#,
        );
        let prompt = read.unwrap().unwrap();
        let turns = prompt.turns().unwrap();
        let said: Vec<_> = turns.iter().map(|turn| (turn.role, turn.content)).collect();
        assert_eq!(said, [("system", "Be brief."), ("user", "Why\nnot?")]);
    }

    #[test]
    fn messages_may_be_json_text() {
        let cell = Cell::Field(r#"[{"role":"user","content":"Why?"}]"#);
        assert_eq!(messages(cell).unwrap().unwrap()[0].content, "Why?");
    }

    #[test]
    fn what_is_no_list_of_messages_is_refused() {
        assert_eq!(text("7"), Err(EXPECTED.to_owned()));
        assert_eq!(text("{}"), Err(EXPECTED.to_owned()));
        assert_eq!(text("[{}]"), Err("message 0 has no role".to_owned()));
        assert!(text(r#"[{"role":"user","content":7}]"#).is_err());
        assert!(messages(Cell::Field("[{")).is_err());
    }

    #[test]
    fn messages_without_text_make_no_prompt() {
        assert_eq!(text(r#"[{"role":"user","content":""}]"#), Ok(None));
        assert_eq!(text("[]"), Ok(None));
    }
}
