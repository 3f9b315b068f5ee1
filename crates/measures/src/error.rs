//! What can be wrong with the numbers handed in.

/// Why nothing can be measured.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MeasureError {
    /// Two grids that belong together have different shapes.
    #[error(
        "{what} has {got_rows} prompts and {got_columns} models where {rows} and {columns} are needed"
    )]
    Shape {
        /// Which grid.
        what: &'static str,
        /// Prompts needed.
        rows: usize,
        /// Models needed.
        columns: usize,
        /// Prompts it has.
        got_rows: usize,
        /// Models it has.
        got_columns: usize,
    },
    /// A number that must be finite is not.
    #[error("{what} of prompt {row}, model {column} must be a finite number, got {value}")]
    NotFinite {
        /// Which grid.
        what: &'static str,
        /// The prompt, from 0.
        row: usize,
        /// The model, from 0.
        column: usize,
        /// What is there.
        value: f64,
    },
    /// A list of numbers has the wrong length.
    #[error("{what} has {got} entries where {needed} are needed")]
    Length {
        /// Which list.
        what: &'static str,
        /// How many it must have.
        needed: usize,
        /// How many it has.
        got: usize,
    },
    /// There are no rows.
    #[error("there is nothing to measure: no prompt or no model")]
    Empty,
    /// No model answered enough prompts.
    #[error(
        "no model has a score on at least {percent} % of the {prompts} prompts, so no curve can be drawn; log the scores of more answers"
    )]
    NoModelCovers {
        /// The share that is needed, in percent.
        percent: f64,
        /// Prompts looked at.
        prompts: usize,
    },
    /// Models cover enough prompts, but never all the same ones.
    #[error(
        "none of the {prompts} prompts has a score and a cost from each of the {models} models kept"
    )]
    NoCompletePrompt {
        /// Prompts looked at.
        prompts: usize,
        /// Models kept.
        models: usize,
    },
    /// The strong model is not better than the weak one, so no share of the gap between them exists.
    #[error("the strong model must be better than the weak one, got {strong} against {weak}")]
    NoGap {
        /// Mean score of the strong model.
        strong: f64,
        /// Mean score of the weak model.
        weak: f64,
    },
}
