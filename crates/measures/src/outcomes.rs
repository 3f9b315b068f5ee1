//! What really happened, and what was predicted, on complete grids of shape `(prompts, models)`.
//!
//! A curve needs every cell: the chosen model of any prompt must have a score and a cost. Models
//! that answered too few prompts go first, then prompts that lack a cell.

use pointsman_types::Grid;

use crate::MeasureError;

/// Scores in `[0, 1]` and costs in US dollars of every model on every prompt; no cell is missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcomes {
    score: Grid<f64>,
    cost: Grid<f64>,
}

/// Which models and prompts of a log have a place in its outcomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Columns kept, rising.
    pub models: Vec<usize>,
    /// Rows kept, rising.
    pub prompts: Vec<usize>,
}

impl Outcomes {
    /// A model is kept when it has a score on at least this share of the prompts.
    pub const COVERAGE: f64 = 0.95;

    /// Outcomes from complete grids.
    ///
    /// # Errors
    /// When the grids differ in shape, are empty, or hold a number that is not finite.
    pub fn new(score: Grid<f64>, cost: Grid<f64>) -> Result<Self, MeasureError> {
        same_shape("the grid of costs", &score, &cost)?;
        all_finite("the score", &score)?;
        all_finite("the cost", &cost)?;
        Ok(Self { score, cost })
    }

    /// The complete part of a log whose missing cells are NaN: models with a score on at least
    /// [`Self::COVERAGE`] of the prompts, then prompts with a score and a cost from all of them.
    ///
    /// # Errors
    /// When the grids differ in shape, or nothing complete remains.
    pub fn complete(score: &Grid<f32>, cost: &Grid<f64>) -> Result<(Self, Kept), MeasureError> {
        same_shape("the grid of costs", score, cost)?;
        let prompts = score.rows();
        let models: Vec<usize> = (0..score.columns())
            .filter(|model| covers(score, *model))
            .collect();
        if models.is_empty() {
            return Err(MeasureError::NoModelCovers {
                percent: Self::COVERAGE * 100.0,
                prompts,
            });
        }
        let complete = |row: &usize| {
            let has = |model: &usize| {
                score[(*row, *model)].is_finite() && cost[(*row, *model)].is_finite()
            };
            models.iter().all(has)
        };
        let kept: Vec<usize> = (0..prompts).filter(complete).collect();
        if kept.is_empty() {
            return Err(MeasureError::NoCompletePrompt {
                prompts,
                models: models.len(),
            });
        }
        let kept = Kept {
            models,
            prompts: kept,
        };
        let outcomes = Self {
            score: kept.pick(score, f64::from),
            cost: kept.pick(cost, |cost| cost),
        };
        Ok((outcomes, kept))
    }

    /// How many prompts.
    #[must_use]
    pub fn prompts(&self) -> usize {
        self.score.rows()
    }

    /// How many models.
    #[must_use]
    pub fn models(&self) -> usize {
        self.score.columns()
    }

    /// Scores, shape `(prompts, models)`.
    #[must_use]
    pub fn score(&self) -> &Grid<f64> {
        &self.score
    }

    /// Costs in US dollars, shape `(prompts, models)`.
    #[must_use]
    pub fn cost(&self) -> &Grid<f64> {
        &self.cost
    }

    /// What a predictor that sees the future would say: its curve is the oracle.
    #[must_use]
    pub fn as_predicted(&self) -> Predicted {
        Predicted {
            quality: self.score.clone(),
            cost: self.cost.clone(),
        }
    }

    /// The rows named, in that order; a row may be named twice.
    ///
    /// # Errors
    /// When no row is named.
    pub fn select(&self, rows: &[usize]) -> Result<Self, MeasureError> {
        Self::new(self.score.select(rows), self.cost.select(rows))
    }
}

impl Kept {
    /// The kept cells of a grid as wide and as long as the log.
    pub fn pick<T: Copy, U: Copy>(&self, grid: &Grid<T>, convert: impl Fn(T) -> U) -> Grid<U> {
        let cells = self.prompts.iter().flat_map(|row| {
            let row = grid.row(*row);
            self.models.iter().map(|model| convert(row[*model]))
        });
        Grid::from_values(self.models.len(), cells.collect())
    }
}

/// Predicted quality and cost in US dollars of every model on every prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicted {
    quality: Grid<f64>,
    cost: Grid<f64>,
}

