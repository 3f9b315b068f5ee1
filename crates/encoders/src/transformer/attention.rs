//! Scaled dot-product attention (Vaswani et al., arXiv:1706.03762, eq. 1), each text for itself.

use std::ops::Range;

use rayon::prelude::*;

use crate::machine::vectorised;
use crate::transformer::activation::exp;
use crate::transformer::product::{Product, Rows};
use crate::transformer::strips::{Lane, Strips, WIDTH};

/// Queries, keys and values of all heads, side by side in that order; the queries are scaled by
/// one over the root of the size of a head already.
pub(super) struct Attention<'a> {
    pub(super) projected: &'a Strips,
    pub(super) heads: usize,
    /// The rows of each text.
    pub(super) texts: &'a [Range<usize>],
}

impl Attention<'_> {
    /// For each row the mean of the values of its text, weighted by the softmax of the scores;
    /// the heads side by side.
    pub(super) fn apply(&self) -> Strips {
        let rows = self.projected.rows();
        let strips = self.projected.strips() / 3;
        let mut context = Strips::zeros(rows, strips);
        let heads = context
            .lanes_mut()
            .par_chunks_mut(strips / self.heads * rows);
        heads.enumerate().for_each(|(number, out)| {
            let head = Head::new(self.projected, number, out.len());
            for text in self.texts {
                head.attend(text, out);
            }
        });
        context
    }
}

/// One head: its strips of queries, keys and values.
struct Head<'a> {
    rows: usize,
    query: &'a [Lane],
    key: &'a [Lane],
    value: &'a [Lane],
}

impl<'a> Head<'a> {
    fn new(projected: &'a Strips, number: usize, len: usize) -> Self {
        let third = projected.lanes().len() / 3;
        let part = |part: usize| &projected.lanes()[part * third + number * len..][..len];
        Self {
            rows: projected.rows(),
            query: part(0),
            key: part(1),
            value: part(2),
        }
    }

    fn attend(&self, text: &Range<usize>, out: &mut [Lane]) {
        let mut scores = self.scores(text);
        let scales = softmax(&mut scores, text.len());
        let strips = out.chunks_mut(self.rows).zip(self.value.chunks(self.rows));
        for (out, value) in strips {
            let out = &mut out[text.clone()];
            let product = Product {
                left: Rows::all(&scores),
                right: &value[text.clone()],
                start: &Lane::ZERO,
                out,
            };
            product.run();
            scale(out, &scales);
        }
    }

    /// Queries times keys, shape `(rows, rows)` of the text.
    fn scores(&self, text: &Range<usize>) -> Strips {
        let keys = self.transposed_keys(text);
        let mut scores = Strips::zeros(text.len(), keys.strips());
        for strip in 0..keys.strips() {
            let product = Product {
                left: Rows::new(self.query, self.rows, text.start),
                right: keys.strip(strip),
                start: &Lane::ZERO,
                out: scores.strip_mut(strip),
            };
            product.run();
        }
        scores
    }

    /// Shape `(size of a head, rows of the text)`.
    fn transposed_keys(&self, text: &Range<usize>) -> Strips {
        let size = self.key.len() / self.rows * WIDTH;
        let mut keys = Strips::zeros(size, text.len().div_ceil(WIDTH));
        for (part, key) in self.key.chunks(self.rows).enumerate() {
            for (column, lane) in key[text.clone()].iter().enumerate() {
                let strip = &mut keys.strip_mut(column / WIDTH)[part * WIDTH..][..WIDTH];
                for (turned, value) in strip.iter_mut().zip(lane.0) {
                    turned.0[column % WIDTH] = value;
                }
            }
        }
        keys
    }
}

/// Makes each row the exponentials of its first so many columns less their maximum; gives one over
/// the sum of each row.
fn softmax(scores: &mut Strips, columns: usize) -> Vec<f32> {
    let (rows, strips) = (scores.rows(), scores.strips());
    if !columns.is_multiple_of(WIDTH) {
        for lane in scores.strip_mut(strips - 1) {
            lane.0[columns % WIDTH..].fill(f32::NEG_INFINITY);
        }
    }
    let mut scales = vec![0.0; rows];
    let lanes = scores.lanes_mut();
    vectorised(
        #[inline(always)]
        || {
            for (row, scale) in scales.iter_mut().enumerate() {
                let mut highest = Lane([f32::NEG_INFINITY; WIDTH]);
                for lane in lanes.iter().skip(row).step_by(rows) {
                    for (highest, score) in highest.0.iter_mut().zip(lane.0) {
                        *highest = highest.max(score);
                    }
                }
                let highest = highest.max();
                let mut sum = Lane::ZERO;
                for lane in lanes.iter_mut().skip(row).step_by(rows) {
                    for (sum, score) in sum.0.iter_mut().zip(&mut lane.0) {
                        *score = exp(*score - highest);
                        *sum += *score;
                    }
                }
                *scale = 1.0 / sum.sum();
            }
        },
    );
    scales
}

fn scale(lanes: &mut [Lane], scales: &[f32]) {
    vectorised(
        #[inline(always)]
        || {
            for (lane, scale) in lanes.iter_mut().zip(scales) {
                for value in &mut lane.0 {
                    *value *= scale;
                }
            }
        },
    );
}
