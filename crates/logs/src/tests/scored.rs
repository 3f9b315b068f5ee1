//! Scores read again, on all cores, are the scores that the reader of rows found.

use pointsman_types::{Quality, ScoredRow};

use super::*;
use crate::{read_scored, write_rows};

/// Prompt, model, score, weight.
type Score = (String, String, Quality, f64);

fn again(files: &[impl AsRef<Path>]) -> Vec<Score> {
    let own = |row: ScoredRow<'_>| {
        Some((
            row.prompt.to_owned(),
            row.model.to_owned(),
            row.score,
            row.weight,
        ))
    };
    let mut all = Vec::new();
    read_scored(files, own, |block| all.extend(block)).unwrap();
    all
}

fn scores(rows: &[LogRow]) -> Vec<Score> {
    let score = |row: &LogRow| {
        let names = (row.prompt.text().to_owned(), row.model.to_string());
        Some((names.0, names.1, row.score?, row.weight))
    };
    rows.iter().filter_map(score).collect()
}

/// The file has so many scores, and both readers find the same ones.
fn check(name: &str, content: &str, expected: usize) {
    let scratch = Scratch::new(name, content);
    let read = scores(&scratch.read().unwrap().0);
    assert_eq!(read.len(), expected, "{content}");
    assert_eq!(again(&[&scratch.file]), read, "{content}");
}

fn line(fields: &str) -> String {
    format!("{{\"prompt\":\"Why?\",\"model\":\"m\",{fields}}}\n")
}

#[test]
fn plain_rows() {
    check("a.jsonl", &line("\"score\":0.5,\"weight\":3").repeat(3), 3);
    check("a.jsonl", &line("\"score\":1").replace('\n', "\r\n\n"), 1);
    check("a.jsonl", &format!("\u{feff}{}", line("\"score\":1")), 1);
}

#[test]
fn rows_without_a_score() {
    check(
        "a.jsonl",
        &(line("\"score\":null") + &line("\"score\":0")),
        1,
    );
}

#[test]
fn rows_in_every_other_way_of_writing() {
    for odd in [
        "{\"prompt\":\"a \\\"b\\\" \\u00e4\\n\",\"model\":\"m\\u00e4\",\"score\":true}",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"Why?\"}],\"model\":\" m \",\"score\":1e-3}",
        "{\"prompt\":\"Why?\",\"model_a\":\"a\",\"model_b\":\"b\",\"winner\":\"tie\"}",
        "{\"prompt\":\"Why?\",\"model\":\"m\",\"score\":1,\"prompt_id\":7,\"turn\":2.0,\"more\":{\"a\":[1]}}",
        "{\"prompt\":\"Why?\",\"model\":\"m\",\"score\":1,\"score\":0}",
        "{\"prompt\":\"Why?\",\"model\":\"m\",\"score\":1,\"weight\":1e9,\"cost_usd\":2e6}",
    ] {
        let scores = if odd.contains("winner") { 0 } else { 1 };
        check(
            "a.jsonl",
            &format!("{odd}\n{}", line("\"score\":1")),
            scores + 1,
        );
    }
}

#[test]
fn malformed_rows_are_stepped_over() {
    for broken in [
        "{",
        "[]",
        "{\"prompt\":\"\",\"model\":\"m\",\"score\":1}",
        "{\"prompt\":\"Why?\",\"model\":\" \",\"score\":1}",
        "{\"prompt\":\"Why?\",\"score\":1}",
        "{\"prompt\":\"Why?\",\"model\":\"m\",\"score\":1.5}",
        "{\"prompt\":\"Why?\",\"model\":\"m\",\"score\":1,\"weight\":0}",
        "{\"prompt\":\"Why?\",\"model\":\"m\",\"score\":1,\"cost_usd\":-1}",
        "{\"prompt\":\"Why?\",\"model\":\"m\",\"score\":1,\"input_tokens\":0.5}",
        "{\"prompt\":\"Why?\",\"model\":\"m\",\"score\":1,\"propensity\":2}",
        "{\"prompt\":\"Why?\",\"model\":\"m\",\"score\":1,\"category\":false}",
    ] {
        check("a.jsonl", &format!("{broken}\n{}", line("\"score\":1")), 1);
    }
}

#[test]
fn other_formats() {
    check(
        "a.csv",
        "prompt,model,score\nWhy?,m,1\nHow?,m,\nWho?,m,0.5\n",
        2,
    );
    let scratch = Scratch::new("unused.jsonl", "");
    let rows: Vec<LogRow> = (0..20_000)
        .map(|number| LogRow {
            score: Some(Quality::clamped(number as f32 / 20_000.0)),
            ..row(&format!("prompt {number}"), "m")
        })
        .collect();
    for name in ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.parquet", "a.csv"] {
        let file = scratch.beside(name);
        write_rows(&file, rows.clone()).unwrap();
        assert_eq!(again(&[&file]), scores(&rows), "{name}");
    }
}

#[test]
fn rows_come_in_order_over_many_blocks_and_files() {
    let row = |number: usize| line(&format!("\"score\":1,\"weight\":{}", number + 1));
    let content: String = (0..150_000).map(row).collect();
    let scratch = Scratch::new("a.jsonl", content);
    let weights: Vec<f64> = again(&[&scratch.file; 2])
        .into_iter()
        .map(|row| row.3)
        .collect();
    let expected: Vec<f64> = (1..=150_000).map(f64::from).collect();
    assert!(weights == [expected.clone(), expected].concat());
}
