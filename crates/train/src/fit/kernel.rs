//! Ridge regression in the space of a Gaussian kernel on latent coordinates, seen from landmarks: of
//! the words, of the sentence encoder, and of both together.
//!
//! Smooth where a table of clusters has steps and a neighbour search has noise, and as small as
//! the landmarks, however long the log.

use candle_core::{Device, Tensor};
use nalgebra::DMatrix;
use pointsman_models::{Kernel, Representation, direction};
use pointsman_types::Grid;
use rayon::prelude::*;

use super::kmeans::kmeans;
use super::path::{Solved, ridge_path};
use super::{Family, Fitted, Part};
use crate::error::TrainError;
use crate::examples::Examples;
use crate::linear::{to_tensor, whitening};
use crate::splits::Splits;

/// Regularisation strengths, the strongest first.
const ALPHAS: [f64; 3] = [20.0, 10.0, 5.0];
const LANDMARKS: usize = 512;
/// A landmark stands for at least this many prompts on average.
const LEAST_PROMPTS: usize = 8;

/// For every space and strength. Without a sentence encoder the words are the only space.
pub(crate) fn fit_kernels(
    examples: &Examples,
    splits: &Splits,
    seed: u64,
) -> Result<Vec<Fitted>, TrainError> {
    let mut fitted = Vec::new();
    for space in Space::of(&examples.representation) {
        let device = examples.context.device();
        let seen = Seen::new(&space.coordinates(examples)?, seed, device)?;
        for solved in ridge_path(&seen.inputs, splits, &ALPHAS, device)? {
            fitted.push(seen.fitted(&space, solved)?);
        }
    }
    Ok(fitted)
}

/// A part of the latent coordinates.
struct Space {
    word: &'static str,
    first: usize,
    dimensions: usize,
}

impl Space {
    fn of(seen: &Representation) -> Vec<Self> {
        let (words, all) = (seen.projection.columns(), seen.dimensions());
        let space = |word, first, end| Self {
            word,
            first,
            dimensions: end - first,
        };
        let mut spaces = vec![space("words", 0, words)];
        if seen.embedding.is_some() {
            spaces.extend([space("encoder", words, all), space("both", 0, all)]);
        }
        spaces
    }

    /// Those of every prompt.
    fn coordinates(&self, examples: &Examples) -> Result<Vec<Vec<f32>>, TrainError> {
        let seen = examples.latent()?.narrow(1, self.first, self.dimensions)?;
        Ok(seen.contiguous()?.to_vec2::<f32>()?)
    }
}

/// The prompts as their landmarks see them.
struct Seen {
    /// Shape `(dimensions, landmarks)`.
    landmarks: Grid<f32>,
    /// From coordinates in which the kernel's norm is the Euclidean one to weights of landmarks,
    /// shape `(landmarks, landmarks)`.
    whitening: Tensor,
    /// Shape `(prompts, landmarks)`, in those coordinates.
    inputs: Tensor,
}

impl Seen {
    fn new(coordinates: &[Vec<f32>], seed: u64, device: &Device) -> Result<Self, TrainError> {
        let directions: Vec<Vec<f32>> = coordinates.iter().map(|one| direction(one)).collect();
        let count = LANDMARKS.min(directions.len() / LEAST_PROMPTS).max(1);
        let means = kmeans(&tensor(&directions, device)?, count, seed)?.centroids;
        let landmarks = means.transposed();
        let whitening = to_tensor(&whitening(among(&means, &landmarks))?, device)?;
        Ok(Self {
            inputs: likeness(&landmarks, &directions, device)?.matmul(&whitening)?,
            landmarks,
            whitening,
        })
    }

    fn fitted(&self, space: &Space, solved: Solved) -> Result<Fitted, TrainError> {
        Ok(Fitted {
            family: Family::Kernel,
            setting: format!("{}, alpha {}", space.word, solved.alpha),
            held_out: solved.held_out,
            part: Part::Kernel(Kernel {
                first: space.first,
                landmarks: self.landmarks.clone(),
                weights: self.of_landmarks(&solved.weights)?,
            }),
        })
    }

    /// Weights of shape `(landmarks, models)`, from those of the whitened coordinates.
    fn of_landmarks(&self, weights: &Grid<f32>) -> Result<Grid<f32>, TrainError> {
        let shape = (weights.rows(), weights.columns());
        let weights = Tensor::from_slice(weights.values(), shape, self.whitening.device())?;
        let product = self.whitening.matmul(&weights)?.flatten_all()?;
        Ok(Grid::from_values(shape.1, product.to_vec1::<f32>()?))
    }
}

