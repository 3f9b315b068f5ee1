//! What a monitor refuses. Nothing of what is refused has been counted.

/// Why an observation, or a setting, is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DriftError {
    /// A setting out of its range.
    #[error("`{name}` must be from {low} to {high}, got {value}")]
    Setting {
        /// Which one.
        name: &'static str,
        /// What it is.
        value: f64,
        /// The least that it may be.
        low: f64,
        /// The most that it may be.
        high: f64,
    },
    /// A model by a number that no model has.
    #[error("model number {model} is unknown: the monitor has {models} models, counted from 0")]
    UnknownModel {
        /// The number given.
        model: usize,
        /// How many there are.
        models: usize,
    },
    /// A list whose length does not fit.
    #[error("{what} has {got} entries where {needed} are needed")]
    Length {
        /// Which list.
        what: &'static str,
        /// How many it has.
        got: usize,
        /// How many it must have.
        needed: usize,
    },
    /// More coordinates than a monitor looks at.
    #[error(
        "a request has {got} coordinates where at most {most} are watched; give its first ones"
    )]
    Coordinates {
        /// How many were given.
        got: usize,
        /// How many there may be.
        most: usize,
    },
    /// Not a number, or one that cannot be.
    #[error("{what} must be {range}, got {value}")]
    Number {
        /// Of what.
        what: &'static str,
        /// What would be right.
        range: &'static str,
        /// What was given.
        value: f64,
    },
    /// Too little to learn a reference from.
    #[error("a reference needs at least {needed} requests, got {got}")]
    ReferenceTooSmall {
        /// How many are needed.
        needed: usize,
        /// How many were given.
        got: usize,
    },
}

/// Refuses what is not finite.
pub(crate) fn finite(what: &'static str, value: f64) -> Result<f64, DriftError> {
    number(what, "a finite number", value, value.is_finite())
}

/// Refuses what is not a finite number above 0.
pub(crate) fn positive(what: &'static str, value: f64) -> Result<f64, DriftError> {
    let is_right = value.is_finite() && value > 0.0;
    number(what, "a finite number above 0", value, is_right)
}

fn number(
    what: &'static str,
    range: &'static str,
    value: f64,
    is_right: bool,
) -> Result<f64, DriftError> {
    match is_right {
        true => Ok(value),
        false => Err(DriftError::Number { what, range, value }),
    }
}
