//! Requests of each dialect as the others say them.

use serde_json::{Value, json};

use crate::{Body, Conversation, Dialect, Error, How, Needs, Target};

/// Reads a body and hands the conversation on.
fn with<T>(dialect: Dialect, body: &Value, then: impl FnOnce(&Conversation<'_>) -> T) -> T {
    let body = body.to_string();
    let body = Body::parse(body.as_bytes()).unwrap();
    then(&dialect.read_request(&body).unwrap())
}

/// The body in another dialect, and the paths of what it loses.
fn said(from: Dialect, body: &Value, to: Dialect, target: &Target<'_>) -> (Value, Vec<String>) {
    with(from, body, |said| {
        let written = to.write_request(said, target).unwrap();
        let path = |lost: crate::Lost| match lost.how {
            How::Dropped => lost.path,
            How::Changed => format!("~{}", lost.path),
        };
        (
            serde_json::from_str(&written.body).unwrap(),
            written.lost.into_iter().map(path).collect(),
        )
    })
}

fn refusal(from: Dialect, body: &Value, to: Dialect) -> String {
    with(from, body, |said| {
        match to.write_request(said, &Target::new("m")).unwrap_err() {
            Error::Inexpressible { path, .. } => path,
            other => panic!("{other}"),
        }
    })
}

fn target() -> Target<'static> {
    Target::new("m")
}

/// A chat request with nearly everything.
pub(super) fn chat() -> Value {
    json!({
        "model": "auto",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "Use metric units."}]},
            {"role": "user", "content": [
                {"type": "text", "text": "Where is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
                {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}},
            ]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{\"q\": \"x\"}"}},
                {"id": "call:2", "type": "function", "function": {"name": "look", "arguments": ""}},
            ]},
            {"role": "tool", "tool_call_id": "call_1", "content": "Paris"},
            {"role": "tool", "tool_call_id": "call:2", "content": [{"type": "text", "text": "Rome"}]},
        ],
        "tools": [{"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}, "strict": true}}],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
        "parallel_tool_calls": false,
        "temperature": 0.5, "top_p": 0.9,
        "max_completion_tokens": 100,
        "response_format": {"type": "json_schema", "json_schema": {"name": "place", "schema": {"type": "object"}, "strict": true}},
        "user": "u1",
        "stream": true,
    })
}

#[test]
fn chat_as_messages() {
    let (body, lost) = said(Dialect::Chat, &chat(), Dialect::Messages, &target());
    assert_eq!(lost, Vec::<String>::new());
    assert_eq!(
        body,
        json!({
            "model": "m",
            "max_tokens": 100,
            "system": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Use metric units."}],
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "Where is this?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
                    {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}},
                ]},
                {"role": "assistant", "content": [
                    {"type": "tool_use", "id": "call_1", "name": "look", "input": {"q": "x"}},
                    {"type": "tool_use", "id": "call_2", "name": "look", "input": {}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "call_1", "content": "Paris"},
                    {"type": "tool_result", "tool_use_id": "call_2", "content": "Rome"},
                ]},
            ],
            "tools": [{"name": "look", "description": "Looks.", "input_schema": {"type": "object"}, "strict": true}],
            "tool_choice": {"type": "tool", "name": "look", "disable_parallel_tool_use": true},
            "temperature": 0.5, "top_p": 0.9,
            "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
            "metadata": {"user_id": "u1"},
            "stream": true,
        })
    );
}

#[test]
fn chat_as_responses() {
    let (body, lost) = said(Dialect::Chat, &chat(), Dialect::Responses, &target());
    assert_eq!(lost, Vec::<String>::new());
    assert_eq!(
        body,
        json!({
            "model": "m",
            "instructions": "Be brief.",
            "input": [
                {"type": "message", "role": "developer", "content": "Use metric units."},
                {"type": "message", "role": "user", "content": [
                    {"type": "input_text", "text": "Where is this?"},
                    {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "auto"},
                    {"type": "input_image", "image_url": "https://a.example/b.png", "detail": "auto"},
                ]},
                {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{\"q\": \"x\"}"},
                {"type": "function_call", "call_id": "call:2", "name": "look", "arguments": ""},
                {"type": "function_call_output", "call_id": "call_1", "output": "Paris"},
                {"type": "function_call_output", "call_id": "call:2", "output": "Rome"},
            ],
            "tools": [{"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"}, "strict": true}],
            "tool_choice": {"type": "function", "name": "look"},
            "parallel_tool_calls": false,
            "temperature": 0.5, "top_p": 0.9,
            "max_output_tokens": 100,
            "text": {"format": {"type": "json_schema", "name": "place", "schema": {"type": "object"}, "strict": true}},
            "user": "u1",
            "store": false,
            "stream": true,
        })
    );
}

