//! What the files beside the weights say: the shape of the network, how much of a text is read,
//! how the last layer becomes one vector.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::EncoderError;
use crate::directory::Directory;
use crate::tokens::{Casing, Tokens, word_piece};
use crate::transformer::activation::Activation;

/// How the last layer becomes one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pooling {
    /// The mean over the tokens.
    Mean,
    /// The first token.
    First,
}

/// The sizes of a network.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) tokens: usize,
    pub(super) positions: usize,
    pub(super) kinds: usize,
    pub(super) hidden: usize,
    pub(super) heads: usize,
    pub(super) inner: usize,
    pub(super) layers: usize,
}

/// All that is known before the weights are read.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) shape: Shape,
    pub(super) activation: Activation,
    pub(super) epsilon: f32,
    pub(super) pooling: Pooling,
    /// How many tokens of a text are read, those around it included.
    pub(super) most_tokens: usize,
    pub(super) lower_case: bool,
    /// The directory of the network within that of the encoder.
    base: String,
}

/// `config.json`.
#[derive(Deserialize)]
struct Config {
    #[serde(default = "bert")]
    model_type: String,
    #[serde(default = "absolute")]
    position_embedding_type: String,
    hidden_act: String,
    hidden_size: usize,
    intermediate_size: usize,
    max_position_embeddings: usize,
    num_attention_heads: usize,
    num_hidden_layers: usize,
    #[serde(default = "two")]
    type_vocab_size: usize,
    vocab_size: usize,
    #[serde(default = "epsilon")]
    layer_norm_eps: f32,
}

fn bert() -> String {
    "bert".into()
}

fn absolute() -> String {
    "absolute".into()
}

fn two() -> usize {
    2
}

fn epsilon() -> f32 {
    1e-12
}

/// One entry of `modules.json`.
#[derive(Deserialize)]
struct Module {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

/// `sentence_bert_config.json`.
#[derive(Default, Deserialize)]
struct Reading {
    max_seq_length: Option<usize>,
    #[serde(default)]
    do_lower_case: bool,
}

/// `tokenizer_config.json`. Where there is no limit, `model_max_length` is beyond any integer.
#[derive(Default, Deserialize)]
struct TokenizerConfig {
    model_max_length: Option<f64>,
    do_lower_case: Option<bool>,
    strip_accents: Option<bool>,
    tokenize_chinese_chars: Option<bool>,
}

impl Settings {
    pub(super) fn read(directory: &mut Directory) -> Result<Self, EncoderError> {
        let (base, pooling) = modules(directory)?;
        let inner = |name: &str| within(&base, name);
        let config: Config = directory.json(&inner("config.json"))?;
        let file = directory.file(&inner("config.json"));
        let reading: Reading = directory.json_or_default(&inner("sentence_bert_config.json"))?;
        let tokenizer: TokenizerConfig =
            directory.json_or_default(&inner("tokenizer_config.json"))?;
        let asked = reading
            .max_seq_length
            .or(tokenizer.model_max_length.map(|length| length as usize));
        Ok(Self {
            activation: config.activation(&file)?,
            shape: config.shape(&file)?,
            epsilon: config.layer_norm_eps,
            pooling,
            most_tokens: asked
                .unwrap_or(usize::MAX)
                .min(config.max_position_embeddings),
            lower_case: reading.do_lower_case,
            base,
        })
    }

    /// A network of this shape, the rest as most have it.
    #[cfg(test)]
    pub(super) fn for_tests(shape: Shape) -> Self {
        Self {
            activation: Activation::Gelu,
            epsilon: epsilon(),
            pooling: Pooling::Mean,
            most_tokens: shape.positions,
            lower_case: false,
            base: String::new(),
            shape,
        }
    }

    /// The name of a file of the network, from the directory of the encoder.
    pub(super) fn inner(&self, name: &str) -> String {
        within(&self.base, name)
    }

