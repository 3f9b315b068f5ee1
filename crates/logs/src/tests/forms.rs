//! What well-formed files may look like, in every format.

use std::io::Write;

use pointsman_types::{Probability, Quality, Tokens, Usd, Winner};

use super::*;
use crate::read_prompts;

#[test]
fn every_column_is_read() {
    let line = r#"{"prompt_id":"p1","prompt":"Why?","model":"m","score":0.25,"judge":"j","category":"riddle",
        "ts":"2026-01-02T03:04:05Z","session_id":"s","turn":3,"key_id":"k","tier":"gold",
        "input_tokens":10,"output_tokens":20,"cached_tokens":5,"cost_usd":0.0000012,
        "latency_ms":12.5,"ttft_ms":1.5,"answer_logprob":-0.25,"answer_chars":7,"propensity":0.5,"policy_version":"v7",
        "decision_id":"d","weight":2,"cost_estimated":true}"#
        .replace('\n', "");
    let expected = LogRow {
        prompt_id: "p1".into(),
        score: Some(Quality::new(0.25).unwrap()),
        judge: Some("j".into()),
        category: Some("riddle".into()),
        ts: Some("2026-01-02T03:04:05Z".into()),
        session_id: Some("s".into()),
        turn: Some(3),
        key_id: Some("k".into()),
        tier: Some("gold".into()),
        input_tokens: Some(Tokens(10)),
        output_tokens: Some(Tokens(20)),
        cached_tokens: Some(Tokens(5)),
        cost_usd: Some(Usd::new(0.000_001_2).unwrap()),
        cost_estimated: Some(true),
        latency_ms: Some(12.5),
        ttft_ms: Some(1.5),
        answer_logprob: Some(-0.25),
        answer_chars: Some(7),
        propensity: Some(Probability::new(0.5).unwrap()),
        policy_version: Some("v7".into()),
        decision_id: Some("d".into()),
        weight: 2.0,
        ..row("Why?", "m")
    };
    assert_eq!(Scratch::new("a.jsonl", line).rows(), [expected]);
}

#[test]
fn what_is_not_logged_is_missing() {
    let bare = [row("Why?", "m")];
    for (name, content) in [
        (
            "a.jsonl",
            "{\"prompt\":\"Why?\",\"model\":\"m\",\"score\":null,\"category\":\"\"}",
        ),
        (
            "a.csv",
            "prompt,model,score,cost_usd,category,turn,weight\nWhy?,m,,,,,\n",
        ),
        ("a.csv", "\u{feff}prompt,model\r\nWhy?,m\r\n"),
        (
            "a.ndjson",
            "\u{feff}{\"prompt\":\"Why?\",\"model\":\"m\"}\r\n\r\n",
        ),
    ] {
        assert_eq!(Scratch::new(name, content).rows(), bare, "{content}");
    }
}

#[test]
fn messages_are_a_prompt() {
    let json =
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"Why?"}]}],"model":"m"}"#;
    let csv = "messages,model\n\"[{\"\"role\"\":\"\"user\"\",\"\"content\"\":\"\"Why?\"\"}]\",m\n";
    for (name, content) in [("a.jsonl", json), ("a.csv", csv)] {
        assert_eq!(Scratch::new(name, content).rows(), [row("Why?", "m")]);
    }
}

#[test]
fn messages_nested_in_parquet_are_a_prompt() {
    use polars::prelude::*;
    let scratch = Scratch::new("a.txt", "");
    let path = scratch.beside("a.parquet");
    let turn = |text: &str| {
        let role = Column::new("role".into(), ["system", "user"]);
        let content = Column::new("content".into(), ["Be brief.", text]);
        StructChunked::from_columns("".into(), 2, &[role, content])
            .unwrap()
            .into_series()
    };
    let messages = Column::new("messages".into(), [turn("Why?"), turn("Why not?")]);
    let model = Column::new("model".into(), ["m", "m"]);
    let mut frame = DataFrame::new(2, vec![messages, model]).unwrap();
    ParquetWriter::new(fs::File::create(&path).unwrap())
        .finish(&mut frame)
        .unwrap();
    let (rows, _) = read_all(&[path], true).unwrap();
    assert_eq!(
        rows,
        [
            row(&conversation("Why?"), "m"),
            row(&conversation("Why not?"), "m")
        ]
    );
}

fn conversation(question: &str) -> String {
    format!("\u{1e}system\u{1f}Be brief.\u{1e}user\u{1f}{question}")
}

#[test]
fn parquet_of_other_types_is_read() {
    use polars::prelude::*;
    let scratch = Scratch::new("a.txt", "");
    let path = scratch.beside("a.parquet");
    let day = Series::new("ts".into(), [86_400_000_000_i64])
        .cast(&DataType::Datetime(TimeUnit::Microseconds, None))
        .unwrap();
    let columns = vec![
        Column::new("prompt_id".into(), [17_u32]),
        Column::new("prompt".into(), ["Why?"])
            .cast(&DataType::from_categories(Categories::global()))
            .unwrap(),
        Column::new("model".into(), ["m"]),
        Column::new("score".into(), [true]),
        Column::new("weight".into(), [2_i8]),
        Column::new("cost_usd".into(), [0.5_f32]),
        Column::new("input_tokens".into(), [12.0_f64]),
        day.into_column(),
        Column::new_empty("unknown".into(), &DataType::Null).new_from_index(0, 1),
    ];
    let mut frame = DataFrame::new(1, columns).unwrap();
    ParquetWriter::new(fs::File::create(&path).unwrap())
        .finish(&mut frame)
        .unwrap();
    let (rows, faults) = read_all(&[path], true).unwrap();
    let expected = LogRow {
        prompt_id: "17".into(),
        score: Some(Quality::clamped(1.0)),
        weight: 2.0,
        cost_usd: Some(Usd::new(0.5).unwrap()),
        input_tokens: Some(Tokens(12)),
        ts: Some("1970-01-02T00:00:00Z".into()),
        ..row("Why?", "m")
    };
    assert_eq!(rows, [expected]);
    assert!(faults.unknown_columns.contains("unknown"));
}

