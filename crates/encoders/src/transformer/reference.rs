//! The network once more, in plain loops of 64 bits that follow the papers line by line, for tests
//! to compare with.

use pointsman_types::Grid;

use crate::transformer::activation::Activation;
use crate::transformer::settings::{Pooling, Settings};
use crate::transformer::weights::{LayerWeights, Linear, NormWeights, Weights};

type Matrix = Vec<Vec<f64>>;

/// The vector of a text.
pub(super) fn encode(settings: &Settings, weights: &Weights, tokens: &[u32]) -> Vec<f64> {
    let mut state: Matrix = Vec::new();
    for (position, token) in tokens.iter().enumerate() {
        let word = weights.words.row(*token as usize);
        let place = weights.positions.row(position);
        let sum = word.iter().zip(place);
        state.push(
            sum.map(|(word, place)| f64::from(*word) + f64::from(*place))
                .collect(),
        );
    }
    let mut state = norm(settings, &weights.norm, &state);
    for weights in &weights.layers {
        state = layer(settings, weights, &state);
    }
    match settings.pooling {
        Pooling::First => state[0].clone(),
        Pooling::Mean => (0..state[0].len())
            .map(|column| state.iter().map(|row| row[column]).sum::<f64>() / state.len() as f64)
            .collect(),
    }
}

fn layer(settings: &Settings, weights: &LayerWeights, state: &Matrix) -> Matrix {
    let context = attention(settings, weights, state);
    let attended = add(&linear(&weights.attended, &context), state);
    let attended = norm(settings, &weights.attended_norm, &attended);
    let mut wide = linear(&weights.widen, &attended);
    for value in wide.iter_mut().flatten() {
        *value = activation(settings.activation, *value);
    }
    let narrow = add(&linear(&weights.narrow, &wide), &attended);
    norm(settings, &weights.narrow_norm, &narrow)
}

fn attention(settings: &Settings, weights: &LayerWeights, state: &Matrix) -> Matrix {
    let size = settings.shape.hidden / settings.shape.heads;
    let [query, key, value] =
        [&weights.query, &weights.key, &weights.value].map(|layer| linear(layer, state));
    let mut context = vec![vec![0.0; settings.shape.hidden]; state.len()];
    for head in 0..settings.shape.heads {
        let columns = head * size..(head + 1) * size;
        for (row, out) in context.iter_mut().enumerate() {
            let score = |other: &Vec<f64>| {
                let products = columns
                    .clone()
                    .map(|column| query[row][column] * other[column]);
                (products.sum::<f64>() / (size as f64).sqrt()).exp()
            };
            let scores: Vec<f64> = key.iter().map(score).collect();
            let total: f64 = scores.iter().sum();
            for (score, value) in scores.iter().zip(&value) {
                for column in columns.clone() {
                    out[column] += score / total * value[column];
                }
            }
        }
    }
    context
}

fn linear(layer: &Linear, input: &Matrix) -> Matrix {
    let output = |row: &Vec<f64>| {
        let each = layer.bias.iter().enumerate().map(|(number, bias)| {
            let weights = layer.weight.row(number).iter();
            let products = weights
                .zip(row)
                .map(|(weight, value)| f64::from(*weight) * value);
            f64::from(*bias) + products.sum::<f64>()
        });
        each.collect()
    };
    input.iter().map(output).collect()
}

fn norm(settings: &Settings, weights: &NormWeights, input: &Matrix) -> Matrix {
    let output = |row: &Vec<f64>| {
        let len = row.len() as f64;
        let mean = row.iter().sum::<f64>() / len;
        let variance = row.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / len;
        let scale = (variance + f64::from(settings.epsilon)).sqrt();
        let parameters = weights.gain.iter().zip(&weights.shift);
        row.iter()
            .zip(parameters)
            .map(|(value, (gain, shift))| {
                (value - mean) / scale * f64::from(*gain) + f64::from(*shift)
            })
            .collect()
    };
    input.iter().map(output).collect()
}

fn activation(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Gelu => 0.5 * x * libm::erfc(-x / 2.0_f64.sqrt()),
        Activation::GeluTanh => {
            let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
            0.5 * x * (1.0 + u.tanh())
        }
        Activation::Relu => x.max(0.0),
    }
}

fn add(left: &Matrix, right: &Matrix) -> Matrix {
    let rows = left.iter().zip(right);
    rows.map(|(left, right)| left.iter().zip(right).map(|(l, r)| l + r).collect())
        .collect()
}

