//! Law: whatever comes in, what goes out is well formed.

use proptest::prelude::*;
use serde_json::Value;

use super::fixtures::STREAMS;
use super::requests::{chat, messages, responses};
use super::streams::{route, sent};
use crate::json::Document;
use crate::sse::{Bounds, Parser};
use crate::{Body, Dialect, Progress, Target};

type Changes = Vec<(prop::sample::Index, u8)>;

fn changes() -> impl Strategy<Value = Changes> {
    let byte = prop_oneof![
        any::<u8>(),
        prop::sample::select(b"{}[]\",:0127eE-\\ntu\n ".to_vec())
    ];
    prop::collection::vec((any::<prop::sample::Index>(), byte), 1..5)
}

fn changed(bytes: &[u8], changes: &Changes) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, byte) in changes {
        let at = at.index(bytes.len());
        bytes[at] = *byte;
    }
    bytes
}

/// The same body with up to three values replaced, anywhere in it.
fn shuffled(body: &Value, seed: u64) -> Value {
    let mut state = seed;
    let mut draw = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let mut body = body.clone();
    for _ in 0..=draw() % 3 {
        break_value(&mut body, &mut draw);
    }
    body
}

/// Replaces one value, somewhere down.
fn break_value(body: &mut Value, draw: &mut impl FnMut() -> usize) {
    let odd = [
        Value::Null,
        Value::from(7),
        Value::from("x"),
        Value::from(true),
        serde_json::json!([]),
        serde_json::json!({}),
    ];
    let count = match body {
        Value::Object(fields) => fields.len(),
        Value::Array(items) => items.len(),
        _ => 0,
    };
    if count == 0 || draw().is_multiple_of(5) {
        *body = odd[draw() % odd.len()].clone();
        return;
    }
    let at = draw() % count;
    match body {
        Value::Object(fields) => break_value(fields.values_mut().nth(at).unwrap(), draw),
        Value::Array(items) => break_value(&mut items[at], draw),
        _ => {}
    }
}

fn says_json_or_why_not(dialect: Dialect, bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(body) = Body::parse(bytes) else {
        return Ok(());
    };
    let Ok(said) = dialect.read_request(&body) else {
        return Ok(());
    };
    let _ = (said.utterances(), said.needs(), said.passes_to(dialect));
    for to in Dialect::ALL {
        match to.write_request(&said, &Target::new("m")) {
            Ok(written) => prop_assert!(
                Document::parse(written.body.as_bytes()).is_ok(),
                "{}",
                written.body
            ),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
    Ok(())
}

/// The names and the data of a stream.
fn read(text: &str) -> Vec<(String, String)> {
    let mut events = Vec::new();
    let mut parser = Parser::new(Bounds::default());
    let mut each = |frame: crate::sse::Frame<'_>| {
        events.extend(
            frame
                .message
                .map(|message| (message.name.to_owned(), message.data.to_owned())),
        );
        Ok(())
    };
    parser.push(text.as_bytes(), &mut each).unwrap();
    parser.finish(&mut each).unwrap();
    events
}

/// Blocks of a message begin, grow and end one after the other, between its beginning and its end.
fn is_orderly(events: &[(String, String)]) -> bool {
    let mut open = false;
    let mut has_begun = false;
    events
        .iter()
        .enumerate()
        .all(|(at, (name, _))| match name.as_str() {
            "message_start" => !std::mem::replace(&mut has_begun, true),
            "content_block_start" => has_begun && !std::mem::replace(&mut open, true),
            "content_block_delta" => open,
            "content_block_stop" => std::mem::replace(&mut open, false),
            "message_delta" => has_begun && !open,
            "message_stop" => has_begun && at + 1 == events.len(),
            "error" => at + 1 == events.len(),
            _ => false,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn requests_with_bytes_changed(changes in changes()) {
        let bodies = [(Dialect::Chat, chat()), (Dialect::Messages, messages()), (Dialect::Responses, responses())];
        for (dialect, body) in bodies {
            says_json_or_why_not(dialect, &changed(body.to_string().as_bytes(), &changes))?;
        }
    }

    #[test]
    fn requests_with_values_changed(seed in any::<u64>()) {
        let bodies = [(Dialect::Chat, chat()), (Dialect::Messages, messages()), (Dialect::Responses, responses())];
        for (dialect, body) in bodies {
            says_json_or_why_not(dialect, shuffled(&body, seed).to_string().as_bytes())?;
        }
    }

    #[test]
    fn streams_with_bytes_changed(
        recorded in prop::sample::select(STREAMS.iter().collect::<Vec<_>>()),
        to in prop::sample::select(Dialect::ALL.to_vec()),
        changes in changes(),
    ) {
        let bytes = changed(recorded.bytes, &changes);
        if to == recorded.dialect && std::str::from_utf8(&bytes).is_err() {
            return Ok(());
        }
        let (text, translation) = sent(route(recorded.dialect, to), [&bytes[..]]);
        prop_assert!(translation.observed().progress != Progress::Running);
        let events = read(&text);
        for (_, data) in &events {
            prop_assert!(data == "[DONE]" || data.trim() == "[DONE]" || Document::parse(data.as_bytes()).is_ok(), "{}", data);
        }
        if to == Dialect::Messages && recorded.dialect != to {
            prop_assert!(is_orderly(&events), "{}", text);
        }
    }
}