/// A messages request in the middle of a tool loop.
pub(super) fn messages() -> Value {
    json!({
        "model": "auto",
        "max_tokens": 1000,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": "What is on the screen?"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "I must look.", "signature": "EqQBCg=="},
                {"type": "text", "text": "Looking."},
                {"type": "tool_use", "id": "toolu_1", "name": "screen", "input": {"x": 1.0}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "is_error": true, "content": [
                    {"type": "text", "text": "half"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "QUJD"}},
                ]},
                {"type": "text", "text": "Go on."},
            ]},
        ],
        "tools": [{"name": "screen", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "any"},
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "top_k": 5,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u1"},
    })
}

#[test]
fn messages_as_chat() {
    let older = Target {
        older_chat: true,
        ..target()
    };
    let (body, lost) = said(Dialect::Messages, &messages(), Dialect::Chat, &older);
    let wanted = [
        "system[0].cache_control",
        "top_k",
        "~thinking",
        "messages[1]",
        "messages[2]",
        "~messages[2]",
    ];
    assert_eq!(lost, wanted);
    assert_eq!(
        body,
        json!({
            "model": "m",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "What is on the screen?"},
                {"role": "assistant", "content": "Looking.", "tool_calls": [
                    {"id": "toolu_1", "type": "function", "function": {"name": "screen", "arguments": "{\"x\":1.0}"}},
                ]},
                {"role": "tool", "tool_call_id": "toolu_1", "content": "half"},
                {"role": "user", "content": [
                    {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,QUJD"}},
                    {"type": "text", "text": "Go on."},
                ]},
            ],
            "tools": [{"type": "function", "function": {"name": "screen", "parameters": {"type": "object"}}}],
            "tool_choice": "required",
            "max_tokens": 1000,
            "stop": ["END"],
            "reasoning_effort": "low",
            "user": "u1",
        })
    );
}

#[test]
fn messages_as_responses() {
    assert_eq!(
        refusal(Dialect::Messages, &messages(), Dialect::Responses),
        "stop_sequences"
    );
    let mut body = messages();
    body.as_object_mut().unwrap().remove("stop_sequences");
    let (body, lost) = said(Dialect::Messages, &body, Dialect::Responses, &target());
    let wanted = [
        "system[0].cache_control",
        "top_k",
        "~thinking",
        "messages[1]",
        "messages[2]",
    ];
    assert_eq!(lost, wanted);
    assert_eq!(body["instructions"], "Be brief.");
    assert_eq!(
        body["reasoning"],
        json!({"effort": "low", "summary": "auto"})
    );
    assert_eq!(body["include"], json!(["reasoning.encrypted_content"]));
    assert_eq!(body["input"][2]["type"], "function_call");
    assert_eq!(
        body["input"][3],
        json!({
            "type": "function_call_output", "call_id": "toolu_1",
            "output": [{"type": "input_text", "text": "half"}, {"type": "input_image", "image_url": "data:image/jpeg;base64,QUJD", "detail": "auto"}],
        })
    );
    assert_eq!(
        body["input"][4],
        json!({"type": "message", "role": "user", "content": "Go on."})
    );
}

