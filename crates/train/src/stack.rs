//! Unequal parts of a blend: non-negative least squares on held-out predictions (Breiman 1996,
//! "Stacked regressions"), drawn towards equal parts.
//!
//! What is fitted is how the models differ on each prompt, wherever prompts show that: an error that
//! all models share changes no decision.

use pointsman_types::Grid;

use crate::judge::Error;

/// Equal parts count as if so many further prompts had asked for them.
const PRIOR_PROMPTS: f64 = 300.0;
/// Of coordinate descent; a handful of members is solved long before.
const SWEEPS: usize = 2000;

/// Targets of shape `(prompts, models)`, and how much each counts.
pub(crate) struct Goal<'a> {
    pub(crate) deviation: Grid<f32>,
    pub(crate) weight: &'a Grid<f32>,
}

/// The part of each member, given what it predicts for every prompt without having seen it, from the
/// prompts looked at.
pub(crate) fn parts(
    members: &[Grid<f32>],
    goal: &Goal<'_>,
    looks_at: impl Fn(usize) -> bool,
) -> Vec<f64> {
    let error = Error::seen_in(goal.weight);
    let mut sums = Sums::new(members.len());
    for row in (0..goal.weight.rows()).filter(|row| looks_at(*row)) {
        let weight = goal.weight.row(row);
        let seen = |grid: &Grid<f32>| error.counted(grid.row(row), weight);
        let found: Vec<Vec<f64>> = members.iter().map(seen).collect();
        sums.add(&found, &seen(&goal.deviation), weight);
    }
    sums.solved()
}

/// The normal equations.
struct Sums {
    gram: Vec<Vec<f64>>,
    right: Vec<f64>,
    prompts: f64,
}

impl Sums {
    fn new(members: usize) -> Self {
        Self {
            gram: vec![vec![0.0; members]; members],
            right: vec![0.0; members],
            prompts: 0.0,
        }
    }

    fn add(&mut self, members: &[Vec<f64>], target: &[f64], weight: &[f32]) {
        let product = |left: &[f64], right: &[f64]| -> f64 {
            let cells = left.iter().zip(right).zip(weight);
            cells
                .map(|((left, right), weight)| f64::from(*weight) * left * right)
                .sum()
        };
        for (at, left) in members.iter().enumerate() {
            self.right[at] += product(left, target);
            for (other, right) in members.iter().enumerate() {
                self.gram[at][other] += product(left, right);
            }
        }
        self.prompts += 1.0;
    }

    fn solved(mut self) -> Vec<f64> {
        let members = self.right.len();
        let equal = 1.0 / members.max(1) as f64;
        let trace: f64 = (0..members).map(|at| self.gram[at][at]).sum();
        let prior = trace * equal * PRIOR_PROMPTS / self.prompts.max(1.0);
        for at in 0..members {
            self.gram[at][at] += prior;
            self.right[at] += prior * equal;
        }
        let mut parts = vec![equal; members];
        for at in (0..SWEEPS).flat_map(|_| 0..members) {
            parts[at] = self.best_part(at, &parts);
        }
        parts
    }

    /// The best part of one member where the others have these; a member that predicts nothing has
    /// none.
    fn best_part(&self, at: usize, parts: &[f64]) -> f64 {
        let row = &self.gram[at];
        let fitted: f64 = row.iter().zip(parts).map(|(gram, part)| gram * part).sum();
        match row[at] > 0.0 {
            true => (parts[at] + (self.right[at] - fitted) / row[at]).max(0.0),
            false => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMPTS: usize = 3000;

    fn grid(of: impl Fn(usize, usize) -> f32) -> Grid<f32> {
        let value = |at: usize| of(at / 2, at % 2);
        Grid::from_values(2, (0..2 * PROMPTS).map(value).collect())
    }

    fn truth() -> Grid<f32> {
        grid(|row, model| ((row * 7 + model * 3) as f32).sin())
    }

    fn noise() -> Grid<f32> {
        grid(|row, model| ((row * 13 + model * 5) as f32 * 1.7).cos())
    }

    fn check(members: &[Grid<f32>], prompts: usize, expected: &[f64]) {
        let weight = Grid::filled(PROMPTS, 2, 1.0);
        let goal = Goal {
            deviation: truth(),
            weight: &weight,
        };
        let found = parts(members, &goal, |row| row < prompts);
        let mut pairs = found.iter().zip(expected);
        let is_near = |(found, expected): (&f64, &f64)| (found - expected).abs() < 0.1;
        assert!(pairs.all(is_near), "{found:?}");
    }

    #[test]
    fn what_tells_the_truth_has_nearly_all() {
        check(&[truth(), noise()], PROMPTS, &[0.95, 0.05]);
    }

    #[test]
    fn what_is_wrong_has_no_part_rather_than_a_negative_one() {
        let inverted = grid(|row, model| -((row * 7 + model * 3) as f32).sin());
        check(&[inverted], PROMPTS, &[0.0]);
    }

    #[test]
    fn few_prompts_leave_parts_near_equal() {
        check(&[truth(), noise()], 20, &[0.53, 0.47]);
    }

    #[test]
    fn what_all_models_share_does_not_count() {
        let shifted = grid(|row, model| truth()[(row, model)] + (row % 11) as f32);
        check(&[shifted, noise()], PROMPTS, &[0.95, 0.05]);
    }

    #[test]
    fn a_member_that_says_nothing_has_no_part_to_speak_of() {
        check(&[Grid::filled(PROMPTS, 2, 0.0)], PROMPTS, &[0.0]);
    }
}
