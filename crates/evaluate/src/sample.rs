//! The part of a log that a router can be measured on: models both know, complete prompts.

use pointsman_measures::Outcomes;
use pointsman_types::{Answers, Grid, LogTable, ModelName, Prompt, PromptRow};

use crate::report::LeftOut;
use crate::{EvaluateError, Options, Seen};

/// Fewer unseen prompts than this say too little to stand for all.
const FEWEST_UNSEEN: usize = 50;

/// Complete rows of a log, and what was left out to get them.
#[derive(Debug, Clone)]
pub struct Sample {
    pub(crate) models: Vec<ModelName>,
    pub(crate) prompts: Vec<PromptRow>,
    pub(crate) outcomes: Outcomes,
    /// Tokens out as logged, shape `(prompts, models)`; NaN where missing.
    pub(crate) output_tokens: Grid<f32>,
    /// What was logged of the answers, in the same shape.
    pub(crate) answers: Option<Answers>,
    pub(crate) left_out: LeftOut,
    pub(crate) warnings: Vec<String>,
}

impl Sample {
    /// The complete part of a log: see [`Outcomes::complete`] for the rule.
    ///
    /// # Errors
    /// When the log has none of the `known` models, or nothing complete remains.
    pub fn of(
        log: &LogTable,
        known: &[ModelName],
        was_seen: impl Fn(&Prompt) -> bool,
        options: &Options,
    ) -> Result<Self, EvaluateError> {
        let columns = common(log, known)?;
        let (rows, seen, warnings) = unseen(log, was_seen, options.seen);
        let score = cells(&log.score, &rows, &columns);
        let cost = cells(&log.cost_usd, &rows, &columns);
        let (outcomes, kept) = Outcomes::complete(&score, &cost)?;
        let name = |column: &usize| log.models[*column].clone();
        let tokens = cells(&log.output_tokens, &rows, &columns);
        let models: Vec<ModelName> = kept.models.iter().map(|at| name(&columns[*at])).collect();
        let prompts: Vec<PromptRow> = kept
            .prompts
            .iter()
            .map(|at| log.prompts[rows[*at]].clone())
            .collect();
        let logged_but_unknown = (0..log.models.len()).filter(|at| !columns.contains(at));
        let left_out = LeftOut {
            prompts_incomplete: rows.len() - prompts.len(),
            prompts_seen: seen,
            models_sparse: columns
                .iter()
                .map(name)
                .filter(|model| !models.contains(model))
                .collect(),
            models_unknown_to_router: logged_but_unknown.map(|at| name(&at)).collect(),
            models_not_in_log: absent(known, &log.models),
        };
        Ok(Self {
            models,
            prompts,
            outcomes,
            output_tokens: kept.pick(&tokens, |tokens| tokens),
            answers: log.answers.as_ref().map(|answers| Answers {
                logprob: kept.pick(&cells(&answers.logprob, &rows, &columns), |value| value),
                chars: kept.pick(&cells(&answers.chars, &rows, &columns), |value| value),
            }),
            left_out,
            warnings,
        })
    }

    /// The prompts at these places, in that order.
    pub(crate) fn select(&self, places: &[usize]) -> Result<Self, EvaluateError> {
        Ok(Self {
            models: self.models.clone(),
            prompts: places.iter().map(|at| self.prompts[*at].clone()).collect(),
            outcomes: self.outcomes.select(places)?,
            output_tokens: self.output_tokens.select(places),
            answers: self.answers.as_ref().map(|answers| answers.select(places)),
            left_out: self.left_out.clone(),
            warnings: self.warnings.clone(),
        })
    }

    /// The models kept.
    #[must_use]
    pub fn models(&self) -> &[ModelName] {
        &self.models
    }

    /// The prompts kept.
    #[must_use]
    pub fn prompts(&self) -> &[PromptRow] {
        &self.prompts
    }

    /// What the models did on the prompts.
    #[must_use]
    pub fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }
}

/// Columns of the log that the router knows.
fn common(log: &LogTable, known: &[ModelName]) -> Result<Vec<usize>, EvaluateError> {
    let columns: Vec<usize> = (0..log.models.len())
        .filter(|column| known.contains(&log.models[*column]))
        .collect();
    if columns.is_empty() {
        return Err(EvaluateError::NoCommonModel {
            known: listed(known),
            logged: listed(&log.models),
        });
    }
    Ok(columns)
}

fn absent(known: &[ModelName], logged: &[ModelName]) -> Vec<ModelName> {
    known
        .iter()
        .filter(|model| !logged.contains(model))
        .cloned()
        .collect()
}

