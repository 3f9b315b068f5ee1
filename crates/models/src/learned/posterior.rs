//! The belief about levels and slopes, and how one judgement changes it.

use pointsman_types::Grid;

use super::{Belief, Coordinates, Prior};

/// Per judgement, how much of the distance to the prior remains: of levels, which move when a
/// provider changes a model, and of slopes, which hardly do.
const LEVEL_STAYS: f64 = 0.999;
const SLOPE_STAYS: f64 = 0.9995;
/// A covariance is checked for soundness after so many judgements.
const CHECK_EVERY: u64 = 256;

/// Mean and covariance of the state: levels of the models, then slopes, coordinate by coordinate.
#[derive(Debug, Clone, PartialEq)]
pub struct Posterior {
    pub(super) prior: Prior,
    pub(super) mean: Vec<f64>,
    /// Shape `(state, state)`, symmetric.
    pub(super) covariance: Grid<f64>,
    pub(super) judgements: u64,
}

impl Posterior {
    /// Before any feedback.
    #[must_use]
    pub fn new(prior: Prior) -> Self {
        let size = prior.models() + Coordinates::LEN * prior.factors();
        let mut covariance = Grid::filled(size, size, 0.0);
        let models = prior.models();
        for at in 0..size {
            for other in 0..size {
                covariance[(at, other)] = prior_covariance(&prior, models, at, other);
            }
        }
        Self {
            mean: vec![0.0; size],
            covariance,
            prior,
            judgements: 0,
        }
    }

    /// What it started from.
    #[must_use]
    pub fn prior(&self) -> &Prior {
        &self.prior
    }

    /// How many judgements it has learnt from.
    #[must_use]
    pub fn judgements(&self) -> u64 {
        self.judgements
    }

    /// The level of each model: how far its quality lies from the predictions on average, with its
    /// standard error.
    #[must_use]
    pub fn levels(&self) -> Vec<(f64, f64)> {
        let level = |at: usize| (self.mean[at], self.covariance[(at, at)].max(0.0).sqrt());
        (0..self.prior.models()).map(level).collect()
    }

    /// What it says of all models for a prompt. Some 12,000 multiplications at 9 models.
    #[must_use]
    pub fn belief(&self, at: &Coordinates) -> Belief {
        let (models, factors) = (self.prior.models(), self.prior.factors());
        let slopes = self.sums_over_coordinates(&self.mean[models..], at);
        let cross = Grid::from_values(
            factors,
            (0..models)
                .flat_map(|model| {
                    self.sums_over_coordinates(&self.covariance.row(model)[models..], at)
                })
                .collect(),
        );
        let shared = self.slope_covariance(at);
        let loads = |model: usize| self.prior.loadings.row(model);
        let dot = |left: &[f32], right: &[f64]| -> f64 {
            let terms = left.iter().zip(right);
            terms.map(|(left, right)| f64::from(*left) * right).sum()
        };
        let through = Grid::from_values(
            factors,
            (0..models)
                .flat_map(|model| (0..factors).map(move |factor| (model, factor)))
                .map(|(model, factor)| dot(loads(model), shared.row(factor)))
                .collect(),
        );
        let mut covariance = Grid::filled(models, models, 0.0);
        for one in 0..models {
            for other in 0..=one {
                let value = self.covariance[(one, other)]
                    + dot(loads(other), cross.row(one))
                    + dot(loads(one), cross.row(other))
                    + dot(loads(other), through.row(one));
                covariance[(one, other)] = value;
                covariance[(other, one)] = value;
            }
        }
        Belief {
            shift: (0..models)
                .map(|model| self.mean[model] + dot(loads(model), &slopes))
                .collect(),
            covariance,
        }
    }

    /// The shift of one model for a prompt, and its variance: what [`Posterior::belief`] says of it.
    #[must_use]
    pub fn expected(&self, at: &Coordinates, model: usize) -> (f64, f64) {
        let direction = self.direction(at, model);
        let variance = dot(&direction, &self.covariance_times(&direction));
        (dot(&direction, &self.mean), variance.max(0.0))
    }

