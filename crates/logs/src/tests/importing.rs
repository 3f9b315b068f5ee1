//! One small hand-made sample of each public format.

use pointsman_types::{Quality, Tokens, Usd, Winner};

use super::*;
use crate::{ImportFormat, ImportOptions, ImportReport, import};

struct Imported {
    rows: Vec<LogRow>,
    report: ImportReport,
}

impl Imported {
    fn scores(&self) -> Vec<(String, Option<f32>)> {
        self.rows
            .iter()
            .map(|row| (row.model.to_string(), row.score.map(Quality::get)))
            .collect()
    }
}

fn try_import(
    format: &str,
    scratch: &Scratch,
    options: &ImportOptions,
) -> Result<Imported, LogError> {
    let format: ImportFormat = format.parse().unwrap();
    let output = scratch.beside("out.jsonl.zst");
    let report = import(format, &scratch.file, &output, options)?;
    let (rows, faults) = read_all(&[output], true)?;
    assert_eq!(faults.unknown_columns.len(), 0);
    assert_eq!(rows.len() as u64, report.rows_written);
    Ok(Imported { rows, report })
}

fn imported(format: &str, name: &str, content: &str) -> Imported {
    try_import(
        format,
        &Scratch::new(name, content),
        &ImportOptions::default(),
    )
    .unwrap()
}

fn named(scores: &[(&str, Option<f32>)]) -> Vec<(String, Option<f32>)> {
    scores
        .iter()
        .map(|(model, score)| ((*model).to_owned(), *score))
        .collect()
}

fn usd(cost: f64) -> Option<Usd> {
    Some(Usd::new(cost).unwrap())
}

#[test]
fn routerbench() {
    let csv = "sample_id,prompt,eval_name,gpt,llama,gpt|model_response,llama|model_response,gpt|total_cost,llama|total_cost,oracle_model_to_route_to
mmlu.1,\"['Pick one.\\nA or B?', \"\"it's\"\"]\",mmlu,1.0,0.25,A,B,0.001,0.0001,llama
gsm.2,How many?,gsm8k,0.0,,x,y,0.002,,no_model_correct
bad.3,How?,gsm8k,7,1,x,y,0.002,0.1,gpt
";
    let imported = imported("routerbench", "a.csv", csv);
    let expected = [
        ("gpt", Some(1.0)),
        ("llama", Some(0.25)),
        ("gpt", Some(0.0)),
    ];
    assert_eq!(imported.scores(), named(&expected));
    let first = &imported.rows[0];
    assert_eq!(first.prompt.text(), "Pick one.\nA or B?\n\nit's");
    assert_eq!(
        (first.prompt_id.as_str(), first.cost_usd),
        ("mmlu.1", usd(0.001))
    );
    assert_eq!(first.category.as_deref(), Some("mmlu"));
    let faults = &imported.report.faults;
    assert_eq!((faults.rows_read, faults.bad_rows), (3, 1));
    assert_eq!(faults.first[0].column, "gpt");
}

#[test]
fn routellm() {
    let csv = "prompt,mixtral,gpt-4,mixtral_response,gpt-4_response
\"A lesion,
where?\",True,False,x,y
What?,False,,x,y
";
    let imported = imported("routellm", "a.csv", csv);
    let expected = [
        ("gpt-4", Some(0.0)),
        ("mixtral", Some(1.0)),
        ("mixtral", Some(0.0)),
    ];
    assert_eq!(imported.scores(), named(&expected));
    assert_eq!(imported.rows[0].prompt.text(), "A lesion,\nwhere?");
}

#[test]
fn routellm_pairs() {
    let lines = r#"{"prompt":"Why?","model_a":"x","model_b":"y","winner":"tie (bothbad)"}
{"prompt":"[\"One\", \"Two\"]","model_a":"x","model_b":"y","winner_model_a":0,"winner_model_b":1,"winner_tie":0}
{"conversation_a":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}],"model_a":"x","model_b":"y","winner":"model_a"}
{"prompt":"Which?","strong":"big","weak":"small","strong_wins":1,"model_a":"small","model_b":"big"}
{"prompt":"Why?","model_a":"x","model_b":"y","winner_model_a":1,"winner_model_b":1}
{"prompt":"Why?","model_a":"x","model_b":"x","winner":"tie"}
{"prompt":"Which?","strong":"big","weak":"small","strong_wins":0.7}"#;
    let imported = imported("routellm-pairs", "a.jsonl", lines);
    let expected = [
        compared("Why?", "x", "y", Winner::Tie),
        compared("One\n\nTwo", "x", "y", Winner::B),
        compared("Hi", "x", "y", Winner::A),
        compared("Which?", "big", "small", Winner::A),
    ];
    assert_eq!(imported.rows, expected);
    assert_eq!(imported.report.faults.bad_rows, 3);
}

