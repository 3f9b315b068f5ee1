//! Where a prompt lies for what is learnt while serving: few, frozen numbers.

use pointsman_features::SURFACE_FEATURES;

use crate::representation::{Point, Representation};

/// Latent coordinates that are read, the first ones.
const LATENT: usize = 8;
/// Beyond so many standard deviations a surface feature is cut.
const BOUND: f32 = 3.0;

/// Standardised surface features, together of about unit length, then the first latent coordinates,
/// scaled.
#[derive(Debug, Clone, PartialEq)]
pub struct Coordinates(Vec<f32>);

impl Coordinates {
    /// How many there are.
    pub const LEN: usize = SURFACE_FEATURES + LATENT;

    /// Those of a point, given the scale of the latent coordinates.
    #[must_use]
    pub fn of(point: &Point, latent_scale: f32) -> Self {
        let root = (SURFACE_FEATURES as f32).sqrt();
        let surface = point.context[1..=SURFACE_FEATURES].iter();
        let surface = surface.map(|value| value.clamp(-BOUND, BOUND) / root);
        let latent = point.context[Representation::LATENT..].iter().take(LATENT);
        let mut all: Vec<f32> = surface
            .chain(latent.map(|value| latent_scale * value))
            .collect();
        all.resize(Self::LEN, 0.0);
        Self(all)
    }

    /// Coordinates that were kept; `None` where they are not so many finite numbers.
    #[must_use]
    pub fn kept(values: Vec<f32>) -> Option<Self> {
        let sound = values.len() == Self::LEN && values.iter().all(|value| value.is_finite());
        sound.then_some(Self(values))
    }

    /// The numbers.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.0
    }
}