    /// Learns from one judgement: by how much the score differed from the predicted quality, and the
    /// variance of the noise in it. Not-a-number and a variance that is not above 0 are refused.
    /// Returns whether the state is still sound; one that is not has to start again.
    pub fn learn(&mut self, at: &Coordinates, model: usize, residual: f64, variance: f64) -> bool {
        if !residual.is_finite() || !variance.is_finite() || variance <= 0.0 {
            return true;
        }
        self.drift_back();
        let direction = self.direction(at, model);
        let along = self.covariance_times(&direction);
        let expected: f64 = dot(&direction, &self.mean);
        let spread = dot(&direction, &along) + variance;
        let gain = (residual - expected) / spread;
        for (mean, along) in self.mean.iter_mut().zip(&along) {
            *mean += along * gain;
        }
        for (row, left) in along.iter().enumerate() {
            let step = left / spread;
            for (value, right) in self.covariance.row_mut(row).iter_mut().zip(&along) {
                *value -= step * right;
            }
        }
        self.judgements += 1;
        !self.judgements.is_multiple_of(CHECK_EVERY) || self.is_sound()
    }

    /// Takes a judgement back, or corrects it by `change`: exact as long as nothing was forgotten
    /// since, else nearly.
    pub fn correct(&mut self, at: &Coordinates, model: usize, change: f64, variance: f64) {
        if !change.is_finite() || !variance.is_finite() || variance <= 0.0 {
            return;
        }
        let along = self.covariance_times(&self.direction(at, model));
        for (mean, along) in self.mean.iter_mut().zip(&along) {
            *mean += along * change / variance;
        }
    }

    /// A model changed, or is new: its level may be anywhere within `spread` of where it was.
    pub fn doubt(&mut self, model: usize, spread: f64) {
        self.covariance[(model, model)] += spread * spread;
    }

    /// The state for another set of models. What is known of those that are in both stays: `from`
    /// says for every model of the new prior where it was, if it was. Slopes stay where their
    /// factors mean the same.
    #[must_use]
    pub fn carried_to(&self, prior: Prior, from: &[Option<usize>]) -> Self {
        let (models, was) = (prior.models(), self.prior.models());
        let same_factors = prior.factors() == self.prior.factors()
            && prior.latent_scale.to_bits() == self.prior.latent_scale.to_bits()
            && from.iter().enumerate().all(|(new, old)| {
                old.is_none_or(|old| prior.loadings.row(new) == self.prior.loadings.row(old))
            });
        let mut carried = Self::new(prior);
        let place = |at: usize| match at < models {
            true => from.get(at).copied().flatten(),
            false if same_factors => Some(at - models + was),
            false => None,
        };
        let places: Vec<Option<usize>> = (0..carried.mean.len()).map(place).collect();
        for (at, old) in places.iter().enumerate() {
            let Some(old) = old else { continue };
            carried.mean[at] = self.mean[*old];
            for (other, also) in places.iter().enumerate() {
                carried.covariance[(at, other)] = match also {
                    Some(also) => self.covariance[(*old, *also)],
                    None => 0.0,
                };
                carried.covariance[(other, at)] = carried.covariance[(at, other)];
            }
        }
        carried.judgements = self.judgements;
        carried
    }

    /// Finite, symmetric but for rounding, and positive definite (by a Cholesky factorisation).
    /// Rounding is taken out of the symmetry on the way.
    pub fn is_sound(&mut self) -> bool {
        let size = self.mean.len();
        for row in 0..size {
            for column in 0..row {
                let (left, right) = (
                    self.covariance[(row, column)],
                    self.covariance[(column, row)],
                );
                let middle = f64::midpoint(left, right);
                self.covariance[(row, column)] = middle;
                self.covariance[(column, row)] = middle;
            }
        }
        self.mean.iter().all(|value| value.is_finite()) && is_positive_definite(&self.covariance)
    }

