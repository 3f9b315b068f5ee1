//! What is to be expected of a model before any of its answers is scored: price and family.

use pointsman_types::ModelName;

/// The spread of levels around what the price says, before the models that are there tell better; they
/// outvote it once there are more than these.
const SPREAD: f64 = 0.15;
const SPREAD_VOTES: f64 = 2.0;
/// Draws the slope over the logarithm of the price towards 0, as one more model a factor of 2.7 away
/// would.
const SLOPE_PRIOR: f64 = 1.0;

/// The level of a new model and its standard error, before any score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Prior {
    pub(super) level: f64,
    pub(super) error: f64,
}

impl Prior {
    /// From the names, levels and typical costs of the models that are there; the costs have that of
    /// the new model, last.
    pub(super) fn new(
        names: &[ModelName],
        levels: &[f64],
        name: &ModelName,
        costs: &[Option<f64>],
    ) -> Self {
        let line = Line::fit(levels, costs);
        let expected = |at: usize| line.at(costs[at]);
        let misfits: Vec<f64> = levels
            .iter()
            .enumerate()
            .map(|(at, level)| level - expected(at))
            .collect();
        let relatives = names
            .iter()
            .zip(&misfits)
            .filter(|(other, _)| family(other) == family(name));
        let (sum, count) = relatives.fold((0.0, 0.0), |(sum, count), (_, misfit)| {
            (sum + misfit, count + 1.0)
        });
        let square: f64 = misfits.iter().map(|misfit| misfit * misfit).sum();
        let votes = levels.len() as f64 - 2.0 + SPREAD_VOTES;
        let variance = (square + SPREAD_VOTES * SPREAD * SPREAD) / votes;
        Self {
            // Relatives count as much as one more model of no family would.
            level: expected(levels.len()) + sum / (count + 1.0),
            error: variance.sqrt(),
        }
    }
}

/// Levels as a line over the logarithm of the cost.
struct Line {
    cost: f64,
    level: f64,
    slope: f64,
}

impl Line {
    fn fit(levels: &[f64], costs: &[Option<f64>]) -> Self {
        let points = || {
            levels
                .iter()
                .zip(costs)
                .filter_map(|(level, cost)| Some((log(*cost)?, *level)))
        };
        let count = points().count().max(1) as f64;
        let cost = points().map(|point| point.0).sum::<f64>() / count;
        let level = levels.iter().sum::<f64>() / levels.len().max(1) as f64;
        let covariance: f64 = points()
            .map(|point| (point.0 - cost) * (point.1 - level))
            .sum();
        let variance: f64 = points().map(|point| (point.0 - cost).powi(2)).sum();
        Self {
            cost,
            level,
            slope: covariance / (variance + SLOPE_PRIOR),
        }
    }

    /// The mean level where no cost is known.
    fn at(&self, cost: Option<f64>) -> f64 {
        let rise = log(cost).map_or(0.0, |log| self.slope * (log - self.cost));
        (self.level + rise).clamp(0.0, 1.0)
    }
}

fn log(cost: Option<f64>) -> Option<f64> {
    cost.filter(|cost| *cost > 0.0).map(libm::log)
}

/// The first word of a name after its provider: `gemini` of `google/gemini-1.5-pro`.
pub(super) fn family(name: &ModelName) -> String {
    let own = name.as_str().rsplit('/').next().unwrap_or_default();
    let word = own
        .split(|character: char| !character.is_alphabetic())
        .find(|word| !word.is_empty());
    word.unwrap_or(own).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<ModelName> {
        names.iter().map(|name| ModelName::from(*name)).collect()
    }

    #[test]
    fn a_family_is_the_first_word_after_the_provider() {
        for (name, word) in [
            ("google/gemini-1.5-pro", "gemini"),
            ("GPT-4o", "gpt"),
            ("405", "405"),
        ] {
            assert_eq!(family(&name.into()), word);
        }
    }

    fn prior(name: &str, cost: Option<f64>) -> Prior {
        let models = names(&["a-1", "b-1", "c-1", "d-1"]);
        let costs = [Some(0.001), Some(0.01), Some(0.1), Some(1.0), cost];
        Prior::new(&models, &[0.3, 0.4, 0.5, 0.9], &name.into(), &costs)
    }

    #[test]
    fn dearer_models_are_expected_to_be_better() {
        assert!(prior("new", Some(0.5)).level > prior("new", Some(0.005)).level + 0.1);
    }

    #[test]
    fn relatives_pull_towards_themselves() {
        assert!(prior("d-2", Some(0.05)).level > prior("new", Some(0.05)).level + 0.02);
    }

    #[test]
    fn without_a_cost_the_mean_is_expected() {
        assert!((prior("new", None).level - 0.525).abs() < 1e-9);
    }

    #[test]
    fn two_models_leave_a_wide_prior() {
        let found = Prior::new(
            &names(&["a", "b"]),
            &[0.5, 0.6],
            &"c".into(),
            &[Some(1.0), Some(2.0), Some(90.0)],
        );
        assert!(
            found.error > 0.1 && (0.5..0.8).contains(&found.level),
            "{found:?}"
        );
    }
}
