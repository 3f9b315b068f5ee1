//! Transformers of the BERT family (Devlin et al., arXiv:1810.04805) as sentence encoders (Reimers
//! and Gurevych, arXiv:1908.10084): the mean of the last layer over the tokens of a text, or its
//! first token, where the settings say so.
//!
//! On a CPU plain loops in a layout of their own (`strips`); on another device the tensors of
//! candle (`on_device`). Both follow the same `Settings` and `Weights`.

mod activation;
mod attention;
mod dense;
mod norm;
mod on_cpu;
mod on_device;
mod product;
#[cfg(test)]
mod reference;
mod settings;
mod strips;
mod weights;

use std::borrow::Cow;

use candle_core::Device;
use pointsman_types::Grid;
use rayon::prelude::*;

use crate::EncoderError;
use crate::directory::Directory;
use crate::tensors::Tensors;
use crate::tokens::Tokens;
use on_cpu::OnCpu;
use on_device::OnDevice;
use settings::Settings;
use weights::Weights;

/// A transformer with its tokenizer.
pub(crate) struct Transformer {
    tokens: Tokens,
    lower_case: bool,
    dimensions: usize,
    network: Network,
}

enum Network {
    OnCpu(OnCpu),
    OnDevice(OnDevice),
}

impl Transformer {
    pub(crate) fn open(directory: &mut Directory, device: &Device) -> Result<Self, EncoderError> {
        let settings = Settings::read(directory)?;
        let tokens = settings.tokens(directory)?;
        let file = directory.file(&settings.inner("model.safetensors"));
        let bytes = directory.bytes("model.safetensors", &file)?;
        let weights = Weights::read(&Tensors::parse(&file, &bytes)?, &settings.shape)?;
        tokens.check_rows("word_embeddings", settings.shape.tokens)?;
        Ok(Self {
            tokens,
            lower_case: settings.lower_case,
            dimensions: settings.shape.hidden,
            network: Network::new(&settings, weights, device)?,
        })
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// The vector of each text, shape `(texts, dimensions)`, lengths not yet one.
    ///
    /// Texts of like length go together, so that nothing or little is padded.
    pub(crate) fn encode(&self, texts: &[&str]) -> Result<Grid<f32>, EncoderError> {
        let tokens = texts.par_iter().map(|text| self.read(text));
        let tokens = tokens.collect::<Result<Vec<_>, _>>()?;
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.retain(|text| !tokens[*text].is_empty());
        order.sort_by_key(|text| tokens[*text].len());
        let mut vectors = Grid::filled(texts.len(), self.dimensions, 0.0);
        for batch in batches(
            &order,
            |text| tokens[*text].len(),
            self.network.most_tokens(),
        ) {
            let batch_tokens: Vec<&[u32]> = batch.iter().map(|text| &tokens[*text][..]).collect();
            let encoded = self.network.encode(&batch_tokens)?;
            for (row, text) in batch.iter().enumerate() {
                vectors.row_mut(*text).copy_from_slice(encoded.row(row));
            }
        }
        Ok(vectors)
    }

    /// The vector of a text, its length not yet one.
    pub(crate) fn encode_one(&self, text: &str) -> Result<Vec<f32>, EncoderError> {
        Ok(self.encode(&[text])?.values().to_vec())
    }

    fn read(&self, text: &str) -> Result<Vec<u32>, EncoderError> {
        let text = match self.lower_case {
            true => Cow::Owned(text.to_lowercase()),
            false => Cow::Borrowed(text),
        };
        self.tokens.read(&text)
    }
}

impl Network {
    fn new(settings: &Settings, weights: Weights, device: &Device) -> Result<Self, EncoderError> {
        Ok(match device {
            Device::Cpu => Self::OnCpu(OnCpu::new(settings, weights)),
            _ => Self::OnDevice(OnDevice::new(settings, &weights, device)?),
        })
    }

    /// How many tokens go together: enough to keep the arithmetic busy, few enough to stay in the
    /// caches of a CPU.
    fn most_tokens(&self) -> usize {
        match self {
            Self::OnCpu(_) => 128,
            Self::OnDevice(_) => 16_384,
        }
    }

    fn encode(&self, texts: &[&[u32]]) -> Result<Grid<f32>, EncoderError> {
        match self {
            // Within the pool, or each of the many small parallel steps would wake it anew.
            Self::OnCpu(network) => Ok(rayon::scope(|_| network.encode(texts))),
            Self::OnDevice(network) => Ok(network.encode(texts)?),
        }
    }
}

/// Cuts texts, sorted by length, into batches that have at most so many tokens when each text is
/// as long as the longest; a longer text is a batch of its own.
fn batches<T>(sorted: &[T], len: impl Fn(&T) -> usize, most: usize) -> Vec<&[T]> {
    let mut batches = Vec::new();
    let mut rest = sorted;
    while !rest.is_empty() {
        let fits = |(before, text): (usize, &T)| (before + 1) * len(text) <= most;
        let count = rest
            .iter()
            .enumerate()
            .take_while(|pair| fits(*pair))
            .count();
        let (batch, after) = rest.split_at(count.max(1));
        batches.push(batch);
        rest = after;
    }
    batches
}
