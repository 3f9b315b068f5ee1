//! Layer normalisation (Ba et al., arXiv:1607.06450) of each row of a matrix.

use rayon::prelude::*;

use crate::machine::vectorised;
use crate::transformer::strips::{Lane, Strips, WIDTH, lanes};
use crate::transformer::weights::NormWeights;

/// How many rows a thread takes at least.
const FEWEST_ROWS: usize = 32;

/// Gains and shifts, by column.
pub(super) struct Norm {
    gain: Vec<Lane>,
    shift: Vec<Lane>,
    columns: usize,
    epsilon: f32,
}

/// What a row is normalised with.
#[derive(Clone, Copy)]
struct Moments {
    mean: f32,
    /// One over the standard deviation.
    scale: f32,
}

impl Norm {
    pub(super) fn new(weights: &NormWeights, epsilon: f32) -> Self {
        Self {
            gain: lanes(&weights.gain),
            shift: lanes(&weights.shift),
            columns: weights.gain.len(),
            epsilon,
        }
    }

    /// Each row with mean 0 and variance 1, then with gain and shift. Columns beyond the last stay
    /// zero, having neither.
    pub(super) fn apply(&self, mut matrix: Strips) -> Strips {
        let rows = (0..matrix.rows()).into_par_iter().with_min_len(FEWEST_ROWS);
        let moments: Vec<Moments> = rows.map(|row| self.moments(&matrix, row)).collect();
        let rows = matrix.rows();
        let strips = matrix.lanes_mut().par_chunks_mut(rows).enumerate();
        strips.for_each(|(strip, lanes)| {
            normalise(lanes, &moments, &self.gain[strip], &self.shift[strip]);
        });
        matrix
    }

    fn moments(&self, matrix: &Strips, row: usize) -> Moments {
        vectorised(
            #[inline(always)]
            || {
                let mut sum = Lane::ZERO;
                for lane in matrix.row(row) {
                    for (sum, value) in sum.0.iter_mut().zip(lane.0) {
                        *sum += value;
                    }
                }
                let mean = sum.sum() / self.columns as f32;
                let mut squares = Lane::ZERO;
                for lane in matrix.row(row) {
                    for (sum, value) in squares.0.iter_mut().zip(lane.0) {
                        *sum += (value - mean) * (value - mean);
                    }
                }
                // The zeros beyond the last column deviate by the mean.
                let beyond = (self.gain.len() * WIDTH - self.columns) as f32;
                let variance = (squares.sum() - beyond * mean * mean) / self.columns as f32;
                let scale = 1.0 / (variance + self.epsilon).sqrt();
                Moments { mean, scale }
            },
        )
    }
}

fn normalise(lanes: &mut [Lane], moments: &[Moments], gain: &Lane, shift: &Lane) {
    vectorised(
        #[inline(always)]
        || {
            for (lane, moments) in lanes.iter_mut().zip(moments) {
                for (at, value) in lane.0.iter_mut().enumerate() {
                    let unit = (*value - moments.mean) * moments.scale;
                    *value = unit.mul_add(gain.0[at], shift.0[at]);
                }
            }
        },
    );
}
