//! A low-rank multi-task network on the context, all models, splits and starts in one run.

use candle_core::{D, DType, Device, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use pointsman_models::{Network, Representation};
use pointsman_types::Grid;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Family, Fitted, Part};
use crate::error::TrainError;
use crate::examples::{Examples, columns_of_fit};
use crate::splits::{Labels, Splits};

const UNITS: usize = 32;
/// Networks from different starts, averaged.
const STARTS: usize = 2;
const EPOCHS: usize = 30;
const LEAST_BATCH: usize = 256;
/// A long log has larger batches rather than more steps.
const MOST_STEPS_PER_EPOCH: usize = 64;
const LEARNING_RATE: f64 = 1e-2;
/// Decoupled (Loshchilov and Hutter, arXiv 1711.05101); not on the biases. What one step removes
/// does not depend on the log, so a short log, of few steps, needs more per step: this much over its
/// number of prompts, within [`WEIGHT_DECAY`].
const DECAY_PROMPTS: f64 = 12_000.0;
const WEIGHT_DECAY: std::ops::RangeInclusive<f64> = 1.0..=8.0;
/// Mean scores are kept this far from 0 and 1 before the logit is taken.
const MARGIN: f32 = 0.01;

/// Minimises the cross-entropy on fractional scores, weighted, missing cells left out.
pub(crate) fn fit_networks(
    examples: &Examples,
    splits: &Splits,
    seed: u64,
) -> Result<Fitted, TrainError> {
    let run = Run::new(examples, splits)?;
    let networks = Networks::new(&run, splits, seed)?;
    networks.train(&run, seed)?;
    let held_out = networks.held_out(&run, splits)?;
    Ok(Fitted {
        family: Family::Network,
        setting: format!("{UNITS} units, {STARTS} starts"),
        held_out,
        part: Part::Networks(networks.of_whole(&run)?),
    })
}

/// What every step reads.
struct Run {
    /// Shape `(prompts, context)`, every block at unit scale.
    inputs: Tensor,
    /// What the context was multiplied with, shape `(1, context)`.
    scale: Tensor,
    /// Shape `(prompts, fits * models)`; 0 where missing.
    scores: Tensor,
    /// Shape `(prompts, fits * models)`.
    weight: Tensor,
    fits: usize,
    models: usize,
}

impl Run {
    fn new(examples: &Examples, splits: &Splits) -> Result<Self, TrainError> {
        let device = examples.context.device();
        let scale = scale(examples)?;
        let (rows, models) = (examples.chars.len(), splits.whole().mean.len());
        let side_by_side = |of_fit: fn(&Labels) -> Vec<f32>| -> Result<Tensor, TrainError> {
            let fits = splits.fits.iter();
            let tensors =
                fits.map(|labels| Tensor::from_vec(of_fit(labels), (rows, models), device));
            Ok(Tensor::cat(&tensors.collect::<Result<Vec<_>, _>>()?, 1)?)
        };
        Ok(Self {
            inputs: examples.context.broadcast_mul(&scale)?,
            scale,
            scores: side_by_side(scores)?,
            weight: side_by_side(|labels| labels.weight.values().to_vec())?,
            fits: splits.len(),
            models,
        })
    }

    fn networks(&self) -> usize {
        self.fits * STARTS
    }

    fn rows(&self) -> Result<usize, TrainError> {
        Ok(self.inputs.dim(0)?)
    }

    fn batch(&self) -> Result<usize, TrainError> {
        Ok(LEAST_BATCH.max(self.rows()?.div_ceil(MOST_STEPS_PER_EPOCH)))
    }
}

/// Latent coordinates are small next to standardised surface features; this makes them alike.
fn scale(examples: &Examples) -> Result<Tensor, TrainError> {
    let square = examples.latent()?.sqr()?.mean_all()?.to_scalar::<f32>()?;
    let latent = if square > 0.0 {
        square.sqrt().recip()
    } else {
        1.0
    };
    let mut scale = vec![1.0; Representation::LATENT];
    scale.resize(examples.context.dim(1)?, latent);
    Ok(Tensor::new(scale, examples.context.device())?.unsqueeze(0)?)
}

