//! Writers, and their round trip through the reader.

use pointsman_types::{Probability, Quality, Tokens, Usd, Winner};
use proptest::prelude::*;

use super::*;
use crate::{Column, PredictionRow, RowWriter, Values, write_predictions, write_rows, write_table};

const NAMES: [&str; 7] = [
    "a.jsonl",
    "a.jsonl.gz",
    "a.ndjson.zst",
    "a.csv",
    "a.csv.gz",
    "a.csv.zst",
    "a.parquet",
];

fn text() -> impl Strategy<Value = String> {
    // Anything at all, and what CSV and JSON must escape.
    prop_oneof![
        "\\PC{1,40}",
        any::<String>().prop_filter("not empty", |text| !text.is_empty()),
        "[\"',\n\r\\\\\t\u{0} a]{1,12}",
    ]
}

fn label() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[a-zA-Z0-9 ,\"\n]{1,12}")
}

fn any_comparison() -> impl Strategy<Value = LogRow> {
    let winners = prop_oneof![Just(Winner::A), Just(Winner::B), Just(Winner::Tie)];
    (text(), "[a-c]", "[d-f]", winners, 0.001..1e4).prop_map(|(prompt, a, b, winner, weight)| {
        LogRow {
            weight,
            ..compared(&prompt, &a, &b, winner)
        }
    })
}

/// Turns, and texts that nearly are.
fn any_conversation() -> impl Strategy<Value = LogRow> {
    let turn = (
        "[a-z]{0,6}",
        "[a-z \n\",]{0,12}",
        "[\u{1e}\u{1f}]{1,2}",
        "[\u{1f}]{0,2}",
    );
    proptest::collection::vec(turn, 0..4)
        .prop_map(|turns| {
            let turns = turns
                .iter()
                .map(|(role, content, before, after)| format!("{before}{role}{after}{content}"));
            row(&format!("x{}", turns.collect::<String>())[1..], "m")
        })
        .prop_filter("not empty", |row| !row.prompt.text().is_empty())
}

fn any_row() -> impl Strategy<Value = LogRow> {
    prop_oneof![3 => any_answer(), 1 => any_comparison(), 1 => any_conversation()]
}