    /// `[1 at the model's level, coordinates x loadings]`.
    fn direction(&self, at: &Coordinates, model: usize) -> Vec<f64> {
        let models = self.prior.models();
        let mut direction = vec![0.0; models];
        direction[model] = 1.0;
        for coordinate in at.values() {
            let loads = self.prior.loadings.row(model).iter();
            direction.extend(loads.map(|load| f64::from(coordinate * load)));
        }
        direction
    }

    fn covariance_times(&self, direction: &[f64]) -> Vec<f64> {
        (0..self.mean.len())
            .map(|row| dot(self.covariance.row(row), direction))
            .collect()
    }

    /// An Ornstein–Uhlenbeck step towards the prior: what was learnt long ago counts less, and the
    /// covariance never exceeds the prior's.
    fn drift_back(&mut self) {
        let models = self.prior.models();
        let stays = |at: usize| {
            if at < models {
                LEVEL_STAYS
            } else {
                SLOPE_STAYS
            }
        };
        for row in 0..self.mean.len() {
            self.mean[row] *= stays(row);
            let (of_levels, of_slopes) = self.covariance.row_mut(row).split_at_mut(models);
            let stay = stays(row);
            for value in of_levels.iter_mut() {
                *value *= stay * LEVEL_STAYS;
            }
            for value in of_slopes.iter_mut() {
                *value *= stay * SLOPE_STAYS;
            }
            if row < models {
                let share = 1.0 - LEVEL_STAYS * LEVEL_STAYS;
                for (value, prior) in of_levels.iter_mut().zip(self.prior.levels.row(row)) {
                    *value += share * f64::from(*prior);
                }
            } else {
                of_slopes[row - models] +=
                    (1.0 - SLOPE_STAYS * SLOPE_STAYS) * Prior::SLOPE * Prior::SLOPE;
            }
        }
    }

    /// For each factor the sum of `values`, which go coordinate by coordinate, weighted by the
    /// coordinates.
    fn sums_over_coordinates(&self, values: &[f64], at: &Coordinates) -> Vec<f64> {
        match self.prior.factors() {
            Prior::FACTORS => sums_of_most(values, at).to_vec(),
            factors => sums(values, at, factors),
        }
    }

    /// Shape `(factors, factors)`: covariance of `Wᵀ φ`.
    fn slope_covariance(&self, at: &Coordinates) -> Grid<f64> {
        let (models, factors) = (self.prior.models(), self.prior.factors());
        let mut shared = Grid::filled(factors, factors, 0.0);
        for (number, coordinate) in at.values().iter().enumerate() {
            for factor in 0..factors {
                let row = self.covariance.row(models + number * factors + factor);
                let sums = self.sums_over_coordinates(&row[models..], at);
                for (value, sum) in shared.row_mut(factor).iter_mut().zip(sums) {
                    *value += f64::from(*coordinate) * sum;
                }
            }
        }
        shared
    }
}

fn prior_covariance(prior: &Prior, models: usize, at: usize, other: usize) -> f64 {
    // A ridge on the diagonal keeps levels apart that the prior thinks the same.
    let ridge = if at == other { 1e-8 } else { 0.0 };
    match (at < models, other < models) {
        (true, true) => f64::from(prior.levels[(at, other)]) + ridge,
        (false, false) if at == other => Prior::SLOPE * Prior::SLOPE,
        _ => 0.0,
    }
}

/// Sums for each of so many factors.
fn sums(values: &[f64], at: &Coordinates, factors: usize) -> Vec<f64> {
    let mut sums = vec![0.0; factors];
    for (coordinate, values) in at.values().iter().zip(values.chunks_exact(factors)) {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += f64::from(*coordinate) * value;
        }
    }
    sums
}

