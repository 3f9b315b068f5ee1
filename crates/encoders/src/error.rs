//! Why a directory makes no encoder, or a text no vector.

use std::io;
use std::path::PathBuf;

/// A directory, device or cache that cannot be used, or an encoding that failed.
#[derive(Debug, thiserror::Error)]
pub enum EncoderError {
    /// No such kind of encoder.
    #[error("encoder `{0}` must be static:DIR or minilm:DIR")]
    Spec(String),
    /// No such kind of device.
    #[error("device `{0}` must be cpu, cuda or cuda:N")]
    DeviceName(String),
    /// CUDA was asked for and is not in this build.
    #[error("device {0}: this build has no CUDA; build with `--features cuda`, or use cpu")]
    NoCuda(String),
    /// The device does not open.
    #[error("device {device} cannot be used: {source}")]
    Device {
        /// Which one.
        device: String,
        /// What the tensor library says.
        source: candle_core::Error,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", file.display())]
    File {
        /// Which file or directory.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// No file fits.
    #[error("{} holds no {wanted}", dir.display())]
    NoFile {
        /// Where it was looked for.
        dir: PathBuf,
        /// What would be right.
        wanted: String,
    },
    /// More than one file fits.
    #[error("{} holds more than one {wanted}: {}; keep one, or name it {preferred}", dir.display(), found.join(", "))]
    Ambiguous {
        /// Where it was looked for.
        dir: PathBuf,
        /// What was looked for.
        wanted: String,
        /// The name that would be taken first.
        preferred: &'static str,
        /// The files that fit.
        found: Vec<String>,
    },
    /// A settings file is malformed.
    #[error("{}: {source}", file.display())]
    Json {
        /// Which file.
        file: PathBuf,
        /// What is wrong in it.
        source: serde_json::Error,
    },
    /// A setting that this room cannot follow.
    #[error("{}: {setting} is {found}; supported: {supported}", file.display())]
    Setting {
        /// Which file.
        file: PathBuf,
        /// Which setting.
        setting: &'static str,
        /// What it is.
        found: String,
        /// What would be right.
        supported: String,
    },
    /// The weights are no safetensors file.
    #[error("{} is no safetensors file: {source}", file.display())]
    Weights {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        source: safetensors::SafeTensorError,
    },
    /// A tensor is absent.
    #[error("{} has no tensor `{tensor}`", file.display())]
    NoTensor {
        /// Which file.
        file: PathBuf,
        /// Which tensor.
        tensor: String,
    },
    /// A tensor is of another type or shape than its place asks for.
    #[error("{}: tensor `{tensor}` is {found}, expected {expected}", file.display())]
    Shape {
        /// Which file.
        file: PathBuf,
        /// Which tensor.
        tensor: String,
        /// Its type and shape.
        found: String,
        /// The type and shape that its place asks for.
        expected: String,
    },
    /// A weight is NaN or infinite.
    #[error("{}: tensor `{tensor}` is not finite at position {position}", file.display())]
    NotFinite {
        /// Which file.
        file: PathBuf,
        /// Which tensor.
        tensor: String,
        /// The first such number, counted row by row.
        position: usize,
    },
    /// The tokenizer is malformed, or fails on a text.
    #[error("{}: {source}", file.display())]
    Tokenizer {
        /// Which file.
        file: PathBuf,
        /// What the tokenizer says.
        source: tokenizers::Error,
    },
    /// The tokenizer knows tokens that have no vector.
    #[error("{} has token {token}, but tensor `{tensor}` has only {rows} rows: tokenizer and weights belong to different models", file.display())]
    Vocabulary {
        /// The tokenizer's file.
        file: PathBuf,
        /// Its largest token.
        token: u32,
        /// The tensor that should have a row for it.
        tensor: String,
        /// How many rows there are.
        rows: usize,
    },
    /// Finite weights made an infinite vector.
    #[error("the vector of text {text} is not finite: the weights are too large for 32 bits")]
    Overflow {
        /// Which of the texts given, from 0.
        text: usize,
    },
    /// The tensor library failed.
    #[error("a tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
    /// A cache is open elsewhere.
    #[error("{} is in use by another process; wait for it, or give another directory", file.display())]
    CacheInUse {
        /// The cache's file.
        file: PathBuf,
    },
    /// A file that is not a cache of this encoder.
    #[error("{} is no cache of encoder {fingerprint}; delete it, or give another directory", file.display())]
    CacheForeign {
        /// The cache's file.
        file: PathBuf,
        /// The encoder that it should be of.
        fingerprint: String,
    },
}