fn listed(models: &[ModelName]) -> String {
    let names: Vec<&str> = models.iter().map(ModelName::as_str).collect();
    match names.as_slice() {
        [] => "none".to_owned(),
        few if few.len() <= 6 => few.join(", "),
        many => format!("{} and {} more", many[..5].join(", "), many.len() - 5),
    }
}

/// Rows to measure on, how many seen ones were left out, and what to warn of.
fn unseen(
    log: &LogTable,
    was_seen: impl Fn(&Prompt) -> bool,
    wish: Seen,
) -> (Vec<usize>, usize, Vec<String>) {
    let all: Vec<usize> = (0..log.prompts.len()).collect();
    let is_unseen = |row: &usize| !was_seen(&Prompt::from(&*log.prompts[*row].text));
    let unseen: Vec<usize> = all.iter().copied().filter(is_unseen).collect();
    let seen = all.len() - unseen.len();
    match (seen, wish) {
        (0, _) => (all, 0, Vec::new()),
        (_, Seen::LeaveOut) if unseen.len() >= FEWEST_UNSEEN => (unseen, seen, Vec::new()),
        _ => {
            let warning = format!(
                "{seen} of {} prompts were seen in training and are kept: the figures of the router flatter it",
                all.len()
            );
            (all, 0, vec![warning])
        }
    }
}

fn cells<T: Copy>(grid: &Grid<T>, rows: &[usize], columns: &[usize]) -> Grid<T> {
    let picked = rows.iter().flat_map(|row| {
        let row = grid.row(*row);
        columns.iter().map(|column| row[*column])
    });
    Grid::from_values(columns.len(), picked.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(prompts: usize, models: &[&str]) -> LogTable {
        let mut log = LogTable::empty(models.iter().map(|name| ModelName::from(*name)).collect());
        for row in 0..prompts {
            log.prompts.push(PromptRow {
                id: row.to_string(),
                text: format!("prompt {row}").into(),
                category: None,
            });
        }
        log.score = Grid::filled(prompts, models.len(), 0.5);
        log.cost_usd = Grid::filled(prompts, models.len(), 0.001);
        log.output_tokens = Grid::filled(prompts, models.len(), f32::NAN);
        log
    }

    fn known(names: &[&str]) -> Vec<ModelName> {
        names.iter().map(|name| ModelName::from(*name)).collect()
    }

    #[test]
    fn models_that_only_one_side_knows_are_named() {
        let sample = Sample::of(
            &log(3, &["a", "b"]),
            &known(&["b", "c"]),
            |_| false,
            &Options::default(),
        )
        .unwrap();
        assert_eq!(sample.models(), known(&["b"]));
        assert_eq!(sample.left_out.models_unknown_to_router, known(&["a"]));
        assert_eq!(sample.left_out.models_not_in_log, known(&["c"]));
    }

    #[test]
    fn nothing_in_common_is_an_error_that_lists_both() {
        let error = Sample::of(
            &log(3, &["a"]),
            &known(&["b"]),
            |_| false,
            &Options::default(),
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the router knows none of the models in the log; it knows b, the log has a"
        );
    }

    #[test]
    fn an_empty_log_is_an_error() {
        let empty = Sample::of(
            &log(0, &["a"]),
            &known(&["a"]),
            |_| false,
            &Options::default(),
        );
        assert!(matches!(empty, Err(EvaluateError::Measure(_))));
    }

    #[test]
    fn seen_prompts_are_left_out_while_enough_remain() {
        let seen = |prompt: &Prompt| prompt.text().ends_with('7');
        let (log, options) = (log(100, &["a"]), Options::default());
        let sample = Sample::of(&log, &known(&["a"]), seen, &options).unwrap();
        assert_eq!(
            (sample.prompts().len(), sample.left_out.prompts_seen),
            (90, 10)
        );
        assert!(sample.warnings.is_empty());

        let sample = Sample::of(&log, &known(&["a"]), |_| true, &options).unwrap();
        assert_eq!(sample.prompts().len(), 100);
        assert!(sample.warnings[0].contains("100 of 100 prompts were seen"));
    }

    #[test]
    fn a_sparse_model_goes_and_is_named() {
        let mut log = log(20, &["a", "b"]);
        for row in 0..5 {
            log.score[(row, 1)] = f32::NAN;
        }
        let sample = Sample::of(&log, &known(&["a", "b"]), |_| false, &Options::default()).unwrap();
        assert_eq!(sample.left_out.models_sparse, known(&["b"]));
        assert_eq!(sample.left_out.prompts_incomplete, 0);
    }
}
