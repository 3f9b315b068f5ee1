//! The router as its own policy decides: one point, its risks, and how sure they are.

use pointsman_measures::{
    Bootstrap, Choices, Interval, Outcomes, Singles, Weights, adequacy_risk, regression_risk,
};

use crate::EvaluateError;
use crate::report::Operating;

/// Risks of the decisions on the prompts that could be decided; `None` where there are none.
pub(crate) fn operating(
    outcomes: &Outcomes,
    decided: &[Option<usize>],
    reference: usize,
    target: f64,
    bootstrap: impl Fn(&[usize]) -> Bootstrap,
) -> Result<Option<Operating>, EvaluateError> {
    let (rows, models): (Vec<usize>, Vec<usize>) = decided
        .iter()
        .enumerate()
        .filter_map(|(row, model)| Some((row, (*model)?)))
        .unzip();
    if rows.is_empty() {
        return Ok(None);
    }
    let outcomes = outcomes.select(&rows)?;
    let policy = Decided {
        choices: Choices::new(models, &outcomes)?,
        outcomes: &outcomes,
        reference,
        target,
    };
    let all = Weights::even(rows.len());
    let estimate = policy.risks(&all);
    let resamples = bootstrap(&rows).each(|weights| policy.risks(weights));
    let interval = |of: fn(&Risks) -> Option<f64>| {
        let replicates: Vec<Option<f64>> = resamples.iter().map(of).collect();
        Interval::percentile(of(&estimate), &replicates)
    };
    Ok(Some(Operating {
        prompts: rows.len(),
        refused: decided.len() - rows.len(),
        point: policy.choices.mean(&all),
        shares: policy.choices.shares(outcomes.models()),
        quality_difference: interval(|risks| Some(risks.quality_difference)),
        saving: interval(|risks| risks.saving),
        regression_risk: interval(|risks| Some(risks.regression)),
        target: policy.target,
        adequacy_risk: interval(|risks| Some(risks.inadequate)),
    }))
}

struct Decided<'a> {
    choices: Choices,
    outcomes: &'a Outcomes,
    reference: usize,
    target: f64,
}

struct Risks {
    quality_difference: f64,
    saving: Option<f64>,
    regression: f64,
    inadequate: f64,
}

impl Decided<'_> {
    fn risks(&self, weights: &Weights) -> Risks {
        let mean = self.choices.mean(weights);
        let reference = Singles::of(self.outcomes, weights).points()[self.reference];
        let scores = self.choices.score();
        let reference_scores = self.outcomes.score().column(self.reference);
        Risks {
            quality_difference: mean.quality - reference.quality,
            saving: (reference.cost > 0.0).then(|| 1.0 - mean.cost / reference.cost),
            regression: regression_risk(scores, reference_scores, weights),
            inadequate: adequacy_risk(scores, self.target, weights),
        }
    }
}

#[cfg(test)]
mod tests {
    use pointsman_types::Grid;

    use super::*;

    fn over_prompts(rows: &[usize]) -> Bootstrap {
        Bootstrap::over_prompts(rows.len(), 50, 0)
    }

    #[test]
    fn an_operating_point_by_hand() {
        let score = Grid::from_values(2, vec![0.0, 1.0, 1.0, 0.5, 0.2, 0.4, 0.0, 0.0]);
        let cost = Grid::from_values(2, [1.0, 4.0].repeat(4));
        let outcomes = Outcomes::new(score, cost).unwrap();
        let decided = [Some(1), Some(0), Some(0), None];
        let point = operating(&outcomes, &decided, 1, 0.5, over_prompts)
            .unwrap()
            .unwrap();
        assert_eq!((point.prompts, point.refused), (3, 1));
        assert!((point.point.cost - 2.0).abs() < 1e-12);
        assert!((point.saving.estimate.unwrap() - 0.5).abs() < 1e-12);
        assert!((point.quality_difference.estimate.unwrap() - 0.1).abs() < 1e-12);
        assert!((point.regression_risk.estimate.unwrap() - 0.2 / 3.0).abs() < 1e-12);
        assert!((point.adequacy_risk.estimate.unwrap() - 1.0 / 3.0).abs() < 1e-12);
        assert!(point.saving.covers(0.5));
    }

    #[test]
    fn a_router_that_never_decided_has_no_operating_point() {
        let outcomes = Outcomes::new(Grid::filled(2, 1, 0.5), Grid::filled(2, 1, 0.5)).unwrap();
        let none = operating(&outcomes, &[None, None], 0, 0.5, over_prompts).unwrap();
        assert_eq!(none, None);
    }
}
