//! Directories of small encoders, written for a test.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pointsman_encoders::{Device, Encoder, EncoderError, EncoderKind, EncoderSpec};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::tensor::{Dtype, View};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The words that the made-up tokenizers know, after `[UNK]`, `[CLS]` and `[SEP]`.
pub(crate) const WORDS: [&str; 5] = ["red", "green", "blue", "##ish", "."];

/// How many ids there are.
pub(crate) const IDS: usize = 3 + WORDS.len();

/// A tensor to be written.
#[derive(Clone)]
pub(crate) struct Tensor {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Vec<u8>,
}

impl View for Tensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

impl Tensor {
    pub(crate) fn floats(shape: &[usize], values: &[f32]) -> Self {
        Self::new(Dtype::F32, shape, values, |value| value.to_le_bytes())
    }

    pub(crate) fn new<T: Copy, const N: usize>(
        dtype: Dtype,
        shape: &[usize],
        values: &[T],
        bytes: impl Fn(T) -> [u8; N],
    ) -> Self {
        assert_eq!(shape.iter().product::<usize>(), values.len());
        Self {
            dtype,
            shape: shape.to_vec(),
            bytes: values.iter().flat_map(|value| bytes(*value)).collect(),
        }
    }
}

pub(crate) type Tensors = BTreeMap<String, Tensor>;

pub(crate) fn tensors<const N: usize>(each: [(&str, Tensor); N]) -> Tensors {
    each.map(|(name, tensor)| (name.to_owned(), tensor)).into()
}

pub(crate) fn write_tensors(file: &Path, tensors: &Tensors) {
    let bytes = safetensors::serialize(tensors.clone(), None).unwrap();
    fs::write(file, bytes).unwrap();
}

pub(crate) fn write_json(file: &Path, json: &Value) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, json.to_string()).unwrap();
}

/// A WordPiece tokenizer over [`WORDS`].
pub(crate) fn tokenizer() -> Value {
    let known = ["[UNK]", "[CLS]", "[SEP]"].into_iter().chain(WORDS);
    let vocabulary: BTreeMap<&str, usize> = known.zip(0..).collect();
    let special = |id: usize, content: &str| {
        json!({"id": id, "content": content, "special": true, "single_word": false,
            "lstrip": false, "rstrip": false, "normalized": false})
    };
    let place = |id: &str| json!({"SpecialToken": {"id": id, "type_id": 0}});
    json!({
        "version": "1.0",
        "truncation": {"max_length": 4, "strategy": "LongestFirst", "stride": 0,
            "direction": "Right"},
        "padding": {"strategy": {"Fixed": 9}, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "[UNK]"},
        "added_tokens": [special(0, "[UNK]"), special(1, "[CLS]"), special(2, "[SEP]")],
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "lowercase": true,
            "handle_chinese_chars": true, "strip_accents": null},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing",
            "single": [place("[CLS]"), {"Sequence": {"id": "A", "type_id": 0}}, place("[SEP]")],
            "pair": [],
            "special_tokens": {
                "[CLS]": {"id": "[CLS]", "ids": [1], "tokens": ["[CLS]"]},
                "[SEP]": {"id": "[SEP]", "ids": [2], "tokens": ["[SEP]"]},
            }},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "max_input_chars_per_word": 100,
            "continuing_subword_prefix": "##", "vocab": vocabulary},
    })
}

/// A Model2Vec directory with these tensors.
pub(crate) fn model2vec(tensors: &Tensors) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_tensors(&dir.path().join("model.safetensors"), tensors);
    write_json(&dir.path().join("tokenizer.json"), &tokenizer());
    write_json(&dir.path().join("config.json"), &json!({"normalize": true}));
    dir
}

/// The settings of a small BERT model.
pub(crate) fn bert_config() -> Value {
    json!({
        "model_type": "bert", "hidden_act": "gelu", "hidden_size": 8, "intermediate_size": 12,
        "max_position_embeddings": 16, "num_attention_heads": 2, "num_hidden_layers": 2,
        "type_vocab_size": 2, "vocab_size": IDS, "layer_norm_eps": 1e-12,
    })
}

/// The weights of that model.
pub(crate) fn bert_tensors() -> Tensors {
    let random = &mut ChaCha8Rng::seed_from_u64(3);
    let mut tensors = Tensors::new();
    let mut put = |name: String, shape: &[usize]| {
        let len = shape.iter().product();
        let values: Vec<f32> = (0..len).map(|_| random.random_range(-1.0..1.0)).collect();
        tensors.insert(name, Tensor::floats(shape, &values));
    };
    for (name, rows) in [("word", IDS), ("position", 16), ("token_type", 2)] {
        put(format!("embeddings.{name}_embeddings.weight"), &[rows, 8]);
    }
    let mut blocks = vec![("embeddings.LayerNorm".to_owned(), vec![8])];
    for layer in 0..2 {
        let parts = [
            ("attention.self.query", vec![8, 8]),
            ("attention.self.key", vec![8, 8]),
            ("attention.self.value", vec![8, 8]),
            ("attention.output.dense", vec![8, 8]),
            ("attention.output.LayerNorm", vec![8]),
            ("intermediate.dense", vec![12, 8]),
            ("output.dense", vec![8, 12]),
            ("output.LayerNorm", vec![8]),
        ];
        blocks.extend(parts.map(|(part, shape)| (format!("encoder.layer.{layer}.{part}"), shape)));
    }
    for (name, shape) in blocks {
        put(format!("{name}.weight"), &shape);
        put(format!("{name}.bias"), &shape[..1]);
    }
    tensors
}

/// A directory of a BERT model with these tensors.
pub(crate) fn bert(tensors: &Tensors) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_tensors(&dir.path().join("model.safetensors"), tensors);
    write_json(&dir.path().join("tokenizer.json"), &tokenizer());
    write_json(&dir.path().join("config.json"), &bert_config());
    dir
}

pub(crate) fn open(kind: EncoderKind, dir: &Path) -> Result<Encoder, EncoderError> {
    let dir = dir.to_owned();
    Encoder::open(&EncoderSpec { kind, dir }, &Device::Cpu)
}

/// The message of what must fail.
pub(crate) fn refusal(kind: EncoderKind, dir: &Path) -> String {
    open(kind, dir).unwrap_err().to_string()
}

pub(crate) fn cosine(left: &[f32], right: &[f32]) -> f64 {
    let dot = |left: &[f32], right: &[f32]| -> f64 {
        let products = left.iter().zip(right);
        products.map(|(l, r)| f64::from(*l) * f64::from(*r)).sum()
    };
    dot(left, right) / (dot(left, left) * dot(right, right)).sqrt()
}

/// That two vectors are the same to a few parts in a million.
pub(crate) fn assert_close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    let close = found
        .iter()
        .zip(expected)
        .all(|(f, e)| (f - e).abs() < 5e-6);
    assert!(close, "{found:?}, not {expected:?}");
}
