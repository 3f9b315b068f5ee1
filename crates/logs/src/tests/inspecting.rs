//! The summary of a small log.

use super::*;
use crate::inspect;

const LOG: &str = r#"{"prompt":"Why?","model":"small","score":1,"cost_usd":0.25,"output_tokens":10,"category":"riddle"}
{"prompt":"Why?","model":"small","score":0,"cost_usd":0.75,"output_tokens":30,"category":"riddle"}
{"prompt":"Why?","model":"large","category":"riddle","mood":"good"}
{"prompt":"What now?","model":"large","score":1,"category":"chat"}
{"prompt":"What now?","model":"large","score":7}"#;

#[test]
fn a_summary_counts() {
    let scratch = Scratch::new("a.jsonl", LOG);
    let summary = inspect(&[&scratch.file], &ReadOptions::default()).unwrap();
    assert_eq!(
        (summary.rows, summary.prompts, summary.duplicates),
        (4, 2, 1)
    );
    assert_eq!((summary.missing_cells, summary.faults.bad_rows), (1, 1));
    let [large, small] = &summary.models[..] else {
        panic!("{:?}", summary.models);
    };
    assert_eq!(
        (large.rows, large.missing_scores, large.mean_cost_usd),
        (2, 1, None)
    );
    assert_eq!(
        small.mean_score.map(|mean| (mean * 100.0).round()),
        Some(50.0)
    );
    assert_eq!(small.mean_output_tokens.map(f64::round), Some(20.0));
    let chars = summary.prompt_chars.unwrap();
    assert_eq!((chars.min, chars.max), (4, 9));
    assert_eq!(summary.output_tokens.unwrap().max, 30);
    assert_eq!(summary.input_tokens, None);
    let categories = [("chat".to_owned(), 1), ("riddle".to_owned(), 1)];
    assert_eq!(summary.categories, categories);
}

#[test]
fn a_summary_is_text_and_json() {
    let scratch = Scratch::new("a.jsonl", LOG);
    let summary = inspect(&[&scratch.file], &ReadOptions::default()).unwrap();
    let text = summary.to_string();
    for part in [
        "4 rows, 2 prompts, 2 models; 1 missing cells, 1 duplicate rows, 1 malformed rows",
        "mean cost, USD",
        "0.50000000",
        "ignored columns: mood",
        "line 5, column `score`: must be between 0 and 1, got 7",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let json = serde_json::to_value(&summary).unwrap();
    assert_eq!(json["models"][1]["model"], "small");
    assert_eq!(json["faults"]["bad_rows"], 1);
}

#[test]
fn comparisons_are_counted_by_model() {
    let lines = r#"{"prompt":"Why?","model_a":"x","model_b":"y","winner":"a"}
{"prompt":"Why?","model_a":"x","model_b":"y","winner":"tie"}
{"prompt":"Why?","model_a":"y","model_b":"x","winner":"a"}"#;
    let scratch = Scratch::new("a.jsonl", lines);
    let summary = inspect(&[&scratch.file], &ReadOptions::default()).unwrap();
    assert_eq!((summary.comparisons, summary.duplicates), (3, 1));
    let shares: Vec<_> = summary.models.iter().map(|one| one.share_won).collect();
    assert_eq!(shares, [Some(0.5), Some(0.5)]);
    assert!(summary.to_string().contains("share won"));
    let scored = inspect(
        &[&Scratch::new("b.jsonl", LOG).file],
        &ReadOptions::default(),
    )
    .unwrap();
    assert!(!scored.to_string().contains("share won"));
}

#[test]
fn judges_are_listed_with_their_agreement() {
    let lines = r#"{"prompt":"Why?","model":"x","score":0,"judge":"strict"}
{"prompt":"Why?","model":"x","score":1,"judge":"kind"}
{"prompt":"How?","model":"x","score":1,"judge":"strict"}
{"prompt":"How?","model":"x","score":0,"judge":"kind"}
{"prompt":"When?","model":"x","score":1,"judge":"kind"}"#;
    let scratch = Scratch::new("a.jsonl", lines);
    let summary = inspect(&[&scratch.file], &ReadOptions::default()).unwrap();
    let judging = summary.judging.clone().unwrap();
    let judges: Vec<_> = judging
        .judges
        .iter()
        .map(|one| (one.judge.as_str(), one.scores))
        .collect();
    assert_eq!(judges, [("kind", 3), ("strict", 2)]);
    assert_eq!(judging.shared_answers, 2);
    assert!((judging.krippendorff_alpha.unwrap() + 0.5).abs() < 1e-9);
    assert!(summary.to_string().contains("Krippendorff's alpha -0.500"));
}
