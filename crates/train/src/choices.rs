//! Rows that are there because a policy chose the model: what it prefers a model for is
//! over-represented among that model's scores. Weights of one over the propensity undo that
//! (Horvitz and Thompson 1952, JASA 47).

use pointsman_types::{Choice, LogTable, ModelName};

/// Propensities below this count as this: one such row then weighs as much as twenty certain ones,
/// and not more, at the price of some bias (Ionides 2008, J. Comput. Graph. Stat. 17).
const LEAST_PROPENSITY: f32 = 0.05;

/// Weights the chosen cells by one over their propensity. The weights of each model are scaled to
/// sum up to its effective sample size, `(sum w)^2 / sum w^2` (Kish 1965), so that what was learnt
/// from unevenly weighted rows is shrunk as the fewer rows that it is worth. Returns what the user
/// should know.
pub(crate) fn reweight(table: &mut LogTable) -> Option<String> {
    let models: Vec<Reweighted> = (0..table.models.len())
        .filter_map(|model| Reweighted::of(table, model))
        .collect();
    if models.iter().all(Reweighted::is_even) {
        return None;
    }
    for choice in table.choices.clone() {
        if let Some(of_model) = models.iter().find(|one| one.model == choice.model) {
            table.weight[(choice.prompt, choice.model)] *= of_model.scale * inverse(choice);
        }
    }
    Some(note(&models, &table.models))
}

/// The chosen cells of one model.
struct Reweighted {
    model: usize,
    votes: f64,
    effective: f64,
    clipped: usize,
    scale: f32,
}

impl Reweighted {
    /// `None` for a model that no policy chose.
    fn of(table: &LogTable, model: usize) -> Option<Self> {
        let chosen = || table.choices.iter().filter(move |one| one.model == model);
        let sum = |power: i32| -> f64 {
            let votes = |one: &Choice| f64::from(table.weight[(one.prompt, one.model)]);
            chosen()
                .map(|one| votes(one) * f64::from(inverse(*one)).powi(power))
                .sum()
        };
        let (votes, weights, squares) = (sum(0), sum(1), sum(2));
        (votes > 0.0).then(|| Self {
            model,
            votes,
            effective: weights * weights / squares,
            clipped: chosen()
                .filter(|one| one.propensity < LEAST_PROPENSITY)
                .count(),
            scale: (weights / squares) as f32,
        })
    }

    fn is_even(&self) -> bool {
        self.effective > self.votes * 0.999_999
    }
}

fn inverse(choice: Choice) -> f32 {
    choice.propensity.max(LEAST_PROPENSITY).recip()
}

fn note(models: &[Reweighted], names: &[ModelName]) -> String {
    let each: Vec<String> = models
        .iter()
        .map(|one| {
            format!(
                "`{}` {:.0} of {:.0}",
                names[one.model], one.effective, one.votes
            )
        })
        .collect();
    let clipped: usize = models.iter().map(|one| one.clipped).sum();
    let clipped = match clipped {
        0 => String::new(),
        _ => format!("; {clipped} propensities below {LEAST_PROPENSITY} counted as that"),
    };
    format!(
        "scores of models that a policy chose weigh one over their propensity; effective sample size: {}{clipped}",
        each.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use pointsman_types::PromptRow;

    use super::*;

    /// One model; for each prompt its score and its propensity.
    fn table(rows: &[(f32, f32)]) -> LogTable {
        let mut table = LogTable::empty(vec!["a".into()]);
        for (prompt, (score, propensity)) in rows.iter().enumerate() {
            table.prompts.push(PromptRow {
                id: prompt.to_string(),
                text: prompt.to_string().into(),
                category: None,
            });
            table.score.push_row(&[*score]);
            table.weight.push_row(&[1.0]);
            table.choices.push(Choice {
                prompt,
                model: 0,
                propensity: *propensity,
            });
        }
        table
    }

    #[test]
    fn what_was_chosen_rarely_weighs_more() {
        let mut table = table(&[(1.0, 0.8), (1.0, 0.8), (1.0, 0.8), (1.0, 0.8), (0.0, 0.2)]);
        let note = reweight(&mut table).unwrap();
        let weights: Vec<f32> = table.weight.column(0).collect();
        assert!((weights[4] / weights[0] - 4.0).abs() < 1e-5, "{weights:?}");
        // (4 * 1.25 + 5)^2 / (4 * 1.25^2 + 25)
        let effective = 100.0 / 31.25;
        assert!((weights.iter().sum::<f32>() - effective).abs() < 1e-4);
        assert!(note.contains("`a` 3 of 5"), "{note}");
    }

    #[test]
    fn a_tiny_propensity_is_clipped_and_said_so() {
        let mut table = table(&[(1.0, 1.0), (0.0, 0.001)]);
        let note = reweight(&mut table).unwrap();
        let ratio = table.weight[(1, 0)] / table.weight[(0, 0)];
        assert!((ratio - 20.0).abs() < 1e-3, "{ratio}");
        assert!(note.contains("1 propensities below 0.05"), "{note}");
    }

    #[test]
    fn equal_propensities_change_nothing() {
        let mut table = table(&[(1.0, 0.3), (0.0, 0.3)]);
        assert_eq!(reweight(&mut table), None);
        assert!(table.weight.column(0).all(|weight| weight == 1.0));
    }
}