#[test]
fn a_json_document_of_pairs() {
    let document = r#"[{"prompt":"Why?","model_a":"x","model_b":"y","winner":"model_a"}, 7]"#;
    let imported = imported("routellm-pairs", "a.json", document);
    assert_eq!(imported.rows, [compared("Why?", "x", "y", Winner::A)]);
    let fault = imported.report.faults.first[0].to_string();
    assert!(
        fault.ends_with("a.json, row 2: not a JSON object"),
        "{fault}"
    );
}

const RECORDS: &str = r#""records":[
 {"index":1,"origin_query":"2+2?","prompt":"Q: 2+2? A:","score":1.0,"prompt_tokens":15,"completion_tokens":5,"cost":0.0001,"raw_output":{"any":[1]}},
 {"index":2,"origin_query":"3+3?","prompt":"Q: 3+3? A:","score":null,"prompt_tokens":15,"completion_tokens":6,"cost":0.0002}]"#;

#[test]
fn llmrouterbench() {
    let document = format!(
        r#"{{"performance":0.5,"model_name":"m","dataset_name":"sums","split":"test","demo":false,{RECORDS}}}"#
    );
    let imported = imported("llmrouterbench", "a.json", &document);
    assert_eq!(imported.scores(), named(&[("m", Some(1.0)), ("m", None)]));
    let first = &imported.rows[0];
    assert_eq!(
        (first.prompt.text(), first.prompt_id.as_str()),
        ("2+2?", "sums/test/1")
    );
    assert_eq!(first.category.as_deref(), Some("sums"));
    assert_eq!(
        (first.input_tokens, first.output_tokens),
        (Some(Tokens(15)), Some(Tokens(5)))
    );
    assert_eq!(first.cost_usd, usd(0.0001));
}

