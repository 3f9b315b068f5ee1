//! Bad input: clear errors that name the path, and never a clean end.

use proptest::prelude::*;

use super::fixtures::{ANSWERS, stream};
use super::streams::{route, sent};
use crate::sse::Bounds;
use crate::{Body, Dialect, Error, Failure, FailureKind, Progress, Route};

fn refused(dialect: Dialect, body: &str) -> String {
    let read = Body::parse(body.as_bytes()).and_then(|body| {
        let said = dialect.read_request(&body);
        said.map(|said| format!("{said:?}"))
    });
    read.unwrap_err().to_string()
}

/// A dialect, a body, and what is told of it.
const WRONG: [(Dialect, &str, &str); 22] = [
    (Dialect::Chat, r#"{"messages":[]}"#, "model: is missing"),
    (
        Dialect::Chat,
        r#"{"model":1,"messages":[]}"#,
        "model: must be a string, is a number",
    ),
    (Dialect::Chat, r#"{"model":"a"}"#, "messages: is missing"),
    (
        Dialect::Chat,
        r#"{"model":"a","messages":{}}"#,
        "messages: must be a list, is an object",
    ),
    (
        Dialect::Chat,
        r#"{"model":"a","messages":[{"role":"user","content":"x"},{"content":"x"}]}"#,
        "messages[1].role: is missing",
    ),
    (
        Dialect::Chat,
        r#"{"model":"a","messages":[{"role":"user","content":[{"type":"text"}]}]}"#,
        "messages[0].content[0].text: is missing",
    ),
    (
        Dialect::Chat,
        r#"{"model":"a","messages":[{"role":"user","content":[1]}]}"#,
        "messages[0].content[0]: must be an object, is a number",
    ),
    (
        Dialect::Chat,
        r#"{"model":"a","messages":[{"role":"tool","content":"x"}]}"#,
        "messages[0].tool_call_id: is missing",
    ),
    (
        Dialect::Chat,
        r#"{"model":"a","messages":[],"max_tokens":-1}"#,
        "max_tokens: must be a whole number from 0, is a number",
    ),
    (
        Dialect::Chat,
        r#"{"model":"a","messages":[],"temperature":"hot"}"#,
        "temperature: must be a number, is a string",
    ),
    (
        Dialect::Chat,
        r#"{"model":"a","messages":[],"stream":"yes"}"#,
        "stream: must be true or false, is a string",
    ),
    (
        Dialect::Chat,
        r#"{"model":"a","messages":[],"stop":[1]}"#,
        "stop[0]: must be a string, is a number",
    ),
    (
        Dialect::Chat,
        r#"{"model":"a","messages":[{"role":"user","role":"system"}]}"#,
        "messages[0].role: stands there twice",
    ),
    (
        Dialect::Chat,
        r#"{"model":"a","messages":[],"tools":[{"type":"function","function":{}}]}"#,
        "tools[0].function.name: is missing",
    ),
    (
        Dialect::Messages,
        r#"{"model":"a","messages":[{"role":"tool","content":"x"}]}"#,
        "messages[0].role: is \"tool\", must be `user` or `assistant`",
    ),
    (
        Dialect::Messages,
        r#"{"model":"a","messages":[{"role":"user","content":[{"type":"tool_use","id":"1","name":"f"}]}]}"#,
        "messages[0].content[0].input: is missing",
    ),
    (
        Dialect::Messages,
        r#"{"model":"a","messages":[],"thinking":{"type":"enabled"}}"#,
        "thinking.budget_tokens: is missing",
    ),
    (
        Dialect::Responses,
        r#"{"model":"a","input":7}"#,
        "input: must be a list, is a number",
    ),
    (
        Dialect::Responses,
        r#"{"model":"a","input":[{"type":"function_call","name":"f"}]}"#,
        "input[0].call_id: is missing",
    ),
    (
        Dialect::Responses,
        r#"{"model":"a","input":[{"role":"bot","content":"x"}]}"#,
        "input[0].role: is \"bot\", must be `user`, `assistant`, `system` or `developer`",
    ),
    (
        Dialect::Chat,
        "{\"model\":",
        "not JSON at byte 9: it ends where a value should stand",
    ),
    (
        Dialect::Chat,
        "\u{feff}{}",
        "not JSON at byte 0: expected a value",
    ),
];

#[test]
fn a_request_that_is_wrong_is_told_where() {
    for (dialect, body, wanted) in WRONG {
        assert_eq!(refused(dialect, body), wanted, "{body}");
    }
}

#[test]
fn a_request_that_is_hostile_is_refused_quickly() {
    let nested = format!(r#"{{"model":"a","messages":{}"#, "[".repeat(1_000_000));
    assert!(refused(Dialect::Chat, &nested).contains("nested too deeply"));
    let fields: String = (0..100_000)
        .map(|number| format!(",\"f{number}\":1"))
        .collect();
    let wide = format!(r#"{{"model":"a","messages":[]{fields}}}"#);
    assert_eq!(
        refused(Dialect::Chat, &wide),
        "body: has more than 128 fields"
    );
    assert!(Body::parse(b"{\"model\":\"\xff\"}").is_err());
    let long_name = format!(r#"{{"{}":1,"model":2}}"#, "x".repeat(100_000));
    assert!(refused(Dialect::Chat, &long_name).len() < 200);
}

#[test]
fn many_unknown_fields_are_counted_not_listed() {
    let messages: Vec<String> = (0..5000)
        .map(|_| r#"{"role":"user","content":"x","y":1}"#.to_owned())
        .collect();
    let body = format!(r#"{{"model":"a","messages":[{}]}}"#, messages.join(","));
    let body = Body::parse(body.as_bytes()).unwrap();
    let said = Dialect::Chat.read_request(&body).unwrap();
    let written = Dialect::Messages
        .write_request(&said, &crate::Target::new("m"))
        .unwrap();
    assert_eq!(written.lost.len(), 33);
    assert_eq!(written.lost[1].path, "messages[1].y");
    assert_eq!(written.lost[32].path, "4968 more fields");
}

#[test]
fn an_answer_that_is_none_is_told() {
    let read = |dialect: Dialect, body: &str| {
        let body = Body::parse(body.as_bytes());
        let answer = body.and_then(|body| dialect.read_answer(&body));
        answer.unwrap_err()
    };
    for dialect in Dialect::ALL {
        let error = read(
            dialect,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        );
        let failure = Failure {
            kind: FailureKind::Overloaded,
            ..Failure::new(FailureKind::Overloaded, "Overloaded")
        };
        assert_eq!(error, Error::Failed(failure));
        assert!(matches!(read(dialect, "<html>"), Error::Json { at: 0, .. }));
        assert!(matches!(read(dialect, ""), Error::Json { .. }));
        assert!(matches!(read(dialect, "{}"), Error::Field { .. }));
    }
    assert_eq!(
        read(Dialect::Chat, r#"{"choices":[]}"#).to_string(),
        "choices[0]: is missing"
    );
    let wrong = r#"{"choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":"7"}}"#;
    assert_eq!(
        read(Dialect::Chat, wrong).to_string(),
        "usage.prompt_tokens: must be a whole number from 0, is a string"
    );
    let wrong = r#"{"content":[{"type":"text","text":null}]}"#;
    assert_eq!(
        read(Dialect::Messages, wrong).to_string(),
        "content[0].text: is missing"
    );
}

#[test]
fn a_stream_that_is_none_is_told() {
    let cases: [(&[u8], &str); 6] = [
        (b"data: {\"id\":\n\n", "not JSON"),
        (b"data: \xff\xfe\n\n", "not UTF-8"),
        (
            b"<html>502 Bad Gateway</html>",
            "ended before the answer did",
        ),
        (b"", "ended before the answer did"),
        (
            b"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}\n\n",
            "choices[0].delta.tool_calls[0].function: is missing",
        ),
        (
            b"data: {\"error\":{\"message\":\"no capacity\",\"code\":503}}\n\n",
            "no capacity",
        ),
    ];
    for (bytes, wanted) in cases {
        for to in [Dialect::Messages, Dialect::Responses] {
            let (text, translation) = sent(route(Dialect::Chat, to), [bytes]);
            assert!(text.contains(wanted), "{wanted}: {text}");
            assert!(matches!(
                translation.observed().progress,
                Progress::Failed(_)
            ));
        }
    }
}

#[test]
fn a_gigantic_line_is_told_and_not_kept() {
    let bounds = Bounds {
        line: 1000,
        event: 1000,
    };
    let line = format!("data: {}", "x".repeat(5000));
    for to in Dialect::ALL {
        let route = Route {
            bounds,
            ..route(Dialect::Chat, to)
        };
        let (text, translation) = sent(route, line.as_bytes().chunks(100));
        assert!(
            text.contains("a line of the stream is over 1000 bytes"),
            "{text}"
        );
        assert!(matches!(
            translation.observed().progress,
            Progress::Failed(_)
        ));
        assert!(text.len() < 4000);
    }
}

#[test]
fn what_is_handed_on_need_not_be_understood() {
    let strange = b"data: {\"id\":7,\"choices\":{},\"new\":true}\n\n";
    let rest = stream("chat_text.sse").bytes;
    let whole = [strange, rest].concat();
    let (text, translation) = sent(route(Dialect::Chat, Dialect::Chat), [&whole[..]]);
    assert_eq!(text.as_bytes(), whole);
    assert_eq!(translation.observed().progress, Progress::Complete);
}

#[test]
fn a_missing_usage_is_none_and_not_zero() {
    let without = std::str::from_utf8(stream("chat_text.sse").bytes).unwrap();
    let without: String = without
        .split_inclusive("\n\n")
        .filter(|frame| !frame.contains("prompt_tokens"))
        .collect();
    for to in Dialect::ALL {
        let (_, translation) = sent(route(Dialect::Chat, to), [without.as_bytes()]);
        assert_eq!(translation.observed().usage, None);
        assert_eq!(translation.observed().progress, Progress::Complete);
    }
}

/// Whether a stream tells the end of the answer, if not its own.
fn says_why_it_ended(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let ends = [
        "\"finish_reason\":\"",
        "\"stop_reason\": \"",
        "response.completed",
    ];
    ends.iter().any(|end| text.contains(end))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_bytes_make_a_reader_panic(mut bytes in prop::sample::select(ANSWERS.iter().map(|answer| answer.bytes.to_vec()).collect::<Vec<_>>()), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        for dialect in Dialect::ALL {
            let _ = dialect.read_failure(500, &bytes);
            if let Ok(body) = Body::parse(&bytes) {
                let _ = dialect.read_answer(&body);
                let _ = dialect.read_request(&body);
            }
        }
    }

    #[test]
    fn a_broken_stream_never_ends_cleanly(
        recorded in prop::sample::select(super::fixtures::STREAMS.iter().collect::<Vec<_>>()),
        to in prop::sample::select(Dialect::ALL.to_vec()),
        end in any::<prop::sample::Index>(),
    ) {
        let bytes = &recorded.bytes[..end.index(recorded.bytes.len())];
        let (text, translation) = sent(route(recorded.dialect, to), [bytes]);
        match &translation.observed().progress {
            Progress::Running => prop_assert!(false, "{}", text),
            Progress::Failed(_) => prop_assert!(text.contains("error")),
            Progress::Complete => prop_assert!(says_why_it_ended(bytes), "{}", text),
        }
    }
}
