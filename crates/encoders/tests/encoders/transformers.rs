//! Directories of BERT models: what is read from them, and what is refused.

use std::fs;
use std::path::Path;

use half::f16;
use pointsman_encoders::{Encoder, EncoderKind};
use safetensors::tensor::Dtype;
use serde_json::{Value, json};

use crate::made_up::{
    Tensor, WORDS, bert, bert_config, bert_tensors, cosine, open, refusal, tokenizer, write_json,
    write_tensors,
};

const KIND: EncoderKind = EncoderKind::MiniLm;

/// Texts of no, few and many tokens, known and unknown.
const TEXTS: [&str; 6] = [
    "",
    "red",
    "Green. Blue.",
    "purple ish",
    "greenish redish blue . red",
    "red green blue red green blue red green blue red green blue red green blue red green blue",
];

fn encoder(dir: &Path) -> Encoder {
    open(KIND, dir).unwrap()
}

/// The vectors of [`TEXTS`] from a directory.
fn vectors(dir: &Path) -> Vec<f32> {
    encoder(dir).encode(&TEXTS).unwrap().values().to_vec()
}

#[test]
fn vectors_have_unit_length_and_tell_texts_apart() {
    let dir = bert(&bert_tensors());
    let vectors = encoder(dir.path()).encode(&TEXTS).unwrap();
    assert_eq!((vectors.rows(), vectors.columns()), (TEXTS.len(), 8));
    for row in 0..TEXTS.len() {
        let squares: f32 = vectors.row(row).iter().map(|value| value * value).sum();
        assert!((squares - 1.0).abs() < 1e-5);
        for other in 0..row {
            assert_ne!(vectors.row(row), vectors.row(other));
        }
    }
}

#[test]
fn texts_together_get_the_bits_that_they_get_alone() {
    let dir = bert(&bert_tensors());
    let encoder = encoder(dir.path());
    let texts: Vec<&str> = TEXTS.into_iter().cycle().take(300).collect();
    let together = encoder.encode(&texts).unwrap();
    for (row, text) in texts.iter().enumerate() {
        assert_eq!(together.row(row), encoder.encode_one(text).unwrap());
    }
}

#[test]
fn a_long_text_is_cut_at_the_last_position() {
    let dir = bert(&bert_tensors());
    let encoder = encoder(dir.path());
    let of = |words: usize| encoder.encode_one(&"red ".repeat(words)).unwrap();
    assert_ne!(of(13), of(14));
    assert_eq!(of(14), of(15));
    assert_eq!(of(14), of(100_000));
}

#[test]
fn a_shorter_limit_in_the_settings_is_kept() {
    for (file, setting) in [
        ("sentence_bert_config.json", json!({"max_seq_length": 4})),
        ("tokenizer_config.json", json!({"model_max_length": 4})),
    ] {
        let dir = bert(&bert_tensors());
        write_json(&dir.path().join(file), &setting);
        let encoder = encoder(dir.path());
        let of = |text| encoder.encode_one(text).unwrap();
        assert_ne!(of("red"), of("red green"));
        assert_eq!(of("red green"), of("red green blue"));
    }
}

#[test]
fn no_limit_in_the_settings_leaves_that_of_the_positions() {
    let dir = bert(&bert_tensors());
    let before = vectors(dir.path());
    let limit = json!({"model_max_length": 1e30});
    write_json(&dir.path().join("tokenizer_config.json"), &limit);
    assert_eq!(vectors(dir.path()), before);
}

#[test]
fn a_list_of_tokens_does_for_a_tokenizer() {
    let dir = bert(&bert_tensors());
    let before = vectors(dir.path());
    fs::remove_file(dir.path().join("tokenizer.json")).unwrap();
    let known = ["[UNK]", "[CLS]", "[SEP]"].into_iter().chain(WORDS);
    let list: String = known.map(|word| format!("{word}\n")).collect();
    fs::write(dir.path().join("vocab.txt"), list).unwrap();
    assert_eq!(vectors(dir.path()), before);
    let cased = json!({"do_lower_case": false});
    write_json(&dir.path().join("tokenizer_config.json"), &cased);
    let encoder = encoder(dir.path());
    assert_ne!(
        encoder.encode_one("Red").unwrap(),
        encoder.encode_one("red").unwrap()
    );
}

