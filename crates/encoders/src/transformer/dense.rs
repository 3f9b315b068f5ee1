//! A linear layer whose weights lie in strips, several layers side by side where they read the
//! same input.

use rayon::prelude::*;

use crate::machine::vectorised;
use crate::transformer::product::{Product, Rows};
use crate::transformer::strips::{Lane, Strips, WIDTH, lanes};
use crate::transformer::weights::Linear;

/// How the numbers of a vector are spread: in groups of `size`, each group filling whole strips.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    size: usize,
}

impl Spread {
    /// Groups of `size`: the heads of an attention, or all of a vector.
    pub(super) fn groups_of(size: usize) -> Self {
        Self { size }
    }

    /// How many strips a group fills.
    pub(super) fn strips(self) -> usize {
        self.size.div_ceil(WIDTH)
    }

    fn place(self, index: usize) -> usize {
        index / self.size * self.strips() * WIDTH + index % self.size
    }

    /// How many columns so many numbers take.
    fn columns(self, len: usize) -> usize {
        len / self.size * self.strips() * WIDTH
    }
}

/// Weights, shape `(inputs, outputs)` in strips, and biases.
pub(super) struct Dense {
    weight: Strips,
    bias: Vec<Lane>,
}

impl Dense {
    /// Layers side by side.
    pub(super) fn new(layers: &[&Linear], input: Spread, output: Spread) -> Self {
        let columns = |layer: &Linear| output.columns(layer.bias.len());
        let strips = layers.iter().map(|layer| columns(layer)).sum::<usize>() / WIDTH;
        let rows = layers
            .first()
            .map_or(0, |layer| input.columns(layer.weight.columns()));
        let mut weight = Strips::zeros(rows, strips);
        let mut bias = vec![0.0; strips * WIDTH];
        let mut offset = 0;
        for layer in layers {
            for (number, constant) in layer.bias.iter().enumerate() {
                let column = offset + output.place(number);
                bias[column] = *constant;
                for (row, value) in layer.weight.row(number).iter().enumerate() {
                    weight.set(input.place(row), column, *value);
                }
            }
            offset += columns(layer);
        }
        Self {
            weight,
            bias: lanes(&bias),
        }
    }

    /// The outputs for each row of `input`; `finish` gets each strip of them, with its number,
    /// while it is still in the cache.
    pub(super) fn apply(
        &self,
        input: &Strips,
        finish: impl Fn(usize, &mut [Lane]) + Sync,
    ) -> Strips {
        let mut output = Strips::zeros(input.rows(), self.bias.len());
        let strips = output.lanes_mut().par_chunks_mut(input.rows()).enumerate();
        strips.for_each(|(strip, out)| {
            let product = Product {
                left: Rows::all(input),
                right: self.weight.strip(strip),
                start: &self.bias[strip],
                out,
            };
            product.run();
            finish(strip, out);
        });
        output
    }
}

/// Adds numbers to numbers.
pub(super) fn add(sums: &mut [Lane], more: &[Lane]) {
    vectorised(
        #[inline(always)]
        || {
            for (sum, more) in sums.iter_mut().zip(more) {
                for (sum, more) in sum.0.iter_mut().zip(more.0) {
                    *sum += more;
                }
            }
        },
    );
}
