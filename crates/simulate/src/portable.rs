//! The few functions of analysis that the simulator needs, made of exactly rounded operations
//! only, since the platforms' own differ in the last bit and the log must not.

use std::f64::consts::{LN_2, LOG2_E};

/// e to the power `x`, to about 15 digits; `x` is confined to ±700.
pub(crate) fn exp(x: f64) -> f64 {
    let x = x.clamp(-700.0, 700.0);
    let doublings = (x * LOG2_E).round();
    let rest = x - doublings * LN_2;
    let series = (1..=14)
        .rev()
        .fold(1.0, |sum, n| 1.0 + sum * rest / f64::from(n));
    series * f64::from_bits(((1023 + doublings as i64) as u64) << 52)
}

/// `1 / (1 + e^-x)`.
pub(crate) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// The mean of `e^(spread B)` where `B` is [`crate::draws::Draws::bell`]:
/// `(sinh(spread / 2) / (spread / 2))^12`, the moment generating function of that sum.
pub(crate) fn bell_growth(spread: f64) -> f64 {
    if spread.abs() < 1e-6 {
        return 1.0;
    }
    let one = (exp(spread / 2.0) - exp(-spread / 2.0)) / spread;
    let third = one * one * one;
    let sixth = third * third;
    sixth * sixth
}

/// Rounds to a multiple of 1 / `parts`.
pub(crate) fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::{Draws, Purpose};

    #[test]
    fn exp_agrees_with_the_platform() {
        for step in -500..=500 {
            let x = f64::from(step) * 0.1;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-13, "{x}");
        }
    }

    #[test]
    fn the_growth_is_the_mean_of_many_draws() {
        let mut draws = Draws::new(3, 0, Purpose::Outcome);
        for spread in [0.3, 0.6] {
            let mean = (0..40_000).map(|_| exp(spread * draws.bell())).sum::<f64>() / 40_000.0;
            assert!((mean / bell_growth(spread) - 1.0).abs() < 0.02, "{spread}");
        }
    }
}