#[test]
fn other_names_of_the_same_tensors_give_the_same_vectors() {
    let expected = vectors(bert(&bert_tensors()).path());
    let renamed = bert_tensors().into_iter().map(|(name, tensor)| {
        let name = match name.strip_suffix(".LayerNorm.weight") {
            Some(norm) => format!("{norm}.LayerNorm.gamma"),
            None => name.replace(".LayerNorm.bias", ".LayerNorm.beta"),
        };
        (format!("bert.{name}"), tensor)
    });
    assert_eq!(vectors(bert(&renamed.collect()).path()), expected);
}

#[test]
fn a_network_in_a_directory_within_is_found_by_its_modules() {
    let dir = bert(&bert_tensors());
    let expected = vectors(dir.path());
    let inner = dir.path().join("0_Transformer");
    fs::create_dir(&inner).unwrap();
    for file in ["config.json", "model.safetensors", "tokenizer.json"] {
        fs::rename(dir.path().join(file), inner.join(file)).unwrap();
    }
    let module = |path: &str, kind: &str| json!({"path": path, "type": format!("sentence_transformers.models.{kind}")});
    let modules = json!([
        module("0_Transformer", "Transformer"),
        module("2", "Normalize")
    ]);
    write_json(&dir.path().join("modules.json"), &modules);
    assert_eq!(vectors(dir.path()), expected);
}

#[test]
fn pooling_follows_its_settings() {
    let dir = bert(&bert_tensors());
    let mean = vectors(dir.path());
    let with = |config: Value| {
        write_json(&dir.path().join("1_Pooling/config.json"), &config);
        vectors(dir.path())
    };
    let first = with(json!({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}));
    assert_ne!(first, mean);
    assert_eq!(with(json!({"pooling_mode": "cls"})), first);
    for config in [
        json!({"pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": false}),
        json!({"pooling_mode_mean_sqrt_len_tokens": true}),
        json!({"pooling_mode": "mean"}),
    ] {
        assert_eq!(with(config), mean);
    }
}

#[test]
fn weights_of_half_precision_are_read() {
    let single = bert_tensors();
    let expected = vectors(bert(&single).path());
    let halved = single.into_iter().map(|(name, tensor)| {
        let (words, _) = tensor.bytes.as_chunks();
        let values: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
        let half = |value| f16::from_f32(value).to_le_bytes();
        (name, Tensor::new(Dtype::F16, &tensor.shape, &values, half))
    });
    let found = vectors(bert(&halved.collect()).path());
    assert!(cosine(&found, &expected) > 0.9999);
    assert_ne!(found, expected);
}

#[test]
fn the_fingerprint_follows_settings_and_weights() {
    let dir = bert(&bert_tensors());
    let fingerprint = || encoder(dir.path()).fingerprint().to_owned();
    let before = fingerprint();
    assert_eq!(before, encoder(bert(&bert_tensors()).path()).fingerprint());
    let config = json!({"pooling_mode": "cls"});
    write_json(&dir.path().join("1_Pooling/config.json"), &config);
    let pooled = fingerprint();
    assert_ne!(pooled, before);
    let mut tensors = bert_tensors();
    let shift = tensors.get_mut("embeddings.LayerNorm.bias").unwrap();
    shift.bytes[0] ^= 1;
    write_tensors(&dir.path().join("model.safetensors"), &tensors);
    assert_ne!(fingerprint(), pooled);
}