/// The same for as many factors as routers of several models have: one register of sums.
fn sums_of_most(values: &[f64], at: &Coordinates) -> [f64; Prior::FACTORS] {
    let (values, _) = values.as_chunks::<{ Prior::FACTORS }>();
    let mut sums = [0.0; Prior::FACTORS];
    for (coordinate, values) in at.values().iter().zip(values) {
        let coordinate = f64::from(*coordinate);
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += coordinate * value;
        }
    }
    sums
}

/// In four lanes: one running sum would have to wait for itself at every step.
fn dot(left: &[f64], right: &[f64]) -> f64 {
    let (lefts, left_rest) = left.as_chunks::<4>();
    let (rights, right_rest) = right.as_chunks::<4>();
    let mut lanes = [0.0; 4];
    for (left, right) in lefts.iter().zip(rights) {
        for (lane, (left, right)) in lanes.iter_mut().zip(left.iter().zip(right)) {
            *lane += left * right;
        }
    }
    let rest: f64 = left_rest
        .iter()
        .zip(right_rest)
        .map(|(left, right)| left * right)
        .sum();
    lanes.iter().sum::<f64>() + rest
}

fn is_positive_definite(matrix: &Grid<f64>) -> bool {
    let size = matrix.columns();
    let mut factor = matrix.clone();
    for column in 0..size {
        let (before, here) = (
            factor.row(column)[..column].to_vec(),
            factor[(column, column)],
        );
        let pivot = here - dot(&before, &before);
        if !pivot.is_finite() || pivot <= 0.0 {
            return false;
        }
        let root = pivot.sqrt();
        for row in column..size {
            let left = dot(&factor.row(row)[..column], &before);
            factor[(row, column)] = (factor[(row, column)] - left) / root;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prior(models: usize) -> Prior {
        let mut likeness = Grid::filled(models, models, 0.6);
        (0..models).for_each(|model| likeness[(model, model)] = 1.0);
        let loadings = (0..models).flat_map(|model| [0.8, 0.1 * model as f32]);
        let loadings = Grid::from_values(2, loadings.collect());
        Prior::new(&likeness, &Grid::filled(models, models, 0.0), loadings, 1.0)
    }

    fn coordinates(seed: u32) -> Coordinates {
        let value = |at: usize| ((seed as f32 + 1.0) * (at as f32 + 0.7)).sin() * 0.4;
        Coordinates::kept((0..Coordinates::LEN).map(value).collect()).unwrap()
    }

    /// By the definition: every score is a sum over the whole state.
    fn belief_by_definition(posterior: &Posterior, at: &Coordinates) -> Belief {
        let models = posterior.prior.models();
        let directions: Vec<_> = (0..models)
            .map(|model| posterior.direction(at, model))
            .collect();
        let along: Vec<_> = directions
            .iter()
            .map(|one| posterior.covariance_times(one))
            .collect();
        let covariance = directions
            .iter()
            .flat_map(|one| along.iter().map(move |other| dot(one, other)));
        Belief {
            shift: directions
                .iter()
                .map(|one| dot(one, &posterior.mean))
                .collect(),
            covariance: Grid::from_values(models, covariance.collect()),
        }
    }

    #[test]
    fn a_belief_is_what_its_definition_says() {
        let mut posterior = Posterior::new(prior(3));
        for number in 0..40 {
            posterior.learn(&coordinates(number), number as usize % 3, 0.3, 0.2);
        }
        let at = coordinates(99);
        let (fast, slow) = (posterior.belief(&at), belief_by_definition(&posterior, &at));
        for (fast, slow) in fast.shift.iter().zip(&slow.shift) {
            assert!((fast - slow).abs() < 1e-9);
        }
        for model in 0..3 {
            let (shift, variance) = posterior.expected(&at, model);
            assert!((shift - slow.shift[model]).abs() < 1e-9);
            assert!((variance - slow.covariance[(model, model)]).abs() < 1e-9);
        }
        for (fast, slow) in fast
            .covariance
            .values()
            .iter()
            .zip(slow.covariance.values())
        {
            assert!((fast - slow).abs() < 1e-9, "{fast} and {slow}");
        }
    }

    #[test]
    fn a_level_moves_towards_what_was_judged() {
        let mut posterior = Posterior::new(prior(3));
        for number in 0..300 {
            assert!(posterior.learn(&coordinates(number), 1, -0.3, 0.2));
        }
        let levels = posterior.levels();
        assert!(levels[1].0 < -0.1, "{levels:?}");
        assert!(
            levels[0].0 < 0.0 && levels[0].0 > levels[1].0,
            "a relative moves less: {levels:?}"
        );
        assert!(levels[1].1 < levels[0].1, "{levels:?}");
    }

    #[test]
    fn what_all_models_share_is_not_in_a_contrast() {
        let posterior = Posterior::new(prior(3));
        let belief = posterior.belief(&coordinates(1));
        assert!(belief.contrast(0, 1) < belief.error(0).hypot(belief.error(1)));
        assert!(belief.contrast(2, 2).abs() < 1e-9);
    }

    #[test]
    fn what_is_not_confirmed_is_forgotten() {
        let mut posterior = Posterior::new(prior(2));
        (0..200).for_each(|number| {
            posterior.learn(&coordinates(number), 0, -0.4, 0.2);
        });
        let before = posterior.levels()[0].0;
        (0..3000).for_each(|number| {
            posterior.learn(&coordinates(number), 1, 0.0, 0.2);
        });
        assert!(posterior.levels()[0].0.abs() < before.abs() / 2.0);
    }

    #[test]
    fn a_correction_replaces_a_judgement() {
        let (mut corrected, mut direct) = (Posterior::new(prior(2)), Posterior::new(prior(2)));
        let at = coordinates(5);
        corrected.learn(&at, 0, 0.5, 0.2);
        corrected.correct(&at, 0, -1.0, 0.2);
        direct.learn(&at, 0, -0.5, 0.2);
        for (left, right) in corrected.mean.iter().zip(&direct.mean) {
            assert!((left - right).abs() < 1e-9);
        }
    }

    #[test]
    fn nonsense_changes_nothing() {
        let mut posterior = Posterior::new(prior(2));
        let before = posterior.clone();
        for (residual, variance) in [
            (f64::NAN, 0.2),
            (0.1, 0.0),
            (0.1, f64::NAN),
            (f64::INFINITY, 1.0),
        ] {
            posterior.learn(&coordinates(1), 0, residual, variance);
            posterior.correct(&coordinates(1), 0, residual, variance);
        }
        assert_eq!(posterior, before);
    }

    #[test]
    fn a_model_more_leaves_the_others_as_they_were() {
        let mut posterior = Posterior::new(prior(2));
        (0..50).for_each(|number| {
            posterior.learn(&coordinates(number), 0, 0.4, 0.2);
        });
        let mut carried = posterior.carried_to(prior(3), &[Some(0), Some(1), None]);
        assert!(carried.is_sound());
        assert_eq!(carried.levels()[..2], posterior.levels()[..]);
        let (old, new) = (
            posterior.belief(&coordinates(7)),
            carried.belief(&coordinates(7)),
        );
        assert!((old.shift[0] - new.shift[0]).abs() < 1e-9);
    }

    #[test]
    fn an_indefinite_covariance_is_not_sound() {
        let mut posterior = Posterior::new(prior(2));
        assert!(posterior.is_sound());
        posterior.covariance[(0, 0)] = -1.0;
        assert!(!posterior.is_sound());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn any_judgements_leave_it_sound(
            news in prop::collection::vec((0_u32..1000, 0_usize..3, -1.0..1.0_f64, 0.01..1.0_f64), 1..300)
        ) {
            let mut posterior = Posterior::new(prior(3));
            for (seed, model, residual, variance) in news {
                posterior.learn(&coordinates(seed), model, residual, variance);
            }
            prop_assert!(posterior.is_sound());
            let belief = posterior.belief(&coordinates(3));
            prop_assert!(belief.shift.iter().all(|shift| shift.abs() < 3.0));
        }
    }
}
