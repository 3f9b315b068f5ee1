//! The nonlinearities, as straight arithmetic that the compiler turns into vectors: no calls, no
//! branches, and the same bits on every machine.

use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, LOG2_E, SQRT_2};

use crate::machine::vectorised;
use crate::transformer::strips::Lane;

/// The nonlinearity within a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activation {
    /// `x Phi(x)` (Hendrycks and Gimpel, arXiv:1606.08415).
    Gelu,
    /// The same with a hyperbolic tangent for the error function, section 2 there.
    GeluTanh,
    /// `max(x, 0)`.
    Relu,
}

impl Activation {
    /// The one that `config.json` names.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "gelu" => Some(Self::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" => Some(Self::GeluTanh),
            "relu" => Some(Self::Relu),
            _ => None,
        }
    }

    /// Applies it to each number.
    pub(super) fn apply(self, lanes: &mut [Lane]) {
        match self {
            Self::Gelu => each(lanes, gelu),
            Self::GeluTanh => each(lanes, gelu_tanh),
            Self::Relu => each(lanes, |x| x.max(0.0)),
        }
    }
}

fn each(lanes: &mut [Lane], function: impl Fn(f32) -> f32) {
    vectorised(
        #[inline(always)]
        || {
            for lane in lanes {
                for value in &mut lane.0 {
                    *value = function(*value);
                }
            }
        },
    );
}

/// `max(x, 0) - |x| erfc(|x| / sqrt 2) / 2`, with the complementary error function of Abramowitz
/// and Stegun, 7.1.26, whose error is below 1.5e-7.
#[inline(always)]
fn gelu(x: f32) -> f32 {
    let z = x.abs() * FRAC_1_SQRT_2;
    let t = 1.0 / z.mul_add(0.327_591_1, 1.0);
    let series = [
        1.061_405_4,
        -1.453_152,
        1.421_413_7,
        -0.284_496_74,
        0.254_829_6,
    ];
    let erfc = polynomial(t, series) * t * exp(-z * z);
    (x.abs() * -0.5).mul_add(erfc, x.max(0.0))
}

/// `x / (1 + exp(-2 u))`, `u = sqrt(2 / pi) (x + 0.044715 x^3)`.
#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    let cubic = (x * x * x).mul_add(0.044_715, x);
    let decay = exp(-SQRT_2 * FRAC_2_SQRT_PI * cubic.abs());
    (-x.abs()).mul_add(decay / (1.0 + decay), x.max(0.0))
}

/// The exponential of a number that is at most zero, to 2e-7 of its value; below -87 that of -87.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Adding 1.5 * 2^23 leaves the nearest whole number in the low bits.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts, the first with few bits, so that its multiples are exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let x = x.max(-87.0);
    let rounded = x.mul_add(LOG2_E, ROUND);
    let halvings = rounded - ROUND;
    let rest = halvings.mul_add(-LN_2[1], halvings.mul_add(-LN_2[0], x));
    let taylor = [
        1.0 / 5040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ];
    let power = f32::from_bits((rounded.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    polynomial(rest, taylor) * power
}

/// Horner's rule, the highest power first.
#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut value = coefficients[0];
    for coefficient in &coefficients[1..] {
        value = value.mul_add(x, *coefficient);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(from: f32, to: f32) -> impl Iterator<Item = f32> {
        (0..=20_000).map(move |step| from + (to - from) * step as f32 / 20_000.0)
    }

    fn check(function: impl Fn(f32) -> f32, truth: impl Fn(f64) -> f64) {
        for x in steps(-12.0, 12.0) {
            let (found, truth) = (f64::from(function(x)), truth(f64::from(x)));
            assert!((found - truth).abs() < 1e-6, "at {x}: {found}, not {truth}");
        }
    }

    #[test]
    fn the_exponential_is_true_to_two_in_ten_million() {
        for x in steps(-87.0, 0.0) {
            let truth = f64::from(x).exp();
            let error = (f64::from(exp(x)) / truth - 1.0).abs();
            assert!(error < 2e-7, "at {x}: {error}");
        }
    }

    #[test]
    fn the_exponential_of_minus_infinity_is_next_to_nothing() {
        assert!(exp(f32::NEG_INFINITY) < 2e-38);
    }

    #[test]
    fn gelu_follows_the_normal_distribution() {
        check(gelu, |x| {
            x * 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
        });
    }

    #[test]
    fn gelu_tanh_follows_the_hyperbolic_tangent() {
        let scale = (2.0 / std::f64::consts::PI).sqrt();
        check(gelu_tanh, |x| {
            0.5 * x * (1.0 + (scale * (x + 0.044_715 * x * x * x)).tanh())
        });
    }

    #[test]
    fn functions_reach_every_number_of_a_lane() {
        let mut lanes = [Lane([-1.0; 32]), Lane([2.0; 32])];
        Activation::Relu.apply(&mut lanes);
        assert_eq!(lanes, [Lane::ZERO, Lane([2.0; 32])]);
    }
}
