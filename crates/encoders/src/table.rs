//! Static token embeddings: a vector for each token, their mean, then unit length.
//!
//! Two layouts are read. Model2Vec (Tulkens and van Dongen, 2024): `model.safetensors` with a
//! tensor `embeddings`, with or without `weights` and `mapping`; unknown tokens are left out, and
//! only the first tokens of a text are read, 512 unless `config.json` says otherwise. Tables with
//! a tensor `embedding.weight` (WordLlama, the static models of sentence-transformers): every
//! token counts. Of every text at most the first 32 KiB are read. A text without tokens is the
//! zero vector.

mod files;
mod rows;

use pointsman_types::Grid;
use rayon::prelude::*;
use serde::Deserialize;

use crate::EncoderError;
use crate::directory::Directory;
use crate::tensors::Tensors;
use crate::tokens::Tokens;
use files::Found;
use rows::Rows;

/// Tensors that hold a table, and what they say about its layout.
const MODEL2VEC: &str = "embeddings";
const PLAIN: &str = "embedding.weight";

/// A table of token vectors with its tokenizer.
pub(crate) struct Table {
    tokens: Tokens,
    rows: Rows,
    /// The row of each token, where tokens share rows.
    mapping: Option<Vec<usize>>,
    /// The weight of each token.
    weights: Option<Vec<f32>>,
    /// The token that counts for nothing.
    left_out: Option<u32>,
    /// How many characters of a text are read.
    most_chars: usize,
}

/// The part of a Model2Vec `config.json` that moves vectors.
#[derive(Deserialize)]
struct Config {
    /// How many tokens of a text are read; null is all.
    #[serde(default = "default_length")]
    max_length: Option<usize>,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "serde asks for the type of the field"
)]
fn default_length() -> Option<usize> {
    Some(512)
}

impl Table {
    pub(crate) fn open(directory: &mut Directory) -> Result<Self, EncoderError> {
        let Found { weights, tokenizer } = files::find(directory.path())?;
        let bytes = directory.bytes("weights", &weights)?;
        let tensors = Tensors::parse(&weights, &bytes)?;
        let json = directory.bytes("tokenizer", &tokenizer)?;
        if tensors.has(MODEL2VEC) {
            let config: Config = directory.json("config.json")?;
            let most = config.max_length.unwrap_or(usize::MAX);
            Self::model2vec(&tensors, Tokens::parse(&tokenizer, &json, most)?, most)
        } else {
            Self::plain(&tensors, Tokens::parse(&tokenizer, &json, usize::MAX)?)
        }
    }

    fn plain(tensors: &Tensors<'_>, tokens: Tokens) -> Result<Self, EncoderError> {
        let rows = Rows::read(tensors, PLAIN)?;
        tokens.check_rows(PLAIN, rows.len())?;
        Ok(Self {
            tokens,
            rows,
            mapping: None,
            weights: None,
            left_out: None,
            most_chars: usize::MAX,
        })
    }

    /// As the reference does, a text is cut twice: first at so many characters as the most tokens
    /// of median length have, then at the most tokens.
    fn model2vec(tensors: &Tensors<'_>, tokens: Tokens, most: usize) -> Result<Self, EncoderError> {
        let rows = Rows::read(tensors, MODEL2VEC)?;
        let len = |name| tensors.view(name).map(|view| view.shape().iter().product());
        let mapping = optional(tensors, "mapping", |name| tensors.indices(name, len(name)?))?;
        let weights = optional(tensors, "weights", |name| tensors.list(name, len(name)?))?;
        match &mapping {
            Some(mapping) => {
                tokens.check_rows("mapping", mapping.len())?;
                check_mapping(tensors, mapping, rows.len())?;
            }
            None => tokens.check_rows(MODEL2VEC, rows.len())?,
        }
        if let Some(weights) = &weights {
            tokens.check_rows("weights", weights.len())?;
        }
        Ok(Self {
            left_out: tokens.unknown(),
            most_chars: most.saturating_mul(tokens.median_length()),
            tokens,
            rows,
            mapping,
            weights,
        })
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.rows.dimensions()
    }

    /// The vector of each text, shape `(texts, dimensions)`.
    pub(crate) fn encode(&self, texts: &[&str]) -> Result<Grid<f32>, EncoderError> {
        let vectors = texts.par_iter().map(|text| self.encode_one(text));
        let vectors = vectors.collect::<Result<Vec<_>, _>>()?;
        Ok(Grid::from_values(self.dimensions(), vectors.concat()))
    }

    /// The vector of a text, its length not yet one.
    pub(crate) fn encode_one(&self, text: &str) -> Result<Vec<f32>, EncoderError> {
        let tokens = self.tokens.read(beginning(text, self.most_chars))?;
        let counted = tokens
            .into_iter()
            .filter(|token| Some(*token) != self.left_out);
        let rows: Vec<_> = counted.map(|token| self.row(token as usize)).collect();
        Ok(self.rows.sum(&rows))
    }

    /// The row of a token and its weight.
    fn row(&self, token: usize) -> (usize, f32) {
        let row = self.mapping.as_ref().map_or(token, |rows| rows[token]);
        let weight = self.weights.as_ref().map_or(1.0, |weights| weights[token]);
        (row, weight)
    }
}

/// A tensor that may be absent.
fn optional<T>(
    tensors: &Tensors<'_>,
    name: &'static str,
    read: impl Fn(&'static str) -> Result<T, EncoderError>,
) -> Result<Option<T>, EncoderError> {
    tensors.has(name).then(|| read(name)).transpose()
}

fn check_mapping(
    tensors: &Tensors<'_>,
    mapping: &[usize],
    rows: usize,
) -> Result<(), EncoderError> {
    if mapping.iter().all(|row| *row < rows) {
        return Ok(());
    }
    let view = tensors.view("mapping")?;
    Err(tensors.wrong(
        "mapping",
        &view,
        format!("rows of `{MODEL2VEC}`, all below {rows}"),
    ))
}

/// The first so many characters.
fn beginning(text: &str, chars: usize) -> &str {
    if text.len() <= chars {
        return text;
    }
    let end = text
        .char_indices()
        .nth(chars)
        .map_or(text.len(), |(at, _)| at);
    &text[..end]
}
