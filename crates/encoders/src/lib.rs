//! Sentence encoders: a text becomes one dense vector of unit length.
//!
//! Two kinds: `static`, a table of token vectors and their mean, microseconds a text; `minilm`, a
//! transformer of the BERT family, milliseconds a text. Both are read from a local directory, and
//! nothing here reaches a network. What a vector is good for is for the callers to learn.

mod cache;
mod device;
mod directory;
mod encoder;
mod error;
mod machine;
mod spec;
mod table;
mod tensors;
mod tokens;
mod transformer;

pub use cache::Cache;
pub use candle_core::Device;
pub use device::device;
pub use encoder::Encoder;
pub use error::EncoderError;
pub use spec::{EncoderKind, EncoderSpec};
