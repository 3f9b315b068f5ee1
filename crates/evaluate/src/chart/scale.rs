//! From values to places, and the ticks in between.

/// Where costs differ by more than this factor, a linear axis would crowd the cheap models.
const LOG_FROM: f64 = 15.0;
/// Room beyond the outermost values, as a share of the axis.
const ROOM: f64 = 0.04;

/// A range of values on an axis of length 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scale {
    Linear { low: f64, high: f64 },
    Log { low: f64, high: f64 },
}

impl Scale {
    /// For costs: logarithmic where they are far apart and none is zero.
    pub(crate) fn of_costs(costs: impl Iterator<Item = f64>) -> Self {
        let (low, high) = range(costs);
        if low > 0.0 && high > low * LOG_FROM {
            let room = (high / low).powf(ROOM);
            return Self::Log {
                low: low / room,
                high: high * room,
            };
        }
        Self::linear(low, high)
    }

    /// For numbers of prompts, which double.
    pub(crate) fn of_sizes(sizes: impl Iterator<Item = f64>) -> Self {
        let (low, high) = range(sizes);
        let room = (high / low).powf(ROOM).max(1.0 + ROOM);
        Self::Log {
            low: low / room,
            high: high * room,
        }
    }

    /// For qualities.
    pub(crate) fn of_qualities(qualities: impl Iterator<Item = f64>) -> Self {
        let (low, high) = range(qualities);
        Self::linear(low, high)
    }

    fn linear(low: f64, high: f64) -> Self {
        let room = match (high - low) * ROOM {
            room if room > 0.0 => room,
            _ => (low.abs() * 0.1).max(1e-9),
        };
        Self::Linear {
            low: low - room,
            high: high + room,
        }
    }

    pub(crate) fn is_log(self) -> bool {
        matches!(self, Self::Log { .. })
    }

    /// 0 at the low end, 1 at the high end.
    pub(crate) fn place(self, value: f64) -> f64 {
        match self {
            Self::Linear { low, high } => (value - low) / (high - low),
            Self::Log { low, high } => (value / low).ln() / (high / low).ln(),
        }
    }

    /// Values between two others, evenly placed, both ends included.
    pub(crate) fn between(self, from: f64, to: f64, steps: usize) -> impl Iterator<Item = f64> {
        (0..=steps).map(move |step| {
            let share = step as f64 / steps as f64;
            match self {
                Self::Linear { .. } => from + (to - from) * share,
                Self::Log { .. } => from * (to / from).powf(share),
            }
        })
    }

    /// Round values, at most about so many.
    pub(crate) fn ticks(self, most: usize) -> Vec<f64> {
        match self {
            Self::Linear { low, high } => linear_ticks(low, high, most),
            Self::Log { low, high } => log_ticks(low, high, most),
        }
    }
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}

fn linear_ticks(low: f64, high: f64, most: usize) -> Vec<f64> {
    let rough = (high - low) / most as f64;
    let magnitude = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|round| round * magnitude)
        .find(|step| *step >= rough)
        .unwrap_or(10.0 * magnitude);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).map(|at| at as f64 * step).collect()
}

fn log_ticks(low: f64, high: f64, most: usize) -> Vec<f64> {
    let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let ticks = |rounds: &[f64]| -> Vec<f64> {
        let all = decades
            .clone()
            .flat_map(|decade| rounds.iter().map(move |round| round * 10_f64.powi(decade)));
        all.filter(|tick| (low..=high).contains(tick)).collect()
    };
    let fine = ticks(&[1.0, 2.0, 5.0]);
    if fine.len() <= most {
        return fine;
    }
    let halves = ticks(&[1.0, 3.0]);
    match halves.len() <= most {
        true => halves,
        false => ticks(&[1.0]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(ticks: &[f64], expected: &[f64]) {
        assert_eq!(ticks.len(), expected.len(), "{ticks:?}");
        for (tick, expected) in ticks.iter().zip(expected) {
            assert!((tick - expected).abs() < 1e-9, "{ticks:?}");
        }
    }

    #[test]
    fn ticks_are_round() {
        check(&linear_ticks(0.37, 0.98, 6), &[0.4, 0.6, 0.8]);
        check(&log_ticks(0.024, 0.83, 8), &[0.05, 0.1, 0.2, 0.5]);
        check(&log_ticks(0.09, 40.0, 6), &[0.1, 0.3, 1.0, 3.0, 10.0, 30.0]);
    }

    #[test]
    fn costs_far_apart_are_placed_by_their_logarithm() {
        assert!(Scale::of_costs([0.001, 0.1].into_iter()).is_log());
        assert!(!Scale::of_costs([0.01, 0.1].into_iter()).is_log());
        assert!(!Scale::of_costs([0.0, 0.1].into_iter()).is_log());
    }

    #[test]
    fn a_single_value_is_in_the_middle() {
        let scale = Scale::of_costs(std::iter::once(0.5));
        assert!((scale.place(0.5) - 0.5).abs() < 1e-9);
        assert!((Scale::of_costs(std::iter::once(0.0)).place(0.0) - 0.5).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn ticks_lie_within_and_are_few(low in 1e-6..1.0_f64, factor in 1.01..1e4_f64) {
            let scale = Scale::of_costs([low, low * factor].into_iter());
            let ticks = scale.ticks(7);
            prop_assert!(ticks.len() <= 10, "{:?}", ticks);
            for tick in ticks {
                prop_assert!((-1e-9..=1.0 + 1e-9).contains(&scale.place(tick)));
            }
        }
    }
}
