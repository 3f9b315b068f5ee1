//! Kernel regression: what a prompt adds to a model follows from how near it lies to landmarks.

use pointsman_types::Grid;

use crate::products::{add_dense_products, exponentials, square_distances};

/// `Σ weight · likeness(prompt, landmark)` for every model, as a deviation from its mean score: the
/// least-squares function in the space of a Gaussian kernel, seen from a few landmarks (Williams and
/// Seeger 2001, "Using the Nyström method to speed up kernel machines").
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    /// The first of the latent coordinates that it looks at; as many as landmarks have.
    pub first: usize,
    /// Shape `(dimensions, landmarks)`: means of directions, each a column.
    pub landmarks: Grid<f32>,
    /// Shape `(landmarks, models)`.
    pub weights: Grid<f32>,
}

/// How fast likeness falls with the squared distance.
const SHARPNESS: f32 = 2.0;

impl Kernel {
    /// How like each landmark a direction is, from 0 to 1: `exp(-2 |direction - landmark|²)`.
    #[must_use]
    pub fn likeness(landmarks: &Grid<f32>, direction: &[f32]) -> Vec<f32> {
        let mut likeness = square_distances(landmarks, direction);
        likeness.iter_mut().for_each(|one| *one *= -SHARPNESS);
        exponentials(&mut likeness);
        likeness
    }

    /// Adds the deviations of a prompt with these latent coordinates to `sums`.
    pub(crate) fn add_deviations(&self, latent: &[f32], sums: &mut [f32]) {
        let seen = &latent[self.first..][..self.landmarks.rows()];
        let likeness = Self::likeness(&self.landmarks, &direction(seen));
        add_dense_products(&likeness, &self.weights, sums);
    }
}

/// Latent coordinates at unit length; a point without length stays where it is.
#[must_use]
pub fn direction(latent: &[f32]) -> Vec<f32> {
    let length = latent.iter().map(|value| value * value).sum::<f32>().sqrt();
    let scale = if length > 0.0 { length.recip() } else { 0.0 };
    latent.iter().map(|value| value * scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel() -> Kernel {
        Kernel {
            first: 1,
            landmarks: Grid::from_values(2, vec![1.0, 0.0, 0.0, 1.0]),
            weights: Grid::from_values(1, vec![0.5, -0.25]),
        }
    }

    #[test]
    fn a_landmark_is_all_like_itself() {
        let likeness = Kernel::likeness(&kernel().landmarks, &[1.0, 0.0]);
        let expected = [1.0, (-4.0_f32).exp()];
        let pairs = likeness.iter().zip(expected);
        assert!(
            pairs
                .into_iter()
                .all(|(found, expected)| (found - expected).abs() < 1e-6)
        );
    }

    #[test]
    fn only_directions_in_its_own_coordinates_count() {
        let deviation = |latent: [f32; 4]| {
            let mut sums = [0.0];
            kernel().add_deviations(&latent, &mut sums);
            sums[0]
        };
        let expected = 0.5 * (-4.0_f32).exp() - 0.25;
        for latent in [[0.0, 0.0, 0.5, 0.0], [7.0, 0.0, 3.0, -9.0]] {
            assert!((deviation(latent) - expected).abs() < 1e-6, "{latent:?}");
        }
    }

    #[test]
    fn a_prompt_without_direction_is_a_little_like_everything() {
        let likeness = Kernel::likeness(&kernel().landmarks, &direction(&[0.0, 0.0]));
        let expected = (-2.0_f32).exp();
        assert!(likeness.iter().all(|one| (one - expected).abs() < 1e-6));
    }
}
