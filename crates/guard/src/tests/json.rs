//! JSON: the strings are redacted, all else stays, and what is no JSON is refused. `serde_json` says
//! what is right.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::{guard, guard_with_own};
use crate::{BadJson, Guard, MAX_DEPTH};

fn check(text: &str, wanted: &str) {
    assert_eq!(guard().redact_json(text).unwrap().text, wanted);
}

#[test]
fn values_are_redacted_and_nothing_else() {
    check(
        r#"{"to": "ann@example.com", "n": 1.50}"#,
        r#"{"to": "[EMAIL]", "n": 1.50}"#,
    );
    check(
        r#" [ "a", "4111 1111 1111 1111" ,null]  "#,
        r#" [ "a", "[CARD]" ,null]  "#,
    );
    check(
        r#"{"ann@example.com": 4111111111111111}"#,
        r#"{"ann@example.com": 4111111111111111}"#,
    );
    check(r#""ann@example.com""#, r#""[EMAIL]""#);
    check(
        r#"{"a": {"b": ["x", {"c": "+49 30 1234567"}]}}"#,
        r#"{"a": {"b": ["x", {"c": "[PHONE]"}]}}"#,
    );
}

#[test]
fn escapes_hide_nothing_and_stay() {
    check(r#""ann\u0040example.com""#, r#""[EMAIL]""#);
    check(r#""\u0061nn@example\u002ecom""#, r#""[EMAIL]""#);
    check(
        r#""a\n\"ann@example.com\"\/\u00e9""#,
        r#""a\n\"[EMAIL]\"\/\u00e9""#,
    );
    check(
        r#""\ud83d\ude00 ann@example.com \ud83d""#,
        r#""\ud83d\ude00 [EMAIL] \ud83d""#,
    );
    check(
        r#""\n-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n""#,
        r#""\n[KEY]\n""#,
    );
}

#[test]
fn strings_are_apart() {
    check(r#"["ann", "@example.com"]"#, r#"["ann", "@example.com"]"#);
    check(
        r#"["-----BEGIN PRIVATE KEY-----", "rest"]"#,
        r#"["[KEY]", "rest"]"#,
    );
}

#[test]
fn where_nothing_is_found_nothing_is_copied() {
    let text = r#"{"a": ["b\u0041", 1, true, null]}"#;
    assert!(matches!(
        guard().redact_json(text).unwrap().text,
        std::borrow::Cow::Borrowed(_)
    ));
}

#[test]
fn what_is_no_json_is_refused() {
    for (text, at) in [
        ("", 0),
        ("ann@example.com", 0),
        ("\"ann@example.com", 16),
        ("{\"a\" 1}", 5),
        ("{a: 1}", 1),
        ("[1 2]", 3),
        ("[1,]", 3),
        ("1 2", 2),
        ("4111 1111", 5),
        ("01", 1),
        ("1.", 2),
        ("-", 1),
        ("nul", 0),
        ("\"\\x\"", 2),
        ("\"\\u12g4\"", 2),
        ("\"a\nb\"", 2),
        ("[\"a\"", 4),
        ("'a'", 0),
    ] {
        let error = guard().redact_json(text).unwrap_err();
        assert_eq!(error.at, at, "{text}: {error}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert!(guard().redact_json(&nested(MAX_DEPTH)).is_ok());
    let error = guard().redact_json(&nested(MAX_DEPTH + 1)).unwrap_err();
    assert_eq!(
        error,
        BadJson {
            at: MAX_DEPTH + 1,
            wrong: "nested too deep"
        }
    );
}

fn strings() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        prop::sample::select(vec![
            "ann@example.com",
            "4111 1111 1111 1111",
            "EMP-1234",
            "+49 30 1234567",
            "é",
            "😀",
            "\"",
            "\\",
            "/",
            "\n",
            "\u{1}",
            " ",
            "a",
            "-----BEGIN PRIVATE KEY-----",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,3}",
    ];
    prop::collection::vec(part, 0..5).prop_map(|parts| parts.concat())
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e300..1e300_f64).prop_map(Value::from),
        strings().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(strings(), inner, 0..4)
                .prop_map(|fields| Value::from(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// What should come out, by way of a tree.
fn redacted(guard: &Guard, value: Value) -> Value {
    match value {
        Value::String(text) => guard.redact(&text).text.into_owned().into(),
        Value::Array(items) => items
            .into_iter()
            .map(|item| redacted(guard, item))
            .collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| (key, redacted(guard, value)))
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}

/// The same JSON with some characters of its strings written as escapes.
fn escaped(text: &str, seed: u64) -> String {
    let mut state = seed | 1;
    let mut out = String::new();
    let (mut is_inside, mut is_escape) = (false, false);
    for character in text.chars() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let is_plain = is_inside && !is_escape && !"\"\\".contains(character);
        is_inside ^= character == '"' && !is_escape;
        // The letters behind a backslash, and the digits of its code, stay.
        is_escape = !is_escape && character == '\\' && is_inside;
        match is_plain && !text.contains("\\u") && state >> 62 == 0 {
            true => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    out += &format!("\\u{unit:04x}");
                }
            }
            false => out.push(character),
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn it_is_what_a_tree_says(value in values(), seed: u64, pretty: bool) {
        let guard = guard_with_own();
        let text = match pretty {
            true => serde_json::to_string_pretty(&value).unwrap(),
            false => value.to_string(),
        };
        let text = escaped(&text, seed);
        let found = guard.redact_json(&text).unwrap();
        let read: Value = serde_json::from_str(&found.text).unwrap();
        let before: Value = serde_json::from_str(&text).unwrap();
        let is_same = found.counts.is_empty();
        prop_assert_eq!(&read, &redacted(&guard, before));
        prop_assert!(!is_same || found.text == text);
    }

    #[test]
    fn what_is_accepted_is_json(text in "[\\[\\]{},:\"0-9.eE+\\- tfn\\\\u/a]{0,16}") {
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        let is_accepted = guard().redact_json(&text).is_ok();
        prop_assert!(is_accepted == is_json, "{}", text);
    }
}
