//! What do guard rails cost a request? Prose of 10 kB as people write it, with a number now and then
//! and nothing to find; the same with a finding in every kilobyte; the same as JSON; and as a stream
//! that comes in tokens. All six kinds that are built in are on.
//!
//! Bound: 50 µs for 10 kB without findings (200 MB/s).

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pointsman_guard::{BuiltIn, Config, DenyConfig, Guard};

const BYTES: usize = 10_000;

fn guard(denied: &[&str]) -> Guard {
    let deny = |(at, regex): (usize, &&str)| DenyConfig {
        name: format!("n{at}"),
        regex: (*regex).to_owned(),
        message: "no".to_owned(),
    };
    let config = Config {
        redact: BuiltIn::ALL.into(),
        patterns: Vec::new(),
        deny: denied.iter().enumerate().map(deny).collect(),
    };
    config.check().expect("the patterns are right")
}

fn prose(bytes: usize, findings: bool) -> String {
    let line = "In 2026 the committee met 12 times; its report (see page 41) says: \"no change\".\n\
                A well-known task-runner, e.g. `std::fs`, took 3.5 s for 1,200 files - not bad.\n";
    let kilobyte = line.repeat(1000 / line.len());
    let found = "Write to ann@example.com or call +49 30 1234567.\n";
    let part = format!("{kilobyte}{}", if findings { found } else { "" });
    part.repeat(bytes / part.len() + 1)[..bytes].to_owned()
}

fn texts(criterion: &mut Criterion) {
    let guard = guard(&[]);
    let mut group = criterion.benchmark_group(format!("a text of {BYTES} bytes"));
    group.throughput(Throughput::Bytes(BYTES as u64));
    for (name, text) in [
        ("nothing to find", prose(BYTES, false)),
        ("something to find", prose(BYTES, true)),
        ("letters alone", "only words here ".repeat(BYTES / 16)),
        ("digits alone", "12 345 6789 0.5 ".repeat(BYTES / 16)),
    ] {
        group.bench_function(name, |bench| bench.iter(|| guard.redact(black_box(&text))));
    }
    let json = serde_json::json!({"messages": [{"role": "user", "content": prose(BYTES, false)}]});
    let json = json.to_string();
    group.bench_function("JSON, nothing to find", |bench| {
        bench.iter(|| guard.redact_json(black_box(&json)));
    });
    group.finish();
}

fn streams(criterion: &mut Criterion) {
    let guard = guard(&[]);
    let text = prose(BYTES, true);
    let pieces: Vec<&str> = text.split_inclusive(' ').collect();
    let mut group = criterion.benchmark_group(format!("a stream of {} pieces", pieces.len()));
    group.throughput(Throughput::Elements(pieces.len() as u64));
    group.bench_function("redacted", |bench| {
        bench.iter(|| {
            let mut stream = guard.stream();
            let out: usize = pieces.iter().map(|piece| stream.push(piece).len()).sum();
            out + stream.finish().len()
        });
    });
    group.finish();
}

fn denied(criterion: &mut Criterion) {
    let guard = guard(&[
        "(?i)ignore (all )?previous instructions",
        r"\bBLUEBIRD\b",
        r"(?i)system prompt",
        r"\d{3}-\d{2}-\d{4}",
    ]);
    let text = prose(BYTES, false);
    let mut group = criterion.benchmark_group("four denied patterns");
    group.throughput(Throughput::Bytes(BYTES as u64));
    group.bench_function("none matches", |bench| {
        bench.iter(|| guard.check(black_box(&text)))
    });
    group.finish();
}

criterion_group!(benches, texts, streams, denied);
criterion_main!(benches);
