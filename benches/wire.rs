//! What do the dialects cost a request that passes through? A chat body of 10 kB (a system prompt,
//! two tools, five turns, line breaks and quotes escaped as clients do): read as far as the router
//! and the filters need it, its model exchanged, said in another dialect. And streams: how fast
//! events are found, watched and translated.
//!
//! `serde_json` reading the same body into a tree is the yardstick. Bound: 50 µs for reading and
//! exchanging together, a sixth of what the gateway may add.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pointsman_wire::sse::{Bounds, Parser};
use pointsman_wire::{Body, Changes, Dialect, Envelope, Route, Target, Translation};
use serde_json::{Value, json};

fn body(bytes: usize) -> String {
    let line =
        "He said: \"a line of text, as people write it\".\nAnd then\tanother one, in 2026.\n";
    let text = |bytes: usize| line.repeat(bytes / line.len() + 1);
    let turn = |role: &str, bytes| json!({"role": role, "content": text(bytes)});
    let tool = |name: &str| {
        let city = json!({"type": "string", "description": "The city and the country, like Paris, France"});
        let schema = json!({"type": "object", "properties": {"city": city, "days": {"type": "integer"}}, "required": ["city"]});
        json!({"type": "function", "function": {"name": name, "description": text(200), "parameters": schema}})
    };
    let part = bytes / 8;
    let messages = json!([
        turn("system", part),
        turn("user", part),
        turn("assistant", 2 * part),
        turn("user", part),
        turn("assistant", part),
        turn("user", part),
    ]);
    let body = json!({
        "model": "auto", "messages": messages, "temperature": 0.7, "stream": true,
        "tools": [tool("get_weather"), tool("get_forecast")], "user": "u-1",
    });
    body.to_string()
}

fn requests(criterion: &mut Criterion) {
    let text = body(10_000);
    let changes = Changes {
        model: Some("gpt-4.1-mini-2025-04-14"),
        include_usage: true,
        without: &["session_id"],
        ..Changes::default()
    };
    let mut group = criterion.benchmark_group(format!("request of {} bytes", text.len()));
    group.bench_function("checked", |bench| {
        bench.iter(|| Body::parse(black_box(text.as_bytes())).map(|_| ()));
    });
    group.bench_function("read for routing", |bench| {
        bench.iter(|| {
            let body = Body::parse(black_box(text.as_bytes())).expect("the body is JSON");
            let said = Dialect::Chat
                .read_request(&body)
                .expect("the body is a request");
            let letters: usize = said.utterances().iter().map(|said| said.text.len()).sum();
            (letters, said.needs())
        });
    });
    let checked = Body::parse(text.as_bytes()).expect("the body is JSON");
    group.bench_function("model exchanged", |bench| {
        bench.iter(|| black_box(&checked).changed(&changes));
    });
    group.bench_function("said in the messages dialect", |bench| {
        bench.iter(|| {
            let body = Body::parse(black_box(text.as_bytes())).expect("the body is JSON");
            let said = Dialect::Chat
                .read_request(&body)
                .expect("the body is a request");
            Dialect::Messages.write_request(&said, &Target::new("m"))
        });
    });
    group.bench_function("yardstick: a tree by serde_json", |bench| {
        bench.iter(|| serde_json::from_str::<Value>(black_box(&text)));
    });
    group.finish();
}

/// A chat stream with this many words.
fn stream(words: usize) -> String {
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish});
        let chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "system_fingerprint": "fp_1", "choices": [choice]});
        format!("data: {chunk}\n\n")
    };
    let words = (0..words).map(|_| chunk(json!({"content": " word"}), Value::Null));
    let end = [
        chunk(json!({}), json!("stop")),
        "data: [DONE]\n\n".to_owned(),
    ];
    words.chain(end).collect()
}

fn route(to: Dialect) -> Route {
    Route {
        from: Dialect::Chat,
        to,
        envelope: Envelope {
            id: "x".into(),
            model: "m".into(),
            created: 1,
        },
        include_usage: true,
        gather: false,
        bounds: Bounds::default(),
    }
}

/// In chunks as a socket gives them.
const CHUNK: usize = 4096;

fn streams(criterion: &mut Criterion) {
    let words = 5000;
    let text = stream(words);
    let mut group = criterion.benchmark_group(format!("stream of {words} words"));
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("events found", |bench| {
        bench.iter(|| {
            let mut parser = Parser::new(Bounds::default());
            let mut bytes = 0;
            for chunk in black_box(text.as_bytes()).chunks(CHUNK) {
                let read = parser.push(chunk, |frame| {
                    bytes += frame.message.map_or(0, |message| message.data.len());
                    Ok(())
                });
                read.expect("the stream is well formed");
            }
            bytes
        });
    });
    for (name, to) in [
        ("handed on and watched", Dialect::Chat),
        ("translated to messages", Dialect::Messages),
        ("translated to responses", Dialect::Responses),
    ] {
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let mut stream = Translation::new(route(to));
                let mut out = Vec::new();
                for chunk in black_box(text.as_bytes()).chunks(CHUNK) {
                    stream.push(chunk, &mut out);
                }
                stream.finish(&mut out);
                out.len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, requests, streams);
criterion_main!(benches);
