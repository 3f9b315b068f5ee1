//! The network in tensors of candle, for devices other than the CPU. Texts are padded to the
//! longest of a batch; what is padded is masked.

use candle_core::{Device, Result, Tensor};
use candle_nn::ops;
use pointsman_types::Grid;

use crate::transformer::activation::Activation;
use crate::transformer::settings::{Pooling, Settings};
use crate::transformer::weights::{LayerWeights, Linear, NormWeights, Weights};

/// Weights as tensors.
pub(super) struct OnDevice {
    words: Tensor,
    positions: Tensor,
    norm: Norm,
    layers: Vec<Layer>,
    pooling: Pooling,
    device: Device,
}

struct Layer {
    heads: usize,
    query: Dense,
    key: Dense,
    value: Dense,
    attended: Dense,
    attended_norm: Norm,
    widen: Dense,
    activation: Activation,
    narrow: Dense,
    narrow_norm: Norm,
}

/// Weight, shape `(inputs, outputs)`, and bias.
struct Dense {
    weight: Tensor,
    bias: Tensor,
}

struct Norm {
    gain: Tensor,
    shift: Tensor,
    epsilon: f32,
}

impl OnDevice {
    pub(super) fn new(settings: &Settings, weights: &Weights, device: &Device) -> Result<Self> {
        let layers = weights.layers.iter();
        Ok(Self {
            words: matrix(&weights.words, device)?,
            positions: matrix(&weights.positions, device)?,
            norm: Norm::new(&weights.norm, settings.epsilon, device)?,
            layers: layers
                .map(|layer| Layer::new(settings, layer, device))
                .collect::<Result<_>>()?,
            pooling: settings.pooling,
            device: device.clone(),
        })
    }

    /// A vector for each text, shape `(texts, hidden)`; no text is empty.
    pub(super) fn encode(&self, texts: &[&[u32]]) -> Result<Grid<f32>> {
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        let padded = |text: &&[u32]| {
            let beyond = std::iter::repeat_n(0, longest - text.len());
            text.iter().copied().chain(beyond).collect::<Vec<u32>>()
        };
        let tokens: Vec<u32> = texts.iter().flat_map(padded).collect();
        let within = |text: &&[u32]| {
            let len = text.len();
            (0..longest).map(move |position| f32::from(u8::from(position < len)))
        };
        let mask: Vec<f32> = texts.iter().flat_map(within).collect();
        let mask = Tensor::from_vec(mask, (texts.len(), longest, 1), &self.device)?;
        let state = self.embed(tokens, texts.len(), longest)?;
        let bias = mask
            .affine(1e9, -1e9)?
            .reshape((texts.len(), 1, 1, longest))?;
        let last = self
            .layers
            .iter()
            .try_fold(state, |state, layer| layer.apply(&state, &bias))?;
        let pooled = self.pool(&last, &mask)?;
        Ok(Grid::from_values(
            pooled.dim(1)?,
            pooled.flatten_all()?.to_vec1()?,
        ))
    }

    /// Shape `(texts, longest, hidden)`.
    fn embed(&self, tokens: Vec<u32>, texts: usize, longest: usize) -> Result<Tensor> {
        let tokens = Tensor::from_vec(tokens, texts * longest, &self.device)?;
        let words = self.words.index_select(&tokens, 0)?;
        let words = words.reshape((texts, longest, ()))?;
        let positions = self.positions.narrow(0, 0, longest)?;
        self.norm.apply(&words.broadcast_add(&positions)?)
    }

    fn pool(&self, last: &Tensor, mask: &Tensor) -> Result<Tensor> {
        match self.pooling {
            Pooling::First => last.narrow(1, 0, 1)?.squeeze(1),
            Pooling::Mean => {
                let sums = last.broadcast_mul(mask)?.sum(1)?;
                sums.broadcast_div(&mask.sum(1)?)
            }
        }
    }
}

impl Layer {
    fn new(settings: &Settings, weights: &LayerWeights, device: &Device) -> Result<Self> {
        let dense = |layer| Dense::new(layer, device);
        let norm = |weights| Norm::new(weights, settings.epsilon, device);
        Ok(Self {
            heads: settings.shape.heads,
            query: dense(&weights.query)?,
            key: dense(&weights.key)?,
            value: dense(&weights.value)?,
            attended: dense(&weights.attended)?,
            attended_norm: norm(&weights.attended_norm)?,
            widen: dense(&weights.widen)?,
            activation: settings.activation,
            narrow: dense(&weights.narrow)?,
            narrow_norm: norm(&weights.narrow_norm)?,
        })
    }

    fn apply(&self, state: &Tensor, bias: &Tensor) -> Result<Tensor> {
        let attended = self.attended.apply(&self.attend(state, bias)?)?;
        let attended = self.attended_norm.apply(&(attended + state)?)?;
        let wide = self.activation.apply_to(&self.widen.apply(&attended)?)?;
        let narrow = self.narrow.apply(&wide)?;
        self.narrow_norm.apply(&(narrow + attended)?)
    }

    fn attend(&self, state: &Tensor, bias: &Tensor) -> Result<Tensor> {
        let (texts, longest, hidden) = state.dims3()?;
        let size = hidden / self.heads;
        let heads = |layer: &Dense| {
            let projected = layer.apply(state)?;
            let heads = projected.reshape((texts, longest, self.heads, size))?;
            heads.transpose(1, 2)?.contiguous()
        };
        let (query, key, value) = (heads(&self.query)?, heads(&self.key)?, heads(&self.value)?);
        let scores = query.matmul(&key.t()?.contiguous()?)?;
        let scores = (scores * (1.0 / (size as f64).sqrt()))?.broadcast_add(bias)?;
        let context = ops::softmax_last_dim(&scores)?.matmul(&value)?;
        context
            .transpose(1, 2)?
            .contiguous()?
            .reshape((texts, longest, hidden))
    }
}

impl Dense {
    fn new(layer: &Linear, device: &Device) -> Result<Self> {
        Ok(Self {
            weight: matrix(&layer.weight, device)?.t()?.contiguous()?,
            bias: Tensor::new(&layer.bias[..], device)?,
        })
    }

    fn apply(&self, input: &Tensor) -> Result<Tensor> {
        let (texts, longest, inputs) = input.dims3()?;
        let rows = input.reshape((texts * longest, inputs))?;
        let output = rows.matmul(&self.weight)?.broadcast_add(&self.bias)?;
        output.reshape((texts, longest, ()))
    }
}

impl Norm {
    fn new(weights: &NormWeights, epsilon: f32, device: &Device) -> Result<Self> {
        Ok(Self {
            gain: Tensor::new(&weights.gain[..], device)?,
            shift: Tensor::new(&weights.shift[..], device)?,
            epsilon,
        })
    }

    fn apply(&self, input: &Tensor) -> Result<Tensor> {
        ops::layer_norm(&input.contiguous()?, &self.gain, &self.shift, self.epsilon)
    }
}

impl Activation {
    fn apply_to(self, input: &Tensor) -> Result<Tensor> {
        match self {
            Self::Gelu => input.gelu_erf(),
            Self::GeluTanh => input.gelu(),
            Self::Relu => input.relu(),
        }
    }
}

fn matrix(grid: &Grid<f32>, device: &Device) -> Result<Tensor> {
    Tensor::from_slice(grid.values(), (grid.rows(), grid.columns()), device)
}
