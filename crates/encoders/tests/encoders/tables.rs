//! Static tables: both layouts, what counts and what does not, and what is refused.

use std::fs;
use std::path::Path;

use half::{bf16, f16};
use pointsman_encoders::{Encoder, EncoderKind};
use safetensors::tensor::Dtype;
use serde_json::json;

use crate::made_up::{
    IDS, Tensor, assert_close, model2vec, open, refusal, tensors, tokenizer, write_json,
    write_tensors,
};

const KIND: EncoderKind = EncoderKind::Static;

/// Two numbers for each id; red is (1, 0), green (0, 1), blue (3, 4).
const TABLE: [f32; 2 * IDS] = [
    9.0, 9.0, 8.0, 8.0, 7.0, 7.0, 1.0, 0.0, 0.0, 1.0, 3.0, 4.0, 0.0, -2.0, 0.5, 0.5,
];

fn table() -> Tensor {
    Tensor::floats(&[IDS, 2], &TABLE)
}

fn encoder(dir: &Path) -> Encoder {
    open(KIND, dir).unwrap()
}

fn check(encoder: &Encoder, text: &str, expected: [f32; 2]) {
    assert_close(&encoder.encode_one(text).unwrap(), &expected);
}

const HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;

#[test]
fn a_text_is_the_mean_of_its_tokens_at_unit_length() {
    let dir = model2vec(&tensors([("embeddings", table())]));
    let encoder = encoder(dir.path());
    assert_eq!(encoder.dimensions(), 2);
    check(&encoder, "red", [1.0, 0.0]);
    check(&encoder, "Red, GREEN", [HALF, HALF]);
    check(&encoder, "blue", [0.6, 0.8]);
    check(&encoder, "greenish", [0.0, -1.0]);
}

#[test]
fn a_text_without_known_tokens_is_the_zero_vector() {
    let dir = model2vec(&tensors([("embeddings", table())]));
    let encoder = encoder(dir.path());
    for text in ["", " \n", "purple", "\u{0}"] {
        check(&encoder, text, [0.0, 0.0]);
    }
    check(&encoder, "purple red", [1.0, 0.0]);
}

#[test]
fn a_plain_table_counts_every_token() {
    let dir = model2vec(&tensors([("embedding.weight", table())]));
    fs::remove_file(dir.path().join("config.json")).unwrap();
    check(&encoder(dir.path()), "purple", [HALF, HALF]);
    check(&encoder(dir.path()), "", [0.0, 0.0]);
}

#[test]
fn weights_and_mapping_are_followed() {
    let mapping = [0, 0, 0, 1, 0, 0, 0, 0];
    let weights = [1.0, 1.0, 1.0, 3.0, 4.0, 1.0, 1.0, 1.0];
    let dir = model2vec(&tensors([
        ("embeddings", Tensor::floats(&[2, 2], &[0.0, 1.0, 1.0, 0.0])),
        (
            "mapping",
            Tensor::new(Dtype::I64, &[IDS], &mapping, i64::to_le_bytes),
        ),
        ("weights", Tensor::floats(&[IDS], &weights)),
    ]));
    check(&encoder(dir.path()), "red green", [0.6, 0.8]);
}

#[test]
fn every_precision_gives_the_same_vector() {
    let numbers = [
        Tensor::new(Dtype::F16, &[IDS, 2], &TABLE, |value| {
            f16::from_f32(value).to_le_bytes()
        }),
        Tensor::new(Dtype::BF16, &[IDS, 2], &TABLE, |value| {
            bf16::from_f32(value).to_le_bytes()
        }),
        Tensor::new(Dtype::I8, &[IDS, 2], &TABLE, |value| {
            ((value * 2.0) as i8).to_le_bytes()
        }),
    ];
    for numbers in numbers {
        let dir = model2vec(&tensors([("embeddings", numbers)]));
        check(&encoder(dir.path()), "blue", [0.6, 0.8]);
        check(
            &encoder(dir.path()),
            "red . .",
            [2.0 / 5.0_f32.sqrt(), 1.0 / 5.0_f32.sqrt()],
        );
    }
}

#[test]
fn only_the_first_tokens_are_read() {
    let dir = model2vec(&tensors([("embeddings", table())]));
    let (config, text) = (dir.path().join("config.json"), "red green blue");
    write_json(&config, &json!({"max_length": 1}));
    check(&encoder(dir.path()), text, [1.0, 0.0]);
    write_json(&config, &json!({"max_length": 2}));
    check(&encoder(dir.path()), text, [HALF, HALF]);
    write_json(&config, &json!({"max_length": null}));
    check(
        &encoder(dir.path()),
        text,
        [4.0 / 41.0_f32.sqrt(), 5.0 / 41.0_f32.sqrt()],
    );
}

#[test]
fn a_text_of_any_length_costs_no_more_than_its_beginning() {
    let dir = model2vec(&tensors([("embedding.weight", table())]));
    let encoder = encoder(dir.path());
    let long = "red ".repeat(8192) + &"green ".repeat(100_000);
    check(&encoder, &long, [1.0, 0.0]);
    let unbroken = "é".repeat(1_000_000);
    assert!(encoder.encode_one(&unbroken).is_ok());
}

#[test]
fn texts_together_get_the_vectors_that_they_get_alone() {
    let dir = model2vec(&tensors([("embeddings", table())]));
    let encoder = encoder(dir.path());
    let texts: Vec<String> = (0..500)
        .map(|number| format!("red {}green blue", "greenish ".repeat(number % 7)))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let together = encoder.encode(&texts).unwrap();
    for (row, text) in texts.iter().enumerate() {
        assert_eq!(together.row(row), encoder.encode_one(text).unwrap());
    }
}