impl Predicted {
    /// Predictions from complete grids.
    ///
    /// # Errors
    /// When the grids differ in shape, are empty, or hold a number that is not finite.
    pub fn new(quality: Grid<f64>, cost: Grid<f64>) -> Result<Self, MeasureError> {
        same_shape("the grid of predicted costs", &quality, &cost)?;
        all_finite("the predicted quality", &quality)?;
        all_finite("the predicted cost", &cost)?;
        Ok(Self { quality, cost })
    }

    /// Predicted quality, shape `(prompts, models)`.
    #[must_use]
    pub fn quality(&self) -> &Grid<f64> {
        &self.quality
    }

    /// Predicted cost in US dollars, shape `(prompts, models)`.
    #[must_use]
    pub fn cost(&self) -> &Grid<f64> {
        &self.cost
    }
}

fn covers(score: &Grid<f32>, model: usize) -> bool {
    let scored = score
        .column(model)
        .filter(|score| score.is_finite())
        .count();
    scored > 0 && scored as f64 >= Outcomes::COVERAGE * score.rows() as f64
}

fn same_shape<T: Copy, U: Copy>(
    what: &'static str,
    like: &Grid<T>,
    grid: &Grid<U>,
) -> Result<(), MeasureError> {
    if (like.rows(), like.columns()) == (grid.rows(), grid.columns()) {
        return Ok(());
    }
    Err(MeasureError::Shape {
        what,
        rows: like.rows(),
        columns: like.columns(),
        got_rows: grid.rows(),
        got_columns: grid.columns(),
    })
}

fn all_finite(what: &'static str, grid: &Grid<f64>) -> Result<(), MeasureError> {
    if grid.rows() == 0 {
        return Err(MeasureError::Empty);
    }
    match grid.values().iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(at) => Err(MeasureError::NotFinite {
            what,
            row: at / grid.columns(),
            column: at % grid.columns(),
            value: grid.values()[at],
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GONE: f64 = f64::NAN;

    fn grids(rows: &[[(f32, f64); 3]]) -> (Grid<f32>, Grid<f64>) {
        let score = rows.iter().flatten().map(|cell| cell.0).collect();
        let cost = rows.iter().flatten().map(|cell| cell.1).collect();
        (Grid::from_values(3, score), Grid::from_values(3, cost))
    }

    #[test]
    fn a_model_with_too_few_scores_goes_before_any_prompt_does() {
        let gone = (f32::NAN, GONE);
        let mut rows = vec![[(0.5, 1.0), (0.25, 2.0), gone]; 38];
        rows.push([(0.5, 1.0), (f32::NAN, 2.0), (1.0, 3.0)]); // model 1 lacks one score of 40
        rows.push([(0.5, GONE), (0.25, 2.0), (1.0, 3.0)]); // model 0 lacks a cost
        let (score, cost) = grids(&rows);
        let (outcomes, kept) = Outcomes::complete(&score, &cost).unwrap();
        assert_eq!(kept.models, [0, 1]);
        assert_eq!(kept.prompts, (0..38).collect::<Vec<_>>());
        assert_eq!((outcomes.prompts(), outcomes.models()), (38, 2));
        assert_eq!(outcomes.cost().row(37), [1.0, 2.0]);
    }

    #[test]
    fn nothing_complete_is_an_error_that_says_why() {
        let gone = (f32::NAN, GONE);
        let (score, cost) = grids(&[[gone; 3]]);
        let error = Outcomes::complete(&score, &cost).unwrap_err();
        assert!(matches!(error, MeasureError::NoModelCovers { .. }));
        let (score, cost) = grids(&[[(0.5, 1.0), (0.5, GONE), (0.5, 1.0)]]);
        let error = Outcomes::complete(&score, &cost).unwrap_err();
        assert!(
            error.to_string().contains("none of the 1 prompts"),
            "{error}"
        );
    }

    #[test]
    fn a_number_that_is_not_finite_is_named() {
        let good = Grid::filled(2, 2, 0.5);
        let mut bad = good.clone();
        bad[(1, 0)] = f64::INFINITY;
        let error = Predicted::new(good, bad).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the predicted cost of prompt 1, model 0 must be a finite number, got inf"
        );
    }

    #[test]
    fn grids_of_different_shapes_and_empty_grids_are_refused() {
        let error = Outcomes::new(Grid::filled(2, 2, 0.5), Grid::filled(2, 3, 0.5)).unwrap_err();
        assert!(matches!(error, MeasureError::Shape { .. }));
        let none = Grid::filled(0, 2, 0.5);
        assert_eq!(Outcomes::new(none.clone(), none), Err(MeasureError::Empty));
    }
}