fn scores(labels: &Labels) -> Vec<f32> {
    let means = labels.mean.iter().cycle();
    let cells = labels.deviation.values().iter().zip(labels.weight.values());
    cells
        .zip(means)
        .map(|((deviation, weight), mean)| if *weight > 0.0 { mean + deviation } else { 0.0 })
        .collect()
}

/// The parameters of all networks; network `start * fits + fit` learns what that fit may see.
struct Networks {
    /// Shape `(context, networks * units)`.
    hidden: Var,
    /// Shape `(networks, units, models)`.
    output: Var,
    /// Shape `(networks, 1, models)`.
    bias: Var,
}

impl Networks {
    /// Small random directions; no output yet, so that training starts at the means.
    fn new(run: &Run, splits: &Splits, seed: u64) -> Result<Self, TrainError> {
        let device = run.inputs.device();
        let entries = run.inputs.dim(1)?;
        let bound = (3.0 / entries as f32).sqrt();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut start = || -> Vec<f32> {
            (0..entries * UNITS)
                .map(|_| rng.random_range(-bound..bound))
                .collect()
        };
        let mut hidden = Vec::new();
        for _ in 0..STARTS {
            let one = Tensor::from_vec(start(), (entries, UNITS), device)?;
            hidden.extend(vec![one; run.fits]);
        }
        let logits: Vec<f32> = (0..STARTS).flat_map(|_| mean_logits(splits)).collect();
        let shape = (run.networks(), 1, run.models);
        Ok(Self {
            hidden: Var::from_tensor(&Tensor::cat(&hidden, 1)?)?,
            output: Var::zeros((run.networks(), UNITS, run.models), DType::F32, device)?,
            bias: Var::from_vec(logits, shape, device)?,
        })
    }

    /// Logits of shape `(networks, prompts, models)`.
    fn logits(&self, inputs: &Tensor) -> Result<Tensor, TrainError> {
        let networks = self.output.dim(0)?;
        let units = inputs.matmul(self.hidden.as_tensor())?.tanh()?;
        let units = units
            .reshape((inputs.dim(0)?, networks, UNITS))?
            .transpose(0, 1)?
            .contiguous()?;
        let logits = units.matmul(self.output.as_tensor())?;
        Ok(logits.broadcast_add(self.bias.as_tensor())?)
    }

    fn train(&self, run: &Run, seed: u64) -> Result<(), TrainError> {
        let decay = weight_decay(run.rows()?);
        let mut weights = optimizer(vec![self.hidden.clone(), self.output.clone()], decay)?;
        let mut biases = optimizer(vec![self.bias.clone()], 0.0)?;
        let mut rng = ChaCha8Rng::seed_from_u64(!seed);
        let mut order: Vec<u32> = (0..run.rows()? as u32).collect();
        let batch = run.batch()?;
        for epoch in 0..EPOCHS {
            order.shuffle(&mut rng);
            let rate = LEARNING_RATE * (1.0 - epoch as f64 / EPOCHS as f64);
            weights.set_learning_rate(rate);
            biases.set_learning_rate(rate);
            for rows in order.chunks(batch) {
                let gradients = self.loss(run, rows)?.backward()?;
                weights.step(&gradients)?;
                biases.step(&gradients)?;
            }
        }
        Ok(())
    }

    /// The sum over networks of the mean cross-entropy, each network on its own labels.
    fn loss(&self, run: &Run, rows: &[u32]) -> Result<Tensor, TrainError> {
        let rows = Tensor::new(rows, run.inputs.device())?;
        let logits = self.logits(&run.inputs.index_select(&rows, 0)?)?;
        let of_networks = |labels: &Tensor| -> Result<Tensor, TrainError> {
            let of_fits = labels.index_select(&rows, 0)?;
            let of_fits = of_fits.reshape((rows.dim(0)?, run.fits, run.models))?;
            Ok(of_fits.transpose(0, 1)?.repeat((STARTS, 1, 1))?)
        };
        let (scores, weight) = (of_networks(&run.scores)?, of_networks(&run.weight)?);
        let cells = rows.dim(0)? * run.models;
        let loss = (cross_entropy(&logits, &scores)? * weight)?.sum_all()?;
        Ok((loss / cells as f64)?)
    }