mod tests {
    use candle_core::Device;
    use rand::{Rng, RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rayon::ThreadPoolBuilder;

    use super::*;
    use crate::transformer::on_cpu::OnCpu;
    use crate::transformer::on_device::OnDevice;
    use crate::transformer::settings::Shape;

    fn settings(hidden: usize, heads: usize, inner: usize) -> Settings {
        let shape = Shape {
            tokens: 50,
            positions: 80,
            kinds: 2,
            hidden,
            heads,
            inner,
            layers: 2,
        };
        Settings::for_tests(shape)
    }

    fn values(random: &mut impl Rng, len: usize, scale: f32) -> Vec<f32> {
        (0..len)
            .map(|_| random.random_range(-scale..scale))
            .collect()
    }

    fn weights(shape: &Shape) -> Weights {
        let random = &mut ChaCha8Rng::seed_from_u64(7);
        let grid = |random: &mut ChaCha8Rng, rows, columns, scale| {
            Grid::from_values(columns, values(random, rows * columns, scale))
        };
        let linear = |random: &mut ChaCha8Rng, inputs, outputs| Linear {
            weight: grid(random, outputs, inputs, 2.0 / (inputs as f32).sqrt()),
            bias: values(random, outputs, 0.5),
        };
        let norm = |random: &mut ChaCha8Rng| NormWeights {
            gain: values(random, shape.hidden, 1.5),
            shift: values(random, shape.hidden, 0.5),
        };
        let (hidden, inner) = (shape.hidden, shape.inner);
        let mut layer = || LayerWeights {
            query: linear(random, hidden, hidden),
            key: linear(random, hidden, hidden),
            value: linear(random, hidden, hidden),
            attended: linear(random, hidden, hidden),
            attended_norm: norm(random),
            widen: linear(random, hidden, inner),
            narrow: linear(random, inner, hidden),
            narrow_norm: norm(random),
        };
        let layers = (0..shape.layers).map(|_| layer()).collect();
        Weights {
            words: grid(random, shape.tokens, hidden, 1.0),
            positions: grid(random, shape.positions, hidden, 0.5),
            norm: norm(random),
            layers,
        }
    }

    /// Texts of lengths that fill tiles and strips, and of lengths that do not.
    fn texts() -> Vec<Vec<u32>> {
        let random = &mut ChaCha8Rng::seed_from_u64(8);
        let text = |len| (0..len).map(|_| random.random_range(0..50)).collect();
        [1, 2, 5, 12, 13, 32, 33, 70].map(text).to_vec()
    }

    fn close(found: &[f32], truth: &[f64]) {
        assert_eq!(found.len(), truth.len());
        for (found, truth) in found.iter().zip(truth) {
            let error = (f64::from(*found) - truth).abs();
            assert!(error < 2e-5, "{found}, not {truth}");
        }
    }

    /// The network on a CPU and in tensors, all texts together.
    fn check(settings: &Settings) {
        let weights = weights(&settings.shape);
        let texts = texts();
        let tokens: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        let on_device = OnDevice::new(settings, &weights, &Device::Cpu).unwrap();
        let in_tensors = on_device.encode(&tokens).unwrap();
        let on_cpu = OnCpu::new(settings, weights.clone()).encode(&tokens);
        for (row, text) in texts.iter().enumerate() {
            let truth = encode(settings, &weights, text);
            close(on_cpu.row(row), &truth);
            close(in_tensors.row(row), &truth);
        }
    }

    #[test]
    fn sizes_that_fill_strips_agree_with_plain_loops() {
        check(&settings(64, 2, 128));
        check(&settings(128, 2, 32));
    }

    #[test]
    fn sizes_that_do_not_fill_strips_agree_with_plain_loops() {
        check(&settings(12, 3, 20));
        check(&settings(40, 1, 33));
        check(&settings(80, 2, 7));
    }

    #[test]
    fn every_activation_and_pooling_agrees_with_plain_loops() {
        for activation in [Activation::GeluTanh, Activation::Relu] {
            let mut settings = settings(24, 2, 48);
            settings.activation = activation;
            settings.pooling = Pooling::First;
            check(&settings);
        }
    }

    #[cfg(feature = "cuda")]
    #[test]
    fn a_gpu_agrees_with_plain_loops() {
        let Ok(gpu) = Device::new_cuda(0) else {
            eprintln!("skipped: no CUDA device");
            return;
        };
        let settings = settings(64, 2, 128);
        let weights = weights(&settings.shape);
        let texts = texts();
        let tokens: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        let on_gpu = OnDevice::new(&settings, &weights, &gpu).unwrap();
        let found = on_gpu.encode(&tokens).unwrap();
        for (row, text) in texts.iter().enumerate() {
            close(found.row(row), &encode(&settings, &weights, text));
        }
    }

    #[test]
    fn a_text_has_the_same_bits_alone_and_beside_others() {
        let settings = settings(64, 2, 96);
        let network = OnCpu::new(&settings, weights(&settings.shape));
        let texts = texts();
        let tokens: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        let together = network.encode(&tokens);
        for (row, text) in tokens.iter().enumerate() {
            assert_eq!(network.encode(&[text]).row(0), together.row(row));
        }
    }

    #[test]
    fn the_number_of_threads_does_not_change_a_bit() {
        let settings = settings(64, 2, 96);
        let network = OnCpu::new(&settings, weights(&settings.shape));
        let texts = texts();
        let tokens: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        let with = |threads| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap().install(|| network.encode(&tokens))
        };
        assert_eq!(with(1), with(3));
    }
}