#[test]
fn llmrouterbench_as_a_tree_of_documents() {
    let scratch = Scratch::new("unused.txt", "");
    let root = scratch.beside("bench");
    for (model, demo) in [("m1", false), ("m2", false), ("m2", true)] {
        let directory = root.join("sums/test").join(model);
        fs::create_dir_all(&directory).unwrap();
        let document = format!(r#"{{"demo":{demo},{RECORDS}}}"#);
        fs::write(directory.join(format!("{demo}.json")), document).unwrap();
    }
    let output = scratch.beside("out.csv");
    let options = ImportOptions::default();
    let report = import(ImportFormat::LlmRouterBench, &root, &output, &options).unwrap();
    assert_eq!((report.rows_written, report.faults.rows_read), (4, 6));
    let (rows, _) = read_all(&[output], true).unwrap();
    let models: Vec<&str> = rows.iter().map(|row| row.model.as_str()).collect();
    assert_eq!(models, ["m1", "m1", "m2", "m2"]);
}

#[test]
fn llmrouterbench_as_rows() {
    let line = r#"{"model_name":"m","dataset_name":"sums","index":"7","prompt":"2+2?","score":0}"#;
    let imported = imported("llmrouterbench", "a.jsonl", line);
    assert_eq!(imported.rows[0].prompt_id, "sums/7");
    let nameless = Scratch::new("a.jsonl", r#"{"prompt":"2+2?","score":0}"#);
    let refused = try_import("llmrouterbench", &nameless, &ImportOptions::default());
    assert!(matches!(refused, Err(LogError::NoGoodRows { .. })));
}

#[test]
fn embedllm() {
    let csv = "prompt_id,model_id,category_id,category,prompt,label,model_name
17,0,3,mmlu,Why?,1,org/m1
17,1,3,mmlu,Why?,0,org/m2
";
    let imported = imported("embedllm", "a.csv", csv);
    assert_eq!(
        imported.scores(),
        named(&[("org/m1", Some(1.0)), ("org/m2", Some(0.0))])
    );
    assert_eq!(imported.rows[0].prompt_id, "17");
    assert_eq!(imported.rows[0].category.as_deref(), Some("mmlu"));
}

#[test]
fn litellm() {
    let lines = r#"{"model":"m","messages":[{"role":"user","content":"Why?"}],"response_cost":0.5,"prompt_tokens":3,"completion_tokens":4,"startTime":86400.5,"response_time":1.5,"metadata":{"score":0.25,"user_api_key_hash":"k"}}
{"model":"m","messages":"{}","proxy_server_request":"{\"messages\":[{\"role\":\"user\",\"content\":\"How?\"}]}","spend":0.1,"usage":{"prompt_tokens":5},"startTime":"2026-01-01 00:00:00","metadata":"{\"judge\":{\"score\":1}}"}
{"model":"m","messages":{},"spend":0.1}"#;
    let imported = imported("litellm", "a.jsonl", lines);
    let [first, second] = &imported.rows[..] else {
        panic!("{:?}", imported.rows);
    };
    assert_eq!((first.prompt.text(), first.cost_usd), ("Why?", usd(0.5)));
    assert_eq!(
        (first.input_tokens, first.output_tokens),
        (Some(Tokens(3)), Some(Tokens(4)))
    );
    assert_eq!(first.ts.as_deref(), Some("1970-01-02T00:00:00.5Z"));
    assert_eq!(first.latency_ms.map(f64::round), Some(1500.0));
    assert_eq!(
        (first.score.map(Quality::get), first.key_id.as_deref()),
        (Some(0.25), Some("k"))
    );
    assert_eq!((second.prompt.text(), second.score), ("How?", None));
    assert_eq!(second.input_tokens, Some(Tokens(5)));
    assert_eq!(imported.report.faults.first[0].column, "messages");
}

#[test]
fn a_score_may_be_anywhere() {
    let line = r#"{"model":"m","prompt":"Why?","metadata":"{\"judge\":{\"score\":1}}","score":0}"#;
    let scratch = Scratch::new("a.jsonl", line);
    let options = ImportOptions {
        score: Some("metadata.judge.score".into()),
        strict: true,
    };
    let imported = try_import("litellm", &scratch, &options).unwrap();
    assert_eq!(imported.scores(), named(&[("m", Some(1.0))]));
}

#[test]
fn openai() {
    let lines = r#"{"request":{"model":"m","messages":[{"role":"user","content":"Why?"}]},"response":{"model":"m-2026","created":86400,"usage":{"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":2}}},"score":1}
{"model":"m","messages":[{"role":"user","content":"Why?"}],"usage":{"prompt_tokens":3,"completion_tokens":4},"score":0.5}
{"request":{"model":"m","input":"Why?"},"response":{"usage":{"input_tokens":3,"output_tokens":4}},"metadata":{"score":0}}
{"body":{"model":"m","messages":[{"role":"user","content":"Why?"}]},"response":{"body":{"usage":{"prompt_tokens":3,"completion_tokens":4}}}}"#;
    let imported = imported("openai", "a.jsonl", lines);
    let scores = [Some(1.0), Some(0.5), Some(0.0), None].map(|score| ("m", score));
    assert_eq!(imported.scores(), named(&scores));
    for row in &imported.rows {
        assert_eq!(row.prompt.text(), "Why?");
        assert_eq!(
            (row.input_tokens, row.output_tokens),
            (Some(Tokens(3)), Some(Tokens(4)))
        );
    }
    assert_eq!(imported.rows[0].cached_tokens, Some(Tokens(2)));
    assert_eq!(imported.rows[0].ts.as_deref(), Some("1970-01-02T00:00:00Z"));
}

#[test]
fn an_import_that_fails_leaves_nothing() {
    let scratch = Scratch::new("a.jsonl", "{\"model\":\"m\"}\n");
    let strict = ImportOptions {
        strict: true,
        ..ImportOptions::default()
    };
    for options in [ImportOptions::default(), strict] {
        assert!(try_import("openai", &scratch, &options).is_err());
        let left = fs::read_dir(scratch.directory.path()).unwrap().count();
        assert_eq!(left, 1);
    }
}

#[test]
fn formats_go_by_their_names() {
    for (format, name) in ImportFormat::ALL {
        assert_eq!(name.parse(), Ok(format));
        assert_eq!(format.to_string(), name);
    }
    let refused = "pickle".parse::<ImportFormat>().unwrap_err().to_string();
    for (_, name) in ImportFormat::ALL {
        assert!(refused.contains(name), "{refused}");
    }
}