/// A responses request that brings back a thought of an Anthropic model.
pub(super) fn responses() -> Value {
    json!({
        "model": "auto",
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Hi"}, {"type": "input_image", "image_url": "https://a.example/b.png", "detail": "low"}]},
            {"type": "reasoning", "id": "rs_pointsman_x_0", "summary": [{"type": "summary_text", "text": "Look."}], "encrypted_content": "pointsman.messages..EqQBCg=="},
            {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [{"type": "output_text", "text": "Looking.", "annotations": []}]},
            {"type": "function_call", "id": "fc_1", "call_id": "toolu_1", "name": "look", "arguments": "{}", "status": "completed"},
            {"type": "function_call_output", "call_id": "toolu_1", "output": "Paris"},
        ],
        "tools": [{"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": null}],
        "reasoning": {"effort": "high", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "store": false,
        "truncation": "disabled",
        "max_output_tokens": 500,
    })
}

#[test]
fn the_detail_of_an_image_in_a_tools_result_is_told() {
    let mut request = responses();
    request["input"][0]["content"].as_array_mut().unwrap().pop();
    let image =
        json!({"type": "input_image", "image_url": "https://a.example/b.png", "detail": "low"});
    request["input"][4]["output"] = json!([image]);
    let (_, lost) = said(Dialect::Responses, &request, Dialect::Messages, &target());
    assert_eq!(lost, ["input[4]"]);
}

#[test]
fn responses_as_messages() {
    let (body, lost) = said(
        Dialect::Responses,
        &responses(),
        Dialect::Messages,
        &target(),
    );
    assert_eq!(lost, ["input[0]"], "the detail of an image");
    assert_eq!(
        body["messages"][1],
        json!({"role": "assistant", "content": [
            {"type": "thinking", "thinking": "Look.", "signature": "EqQBCg=="},
            {"type": "text", "text": "Looking."},
            {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}},
        ]})
    );
    assert_eq!(body["thinking"], json!({"type": "adaptive"}));
    assert_eq!(body["output_config"], json!({"effort": "high"}));
    with(Dialect::Responses, &responses(), |said| {
        assert!(
            !said.passes_to(Dialect::Responses),
            "the thought is another provider's"
        );
        assert!(!said.passes_to(Dialect::Messages));
    });
}

#[test]
fn responses_as_chat() {
    let (body, lost) = said(Dialect::Responses, &responses(), Dialect::Chat, &target());
    assert_eq!(lost, ["input[1]"]);
    assert_eq!(
        body["messages"][2],
        json!({"role": "assistant", "content": "Looking.", "tool_calls": [
            {"id": "toolu_1", "type": "function", "function": {"name": "look", "arguments": "{}"}},
        ]})
    );
    assert_eq!(body["reasoning_effort"], "high");
    assert_eq!(body["max_completion_tokens"], 500);
}

fn one(field: &str, value: &Value) -> Value {
    let mut body = json!({"model": "a", "messages": [{"role": "user", "content": "x"}]});
    body[field] = value.clone();
    body
}

#[test]
fn what_only_chat_can_say_is_refused_elsewhere() {
    let essential = [
        ("n", json!(2), "n"),
        ("logprobs", json!(true), "logprobs"),
        ("logit_bias", json!({"50256": -100}), "logit_bias"),
        ("audio", json!({"voice": "alloy"}), "audio"),
        ("modalities", json!(["text", "audio"]), "modalities"),
        ("functions", json!([{"name": "f"}]), "functions"),
        ("web_search_options", json!({}), "web_search_options"),
        (
            "response_format",
            json!({"type": "grammar"}),
            "response_format.type",
        ),
        (
            "tools",
            json!([{"type": "custom", "custom": {"name": "c"}}]),
            "tools[0]",
        ),
        (
            "tool_choice",
            json!({"type": "allowed_tools"}),
            "tool_choice",
        ),
        (
            "messages",
            json!([{"role": "user", "content": [{"type": "input_audio"}]}]),
            "messages[0].content[0]",
        ),
        (
            "messages",
            json!([{"role": "function", "content": "x"}]),
            "messages[0].role",
        ),
    ];
    for (field, value, path) in essential {
        for to in [Dialect::Messages, Dialect::Responses] {
            assert_eq!(refusal(Dialect::Chat, &one(field, &value), to), path);
        }
    }
    assert_eq!(
        refusal(
            Dialect::Chat,
            &one("response_format", &json!({"type": "json_object"})),
            Dialect::Messages
        ),
        "response_format"
    );
}