    /// The tokenizer: `tokenizer.json` or else `vocab.txt`.
    pub(super) fn tokens(&self, directory: &mut Directory) -> Result<Tokens, EncoderError> {
        let json = directory.file(&self.inner("tokenizer.json"));
        let list = directory.file(&self.inner("vocab.txt"));
        let tokens = if json.is_file() {
            let bytes = directory.bytes("tokenizer.json", &json)?;
            Tokens::parse(&json, &bytes, self.most_tokens)?
        } else if list.is_file() {
            let config: TokenizerConfig =
                directory.json_or_default(&self.inner("tokenizer_config.json"))?;
            let bytes = directory.bytes("vocab.txt", &list)?;
            word_piece(&list, &bytes, config.casing(), self.most_tokens)?
        } else {
            return Err(EncoderError::NoFile {
                dir: directory.path().to_owned(),
                wanted: "tokenizer.json or vocab.txt".into(),
            });
        };
        tokens.framed()
    }
}

impl TokenizerConfig {
    fn casing(&self) -> Casing {
        Casing {
            lower: self.do_lower_case.unwrap_or(true),
            strip_accents: self.strip_accents,
            chinese: self.tokenize_chinese_chars.unwrap_or(true),
        }
    }
}

impl Config {
    fn activation(&self, file: &Path) -> Result<Activation, EncoderError> {
        Activation::named(&self.hidden_act).ok_or_else(|| EncoderError::Setting {
            file: file.to_owned(),
            setting: "hidden_act",
            found: self.hidden_act.clone(),
            supported: "gelu, gelu_new, gelu_pytorch_tanh, relu".into(),
        })
    }

    fn shape(&self, file: &Path) -> Result<Shape, EncoderError> {
        let wrong = |setting, found: String, supported: &str| EncoderError::Setting {
            file: file.to_owned(),
            setting,
            found,
            supported: supported.to_owned(),
        };
        if self.model_type != "bert" {
            return Err(wrong("model_type", self.model_type.clone(), "bert"));
        }
        if self.position_embedding_type != "absolute" {
            let found = self.position_embedding_type.clone();
            return Err(wrong("position_embedding_type", found, "absolute"));
        }
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_attention_heads", self.num_attention_heads),
        ];
        if let Some((setting, _)) = sizes.into_iter().find(|(_, size)| *size == 0) {
            return Err(wrong(setting, "0".into(), "at least 1"));
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let found = self.num_attention_heads.to_string();
            let supported = format!("a divisor of hidden_size, {}", self.hidden_size);
            return Err(wrong("num_attention_heads", found, &supported));
        }
        Ok(Shape {
            tokens: self.vocab_size,
            positions: self.max_position_embeddings,
            kinds: self.type_vocab_size,
            hidden: self.hidden_size,
            heads: self.num_attention_heads,
            inner: self.intermediate_size,
            layers: self.num_hidden_layers,
        })
    }
}

/// Where the network is, and how it is pooled: `modules.json` and what it points at.
fn modules(directory: &mut Directory) -> Result<(String, Pooling), EncoderError> {
    let file = directory.file("modules.json");
    let modules: Vec<Module> = directory.json_or_default("modules.json")?;
    let (mut base, mut pooled) = (String::new(), "1_Pooling".to_owned());
    for module in modules {
        match module.kind.rsplit('.').next() {
            Some("Transformer") => base = module.path,
            Some("Pooling") => pooled = module.path,
            Some("Normalize") => {}
            _ => {
                return Err(EncoderError::Setting {
                    file,
                    setting: "a module",
                    found: module.kind,
                    supported: "Transformer, Pooling, Normalize".into(),
                });
            }
        }
    }
    let name = within(&pooled, "config.json");
    let config: Map<String, Value> = directory.json_or_default(&name)?;
    Ok((base, pooling(directory.file(&name), &config)?))
}

/// `pooling_mode_cls_token: true` and its like, or `pooling_mode: "cls"`. Unit length makes the
/// mean of the mean and of the sum over a root of the count the same vector.
fn pooling(file: PathBuf, config: &Map<String, Value>) -> Result<Pooling, EncoderError> {
    let flags = config.iter().filter(|(_, value)| **value == true);
    let flags = flags.filter_map(|(key, _)| key.strip_prefix("pooling_mode_"));
    let named = config.get("pooling_mode").and_then(Value::as_str);
    let modes: Vec<&str> = flags.chain(named).collect();
    match modes[..] {
        [] | ["mean_tokens" | "mean" | "mean_sqrt_len_tokens"] => Ok(Pooling::Mean),
        ["cls_token" | "cls"] => Ok(Pooling::First),
        _ => Err(EncoderError::Setting {
            file,
            setting: "pooling_mode",
            found: modes.join(" + "),
            supported: "mean_tokens, mean_sqrt_len_tokens or cls_token".into(),
        }),
    }
}

fn within(base: &str, name: &str) -> String {
    match base {
        "" | "." => name.to_owned(),
        _ => format!("{base}/{name}"),
    }
}