fn check_refusal(dir: &Path, parts: &[&str]) {
    let message = refusal(KIND, dir);
    for part in parts {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
}

#[test]
fn a_tensor_that_is_missing_is_named() {
    for name in [
        "embeddings.LayerNorm.bias",
        "encoder.layer.1.output.dense.weight",
    ] {
        let mut tensors = bert_tensors();
        tensors.remove(name);
        check_refusal(bert(&tensors).path(), &["model.safetensors", name]);
    }
}

#[test]
fn a_weight_that_is_not_finite_is_refused() {
    let mut tensors = bert_tensors();
    let bias = "encoder.layer.0.intermediate.dense.bias";
    let mut values = [0.0; 12];
    values[11] = f32::NEG_INFINITY;
    tensors.insert(bias.into(), Tensor::floats(&[12], &values));
    check_refusal(bert(&tensors).path(), &[bias, "not finite at position 11"]);
}

/// That `config.json` with this setting is refused.
fn check_setting(setting: &str, value: Value, parts: &[&str]) {
    let dir = bert(&bert_tensors());
    let mut config = bert_config();
    config[setting] = value;
    write_json(&dir.path().join("config.json"), &config);
    check_refusal(dir.path(), parts);
}

#[test]
fn sizes_that_disagree_with_the_weights_are_refused() {
    let word = "embeddings.word_embeddings.weight";
    check_setting("vocab_size", json!(9), &[word, "F32 [8, 8]", "[9, 8]"]);
    check_setting("hidden_size", json!(16), &["F32 [2, 8]", "[2, 16]"]);
    check_setting(
        "intermediate_size",
        json!(13),
        &["intermediate", "[12, 8]", "[13, 8]"],
    );
    check_setting("num_hidden_layers", json!(3), &["encoder.layer.2"]);
    check_setting(
        "num_attention_heads",
        json!(3),
        &["num_attention_heads is 3", "divisor"],
    );
    check_setting(
        "num_attention_heads",
        json!(0),
        &["num_attention_heads is 0"],
    );
}

#[test]
fn other_architectures_are_refused() {
    check_setting(
        "model_type",
        json!("mpnet"),
        &["model_type is mpnet", "supported: bert"],
    );
    check_setting("hidden_act", json!("silu"), &["hidden_act is silu", "gelu"]);
    let relative = json!("relative_key");
    check_setting(
        "position_embedding_type",
        relative,
        &["relative_key", "absolute"],
    );
}

#[test]
fn poolings_and_modules_that_are_not_known_are_refused() {
    let dir = bert(&bert_tensors());
    let config = json!({"pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": true});
    write_json(&dir.path().join("1_Pooling/config.json"), &config);
    check_refusal(dir.path(), &["1_Pooling", "max_tokens + mean_tokens"]);
    let modules = json!([{"path": "3_Dense", "type": "sentence_transformers.models.Dense"}]);
    write_json(&dir.path().join("modules.json"), &modules);
    check_refusal(dir.path(), &["modules.json", "models.Dense"]);
}

#[test]
fn a_tokenizer_with_more_ids_than_rows_is_refused() {
    let dir = bert(&bert_tensors());
    let mut more = tokenizer();
    more["model"]["vocab"]["cyan"] = json!(8);
    write_json(&dir.path().join("tokenizer.json"), &more);
    check_refusal(dir.path(), &["tokenizer.json", "token 8", "8 rows"]);
}

#[test]
fn files_that_are_missing_or_malformed_are_named() {
    for file in ["config.json", "model.safetensors"] {
        let dir = bert(&bert_tensors());
        fs::remove_file(dir.path().join(file)).unwrap();
        check_refusal(dir.path(), &[file]);
    }
    let dir = bert(&bert_tensors());
    fs::remove_file(dir.path().join("tokenizer.json")).unwrap();
    check_refusal(dir.path(), &["tokenizer.json or vocab.txt"]);
    fs::write(dir.path().join("vocab.txt"), "red\n").unwrap();
    check_refusal(dir.path(), &["vocab.txt", "[UNK]"]);
    fs::write(dir.path().join("config.json"), "{\"hidden_act\": 3}").unwrap();
    check_refusal(dir.path(), &["config.json", "line 1"]);
}
