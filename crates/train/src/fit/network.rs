//! A low-rank multi-task network on the context, for all models at once.
//!
//! On a CPU each split of the prompts has a run of its own, next to the others: one run for all would
//! have tensors so large that every operation on them is dealt out to threads, which wait for each
//! other longer than they compute. A GPU has one run for all.

use std::ops::Range;

use candle_core::{D, DType, Device, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use pointsman_models::{Network, Representation};
use pointsman_types::Grid;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

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
    let inputs = Inputs::new(examples)?;
    let train = |fits: Range<usize>| Run::new(&inputs, &splits.fits[fits])?.trained(seed);
    let trained: Result<Vec<_>, TrainError> =
        runs(&inputs, splits).into_par_iter().map(train).collect();
    let fits: Vec<OfFit> = trained?.into_iter().flatten().collect();
    Ok(Fitted {
        family: Family::Network,
        setting: format!("{UNITS} units, {STARTS} starts"),
        held_out: held_out(&fits, splits),
        part: Part::Networks(
            fits.into_iter()
                .last()
                .map_or_else(Vec::new, |whole| whole.networks),
        ),
    })
}

/// The splits that are trained together.
fn runs(inputs: &Inputs, splits: &Splits) -> Vec<Range<usize>> {
    match inputs.context.device().is_cpu() {
        true => (0..splits.len()).map(|fit| fit..fit + 1).collect(),
        false => std::iter::once(0..splits.len()).collect(),
    }
}

/// What one split has come to.
struct OfFit {
    /// Predicted scores of all prompts, the models of a prompt side by side.
    scores: Vec<f32>,
    /// For contexts as they come.
    networks: Vec<Network>,
}

/// Deviations from the means, each prompt by the networks that did not see its labels.
fn held_out(fits: &[OfFit], splits: &Splits) -> Grid<f32> {
    let models = splits.whole().mean.len();
    splits.held_out(models, |fit, row| {
        let scores = &fits[fit].scores[row * models..][..models];
        let means = &splits.fits[fit].mean;
        let deviations = scores.iter().zip(means).map(|(score, mean)| score - mean);
        deviations.collect::<Vec<_>>()
    })
}

/// What every run reads.
struct Inputs {
    /// Shape `(prompts, context)`, every block at unit scale.
    context: Tensor,
    /// What the context was multiplied with, shape `(1, context)`.
    scale: Tensor,
}

impl Inputs {
    fn new(examples: &Examples) -> Result<Self, TrainError> {
        let scale = scale(examples)?;
        Ok(Self {
            context: examples.context.broadcast_mul(&scale)?,
            scale,
        })
    }

    fn rows(&self) -> Result<usize, TrainError> {
        Ok(self.context.dim(0)?)
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

/// Some splits, trained together.
struct Run<'a> {
    inputs: &'a Inputs,
    fits: &'a [Labels],
    /// Shape `(prompts, fits * models)`; 0 where missing.
    scores: Tensor,
    /// Shape `(prompts, fits * models)`.
    weight: Tensor,
}

impl<'a> Run<'a> {
    fn new(inputs: &'a Inputs, fits: &'a [Labels]) -> Result<Self, TrainError> {
        let rows = inputs.rows()?;
        let side_by_side = |of_fit: fn(&Labels) -> Vec<f32>| -> Result<Tensor, TrainError> {
            let tensor = |labels: &Labels| {
                let shape = (rows, labels.mean.len());
                Tensor::from_vec(of_fit(labels), shape, inputs.context.device())
            };
            let tensors: Result<Vec<_>, _> = fits.iter().map(tensor).collect();
            Ok(Tensor::cat(&tensors?, 1)?)
        };
        Ok(Self {
            inputs,
            fits,
            scores: side_by_side(scores)?,
            weight: side_by_side(|labels| labels.weight.values().to_vec())?,
        })
    }

    fn models(&self) -> usize {
        self.fits[0].mean.len()
    }

    fn networks(&self) -> usize {
        self.fits.len() * STARTS
    }

    fn batch(&self) -> Result<usize, TrainError> {
        Ok(LEAST_BATCH.max(self.inputs.rows()?.div_ceil(MOST_STEPS_PER_EPOCH)))
    }