#[test]
fn no_texts_give_no_rows() {
    let dir = model2vec(&tensors([("embeddings", table())]));
    let vectors = encoder(dir.path()).encode(&[]).unwrap();
    assert_eq!((vectors.rows(), vectors.columns()), (0, 2));
}

#[test]
fn the_fingerprint_follows_contents_and_not_places() {
    let dirs = [(); 2].map(|()| model2vec(&tensors([("embeddings", table())])));
    let fingerprint = || {
        dirs.each_ref()
            .map(|dir| encoder(dir.path()).fingerprint().to_owned())
    };
    let [first, second] = fingerprint();
    assert_eq!(first, second);
    assert_eq!(first.len(), 64);
    let mut changed = tokenizer();
    changed["normalizer"]["lowercase"] = json!(false);
    write_json(&dirs[1].path().join("tokenizer.json"), &changed);
    assert_ne!(first, fingerprint()[1]);
    let mut other = TABLE;
    other[0] += 1.0;
    let other = tensors([("embeddings", Tensor::floats(&[IDS, 2], &other))]);
    write_tensors(&dirs[0].path().join("model.safetensors"), &other);
    assert_ne!(first, fingerprint()[0]);
}

fn check_refusal(dir: &Path, parts: &[&str]) {
    let message = refusal(KIND, dir);
    for part in parts {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    for bad in [f32::NAN, f32::INFINITY] {
        let mut numbers = TABLE;
        numbers[5] = bad;
        let dir = model2vec(&tensors([(
            "embeddings",
            Tensor::floats(&[IDS, 2], &numbers),
        )]));
        check_refusal(
            dir.path(),
            &["model.safetensors", "`embeddings`", "position 5"],
        );
    }
    let weights = Tensor::floats(&[IDS], &[f32::NAN; IDS]);
    let dir = model2vec(&tensors([("embeddings", table()), ("weights", weights)]));
    check_refusal(dir.path(), &["`weights`", "position 0"]);
}

#[test]
fn a_tokenizer_with_more_ids_than_rows_is_refused() {
    for name in ["embeddings", "embedding.weight"] {
        let dir = model2vec(&tensors([(name, Tensor::floats(&[4, 2], &TABLE[..8]))]));
        check_refusal(dir.path(), &["tokenizer.json", "token 7", name, "4 rows"]);
    }
    let weights = Tensor::floats(&[3], &[1.0; 3]);
    let dir = model2vec(&tensors([("embeddings", table()), ("weights", weights)]));
    check_refusal(dir.path(), &["token 7", "`weights`", "3 rows"]);
}

#[test]
fn a_mapping_beyond_the_table_is_refused() {
    let mapping = Tensor::new(Dtype::I64, &[IDS], &[8; IDS], i64::to_le_bytes);
    let dir = model2vec(&tensors([("embeddings", table()), ("mapping", mapping)]));
    check_refusal(dir.path(), &["`mapping`", "below 8"]);
}

#[test]
fn a_table_of_another_type_or_shape_is_refused() {
    let whole = Tensor::new(Dtype::I64, &[IDS, 2], &[1; 2 * IDS], i64::to_le_bytes);
    let dir = model2vec(&tensors([("embeddings", whole)]));
    check_refusal(
        dir.path(),
        &["`embeddings`", "I64 [8, 2]", "F32, F16, BF16 or I8"],
    );
    let flat = Tensor::floats(&[2 * IDS], &TABLE);
    let dir = model2vec(&tensors([("embeddings", flat)]));
    check_refusal(dir.path(), &["F32 [16]", "[tokens, dimensions]"]);
}

#[test]
fn files_that_are_missing_or_cut_are_named() {
    check_refusal(Path::new("no/such/directory"), &["no/such/directory"]);
    let dir = model2vec(&tensors([("embeddings", table())]));
    let path = |name: &str| dir.path().join(name);
    fs::remove_file(path("config.json")).unwrap();
    check_refusal(dir.path(), &["config.json"]);
    fs::write(path("config.json"), "{}").unwrap();
    fs::write(path("tokenizer.json"), "{").unwrap();
    check_refusal(dir.path(), &["no tokenizer"]);
    fs::write(path("tokenizer.json"), r#"{"model": {"vocab": {}}}"#).unwrap();
    check_refusal(dir.path(), &["tokenizer.json"]);
    fs::write(path("model.safetensors"), b"not tensors").unwrap();
    check_refusal(dir.path(), &["model.safetensors", "no safetensors file"]);
    fs::remove_file(path("model.safetensors")).unwrap();
    check_refusal(
        dir.path(),
        &["no safetensors file with tensor `embeddings`"],
    );
}

#[test]
fn a_tokenizer_that_plays_dice_is_refused() {
    let dir = model2vec(&tensors([("embeddings", table())]));
    let mut random = tokenizer();
    random["model"]["dropout"] = json!(0.1);
    write_json(&dir.path().join("tokenizer.json"), &random);
    check_refusal(dir.path(), &["model.dropout", "0.1"]);
}

#[test]
fn a_vector_beyond_the_range_of_numbers_is_an_error() {
    let table = Tensor::floats(&[IDS, 2], &[f32::MAX; 2 * IDS]);
    let dir = model2vec(&tensors([("embeddings", table)]));
    let error = encoder(dir.path()).encode(&["red", "red red"]).unwrap_err();
    assert!(
        error.to_string().contains("text 1 is not finite"),
        "{error}"
    );
}
