//! The weights of a BERT model by the names that Hugging Face gives them, each checked for shape.

use pointsman_types::Grid;

use crate::EncoderError;
use crate::tensors::Tensors;
use crate::transformer::settings::Shape;

/// `x -> weight x + bias`.
#[derive(Debug, Clone)]
pub(super) struct Linear {
    /// Shape `(outputs, inputs)`.
    pub(super) weight: Grid<f32>,
    pub(super) bias: Vec<f32>,
}

/// A gain and a shift for each number of a vector of mean 0 and variance 1.
#[derive(Debug, Clone)]
pub(super) struct NormWeights {
    pub(super) gain: Vec<f32>,
    pub(super) shift: Vec<f32>,
}

/// One layer.
#[derive(Debug, Clone)]
pub(super) struct LayerWeights {
    pub(super) query: Linear,
    pub(super) key: Linear,
    pub(super) value: Linear,
    pub(super) attended: Linear,
    pub(super) attended_norm: NormWeights,
    pub(super) widen: Linear,
    pub(super) narrow: Linear,
    pub(super) narrow_norm: NormWeights,
}

/// The whole network.
#[derive(Debug, Clone)]
pub(super) struct Weights {
    /// Shape `(tokens, hidden)`.
    pub(super) words: Grid<f32>,
    /// Shape `(positions, hidden)`; the vector of the first kind of text is in it, since a single
    /// text has no other.
    pub(super) positions: Grid<f32>,
    pub(super) norm: NormWeights,
    pub(super) layers: Vec<LayerWeights>,
}

impl Weights {
    pub(super) fn read(tensors: &Tensors<'_>, shape: &Shape) -> Result<Self, EncoderError> {
        let file = Named::new(tensors);
        let kinds = file.grid(
            "embeddings.token_type_embeddings",
            shape.kinds,
            shape.hidden,
        )?;
        let mut positions = file.grid(
            "embeddings.position_embeddings",
            shape.positions,
            shape.hidden,
        )?;
        for position in 0..shape.positions {
            for (value, kind) in positions.row_mut(position).iter_mut().zip(kinds.row(0)) {
                *value += kind;
            }
        }
        Ok(Self {
            words: file.grid("embeddings.word_embeddings", shape.tokens, shape.hidden)?,
            positions,
            norm: file.norm("embeddings.LayerNorm", shape.hidden)?,
            layers: (0..shape.layers)
                .map(|layer| file.layer(layer, shape))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// A file whose tensors may all stand under `bert.`.
struct Named<'a> {
    tensors: &'a Tensors<'a>,
    prefix: &'static str,
}

impl<'a> Named<'a> {
    fn new(tensors: &'a Tensors<'a>) -> Self {
        let under = tensors.has("bert.embeddings.word_embeddings.weight");
        Self {
            tensors,
            prefix: if under { "bert." } else { "" },
        }
    }

    fn grid(&self, name: &str, rows: usize, columns: usize) -> Result<Grid<f32>, EncoderError> {
        let name = format!("{}{name}.weight", self.prefix);
        self.tensors.grid(&name, rows, columns)
    }

    fn list(&self, name: &str, part: &str, len: usize) -> Result<Vec<f32>, EncoderError> {
        self.tensors
            .list(&format!("{}{name}.{part}", self.prefix), len)
    }

    fn linear(&self, name: &str, inputs: usize, outputs: usize) -> Result<Linear, EncoderError> {
        Ok(Linear {
            weight: self.grid(name, outputs, inputs)?,
            bias: self.list(name, "bias", outputs)?,
        })
    }

    /// `weight` and `bias`; files converted from TensorFlow say `gamma` and `beta`.
    fn norm(&self, name: &str, hidden: usize) -> Result<NormWeights, EncoderError> {
        let old = self.tensors.has(&format!("{}{name}.gamma", self.prefix));
        let (gain, shift) = if old {
            ("gamma", "beta")
        } else {
            ("weight", "bias")
        };
        Ok(NormWeights {
            gain: self.list(name, gain, hidden)?,
            shift: self.list(name, shift, hidden)?,
        })
    }

    fn layer(&self, layer: usize, shape: &Shape) -> Result<LayerWeights, EncoderError> {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let (hidden, inner) = (shape.hidden, shape.inner);
        let square = |part: &str| self.linear(&name(part), hidden, hidden);
        Ok(LayerWeights {
            query: square("attention.self.query")?,
            key: square("attention.self.key")?,
            value: square("attention.self.value")?,
            attended: square("attention.output.dense")?,
            attended_norm: self.norm(&name("attention.output.LayerNorm"), hidden)?,
            widen: self.linear(&name("intermediate.dense"), hidden, inner)?,
            narrow: self.linear(&name("output.dense"), inner, hidden)?,
            narrow_norm: self.norm(&name("output.LayerNorm"), hidden)?,
        })
    }
}
