//! From a prompt to numbers: hashed word n-grams and a few dense surface features.
//!
//! Pure and reproducible: the same text gives the same numbers on every platform (logarithms come
//! from `libm`, not from the system). Labels, prices and outcomes are unknown here. Called by `router` for one prompt and by `train` for many.

mod conversation;
mod extract;
mod frequencies;
mod matrix;
mod named;
mod spec;
mod surface;
mod words;

pub use conversation::current_turn;
pub use extract::{Extractor, Features};
pub use matrix::{FeatureMatrix, FeatureRow};
pub use spec::{FeatureSpec, SpecError};
pub use surface::{CHARACTER_FEATURES, SURFACE_FEATURES, SURFACE_NAMES};