#[test]
fn a_pair_is_one_row_with_a_rival() {
    for (word, winner) in [
        ("a", Winner::A),
        ("model_b", Winner::B),
        ("tie", Winner::Tie),
    ] {
        let csv = format!("prompt,model_a,model_b,winner,category\nWhy?,x,y,{word},riddle\n");
        let expected = LogRow {
            category: Some("riddle".into()),
            ..compared("Why?", "x", "y", winner)
        };
        assert_eq!(Scratch::new("a.csv", csv).rows(), [expected]);
    }
}

#[test]
fn both_forms_may_stand_in_one_file() {
    let lines = r#"{"prompt":"Why?","model_a":"x","model_b":"y","winner":"b"}
{"prompt":"Why?","model":"z","score":1}"#;
    let scored = LogRow {
        score: Some(Quality::clamped(1.0)),
        ..row("Why?", "z")
    };
    let expected = [compared("Why?", "x", "y", Winner::B), scored];
    assert_eq!(Scratch::new("a.jsonl", lines).rows(), expected);
}

#[test]
fn a_prompt_of_10_mb_is_legal() {
    let long = "why? ".repeat(2 << 20);
    for (name, content) in [
        ("a.jsonl", format!(r#"{{"prompt":"{long}","model":"m"}}"#)),
        ("a.csv", format!("prompt,model\n{long},m\n")),
    ] {
        let rows = Scratch::new(name, content).rows();
        assert_eq!(rows[0].prompt.text().len(), long.len());
    }
}

#[test]
fn a_nul_byte_is_legal_text() {
    for (name, content) in [
        ("a.jsonl", "{\"prompt\":\"a\\u0000b\",\"model\":\"m\"}"),
        ("a.csv", "prompt,model\na\0b,m\n"),
    ] {
        assert_eq!(Scratch::new(name, content).rows()[0].prompt.text(), "a\0b");
    }
}

#[test]
fn packed_files_are_unpacked() {
    let line = b"{\"prompt\":\"Why?\",\"model\":\"m\"}\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(line).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(&line[..], 1).unwrap();
    // Tools that append write several packed streams one after the other.
    for (name, content) in [
        ("a.jsonl.gz", [gzip.clone(), gzip].concat()),
        ("a.jsonl.zst", [zstd.clone(), zstd].concat()),
    ] {
        assert_eq!(Scratch::new(name, content).rows().len(), 2, "{name}");
    }
}

#[test]
fn several_files_are_one_log() {
    let scratch = Scratch::new("a.csv", "prompt,model\nWhy?,m\n");
    let other = scratch.beside("b.jsonl");
    fs::write(&other, r#"{"prompt":"Why not?","model":"m"}"#).unwrap();
    let (rows, faults) = read_all(&[scratch.file.clone(), other], true).unwrap();
    assert_eq!(rows, [row("Why?", "m"), row("Why not?", "m")]);
    assert_eq!(faults.rows_read, 2);
}

#[test]
fn prompts_are_read_without_models() {
    let lines = r#"{"prompt":"Why?","prompt_id":"p","input_tokens":3}
{"messages":[{"role":"user","content":"Why not?"}],"model":"ignored"}
{"prompt_id":"q"}"#;
    let scratch = Scratch::new("a.jsonl", lines);
    let (lines, faults) = read_prompts(&[&scratch.file], &ReadOptions::default()).unwrap();
    let read: Vec<(&str, &str)> = lines
        .iter()
        .map(|line| (line.prompt_id.as_str(), line.prompt.text()))
        .collect();
    let default_id = row("Why not?", "m").prompt_id;
    assert_eq!(read, [("p", "Why?"), (default_id.as_str(), "Why not?")]);
    assert_eq!(lines[0].input_tokens, Some(Tokens(3)));
    assert_eq!((faults.rows_read, faults.bad_rows), (3, 1));
}

#[test]
fn prompts_need_a_prompt() {
    let scratch = Scratch::new("a.csv", "prompt_id\np\n");
    let refused = read_prompts(&[&scratch.file], &ReadOptions::default());
    assert!(matches!(refused, Err(LogError::MissingColumn { .. })));
}

#[test]
fn equal_prompts_in_a_row_share_their_text() {
    let rows = Scratch::new("a.csv", "prompt,model\nWhy?,x\nWhy?,y\n").rows();
    assert!(std::sync::Arc::ptr_eq(
        &rows[0].prompt.shared(),
        &rows[1].prompt.shared()
    ));
}
