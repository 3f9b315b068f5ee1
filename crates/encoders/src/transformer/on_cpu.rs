//! The network on a CPU. The tokens of several texts stand one after the other, nothing padded.

use std::ops::Range;

use pointsman_types::Grid;
use rayon::prelude::*;

use crate::transformer::activation::Activation;
use crate::transformer::attention::Attention;
use crate::transformer::dense::{Dense, Spread, add};
use crate::transformer::norm::Norm;
use crate::transformer::settings::{Pooling, Settings, Shape};
use crate::transformer::strips::{Strips, WIDTH};
use crate::transformer::weights::{LayerWeights, Linear, Weights};

/// Weights in strips.
pub(super) struct OnCpu {
    words: Grid<f32>,
    positions: Grid<f32>,
    norm: Norm,
    layers: Vec<Layer>,
    pooling: Pooling,
}

struct Layer {
    heads: usize,
    project: Dense,
    attended: Dense,
    attended_norm: Norm,
    widen: Dense,
    activation: Activation,
    narrow: Dense,
    narrow_norm: Norm,
}

impl OnCpu {
    pub(super) fn new(settings: &Settings, weights: Weights) -> Self {
        let layers = weights.layers.par_iter();
        Self {
            norm: Norm::new(&weights.norm, settings.epsilon),
            layers: layers.map(|layer| Layer::new(settings, layer)).collect(),
            pooling: settings.pooling,
            words: weights.words,
            positions: weights.positions,
        }
    }

    /// A vector for each text, shape `(texts, hidden)`; no text is empty.
    pub(super) fn encode(&self, texts: &[&[u32]]) -> Grid<f32> {
        let mut end = 0;
        let rows = texts.iter().map(|text| {
            end += text.len();
            end - text.len()..end
        });
        let rows: Vec<Range<usize>> = rows.collect();
        let embedded = self.norm.apply(self.embed(texts));
        let last = self
            .layers
            .iter()
            .fold(embedded, |state, layer| layer.apply(&state, &rows));
        let pooled = rows.iter().flat_map(|rows| self.pool(&last, rows));
        Grid::from_values(self.words.columns(), pooled.collect())
    }

    /// The vectors of the tokens and of their positions, summed.
    fn embed(&self, texts: &[&[u32]]) -> Strips {
        let positions = texts.iter().flat_map(|text| text.iter().enumerate());
        let positions: Vec<(usize, &u32)> = positions.collect();
        let hidden = self.words.columns();
        let mut state = Strips::zeros(positions.len(), hidden.div_ceil(WIDTH));
        let strips = state.lanes_mut().par_chunks_mut(positions.len());
        strips.enumerate().for_each(|(strip, lanes)| {
            let columns = strip * WIDTH..hidden.min((strip + 1) * WIDTH);
            for (lane, (position, token)) in lanes.iter_mut().zip(&positions) {
                let word = &self.words.row(**token as usize)[columns.clone()];
                let place = &self.positions.row(*position)[columns.clone()];
                for ((sum, word), place) in lane.0.iter_mut().zip(word).zip(place) {
                    *sum = word + place;
                }
            }
        });
        state
    }

    /// One vector of the rows of a text.
    fn pool(&self, last: &Strips, rows: &Range<usize>) -> Vec<f32> {
        let rows = match self.pooling {
            Pooling::Mean => rows.clone(),
            Pooling::First => rows.start..rows.start + 1,
        };
        let hidden = self.words.columns();
        let columns = (0..hidden).map(|column| {
            let lanes = &last.strip(column / WIDTH)[rows.clone()];
            lanes.iter().map(|lane| lane.0[column % WIDTH]).sum::<f32>() / rows.len() as f32
        });
        columns.collect()
    }
}

impl Layer {
    fn new(settings: &Settings, weights: &LayerWeights) -> Self {
        let Shape {
            hidden,
            heads,
            inner,
            ..
        } = settings.shape;
        let [all, head, wide] = [hidden, hidden / heads, inner].map(Spread::groups_of);
        let query = scaled(&weights.query, 1.0 / ((hidden / heads) as f32).sqrt());
        let projections = [&query, &weights.key, &weights.value];
        Self {
            heads,
            project: Dense::new(&projections, all, head),
            attended: Dense::new(&[&weights.attended], head, all),
            attended_norm: Norm::new(&weights.attended_norm, settings.epsilon),
            widen: Dense::new(&[&weights.widen], all, wide),
            activation: settings.activation,
            narrow: Dense::new(&[&weights.narrow], wide, all),
            narrow_norm: Norm::new(&weights.narrow_norm, settings.epsilon),
        }
    }

    fn apply(&self, state: &Strips, texts: &[Range<usize>]) -> Strips {
        let projected = self.project.apply(state, |_, _| {});
        let attention = Attention {
            projected: &projected,
            heads: self.heads,
            texts,
        };
        let attended = self.attended.apply(&attention.apply(), |strip, lanes| {
            add(lanes, state.strip(strip));
        });
        let attended = self.attended_norm.apply(attended);
        let wide = self
            .widen
            .apply(&attended, |_, lanes| self.activation.apply(lanes));
        let narrow = self.narrow.apply(&wide, |strip, lanes| {
            add(lanes, attended.strip(strip));
        });
        self.narrow_norm.apply(narrow)
    }
}

/// A layer whose outputs are multiplied.
fn scaled(layer: &Linear, factor: f32) -> Linear {
    let by = |values: &[f32]| values.iter().map(|value| value * factor).collect();
    Linear {
        weight: Grid::from_values(layer.weight.columns(), by(layer.weight.values())),
        bias: by(&layer.bias),
    }
}
