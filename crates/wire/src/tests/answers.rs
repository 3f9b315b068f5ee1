//! Whole answers, and how they look in each dialect.

use serde_json::{Value, json};

use super::fixtures::ANSWERS;
use super::read_answer;
use crate::{Answer, Dialect, Envelope, Reasoning, Said, Stop, Usage};

fn envelope() -> Envelope {
    Envelope {
        id: "x".into(),
        model: "m".into(),
        created: 7,
    }
}

fn recorded(dialect: Dialect) -> Answer {
    let answer = ANSWERS
        .iter()
        .find(|answer| answer.dialect == dialect)
        .unwrap();
    read_answer(dialect, answer.bytes)
}

fn written(answer: &Answer, dialect: Dialect) -> Value {
    let written = dialect.write_answer(answer, &envelope()).unwrap();
    serde_json::from_str(&written.body).unwrap()
}

#[test]
fn an_answer_as_a_chat_completion() {
    let body = written(&recorded(Dialect::Messages), Dialect::Chat);
    let calls = json!([
        {"id": "toolu_1", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\": \"Paris\"}"}},
        {"id": "toolu_2", "type": "function", "function": {"name": "get_time", "arguments": "{}"}},
    ]);
    let message = json!({
        "role": "assistant", "content": "Looking.", "refusal": null,
        "reasoning_content": "Both cities.", "tool_calls": calls,
    });
    assert_eq!(
        body,
        json!({
            "id": "chatcmpl-x", "object": "chat.completion", "created": 7, "model": "m",
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": "tool_calls"}],
            "usage": {
                "prompt_tokens": 132, "completion_tokens": 89, "total_tokens": 221,
                "prompt_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 7},
                "completion_tokens_details": {"reasoning_tokens": 0},
            },
        })
    );
}

#[test]
fn an_answer_as_a_message() {
    let body = written(&recorded(Dialect::Chat), Dialect::Messages);
    assert_eq!(
        body,
        json!({
            "id": "msg_x", "type": "message", "role": "assistant", "model": "m",
            "content": [
                {"type": "text", "text": "Looking."},
                {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Paris"}},
                {"type": "tool_use", "id": "call_2", "name": "get_time", "input": {}},
            ],
            "stop_reason": "tool_use", "stop_sequence": null,
            "usage": {
                "input_tokens": 25, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 32,
                "output_tokens": 17, "output_tokens_details": {"thinking_tokens": 4},
            },
        })
    );
}

#[test]
fn an_answer_as_a_response() {
    let body = written(&recorded(Dialect::Messages), Dialect::Responses);
    assert_eq!(body["status"], "completed");
    assert_eq!(
        body["output"],
        json!([
            {"type": "reasoning", "id": "rs_pointsman_x_0", "summary": [{"type": "summary_text", "text": "Both cities."}], "encrypted_content": "pointsman.messages..EqQBCg=="},
            {"type": "message", "id": "msg_x_1", "status": "completed", "role": "assistant", "content": [{"type": "output_text", "text": "Looking.", "annotations": [], "logprobs": []}]},
            {"type": "function_call", "id": "fc_x_2", "call_id": "toolu_1", "name": "get_weather", "arguments": "{\"city\":\"Paris\"}".replace(":", ": "), "status": "completed"},
            {"type": "function_call", "id": "fc_x_3", "call_id": "toolu_2", "name": "get_time", "arguments": "{}", "status": "completed"},
        ])
    );
    assert_eq!(body["usage"]["input_tokens"], 132);
    assert_eq!(body["usage"]["total_tokens"], 221);
}

#[test]
fn ends_of_answers_are_said_in_each_dialects_words() {
    let cases = [
        (Stop::End, "stop", "end_turn", "completed"),
        (Stop::Sequence, "stop", "stop_sequence", "completed"),
        (Stop::Length, "length", "max_tokens", "incomplete"),
        (
            Stop::Window,
            "length",
            "model_context_window_exceeded",
            "incomplete",
        ),
        (Stop::ToolCalls, "tool_calls", "tool_use", "completed"),
        (Stop::Filtered, "content_filter", "refusal", "incomplete"),
    ];
    for (stop, chat, messages, responses) in cases {
        let answer = Answer {
            stop,
            ..Answer::default()
        };
        assert_eq!(
            written(&answer, Dialect::Chat)["choices"][0]["finish_reason"],
            chat
        );
        assert_eq!(written(&answer, Dialect::Messages)["stop_reason"], messages);
        assert_eq!(written(&answer, Dialect::Responses)["status"], responses);
    }
}

#[test]
fn an_answer_goes_on_as_a_turn() {
    let mut said = crate::Conversation::new("a");
    said.turns.push(recorded(Dialect::Messages).to_turn());
    let sent = Dialect::Messages
        .write_request(&said, &crate::Target::new("m"))
        .unwrap();
    let sent: Value = serde_json::from_str(&sent.body).unwrap();
    let recorded: Value = serde_json::from_slice(ANSWERS[1].bytes).unwrap();
    assert_eq!(sent["messages"][0]["content"], recorded["content"]);
}

#[test]
fn arguments_that_are_no_object_cannot_be_a_message() {
    let body = r#"{"choices":[{"message":{"tool_calls":[{"id":"1","function":{"name":"f","arguments":"{\"a\":"}}]},"finish_reason":"length"}]}"#;
    let answer = read_answer(Dialect::Chat, body.as_bytes());
    let error = Dialect::Messages
        .write_answer(&answer, &envelope())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "said[0]: arguments of a tool that are no JSON object; the messages dialect cannot say it"
    );
    assert!(
        Dialect::Responses
            .write_answer(&answer, &envelope())
            .is_ok()
    );
}

#[test]
fn what_an_answer_loses_is_reported() {
    let body = r#"{"choices":[{"message":{"content":"a","annotations":[{"type":"url_citation"}],"audio":{"id":"b"}},"logprobs":{"content":[]}},{"message":{"content":"c"}}]}"#;
    let answer = read_answer(Dialect::Chat, body.as_bytes());
    let mut paths: Vec<&str> = answer.lost.iter().map(|lost| lost.path.as_str()).collect();
    paths.sort_unstable();
    let wanted = [
        "choices[0].logprobs",
        "choices[0].message.annotations",
        "choices[0].message.audio",
        "choices[1]",
    ];
    assert_eq!(paths, wanted);
    let written = Dialect::Messages
        .write_answer(&answer, &envelope())
        .unwrap();
    assert_eq!(written.lost.len(), 4);
    let sealed = recorded(Dialect::Messages);
    let lost = Dialect::Chat
        .write_answer(&sealed, &envelope())
        .unwrap()
        .lost;
    assert_eq!((lost.len(), lost[0].path.as_str()), (1, "said[0]"));
}

#[test]
fn a_thought_without_a_seal_is_told_and_taken_back_by_nobody() {
    let answer = Answer {
        said: vec![Said::Reasoning(Reasoning {
            text: "Hm.".into(),
            ..Reasoning::default()
        })],
        usage: Some(Usage::default()),
        ..Answer::default()
    };
    let item = written(&answer, Dialect::Responses)["output"][0].clone();
    let body =
        json!({"model": "a", "input": [item, {"role": "user", "content": "And?"}]}).to_string();
    let body = crate::Body::parse(body.as_bytes()).unwrap();
    let said = Dialect::Responses.read_request(&body).unwrap();
    assert!(!said.passes_to(Dialect::Responses));
    let sent = Dialect::Responses
        .write_request(&said, &crate::Target::new("m"))
        .unwrap();
    assert!(!sent.body.contains("Hm."), "{}", sent.body);
}
