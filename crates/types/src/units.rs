//! Units, so that a dollar is never added to a token.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number outside the range of its unit.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{unit} must be {range}, got {value}")]
pub struct OutOfRange {
    /// The unit that was asked for.
    pub unit: &'static str,
    /// What the unit allows.
    pub range: &'static str,
    /// What was given.
    pub value: f64,
}

/// An amount of money in US dollars, exact to a pico-dollar (10^-12).
///
/// One short request to a small model costs about a millionth of a dollar, so nano-dollars
/// would round such a cost by a tenth of a percent. The range is about ±9.2 million dollars;
/// sums saturate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(i64);

const PICOS_PER_USD: f64 = 1e12;

impl Usd {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// Rounds to the nearest pico-dollar.
    ///
    /// # Errors
    /// When `usd` is not finite or is beyond ±9.2 million dollars.
    pub fn new(usd: f64) -> Result<Self, OutOfRange> {
        let picos = (usd * PICOS_PER_USD).round();
        if picos.is_finite() && picos.abs() < i64::MAX as f64 {
            return Ok(Self(picos as i64));
        }
        Err(OutOfRange {
            unit: "an amount in USD",
            range: "finite and within ±9.2 million",
            value: usd,
        })
    }

    /// The nearest representable amount; not-a-number becomes zero.
    #[must_use]
    pub fn saturating(usd: f64) -> Self {
        Self((usd * PICOS_PER_USD).round() as i64)
    }

    /// The amount in dollars.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / PICOS_PER_USD
    }

    /// The amount in pico-dollars, for exact storage.
    #[must_use]
    pub const fn picos(self) -> i64 {
        self.0
    }

    /// The amount from [`Usd::picos`].
    #[must_use]
    pub const fn from_picos(picos: i64) -> Self {
        Self(picos)
    }
}

impl Add for Usd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Usd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usd = self.as_f64();
        match usd.abs() {
            small if small < 0.01 => write!(f, "${usd:.7}"),
            _ => write!(f, "${usd:.4}"),
        }
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_f64())
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A number of tokens.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Tokens(pub u64);

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tokens", self.0)
    }
}

/// Declares a float confined to a range, checked where it is made and where it is read.
macro_rules! bounded_float {
    ($(#[$doc:meta])* $name:ident($float:ty), $unit:literal, $range:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
        #[serde(transparent)]
        pub struct $name($float);

        impl $name {
            /// Checks the range.
            ///
            /// # Errors
            /// When the value is not a number or is out of range.
            pub fn new(value: f64) -> Result<Self, OutOfRange> {
                let check: fn(f64) -> bool = $check;
                if check(value) {
                    return Ok(Self(value as $float));
                }
                Err(OutOfRange { unit: $unit, range: $range, value })
            }

            /// The plain number.
            #[must_use]
            pub const fn get(self) -> $float {
                self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

bounded_float!(
    /// How good an answer is, or is expected to be: 0 is useless, 1 is perfect.
    Quality(f32), "a quality", "between 0 and 1", |v| (0.0..=1.0).contains(&v)
);

bounded_float!(
    /// The probability with which a policy makes a choice.
    Probability(f64), "a probability", "between 0 and 1", |v| (0.0..=1.0).contains(&v)
);

bounded_float!(
    /// A number drawn evenly from [0, 1): the chance in one choice, brought by the caller.
    Draw(f64), "a draw", "at least 0 and below 1", |v| (0.0..1.0).contains(&v)
);

bounded_float!(
    /// A price in US dollars for a million tokens.
    UsdPerMillion(f64), "a price per million tokens", "finite and not negative", |v| v.is_finite() && v >= 0.0
);

impl Quality {
    /// The nearest quality in range; not-a-number becomes 0.
    #[must_use]
    pub fn clamped(value: f32) -> Self {
        Self(if value.is_nan() {
            0.0
        } else {
            value.clamp(0.0, 1.0)
        })
    }
}

impl Probability {
    /// What never happens.
    pub const ZERO: Self = Self(0.0);
    /// What is certain to happen.
    pub const ONE: Self = Self(1.0);
}

impl UsdPerMillion {
    /// The price of that many tokens.
    #[must_use]
    pub fn times(self, tokens: f64) -> f64 {
        self.0 * tokens / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_millionth_of_a_dollar_survives_exactly() {
        let cost = Usd::new(0.000_001_234_567).unwrap();
        assert_eq!(cost.picos(), 1_234_567);
        assert_eq!(
            serde_json::from_str::<Usd>(&serde_json::to_string(&cost).unwrap()).unwrap(),
            cost
        );
    }

    #[test]
    fn money_refuses_what_it_cannot_hold() {
        for wrong in [f64::NAN, f64::INFINITY, 1e9, -1e9] {
            assert!(Usd::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_sum_saturates_instead_of_wrapping() {
        let most = Usd::from_picos(i64::MAX);
        assert_eq!(most + most, most);
    }

    #[test]
    fn quality_refuses_what_is_outside_its_range() {
        for wrong in [-0.01, 1.01, f64::NAN] {
            assert!(Quality::new(wrong).is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<Quality>("1.5").is_err());
    }
}
