//! `DIALECTS.md`: what each dialect can say, found out by saying it. The test fails where the file
//! says something else; `POINTSMAN_WRITE_DIALECTS=1 cargo test -p pointsman-wire table` writes it
//! anew.

use std::fmt::Write;

use serde_json::{Value, json};

use super::fixtures::{STREAMS, stream};
use super::read_answer;
use super::streams::{route, sent};
use crate::{
    Answer, Block, Body, Conversation, Dialect, Effort, Envelope, FailureKind, Format, How, Image,
    ImageSource, Number, Reasoning, Role, Said, Seal, Stop, Target, Thinking, Tool, ToolCall,
    ToolChoice, ToolResult, Turn, Usage, Written,
};

type Sample = (&'static str, fn(&mut Conversation<'static>));

fn block(said: &mut Conversation<'static>, role: Role, block: Block<'static>) {
    said.turns.push(Turn::new(role, vec![block]));
}

fn image(source: ImageSource<'static>, detail: Option<&'static str>) -> Block<'static> {
    let detail = detail.map(Into::into);
    Block::Image(Image { source, detail })
}

fn url() -> ImageSource<'static> {
    ImageSource::Url("https://a.example/b.png".into())
}

fn bytes() -> ImageSource<'static> {
    ImageSource::Base64 {
        media_type: "image/png".into(),
        data: "QUJD".into(),
    }
}

fn call(arguments: &'static str) -> ToolCall<'static> {
    ToolCall {
        id: "call_1".into(),
        name: "f".into(),
        arguments: arguments.into(),
    }
}

fn result(content: Block<'static>, is_error: bool) -> Block<'static> {
    Block::ToolResult(ToolResult {
        call_id: "call_1".into(),
        content: vec![content],
        is_error,
    })
}

fn thought(by: Option<Dialect>) -> Reasoning<'static> {
    Reasoning {
        id: (by == Some(Dialect::Responses)).then(|| "rs_1".into()),
        text: "Hm.".into(),
        seal: by.map(|by| Seal {
            by,
            value: "c2VhbA==".into(),
            is_redacted: false,
        }),
    }
}

fn number(digits: &'static str) -> Option<Number<'static>> {
    Some(Number(digits.into()))
}

fn offer(said: &mut Conversation<'static>, choice: Option<ToolChoice<'static>>) {
    said.tool_choice = choice;
    said.tools = vec![Tool {
        name: "f".into(),
        description: Some("Does.".into()),
        parameters: Some("{\"type\":\"object\"}".into()),
        is_strict: true,
    }];
}

fn schema(is_strict: bool) -> Option<Format<'static>> {
    Some(Format::JsonSchema {
        name: Some("place".into()),
        description: None,
        schema: "{}".into(),
        is_strict,
    })
}

const TURNS: [Sample; 17] = [
    ("system prompt", |said| {
        block(said, Role::System, Block::Text("x".into()))
    }),
    ("developer prompt", |said| {
        block(said, Role::Developer, Block::Text("x".into()))
    }),
    ("system prompt after the first turn", |said| {
        block(said, Role::User, Block::Text("x".into()));
        block(said, Role::System, Block::Text("x".into()));
    }),
    ("text", |said| {
        block(said, Role::User, Block::Text("x".into()))
    }),
    ("image by URL", |said| {
        block(said, Role::User, image(url(), None))
    }),
    ("image in base 64", |said| {
        block(said, Role::User, image(bytes(), None))
    }),
    ("how closely an image is looked at", |said| {
        block(said, Role::User, image(url(), Some("low")))
    }),
    ("call of a tool", |said| {
        block(said, Role::Assistant, Block::ToolCall(call("{}")))
    }),
    ("call with arguments that are no object", |said| {
        block(said, Role::Assistant, Block::ToolCall(call("[")))
    }),
    ("result of a tool", |said| {
        block(said, Role::User, result(Block::Text("x".into()), false))
    }),
    ("image in a result", |said| {
        block(said, Role::User, result(image(bytes(), None), false))
    }),
    ("result that is an error", |said| {
        block(said, Role::User, result(Block::Text("x".into()), true))
    }),
    ("refusal of the model", |said| {
        block(said, Role::Assistant, Block::Refusal("x".into()))
    }),
    ("thought without a seal", |said| {
        block(said, Role::Assistant, Block::Reasoning(thought(None)))
    }),
    ("thought sealed by an Anthropic model", |said| {
        block(
            said,
            Role::Assistant,
            Block::Reasoning(thought(Some(Dialect::Messages))),
        );
    }),
    ("thought sealed by an OpenAI model", |said| {
        block(
            said,
            Role::Assistant,
            Block::Reasoning(thought(Some(Dialect::Responses))),
        );
    }),
    ("answer begun for the model", |said| {
        said.said_in = Dialect::Messages;
        block(said, Role::Assistant, Block::Text("x".into()));
    }),
];

const FIELDS: [Sample; 27] = [
    ("tool", |said| offer(said, None)),
    ("choice: auto", |said| offer(said, Some(ToolChoice::Auto))),
    ("choice: none", |said| offer(said, Some(ToolChoice::None))),
    ("choice: some tool", |said| {
        offer(said, Some(ToolChoice::Required))
    }),
    ("choice: this tool", |said| {
        offer(said, Some(ToolChoice::Tool("f".into())))
    }),
    ("one call at a time", |said| {
        offer(said, Some(ToolChoice::Required));
        said.parallel_tool_calls = Some(false);
    }),
    ("temperature up to 1", |said| {
        said.sampling.temperature = number("0.7")
    }),
    ("temperature above 1", |said| {
        said.sampling.temperature = number("1.5")
    }),
    ("top_p", |said| said.sampling.top_p = number("0.9")),
    ("top_k", |said| said.sampling.top_k = number("40")),
    ("frequency_penalty", |said| {
        said.sampling.frequency_penalty = number("0.5")
    }),
    ("presence_penalty", |said| {
        said.sampling.presence_penalty = number("0.5")
    }),
    ("seed", |said| said.sampling.seed = number("7")),
    ("stop sequences", |said| said.stop = vec!["END".into()]),
    ("most tokens", |said| said.max_tokens = Some(100)),
    ("JSON without a schema", |said| {
        said.format = Some(Format::JsonObject)
    }),
    ("JSON by a schema, strictly", |said| {
        said.format = schema(true)
    }),
    ("JSON by a schema, loosely", |said| {
        said.format = schema(false)
    }),
    ("thinking: off", |said| said.thinking = Some(Thinking::Off)),
    ("thinking: minimal effort", |said| {
        said.thinking = Some(Thinking::Effort(Effort::Minimal))
    }),
    ("thinking: high effort", |said| {
        said.thinking = Some(Thinking::Effort(Effort::High))
    }),
    ("thinking: greatest effort", |said| {
        said.thinking = Some(Thinking::Effort(Effort::Max))
    }),
    ("thinking: as the model sees fit", |said| {
        said.thinking = Some(Thinking::Adaptive)
    }),
    ("thinking: budget of tokens", |said| {
        said.thinking = Some(Thinking::Budget(2048))
    }),
    ("user", |said| said.user = Some("u".into())),
    ("labels (`metadata`)", |said| {
        said.metadata = vec![("a".into(), "b".into())]
    }),
    ("streaming", |said| said.stream = true),
];

/// What becomes of a sample in a dialect.
fn fate(
    written: Result<&Written, &crate::Error>,
    is_same: impl FnOnce(&str) -> bool,
) -> &'static str {
    let Ok(written) = written else {
        return "refused";
    };
    match written.lost.first() {
        Some(lost) if lost.how == How::Dropped => "left out, reported",
        Some(_) => "changed, reported",
        None if is_same(&written.body) => "yes",
        None => "in its words",
    }
}

