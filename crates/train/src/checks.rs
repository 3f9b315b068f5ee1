//! What a log must have before anything is fitted. A score and a comparison with another model are
//! labels alike.

use pointsman_types::{LogTable, ModelName};

use crate::error::TrainError;

/// Prompts below this number leave nothing to hold out.
const LEAST_PROMPTS: usize = 20;

/// The table with rare models left out if asked, or an error that says what is missing.
pub(crate) fn checked(
    table: LogTable,
    least_rows: usize,
    drop_rare: bool,
) -> Result<LogTable, TrainError> {
    let labelled = labelled_prompts(&table);
    if labelled.iter().all(|(_, rows)| *rows == 0) {
        return Err(TrainError::NoScores);
    }
    if let [(only, _)] = labelled
        .iter()
        .filter(|(_, rows)| *rows > 0)
        .collect::<Vec<_>>()[..]
    {
        return Err(TrainError::OneModel(only.clone()));
    }
    if table.prompts.len() < LEAST_PROMPTS {
        return Err(TrainError::FewPrompts {
            found: table.prompts.len(),
            least: LEAST_PROMPTS,
        });
    }
    let rare: Vec<(ModelName, usize)> = labelled
        .iter()
        .filter(|(_, rows)| *rows < least_rows)
        .cloned()
        .collect();
    match (rare.is_empty(), drop_rare) {
        (true, _) => Ok(table),
        (false, false) => Err(TrainError::RareModels {
            models: rare,
            least: least_rows,
        }),
        // With a model its comparisons go, which may leave others with too few.
        (false, true) => checked(without(table, &rare, least_rows)?, least_rows, drop_rare),
    }
}

/// An error where every score is the same, comparisons read as scores included.
pub(crate) fn refuse_equal_scores(table: &LogTable) -> Result<(), TrainError> {
    let mut scores = table.score.values().iter().filter(|score| !score.is_nan());
    match scores.next() {
        Some(first) if scores.all(|score| score == first) => Err(TrainError::EqualScores(*first)),
        _ => Ok(()),
    }
}

/// For each model the prompts on which it was scored or compared.
fn labelled_prompts(table: &LogTable) -> Vec<(ModelName, usize)> {
    let scored = |model| table.score.column(model).filter(|score| !score.is_nan());
    let mut counts: Vec<usize> = (0..table.models.len())
        .map(|model| scored(model).count())
        .collect();
    let mut last = vec![None; counts.len()];
    for one in &table.comparisons {
        for model in one.models {
            let is_new = last[model].replace(one.prompt) != Some(one.prompt);
            counts[model] += usize::from(is_new && table.score[(one.prompt, model)].is_nan());
        }
    }
    table.models.iter().cloned().zip(counts).collect()
}

fn without(
    table: LogTable,
    rare: &[(ModelName, usize)],
    least: usize,
) -> Result<LogTable, TrainError> {
    let is_kept = |name: &ModelName| !rare.iter().any(|(other, _)| other == name);
    let kept: Vec<usize> = (0..table.models.len())
        .filter(|at| is_kept(&table.models[*at]))
        .collect();
    match kept[..] {
        [] => Err(TrainError::RareModels {
            models: rare.to_vec(),
            least,
        }),
        [only] => Err(TrainError::OneModel(table.models[only].clone())),
        _ => Ok(table.with_models(&kept)),
    }
}

#[cfg(test)]
mod tests {
    use pointsman_types::{Comparison, PromptRow};

    use super::*;

    /// One scored cell per letter: `a` and `b` are models, `-` is a prompt with no score.
    fn table(rows: &[[f32; 2]]) -> LogTable {
        let mut table = LogTable::empty(vec!["a".into(), "b".into()]);
        for (number, scores) in rows.iter().enumerate() {
            table.prompts.push(PromptRow {
                id: number.to_string(),
                text: number.to_string().into(),
                category: None,
            });
            table.score.push_row(scores);
            table.weight.push_row(&[1.0; 2]);
            table.cost_usd.push_row(&[0.001; 2]);
            table.input_tokens.push_row(&[1.0; 2]);
            table.output_tokens.push_row(&[1.0; 2]);
        }
        table
    }

    fn check(rows: &[[f32; 2]], says: &str) {
        let checked = checked(table(rows), 5, false);
        let checked = checked.and_then(|table| refuse_equal_scores(&table));
        let error = checked.unwrap_err().to_string();
        assert!(error.contains(says), "{error:?} does not say {says:?}");
    }

    #[test]
    fn one_model_is_no_choice() {
        check(&[[0.5, f32::NAN]; 30], "one model only, `a`");
    }

    #[test]
    fn no_scores_are_nothing_to_learn_from() {
        check(&[[f32::NAN; 2]; 30], "no scores");
    }

    #[test]
    fn equal_scores_tell_nothing_apart() {
        check(&[[1.0; 2]; 30], "every score in the log is 1");
    }

    #[test]
    fn a_model_with_one_row_is_named() {
        let mut rows = vec![[0.5, f32::NAN]; 30];
        rows[3] = [0.25, 1.0];
        check(&rows, "`b` (1)");
    }

    #[test]
    fn a_model_that_was_only_compared_has_labels() {
        let mut compared = table(&[[f32::NAN; 2]; 30]);
        compared.comparisons = (0..30).map(comparison).collect();
        assert!(checked(compared.clone(), 5, false).is_ok());
        compared.comparisons.truncate(3);
        let error = checked(compared, 5, false).unwrap_err().to_string();
        assert!(error.contains("`a` (3), `b` (3)"), "{error}");
    }

    fn comparison(prompt: usize) -> Comparison {
        Comparison {
            prompt,
            models: [0, 1],
            share_of_first: 1.0,
            weight: 1.0,
        }
    }

    #[test]
    fn a_handful_of_prompts_is_too_few() {
        check(&[[0.0, 1.0]; 3], "3 distinct prompts");
    }

    #[test]
    fn rare_models_can_be_left_out_but_two_must_remain() {
        let mut rows = vec![[0.5, f32::NAN]; 30];
        rows[3] = [0.25, 1.0];
        assert!(
            matches!(checked(table(&rows), 5, true), Err(TrainError::OneModel(name)) if name.as_str() == "a")
        );
    }
}