    fn trained(&self, seed: u64) -> Result<Vec<OfFit>, TrainError> {
        let networks = Networks::new(self, seed)?;
        networks.train(self, seed)?;
        let scores = networks.scores(self)?;
        let fits = scores.into_iter().enumerate();
        let of_fit = |(fit, scores)| {
            Ok(OfFit {
                scores,
                networks: networks.of_fit(self, fit)?,
            })
        };
        fits.map(of_fit).collect()
    }
}

/// The parameters of all networks of a run; network `start * fits + fit` learns what that fit may
/// see.
struct Networks {
    /// Shape `(context, networks * units)`.
    hidden: Var,
    /// Shape `(networks, units, models)`.
    output: Var,
    /// Shape `(networks, 1, models)`.
    bias: Var,
}

impl Networks {
    /// Small random directions, the same for every fit; no output yet, so that training starts at
    /// the means.
    fn new(run: &Run<'_>, seed: u64) -> Result<Self, TrainError> {
        let device = run.inputs.context.device();
        let entries = run.inputs.context.dim(1)?;
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
            hidden.extend(vec![one; run.fits.len()]);
        }
        let logits: Vec<f32> = (0..STARTS).flat_map(|_| mean_logits(run.fits)).collect();
        let (networks, models) = (run.networks(), run.models());
        Ok(Self {
            hidden: Var::from_tensor(&Tensor::cat(&hidden, 1)?)?,
            output: Var::zeros((networks, UNITS, models), DType::F32, device)?,
            bias: Var::from_vec(logits, (networks, 1, models), device)?,
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

    fn train(&self, run: &Run<'_>, seed: u64) -> Result<(), TrainError> {
        let rows = run.inputs.rows()?;
        let decay = weight_decay(rows);
        let mut weights = optimizer(vec![self.hidden.clone(), self.output.clone()], decay)?;
        let mut biases = optimizer(vec![self.bias.clone()], 0.0)?;
        let mut rng = ChaCha8Rng::seed_from_u64(!seed);
        let mut order: Vec<u32> = (0..rows as u32).collect();
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
    fn loss(&self, run: &Run<'_>, rows: &[u32]) -> Result<Tensor, TrainError> {
        let rows = Tensor::new(rows, run.inputs.context.device())?;
        let logits = self.logits(&run.inputs.context.index_select(&rows, 0)?)?;
        let of_networks = |labels: &Tensor| -> Result<Tensor, TrainError> {
            let of_fits = labels.index_select(&rows, 0)?;
            let of_fits = of_fits.reshape((rows.dim(0)?, run.fits.len(), run.models()))?;
            Ok(of_fits.transpose(0, 1)?.repeat((STARTS, 1, 1))?)
        };
        let (scores, weight) = (of_networks(&run.scores)?, of_networks(&run.weight)?);
        let cells = rows.dim(0)? * run.models();
        let loss = (cross_entropy(&logits, &scores)? * weight)?.sum_all()?;
        Ok((loss / cells as f64)?)
    }

    /// What each fit predicts for all prompts, averaged over its starts.
    fn scores(&self, run: &Run<'_>) -> Result<Vec<Vec<f32>>, TrainError> {
        let scores = candle_nn::ops::sigmoid(&self.logits(&run.inputs.context)?)?;
        let shape = (STARTS, run.fits.len(), run.inputs.rows()?, run.models());
        let scores = scores.reshape(shape)?.mean(0)?.to_device(&Device::Cpu)?;
        let of_fit = |fit| Ok(scores.get(fit)?.flatten_all()?.to_vec1::<f32>()?);
        (0..run.fits.len()).map(of_fit).collect()
    }

    /// The networks of one fit, for contexts as they come.
    fn of_fit(&self, run: &Run<'_>, fit: usize) -> Result<Vec<Network>, TrainError> {
        let hidden = self.hidden.broadcast_mul(&run.inputs.scale.t()?)?;
        let width = hidden.dim(D::Minus1)?;
        let hidden = Grid::from_values(width, hidden.flatten_all()?.to_vec1::<f32>()?);
        let of_start = |start: usize| -> Result<Network, TrainError> {
            let at = start * run.fits.len() + fit;
            Ok(Network {
                hidden: columns_of_fit(&hidden, at, UNITS),
                output: Grid::from_values(
                    run.models(),
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

fn mean_logits(fits: &[Labels]) -> impl Iterator<Item = f32> + '_ {
    let means = fits.iter().flat_map(|labels| &labels.mean);
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