#[test]
fn what_the_others_alone_can_say_is_refused_elsewhere() {
    let mut body = json!({"model": "a", "messages": [], "mcp_servers": [{}]});
    assert_eq!(
        refusal(Dialect::Messages, &body, Dialect::Chat),
        "mcp_servers"
    );
    body = json!({"model": "a", "messages": [{"role": "user", "content": [{"type": "document"}]}]});
    assert_eq!(
        refusal(Dialect::Messages, &body, Dialect::Chat),
        "messages[0].content[0]"
    );
    body = json!({"model": "a", "messages": [], "tools": [{"type": "web_search_20250305", "name": "web_search"}]});
    assert_eq!(refusal(Dialect::Messages, &body, Dialect::Chat), "tools[0]");
    body = json!({"model": "a", "input": "x", "previous_response_id": "resp_1"});
    assert_eq!(
        refusal(Dialect::Responses, &body, Dialect::Chat),
        "previous_response_id"
    );
    body = json!({"model": "a", "input": [{"type": "item_reference", "id": "x"}]});
    assert_eq!(
        refusal(Dialect::Responses, &body, Dialect::Chat),
        "input[0]"
    );
    body = json!({"model": "a", "input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]});
    assert_eq!(
        refusal(Dialect::Responses, &body, Dialect::Messages),
        "input[0].content[0]"
    );
}

#[test]
fn what_can_be_spared_is_reported() {
    let lost =
        |field: &str, value: Value, to| said(Dialect::Chat, &one(field, &value), to, &target()).1;
    assert_eq!(lost("seed", json!(7), Dialect::Messages), ["seed"]);
    assert_eq!(
        lost("frequency_penalty", json!(0.5), Dialect::Responses),
        ["frequency_penalty"]
    );
    assert_eq!(
        lost("temperature", json!(1.5), Dialect::Messages),
        ["~temperature"]
    );
    assert_eq!(
        lost("service_tier", json!("flex"), Dialect::Messages),
        ["service_tier"]
    );
    assert_eq!(
        lost("anything", json!({"a": 1}), Dialect::Responses),
        ["anything"]
    );
    assert_eq!(
        lost("anything", json!(null), Dialect::Responses),
        Vec::<String>::new()
    );
    assert_eq!(lost("n", json!(1), Dialect::Messages), Vec::<String>::new());
    let late = json!([{"role": "user", "content": "x"}, {"role": "system", "content": "y"}]);
    assert_eq!(lost("messages", late, Dialect::Messages), ["~messages[1]"]);
    let begun = json!({"model": "a", "messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "The"}]});
    assert_eq!(
        said(Dialect::Messages, &begun, Dialect::Chat, &target()).1,
        ["~messages[1]"]
    );
}

#[test]
fn thinking_is_said_as_the_model_takes_it() {
    let sent = |effort: &str, target: &Target<'_>| {
        let (body, _) = said(
            Dialect::Chat,
            &one("reasoning_effort", &json!(effort)),
            Dialect::Messages,
            target,
        );
        (
            body["thinking"].clone(),
            body["output_config"]["effort"].clone(),
            body["max_tokens"].clone(),
        )
    };
    let by_budget = Target {
        thinks_by_budget: true,
        ..target()
    };
    let adaptive = json!({"type": "adaptive"});
    assert_eq!(
        sent("none", &target()),
        (json!({"type": "disabled"}), Value::Null, json!(4096))
    );
    assert_eq!(
        sent("minimal", &target()),
        (adaptive.clone(), json!("low"), json!(4096))
    );
    assert_eq!(
        sent("xhigh", &target()),
        (adaptive, json!("xhigh"), json!(4096))
    );
    assert_eq!(
        sent("low", &by_budget),
        (
            json!({"type": "enabled", "budget_tokens": 2048}),
            Value::Null,
            json!(6144)
        )
    );
    let mut short = one("reasoning_effort", &json!("high"));
    short["max_tokens"] = json!(3000);
    let (body, _) = said(Dialect::Chat, &short, Dialect::Messages, &by_budget);
    assert_eq!(
        body["thinking"],
        json!({"type": "enabled", "budget_tokens": 1500})
    );
}

#[test]
fn sampling_is_left_out_where_a_model_takes_none() {
    let newest = Target {
        takes_sampling: false,
        ..target()
    };
    let mut body = one("temperature", &json!(1.5));
    body["top_p"] = json!(0.9);
    let (sent, lost) = said(Dialect::Chat, &body, Dialect::Messages, &newest);
    assert_eq!(lost, ["temperature", "top_p"]);
    assert_eq!(
        (&sent["temperature"], &sent["top_p"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn thinking_waits_where_the_last_thought_is_anothers() {
    let mut body = chat();
    body["reasoning_effort"] = json!("high");
    let (sent, lost) = said(Dialect::Chat, &body, Dialect::Messages, &target());
    assert_eq!(sent["thinking"], Value::Null);
    assert_eq!(lost, ["~reasoning_effort"]);
}

#[test]
fn needs_are_seen_in_every_dialect() {
    let needs = |dialect, body: &Value| with(dialect, body, |said| said.needs());
    let all = Needs {
        tools: true,
        images: true,
        json: true,
        json_schema: true,
        reasoning: false,
        tool_results: true,
        inside_tool_loop: true,
    };
    assert_eq!(needs(Dialect::Chat, &chat()), all);
    let other = Needs {
        json: false,
        json_schema: false,
        reasoning: true,
        ..all
    };
    assert_eq!(needs(Dialect::Messages, &messages()), other);
    assert_eq!(needs(Dialect::Responses, &responses()), other);
    let plain = json!({"model": "a", "input": "Hello"});
    assert_eq!(needs(Dialect::Responses, &plain), Needs::default());
}

#[test]
fn a_back_end_gets_what_it_can_read() {
    let text = r#"{"model": "auto","session_id":"s","temperature":0.50,"messages":[{"role":"user","content":"x"}], "new":1,"stream":true}"#;
    let body = Body::parse(text.as_bytes()).unwrap();
    let said = Dialect::Chat.read_request(&body).unwrap();
    let sent = |dialect| {
        body.sent_to(&said, dialect, &target(), &["session_id"])
            .unwrap()
    };
    assert_eq!(
        sent(Dialect::Chat).body,
        r#"{"model": "m","temperature":0.50,"messages":[{"role":"user","content":"x"}], "new":1,"stream":true,"stream_options":{"include_usage":true}}"#
    );
    let translated = sent(Dialect::Messages);
    let paths: Vec<&str> = translated
        .lost
        .iter()
        .map(|lost| lost.path.as_str())
        .collect();
    assert_eq!(paths, ["new"]);
    assert!(
        translated.body.contains(r#""temperature":0.50"#),
        "{}",
        translated.body
    );
}

#[test]
fn a_thought_is_forgotten_when_the_model_changes() {
    let body = messages().to_string();
    let body = Body::parse(body.as_bytes()).unwrap();
    let mut said = Dialect::Messages.read_request(&body).unwrap();
    assert!(said.passes_to(Dialect::Messages));
    assert!(!said.passes_to(Dialect::Chat));
    assert_eq!(said.forget_reasoning(), 1);
    let sent = Dialect::Messages
        .write_request(&said, &target())
        .unwrap()
        .body;
    assert!(!sent.contains("I must look."), "{sent}");
}

#[test]
fn a_thought_without_a_signature_is_not_given_to_its_provider() {
    let mut body = messages();
    body["messages"][1]["content"][0]["signature"] = json!("");
    with(Dialect::Messages, &body, |said| {
        assert!(!said.passes_to(Dialect::Messages))
    });
    body["messages"][1]["content"][0]["signature"] = json!("pointsman.responses.rs_1.gAAA");
    with(Dialect::Messages, &body, |said| {
        assert!(!said.passes_to(Dialect::Messages));
        let mut body = said.clone();
        body.stop.clear();
        let sent = Dialect::Responses
            .write_request(&body, &target())
            .unwrap()
            .body;
        assert!(
            sent.contains(r#""id":"rs_1""#) && sent.contains(r#""encrypted_content":"gAAA""#),
            "{sent}"
        );
    });
}