/// How like the landmarks every direction is, shape `(prompts, landmarks)`.
fn likeness(
    landmarks: &Grid<f32>,
    directions: &[Vec<f32>],
    device: &Device,
) -> Result<Tensor, TrainError> {
    let of_one = |direction: &Vec<f32>| Kernel::likeness(landmarks, direction);
    let likeness: Vec<Vec<f32>> = directions.par_iter().map(of_one).collect();
    tensor(&likeness, device)
}

fn tensor(rows: &[Vec<f32>], device: &Device) -> Result<Tensor, TrainError> {
    let shape = (rows.len(), rows.first().map_or(0, Vec::len));
    Ok(Tensor::from_vec(rows.concat(), shape, device)?)
}

/// How like each other the landmarks are, which are the rows of `means`.
fn among(means: &Grid<f32>, landmarks: &Grid<f32>) -> DMatrix<f64> {
    let of_row = |row| Kernel::likeness(landmarks, means.row(row));
    let likeness = (0..means.rows()).flat_map(of_row).map(f64::from);
    DMatrix::from_iterator(means.rows(), means.rows(), likeness)
}

#[cfg(test)]
mod tests {
    use pointsman_models::QualityHead;
    use pointsman_types::{LogTable, PromptRow};

    use super::*;

    const PROMPTS: usize = 240;

    /// Directions all around, at different lengths.
    fn around() -> Vec<Vec<f32>> {
        let one = |number: usize| {
            let (angle, length) = (number as f32, 1.0 + (number % 5) as f32);
            vec![length * angle.cos(), length * angle.sin()]
        };
        (0..PROMPTS).map(one).collect()
    }

    /// One model, good in two opposite quarters: no line through the middle tells them apart.
    fn quarters() -> LogTable {
        let mut table = LogTable::empty(vec!["one".into()]);
        for (number, point) in around().iter().enumerate() {
            table.prompts.push(PromptRow {
                id: number.to_string(),
                text: format!("prompt {number}").into(),
                category: None,
            });
            let is_good = point[0] * point[1] > 0.0;
            table.score.push_row(&[f32::from(u8::from(is_good))]);
            table.weight.push_row(&[1.0]);
        }
        table
    }

    fn fitted() -> (Seen, Splits, Vec<Solved>) {
        let splits = Splits::new(&quarters(), 5, 0, false).unwrap();
        let seen = Seen::new(&around(), 0, &Device::Cpu).unwrap();
        let solved = ridge_path(&seen.inputs, &splits, &[1.0, 0.1], &Device::Cpu).unwrap();
        (seen, splits, solved)
    }

    #[test]
    fn what_no_line_tells_is_learnt_for_prompts_held_out() {
        let (_, _, solved) = fitted();
        let right = solved[1].held_out.values().iter().zip(around());
        let right = right.filter(|(found, point)| (**found > 0.0) == (point[0] * point[1] > 0.0));
        let share = right.count() as f32 / PROMPTS as f32;
        assert!(share > 0.9, "{share}");
    }

    #[test]
    fn a_head_predicts_what_the_fit_did() {
        let (seen, splits, mut solved) = fitted();
        let weights = Tensor::from_slice(
            solved[0].weights.values(),
            (solved[0].weights.rows(), 1),
            &Device::Cpu,
        );
        let expected = seen.inputs.matmul(&weights.unwrap()).unwrap();
        let expected = expected.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let space = Space {
            word: "both",
            first: 0,
            dimensions: 2,
        };
        let mut head = QualityHead {
            mean: vec![0.0],
            ..QualityHead::default()
        };
        let fitted = seen.fitted(&space, solved.remove(0)).unwrap();
        (0..2).for_each(|_| fitted.part.add_to(&mut head, 0.5));
        assert_eq!(head.kernels.len(), 1, "one space has one kernel");
        assert_eq!(splits.len(), 6);
        for (point, expected) in around().into_iter().zip(expected) {
            let mut context = vec![0.0; Representation::LATENT];
            context.extend(point);
            let point = pointsman_models::Point {
                ngrams: Vec::new(),
                context,
            };
            assert!((head.predict(&point)[0] - expected).abs() < 1e-3);
        }
    }
}
