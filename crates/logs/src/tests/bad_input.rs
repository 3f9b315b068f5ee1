//! What is malformed is named by file, row, column and reason, and leaves nothing behind.

use super::*;
use crate::{Budget, RowWriter, TableBuilder, find, write_rows};

const GOOD: &str = r#"{"prompt":"Why?","model":"small","score":1}"#;

/// One good line, then a bad one: the fault names line, column and reason.
#[track_caller]
fn check_jsonl(bad: impl AsRef<[u8]>, column: &str, reason: &str) {
    let mut content = format!("{GOOD}\n").into_bytes();
    content.extend_from_slice(bad.as_ref());
    check("log.jsonl", &content, column, reason);
}

#[track_caller]
fn check_csv(bad: impl AsRef<[u8]>, column: &str, reason: &str) {
    let header = "prompt,model,score,cost_usd,output_tokens,weight\n";
    let mut content = format!("{header}Why?,small,1,,,\n").into_bytes();
    content.extend_from_slice(bad.as_ref());
    check("log.csv", &content, column, reason);
}

#[track_caller]
fn check(name: &str, content: &[u8], column: &str, reason: &str) {
    let scratch = Scratch::new(name, content);
    let (rows, faults) = scratch.read().unwrap();
    assert_eq!((rows.len(), faults.rows_read, faults.bad_rows), (1, 2, 1));
    let fault = &faults.first[0];
    assert_eq!(fault.file, scratch.file);
    assert_eq!(fault.row, if name.ends_with("csv") { 3 } else { 2 });
    assert_eq!(fault.column, column);
    assert!(fault.reason.starts_with(reason), "{}", fault.reason);
    match read_all(&[&scratch.file], true) {
        Err(LogError::Malformed(first)) => assert_eq!(first, *fault),
        other => panic!("strict reading gave {other:?}"),
    }
}

#[test]
fn lines_that_are_no_rows() {
    check_jsonl("{\"prompt\":", "", "not valid JSON at byte 10");
    check_jsonl("[1]", "", "not a JSON object");
    check_jsonl("{\"prompt\":\"\0\"}", "", "not valid JSON");
    check_jsonl(b"{\"prompt\":\"\xff\"}", "", "not UTF-8 at byte 12");
    check_jsonl("[".repeat(100_000), "", "not valid JSON");
    check_csv("Why?,small\n", "", "the row has 2 fields, the header has 6");
    check_csv(b"\xffWhy?,small,1,,,\n", "prompt", "not UTF-8 at byte 1");
}

