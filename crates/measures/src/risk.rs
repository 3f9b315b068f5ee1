//! The risks of a fixed choice of a model for each prompt.

use crate::{MeasureError, Outcomes, Point, Weights};

/// The model chosen for each prompt, with what that led to.
#[derive(Debug, Clone, PartialEq)]
pub struct Choices {
    models: Vec<usize>,
    cost: Vec<f64>,
    score: Vec<f64>,
}

impl Choices {
    /// Looks up what these choices led to.
    ///
    /// # Errors
    /// When there is not one choice for each prompt.
    ///
    /// # Panics
    /// When a choice is not the number of a model.
    pub fn new(models: Vec<usize>, outcomes: &Outcomes) -> Result<Self, MeasureError> {
        if models.len() != outcomes.prompts() {
            return Err(MeasureError::Length {
                what: "the list of choices",
                needed: outcomes.prompts(),
                got: models.len(),
            });
        }
        let cells = || models.iter().copied().enumerate();
        Ok(Self {
            cost: cells().map(|cell| outcomes.cost()[cell]).collect(),
            score: cells().map(|cell| outcomes.score()[cell]).collect(),
            models,
        })
    }

    /// The score of each chosen answer.
    #[must_use]
    pub fn score(&self) -> &[f64] {
        &self.score
    }

    /// Mean cost and mean score.
    #[must_use]
    pub fn mean(&self, weights: &Weights) -> Point {
        Point {
            cost: weights.mean(&self.cost),
            quality: weights.mean(&self.score),
        }
    }

    /// The share of the prompts that each of `models` models gets.
    #[must_use]
    pub fn shares(&self, models: usize) -> Vec<f64> {
        let mut shares = vec![0.0; models];
        for model in &self.models {
            shares[*model] += 1.0 / self.models.len() as f64;
        }
        shares
    }
}

/// The share of the scores that miss the target.
#[must_use]
pub fn adequacy_risk(scores: &[f64], target: f64, weights: &Weights) -> f64 {
    let missed: Vec<f64> = scores
        .iter()
        .map(|score| f64::from(u8::from(*score < target)))
        .collect();
    weights.mean(&missed)
}

/// How much worse than the reference the scores are, on average; a gain on one prompt does not
/// make up for a loss on another.
#[must_use]
pub fn regression_risk(
    scores: &[f64],
    reference: impl Iterator<Item = f64>,
    weights: &Weights,
) -> f64 {
    let losses: Vec<f64> = scores
        .iter()
        .zip(reference)
        .map(|(score, reference)| (reference - score).max(0.0))
        .collect();
    weights.mean(&losses)
}

#[cfg(test)]
mod tests {
    use pointsman_types::Grid;

    use super::*;

    fn outcomes() -> Outcomes {
        let score = Grid::from_values(2, vec![0.0, 1.0, 1.0, 0.5, 0.2, 0.4]);
        let cost = Grid::from_values(2, vec![1.0, 3.0, 1.0, 3.0, 1.0, 3.0]);
        Outcomes::new(score, cost).unwrap()
    }

    #[test]
    fn risks_by_hand() {
        let outcomes = outcomes();
        let choices = Choices::new(vec![1, 0, 0], &outcomes).unwrap();
        let even = Weights::even(3);
        let mean = choices.mean(&even);
        assert!((mean.cost - 5.0 / 3.0).abs() < 1e-12);
        assert!((mean.quality - 2.2 / 3.0).abs() < 1e-12);
        assert!((adequacy_risk(choices.score(), 0.5, &even) - 1.0 / 3.0).abs() < 1e-12);
        // worse than model 1 only on the last prompt, by 0.2
        let risk = regression_risk(choices.score(), outcomes.score().column(1), &even);
        assert!((risk - 0.2 / 3.0).abs() < 1e-12);
        let shares = choices.shares(2);
        assert!((shares[0] - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_score_that_meets_the_target_is_adequate() {
        assert!(adequacy_risk(&[0.5], 0.5, &Weights::even(1)) < 1e-12);
    }

    #[test]
    fn a_missing_choice_is_an_error() {
        assert!(matches!(
            Choices::new(vec![0], &outcomes()),
            Err(MeasureError::Length { .. })
        ));
    }
}