    /// Deviations from the means, each prompt by the networks that did not see its labels.
    fn held_out(&self, run: &Run, splits: &Splits) -> Result<Grid<f32>, TrainError> {
        let scores = candle_nn::ops::sigmoid(&self.logits(&run.inputs)?)?;
        let shape = (STARTS, run.fits, run.rows()?, run.models);
        let scores = scores.reshape(shape)?.mean(0)?.to_device(&Device::Cpu)?;
        let of_fit = (0..run.fits).map(|fit| scores.get(fit)?.flatten_all()?.to_vec1::<f32>());
        let of_fit = of_fit.collect::<Result<Vec<_>, _>>()?;
        Ok(splits.held_out(run.models, |fit, row| {
            let scores = &of_fit[fit][row * run.models..][..run.models];
            let means = &splits.fits[fit].mean;
            scores
                .iter()
                .zip(means)
                .map(|(score, mean)| score - mean)
                .collect::<Vec<_>>()
        }))
    }

    /// The networks that saw everything, for contexts as they come.
    fn of_whole(&self, run: &Run) -> Result<Vec<Network>, TrainError> {
        let hidden = self.hidden.broadcast_mul(&run.scale.t()?)?;
        let width = hidden.dim(D::Minus1)?;
        let hidden = Grid::from_values(width, hidden.flatten_all()?.to_vec1::<f32>()?);
        let of_start = |start: usize| -> Result<Network, TrainError> {
            let at = start * run.fits + run.fits - 1;
            Ok(Network {
                hidden: columns_of_fit(&hidden, at, UNITS),
                output: Grid::from_values(
                    run.models,
                    self.output.get(at)?.flatten_all()?.to_vec1::<f32>()?,
                ),
                bias: self.bias.get(at)?.flatten_all()?.to_vec1::<f32>()?,
                weight: 1.0 / STARTS as f32,
            })
        };
        (0..STARTS).map(of_start).collect()
    }
}

fn weight_decay(prompts: usize) -> f64 {
    (DECAY_PROMPTS / prompts.max(1) as f64).clamp(*WEIGHT_DECAY.start(), *WEIGHT_DECAY.end())
}

fn optimizer(vars: Vec<Var>, weight_decay: f64) -> Result<AdamW, TrainError> {
    let params = ParamsAdamW {
        lr: LEARNING_RATE,
        weight_decay,
        ..ParamsAdamW::default()
    };
    Ok(AdamW::new(vars, params)?)
}

fn mean_logits(splits: &Splits) -> impl Iterator<Item = f32> + '_ {
    let means = splits.fits.iter().flat_map(|labels| &labels.mean);
    means.map(|mean| {
        let inside = mean.clamp(MARGIN, 1.0 - MARGIN);
        libm::logf(inside / (1.0 - inside))
    })
}

/// `-score ln p - (1 - score) ln(1 - p)` of `p = sigmoid(logit)`, in the form that neither overflows
/// nor takes the logarithm of 0.
fn cross_entropy(logits: &Tensor, scores: &Tensor) -> Result<Tensor, TrainError> {
    let softplus = ((logits.abs()?.neg()?.exp()? + 1.0)?.log()? + logits.relu()?)?;
    Ok((softplus - (logits * scores)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_log_is_held_back_more() {
        let decays = [300, 3000, 12_000, 200_000].map(weight_decay);
        assert_eq!(decays, [8.0, 4.0, 1.0, 1.0]);
    }

    #[test]
    fn cross_entropy_survives_extreme_logits() {
        let logits = Tensor::new(&[0.0_f32, 200.0, -200.0], &Device::Cpu).unwrap();
        let scores = Tensor::new(&[0.5_f32, 1.0, 0.25], &Device::Cpu).unwrap();
        let found = cross_entropy(&logits, &scores)
            .unwrap()
            .to_vec1::<f32>()
            .unwrap();
        assert!((found[0] - 2.0_f32.ln()).abs() < 1e-6);
        assert!(
            found[1].abs() < 1e-6 && (found[2] - 50.0).abs() < 1e-4,
            "{found:?}"
        );
    }
}
