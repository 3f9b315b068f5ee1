//! What is believed before any feedback: how far models may lie from their predictions, and which
//! of them err together.

use pointsman_types::Grid;

/// Standard deviation of a model's level, and of the level that all models share.
const LEVEL: f32 = 0.05;
const COMMON: f32 = 0.03;

/// The prior of levels and slopes.
#[derive(Debug, Clone, PartialEq)]
pub struct Prior {
    /// Shape `(models, factors)`: how much each shared slope moves a model.
    pub loadings: Grid<f32>,
    /// Shape `(models, models)`: covariance of the levels.
    pub levels: Grid<f32>,
    /// What latent coordinates are multiplied with.
    pub latent_scale: f32,
}

impl Prior {
    /// Slopes that models may share.
    pub const FACTORS: usize = 4;
    /// Of a model's error, the share that it has to itself.
    pub const OWN: f32 = 0.2;
    /// Standard deviation of a slope.
    pub const SLOPE: f64 = 0.06;

    /// Given how models err together (`likeness`, shape `(models, models)`, of mean diagonal 1), the
    /// sampling covariance of their mean scores in training, and the loadings of the likeness.
    #[must_use]
    pub fn new(
        likeness: &Grid<f32>,
        sampling: &Grid<f32>,
        loadings: Grid<f32>,
        latent_scale: f32,
    ) -> Self {
        let level =
            |(alike, sampled): (&f32, &f32)| LEVEL * LEVEL * alike + COMMON * COMMON + sampled;
        let pairs = likeness.values().iter().zip(sampling.values());
        Self {
            levels: Grid::from_values(likeness.columns(), pairs.map(level).collect()),
            loadings,
            latent_scale,
        }
    }

    /// Nothing is known of how models err together.
    #[must_use]
    pub fn independent(models: usize) -> Self {
        let mut likeness = Grid::filled(models, models, 0.0);
        (0..models).for_each(|model| likeness[(model, model)] = 1.0);
        let loadings = Grid::filled(models, 1, 1.0);
        Self::new(&likeness, &Grid::filled(models, models, 0.0), loadings, 1.0)
    }

    /// The same prior with one more model at the end, which errs as this combination of the others
    /// and, by itself, with a level of this standard error.
    #[must_use]
    pub fn with_combination(&self, shares: &[f32], error: f32) -> Self {
        let product = |row: &[f32]| -> f32 {
            row.iter()
                .zip(shares)
                .map(|(value, share)| value * share)
                .sum()
        };
        let others: Vec<f32> = (0..self.models())
            .map(|model| product(self.levels.row(model)))
            .collect();
        let mut levels = self.levels.with_column(|row| product(row));
        let own = product(&others) + error * error;
        levels.push_row(&others.iter().copied().chain([own]).collect::<Vec<f32>>());
        let mut loadings = self.loadings.clone();
        let load = |factor: usize| product(&self.loadings.column(factor).collect::<Vec<f32>>());
        loadings.push_row(&(0..self.factors()).map(load).collect::<Vec<f32>>());
        Self {
            loadings,
            levels,
            latent_scale: self.latent_scale,
        }
    }

    /// How many models.
    #[must_use]
    pub fn models(&self) -> usize {
        self.levels.columns()
    }

    /// How many slopes models share.
    #[must_use]
    pub fn factors(&self) -> usize {
        self.loadings.columns()
    }
}