#[test]
fn prompts() {
    check_jsonl(r#"{"model":"m"}"#, "prompt", "is missing");
    check_jsonl(r#"{"model":"m","prompt":null}"#, "prompt", "is missing");
    check_jsonl(
        r#"{"model":"m","prompt":""}"#,
        "prompt",
        "must not be empty",
    );
    check_jsonl(
        r#"{"model":"m","prompt":7}"#,
        "prompt",
        "must be text, got 7",
    );
    check_jsonl(
        r#"{"model":"m","messages":[{"content":"Why?"}]}"#,
        "messages",
        "message 0 has no role",
    );
    check_jsonl(r#"{"model":"m","messages":[]}"#, "messages", "must hold");
    check_csv(",m,1,,,\n", "prompt", "is missing");
}

#[test]
fn models() {
    check_jsonl(r#"{"prompt":"Why?"}"#, "model", "is missing");
    check_jsonl(
        r#"{"prompt":"Why?","model":" "}"#,
        "model",
        "must not be empty",
    );
    check_jsonl(
        r#"{"prompt":"Why?","model":{}}"#,
        "model",
        "must be text, got an object",
    );
    check_csv("Why?,,1,,,\n", "model", "is missing");
}

#[test]
fn scores() {
    let score = |value: &str| format!(r#"{{"prompt":"Why?","model":"m","score":{value}}}"#);
    check_jsonl(score("1.01"), "score", "must be between 0 and 1, got 1.01");
    check_jsonl(score("-0.5"), "score", "must be between 0 and 1");
    check_jsonl(score("\"0.5\""), "score", "must be a number, got the text");
    check_jsonl(score("NaN"), "", "not valid JSON");
    check_jsonl(score("[1]"), "score", "must be a number, got a list");
    check_csv(
        "Why?,m,NaN,,,\n",
        "score",
        "must be between 0 and 1, got NaN",
    );
    check_csv(
        "Why?,m,good,,,\n",
        "score",
        "must be a number, got \"good\"",
    );
    check_csv("Why?,m,2,,,\n", "score", "must be between 0 and 1");
}

#[test]
fn costs_tokens_and_weights() {
    let with = |rest: &str| format!(r#"{{"prompt":"Why?","model":"m",{rest}}}"#);
    check_jsonl(
        with(r#""cost_usd":-0.1"#),
        "cost_usd",
        "must not be negative",
    );
    check_jsonl(
        with(r#""cost_usd":1e300"#),
        "cost_usd",
        "must be a finite amount",
    );
    check_jsonl(
        with(r#""input_tokens":-1"#),
        "input_tokens",
        "must be a whole number",
    );
    check_jsonl(
        with(r#""output_tokens":1.5"#),
        "output_tokens",
        "must be a whole number",
    );
    check_jsonl(
        with(r#""answer_logprob":0.5"#),
        "answer_logprob",
        "must be finite and not above 0, got 0.5",
    );
    check_jsonl(
        with(r#""answer_chars":-1"#),
        "answer_chars",
        "must be a whole number",
    );
    check_jsonl(with(r#""latency_ms":-1"#), "latency_ms", "must be finite");
    check_jsonl(
        with(r#""propensity":2"#),
        "propensity",
        "must be between 0 and 1",
    );
    check_jsonl(
        with(r#""weight":0"#),
        "weight",
        "must be finite and above 0",
    );
    check_csv("Why?,m,1,inf,,\n", "cost_usd", "must be a finite amount");
    check_csv("Why?,m,1,,x,\n", "output_tokens", "must be a number");
    check_csv("Why?,m,1,,,-2\n", "weight", "must be finite and above 0");
}

#[test]
fn pairs() {
    let pair = |b: &str, winner: &str| {
        format!(r#"{{"prompt":"Why?","model_a":"x","model_b":{b},"winner":{winner}}}"#)
    };
    check_jsonl(
        pair("\"y\"", "\"z\""),
        "winner",
        "must be a, b or tie, got \"z\"",
    );
    check_jsonl(pair("\"y\"", "null"), "winner", "is missing");
    check_jsonl(pair("null", "\"a\""), "model_b", "is missing");
    check_jsonl(pair("\"x\"", "\"a\""), "model_b", "must differ");
}

fn error(name: &str, content: impl AsRef<[u8]>) -> LogError {
    Scratch::new(name, content).read().unwrap_err()
}

#[test]
fn files_without_rows() {
    let header = "prompt,model,score\n";
    for (name, content) in [
        ("a.jsonl", ""),
        ("a.csv", ""),
        ("a.parquet", ""),
        ("a.jsonl", "\n \n"),
        ("a.csv", header),
    ] {
        let refused = error(name, content);
        assert!(matches!(refused, LogError::NoRows { .. }), "{refused:?}");
        assert!(refused.to_string().ends_with("has no rows"));
    }
}

#[test]
fn parquet_without_rows() {
    let scratch = Scratch::new("a.txt", "");
    let empty = scratch.beside("a.parquet");
    RowWriter::create(&empty).unwrap().finish().unwrap();
    assert!(matches!(
        read_all(&[empty], false),
        Err(LogError::NoRows { .. })
    ));
}

#[test]
fn files_without_a_needed_column() {
    let refused = error("a.csv", "prompt,score\nWhy?,1\n");
    assert!(
        refused.to_string().contains("has no column `model`"),
        "{refused}"
    );
    let refused = error("a.csv", "model,score\nsmall,1\n");
    assert!(
        refused.to_string().contains("`prompt` or `messages`"),
        "{refused}"
    );
    let refused = error("a.csv", "prompt,model_a,model_b\nWhy?,x,y\n");
    assert!(matches!(refused, LogError::MissingColumn { .. }));
}

#[test]
fn headers_that_are_none() {
    let refused = error("a.csv", "prompt,model,model\nWhy?,x,y\n");
    assert!(
        refused.to_string().contains("has the column `model` twice"),
        "{refused}"
    );
    let refused = error("a.csv", b"\xff\xfep\0r\0o\0");
    assert!(refused.to_string().contains("is not UTF-8"), "{refused}");
}

#[test]
fn nothing_but_malformed_rows() {
    let refused = error("a.jsonl", "{}\n{}\n");
    assert!(matches!(refused, LogError::NoGoodRows { rows: 2, .. }));
    assert!(
        refused.to_string().contains("a.jsonl, line 1, column `"),
        "{refused}"
    );
}

#[test]
fn an_open_quotation_mark_does_not_fill_the_memory() {
    let mut content = b"prompt,model\n\"Why?,small\n".to_vec();
    content.resize(70 << 20, b'x');
    let refused = error("a.csv", content);
    assert!(
        matches!(refused, LogError::RowTooLong { row: 2, .. }),
        "{refused:?}"
    );
}

#[test]
fn a_line_of_more_than_64_mib_is_one_bad_row() {
    let mut content = format!("{GOOD}\n").into_bytes();
    content.resize(70 << 20, b'x');
    content.extend_from_slice(format!("\n{GOOD}\n").as_bytes());
    let (rows, faults) = Scratch::new("a.jsonl", content).read().unwrap();
    assert_eq!((rows.len(), faults.bad_rows), (2, 1));
    assert!(
        faults.first[0]
            .reason
            .starts_with("the line is longer than")
    );
}

#[test]
fn packed_files_that_are_damaged() {
    for name in ["a.jsonl.gz", "a.jsonl.zst", "a.csv.gz", "a.csv.zst"] {
        let refused = error(name, "this is not packed");
        assert!(matches!(refused, LogError::Damaged { .. }), "{refused:?}");
        assert!(refused.to_string().contains(name), "{refused}");
    }
}

fn many_rows() -> Vec<LogRow> {
    (0..2_000)
        .map(|number| {
            row(
                &format!("What is {number} times {}?", number * 7919),
                "small",
            )
        })
        .collect()
}

#[test]
fn files_that_are_cut_short() {
    let scratch = Scratch::new("a.txt", "");
    for name in ["a.jsonl.gz", "a.csv.zst", "a.parquet"] {
        let whole = scratch.beside(name);
        write_rows(&whole, many_rows()).unwrap();
        let bytes = fs::read(&whole).unwrap();
        for share in [0.1, 0.5, 0.9] {
            let cut = (bytes.len() as f64 * share) as usize;
            fs::write(&whole, &bytes[..cut]).unwrap();
            let refused = read_all(&[&whole], false).unwrap_err();
            assert!(matches!(refused, LogError::Damaged { .. }), "{refused:?}");
            assert!(refused.to_string().contains(name), "{refused}");
        }
    }
}

#[test]
fn flipped_bytes_in_parquet_are_errors_or_other_values() {
    let scratch = Scratch::new("a.txt", "");
    let file = scratch.beside("a.parquet");
    write_rows(&file, many_rows().into_iter().take(100)).unwrap();
    let bytes = fs::read(&file).unwrap();
    let mut refused = 0;
    for place in (0..bytes.len()).step_by(50) {
        let mut flipped = bytes.clone();
        flipped[place] ^= 2;
        fs::write(&file, &flipped).unwrap();
        // A flip within a value is another value, one within a name an unknown column.
        let read = read_all(&[&file], false);
        refused += usize::from(matches!(read, Err(LogError::Damaged { .. })));
    }
    assert!(refused > 0);
}

#[test]
fn places_that_are_no_files() {
    let scratch = Scratch::new("a.txt", "x");
    let directory = scratch.beside("dir.csv");
    fs::create_dir(&directory).unwrap();
    assert!(matches!(
        find(&[directory.display().to_string()]),
        Err(LogError::Directory { .. })
    ));
    assert!(matches!(
        read_all(&[directory], false),
        Err(LogError::Directory { .. })
    ));
    let refused = read_all(&[scratch.beside("gone.csv")], false).unwrap_err();
    assert!(matches!(refused, LogError::Open { .. }));
    assert!(matches!(
        scratch.read(),
        Err(LogError::UnknownFormat { .. })
    ));
}

#[test]
fn unknown_columns_are_named_once_and_cost_no_row() {
    let twice = format!(
        "{}\n",
        r#"{"prompt":"Why?","model":"m","score":1,"mood":"good"}"#
    )
    .repeat(2);
    let (rows, faults) = Scratch::new("a.jsonl", twice).read().unwrap();
    assert_eq!((rows.len(), faults.bad_rows), (2, 0));
    assert!(faults.unknown_columns.iter().eq(["mood"]));
    let (_, faults) = Scratch::new("a.csv", "prompt,model,mood\nWhy?,m,good\n")
        .read()
        .unwrap();
    assert!(faults.unknown_columns.iter().eq(["mood"]));
}

#[test]
fn a_log_without_scores_makes_no_table() {
    let mut builder = TableBuilder::new(Budget::default());
    builder.push(row("Why?", "small"));
    assert!(matches!(
        builder.finish(),
        Err(LogError::NoScores { rows: 1 })
    ));
}

#[test]
fn a_failure_of_the_receiver_ends_the_reading() {
    let scratch = Scratch::new("a.jsonl", format!("{GOOD}\n{GOOD}\n"));
    let mut seen = 0;
    let ended = read(&[&scratch.file], &ReadOptions::default(), |_| {
        seen += 1;
        Err(LogError::NoScores { rows: 0 })
    });
    assert!(matches!(ended, Err(LogError::NoScores { rows: 0 })));
    assert_eq!(seen, 1);
}