fn request_fate(sample: fn(&mut Conversation<'static>), dialect: Dialect) -> &'static str {
    let mut said = Conversation::new("m");
    said.max_tokens = Some(4096);
    sample(&mut said);
    let written = dialect.write_request(&said, &Target::new("m"));
    fate(written.as_ref(), |body| {
        let body = Body::parse(body.as_bytes()).unwrap();
        let mut read = dialect.read_request(&body).unwrap();
        (read.said_in, read.include_usage) = (said.said_in, said.include_usage);
        read == said
    })
}

fn head(text: &mut String, title: &str, columns: &[&str]) {
    let rule = "|---".repeat(columns.len());
    write!(
        text,
        "\n## {title}\n\n| {} |\n{rule}|\n",
        columns.join(" | ")
    )
    .unwrap();
}

fn row(text: &mut String, name: &str, cells: impl IntoIterator<Item = impl AsRef<str>>) {
    write!(text, "| {name} |").unwrap();
    for cell in cells {
        write!(text, " {} |", cell.as_ref()).unwrap();
    }
    text.push('\n');
}

fn requests(text: &mut String) {
    let parts: [(&str, &[Sample]); 2] = [
        ("What was said so far", &TURNS),
        ("How it is to be answered", &FIELDS),
    ];
    for (title, samples) in parts {
        head(text, title, &["", "chat", "messages", "responses"]);
        for (name, sample) in samples {
            row(
                text,
                name,
                Dialect::ALL.map(|dialect| request_fate(*sample, dialect)),
            );
        }
    }
}

/// Fields that one dialect has alone: a body with one, and what becomes of it in another.
fn foreign_fate(from: Dialect, to: Dialect, field: &str, value: &str) -> &'static str {
    let mut body = json!({"model": "a", "messages": [], "input": "x"});
    body.as_object_mut()
        .unwrap()
        .remove(if from == Dialect::Responses {
            "messages"
        } else {
            "input"
        });
    body[field] = serde_json::from_str(value).unwrap();
    let body = body.to_string();
    let body = Body::parse(body.as_bytes()).unwrap();
    let said = from.read_request(&body).unwrap();
    let written = to.write_request(&said, &Target::new("m"));
    match written {
        Err(_) => "refused",
        Ok(written) if written.lost.is_empty() => "said otherwise",
        Ok(_) => "left out, reported",
    }
}

/// A dialect, what it has alone, and a field that says it.
const FOREIGN: [(Dialect, &str, &str, &str); 17] = [
    (Dialect::Chat, "`n` above 1", "n", r#"2"#),
    (Dialect::Chat, "`logprobs`", "logprobs", r#"true"#),
    (Dialect::Chat, "`logit_bias`", "logit_bias", r#"{"1":1}"#),
    (
        Dialect::Chat,
        "`audio`, parts `input_audio`",
        "messages",
        r#"[{"role":"user","content":[{"type":"input_audio"}]}]"#,
    ),
    (
        Dialect::Chat,
        "parts `file`",
        "messages",
        r#"[{"role":"user","content":[{"type":"file"}]}]"#,
    ),
    (
        Dialect::Chat,
        "`web_search_options`",
        "web_search_options",
        r#"{}"#,
    ),
    (
        Dialect::Chat,
        "custom tools",
        "tools",
        r#"[{"type":"custom"}]"#,
    ),
    (
        Dialect::Chat,
        "`service_tier`, `store`, `verbosity`, `prediction` ...",
        "store",
        r#"true"#,
    ),
    (
        Dialect::Messages,
        "`container`, `mcp_servers`, `inference_geo`",
        "container",
        r#""c""#,
    ),
    (
        Dialect::Messages,
        "server tools",
        "tools",
        r#"[{"type":"web_search_20250305","name":"w"}]"#,
    ),
    (
        Dialect::Messages,
        "blocks `document`, `search_result` ...",
        "messages",
        r#"[{"role":"user","content":[{"type":"document"}]}]"#,
    ),
    (
        Dialect::Messages,
        "`cache_control`, `service_tier` ...",
        "cache_control",
        r#"{"type":"ephemeral"}"#,
    ),
    (
        Dialect::Responses,
        "`previous_response_id`, `conversation`, `prompt`",
        "previous_response_id",
        r#""r""#,
    ),
    (Dialect::Responses, "`background`", "background", r#"true"#),
    (
        Dialect::Responses,
        "server tools",
        "tools",
        r#"[{"type":"web_search"}]"#,
    ),
    (
        Dialect::Responses,
        "parts `input_file`",
        "input",
        r#"[{"role":"user","content":[{"type":"input_file"}]}]"#,
    ),
    (
        Dialect::Responses,
        "`store: true`, `truncation: auto`, `include` ...",
        "truncation",
        r#""auto""#,
    ),
];

fn foreign(text: &mut String) {
    let title = "What one dialect has alone";
    head(text, title, &["said in", "field", "elsewhere"]);
    for (from, name, field, value) in FOREIGN {
        let fates: Vec<&str> = Dialect::ALL
            .into_iter()
            .filter(|to| *to != from)
            .map(|to| foreign_fate(from, to, field, value))
            .collect();
        assert_eq!(fates[0], fates[1], "{name}");
        row(text, from.as_str(), [name, fates[0]]);
    }
    let unknown = foreign_fate(Dialect::Chat, Dialect::Messages, "x", "1");
    row(text, "any", ["a field that nobody knows", unknown]);
}

fn envelope() -> Envelope {
    Envelope {
        id: "x".into(),
        model: "m".into(),
        created: 7,
    }
}

fn answer_fate(answer: &Answer, dialect: Dialect) -> &'static str {
    let written = dialect.write_answer(answer, &envelope());
    fate(written.as_ref(), |body| {
        let read = read_answer(dialect, body.as_bytes());
        (&read.said, read.stop) == (&answer.said, answer.stop)
            && (read.usage == answer.usage || answer.usage.is_none())
    })
}

fn answers(text: &mut String) {
    let said = |said| Answer {
        said: vec![said],
        ..Answer::default()
    };
    let stopped = |stop| Answer {
        stop,
        ..Answer::default()
    };
    let calls = |arguments| Answer {
        stop: Stop::ToolCalls,
        ..said(Said::ToolCall(call(arguments)))
    };
    let used = |usage| Answer {
        usage: Some(usage),
        ..Answer::default()
    };
    let counted = Usage {
        input: 10,
        output: 5,
        ..Usage::default()
    };
    let samples = [
        ("text", said(Said::Text("x".into()))),
        ("refusal", said(Said::Refusal("x".into()))),
        ("thought", said(Said::Reasoning(thought(None)))),
        (
            "thought with a seal",
            said(Said::Reasoning(thought(Some(Dialect::Messages)))),
        ),
        ("call of a tool", calls("{\"a\":1}")),
        ("call with arguments that are no object", calls("{\"a\":")),
        ("ended: complete", stopped(Stop::End)),
        ("ended: a stop sequence", stopped(Stop::Sequence)),
        ("ended: most tokens", stopped(Stop::Length)),
        ("ended: window full", stopped(Stop::Window)),
        ("ended: withheld", stopped(Stop::Filtered)),
        ("usage: tokens in and out", used(counted)),
        (
            "usage: read from the cache",
            used(Usage {
                cached: 4,
                ..counted
            }),
        ),
        (
            "usage: written to the cache",
            used(Usage {
                cache_write: 4,
                ..counted
            }),
        ),
        (
            "usage: reasoning",
            used(Usage {
                reasoning: 4,
                ..counted
            }),
        ),
    ];
    head(text, "Answers", &["", "chat", "messages", "responses"]);
    for (name, answer) in samples {
        row(
            text,
            name,
            Dialect::ALL.map(|dialect| answer_fate(&answer, dialect)),
        );
    }
}

fn streams(text: &mut String) {
    head(
        text,
        "Streams",
        &["back end", "chat", "messages", "responses"],
    );
    for from in Dialect::ALL {
        let all: Vec<_> = STREAMS
            .iter()
            .filter(|stream| stream.dialect == from)
            .collect();
        let cells = Dialect::ALL.map(|to| {
            let is_same = all
                .iter()
                .all(|stream| sent(route(from, to), [stream.bytes]).0.as_bytes() == stream.bytes);
            if is_same {
                "byte for byte"
            } else {
                "translated"
            }
        });
        row(text, from.as_str(), cells);
    }
    let names = Dialect::ALL.map(|to| {
        let (text, _) = sent(
            route(Dialect::Messages, to),
            [stream("messages_error.sse").bytes],
        );
        let last = text.lines().rfind(|line| line.starts_with("event: "));
        last.map_or("`data: {\"error\": ...}`".to_owned(), |name| {
            format!("`{name}`")
        })
    });
    row(text, "a break is told by", names);
}

fn failures(text: &mut String) {
    head(text, "Errors", &["status", "chat, responses", "messages"]);
    for kind in FailureKind::ALL {
        let word = |dialect: Dialect| {
            let body = dialect.write_failure(&crate::Failure::new(kind, "x"));
            let body: Value = serde_json::from_str(&body).unwrap();
            format!("`{}`", body["error"]["type"].as_str().unwrap())
        };
        let status = kind.status().to_string();
        row(
            text,
            &status,
            [word(Dialect::Chat), word(Dialect::Messages)],
        );
    }
}

const INTRODUCTION: &str = "# What each dialect can say

Written by a test of this room (`src/tests/table.rs`), which says every sample in every dialect and reads it again. `chat` is OpenAI chat completions, `messages` Anthropic messages, `responses` OpenAI responses. Between a caller and a back end of the same dialect nothing of this matters: the body is handed on as it is, but for the model's name.

- **yes**: said, and read again as the same.
- **in its words**: said by the nearest word, with no loss of meaning.
- **changed, reported** and **left out, reported**: the request is sent; what it no longer says is in the list `lost`, by the caller's own path.
- **refused**: a 400 that names the caller's field (an answer that cannot be said is a 502).
";

fn table() -> String {
    let mut text = INTRODUCTION.to_owned();
    requests(&mut text);
    foreign(&mut text);
    answers(&mut text);
    streams(&mut text);
    failures(&mut text);
    text
}

#[test]
fn the_table_of_dialects_says_what_the_code_does() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/DIALECTS.md");
    let table = table();
    if std::env::var_os("POINTSMAN_WRITE_DIALECTS").is_some() {
        std::fs::write(path, &table).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == table,
        "{path} is out of date; write it anew with POINTSMAN_WRITE_DIALECTS=1"
    );
}