fn any_answer() -> impl Strategy<Value = LogRow> {
    let names = (text(), "[a-z]{1,8}", label(), label(), label(), label());
    let numbers = (
        proptest::option::of(0.0..=1.0),
        proptest::option::of(0..9_000_000_000_000_i64),
        proptest::option::of(0..1_000_000_u64),
        proptest::option::of(0.0..1e6),
        proptest::option::of(0.0..=1.0),
        0.001..1e4,
    );
    (names, numbers).prop_map(|(names, numbers)| {
        let (prompt, model, prompt_id, category, ts, version) = names;
        let (score, picos, tokens, latency_ms, propensity, weight) = numbers;
        let row = row(&prompt, &model);
        LogRow {
            prompt_id: prompt_id.unwrap_or(row.prompt_id.clone()),
            judge: category.clone(),
            category,
            ts,
            policy_version: version,
            score: score.map(|score| Quality::new(score).unwrap()),
            cost_usd: picos.map(Usd::from_picos),
            input_tokens: tokens.map(Tokens),
            turn: tokens,
            answer_logprob: latency_ms.map(|latency: f64| -latency),
            answer_chars: tokens,
            latency_ms,
            propensity: propensity.map(|p| Probability::new(p).unwrap()),
            weight,
            ..row
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_is_written_is_read(rows in proptest::collection::vec(any_row(), 1..20)) {
        let scratch = Scratch::new("x.txt", "");
        for name in NAMES {
            let path = scratch.beside(name);
            prop_assert_eq!(write_rows(&path, rows.clone()).unwrap(), rows.len() as u64);
            let (read, _) = read_all(&[path], true).unwrap();
            prop_assert_eq!(&read, &rows, "{}", name);
        }
    }
}

#[test]
fn a_conversation_is_written_as_messages() {
    let scratch = Scratch::new("x.txt", "");
    let path = scratch.beside("a.jsonl");
    let asked = "\u{1e}system\u{1f}Be brief.\u{1e}user\u{1f}Why?";
    write_rows(&path, [row(asked, "m")]).unwrap();
    let line: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(line.get("prompt"), None);
    let expected = serde_json::json!([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why?"}
    ]);
    assert_eq!(line["messages"], expected);
}

#[test]
fn the_same_rows_are_the_same_bytes() {
    let scratch = Scratch::new("x.txt", "");
    let rows = || (0..100).map(|number| row(&format!("prompt {number}"), "m"));
    for name in NAMES {
        let path = scratch.beside(name);
        write_rows(&path, rows()).unwrap();
        let first = fs::read(&path).unwrap();
        write_rows(&path, rows()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), first, "{name}");
    }
}

#[test]
fn many_row_groups_are_read_back() {
    let scratch = Scratch::new("x.txt", "");
    let path = scratch.beside("a.parquet");
    let rows = || (0..150_000_u64).map(|number| row(&(number / 3).to_string(), "m"));
    write_rows(&path, rows()).unwrap();
    let (read, _) = read_all(&[path], true).unwrap();
    assert!(read.into_iter().eq(rows()));
}

fn names(scratch: &Scratch) -> Vec<String> {
    fs::read_dir(scratch.directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    let scratch = Scratch::new("x.txt", "");
    for name in NAMES {
        let mut writer = RowWriter::create(&scratch.beside(name)).unwrap();
        writer.push(&row("Why?", "m")).unwrap();
        drop(writer);
        assert_eq!(names(&scratch), ["x.txt"], "{name}");
    }
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let scratch = Scratch::new("x.txt", "");
    for name in NAMES {
        let path = scratch.beside("gone").join(name);
        let refused = write_rows(&path, [row("Why?", "m")]).unwrap_err();
        assert!(matches!(refused, LogError::Write { .. }), "{refused:?}");
        assert!(refused.to_string().contains(name));
    }
    let refused = write_rows(&scratch.beside("a.txt"), []).unwrap_err();
    assert!(matches!(refused, LogError::UnknownFormat { .. }));
    assert_eq!(names(&scratch), ["x.txt"]);
}

#[test]
fn a_table_is_read_back() {
    let scratch = Scratch::new("x.txt", "");
    let columns = [
        Column::text("prompt", vec!["Why?".into(), "a,\"b\"\n".into()]),
        Column::text("model", vec!["m".into(), "m".into()]),
        Column::float("score", vec![0.5, f64::NAN]),
        Column::int("input_tokens", vec![3, 4]),
    ];
    for name in NAMES {
        let path = scratch.beside(name);
        write_table(&path, &columns).unwrap();
        let (rows, _) = read_all(&[path], true).unwrap();
        assert_eq!(rows[1].prompt.text(), "a,\"b\"\n", "{name}");
        assert_eq!(rows[0].score, Some(Quality::clamped(0.5)));
        assert_eq!(
            (rows[1].score, rows[1].input_tokens),
            (None, Some(Tokens(4)))
        );
    }
}

#[test]
fn the_columns_of_a_table_keep_their_order() {
    let scratch = Scratch::new("x.txt", "");
    let path = scratch.beside("a.jsonl");
    let columns = [
        Column::int("z", vec![1]),
        Column::float("a", vec![0.5]),
        Column {
            name: "m".into(),
            values: Values::Text(vec!["x".into()]),
        },
    ];
    write_table(&path, &columns).unwrap();
    let written = fs::read_to_string(&path).unwrap();
    assert_eq!(written, "{\"z\":1,\"a\":0.5,\"m\":\"x\"}\n");
}

#[test]
fn a_ragged_table_is_refused() {
    let scratch = Scratch::new("x.txt", "");
    let ragged = [Column::int("a", vec![1]), Column::int("b", vec![1, 2])];
    let refused = write_table(&scratch.beside("a.csv"), &ragged).unwrap_err();
    assert!(
        refused.to_string().contains("column `b` has 2 values"),
        "{refused}"
    );
    assert_eq!(names(&scratch), ["x.txt"]);
}

#[test]
fn predictions_are_written_under_their_names() {
    let scratch = Scratch::new("x.txt", "");
    let path = scratch.beside("p.csv");
    let prediction = PredictionRow {
        prompt_id: "p".into(),
        model: "m".into(),
        quality: Quality::clamped(0.5),
        quality_lower: Quality::clamped(0.25),
        cost_usd: Usd::new(0.001).unwrap(),
        output_tokens: 12.5,
        output_tokens_p50: 10.0,
        output_tokens_p90: 30.5,
    };
    write_predictions(&path, &[prediction]).unwrap();
    let written = fs::read_to_string(&path).unwrap();
    let expected = "prompt_id,model,quality,quality_lower,cost_usd,output_tokens,output_tokens_p50,output_tokens_p90\np,m,0.5,0.25,0.001,12.5,10,30.5\n";
    assert_eq!(written, expected);
}
