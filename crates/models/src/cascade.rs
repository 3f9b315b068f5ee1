//! What answers that came back tell of a prompt: how good each of them is, and how good the other
//! models' answers would be.
//!
//! An answer is read once, into its *surprise*: how much surer or less sure it leaves us of its own
//! model than answers to such prompts usually do, in standard deviations. Surprises of several
//! models are taken as jointly normal, and as moving the logit of every model's quality in
//! proportion; so the qualities given any set of answers are a matter of a small linear system, in
//! the manner of conditioning a normal distribution.
//!
//! Numbers only: what a call costs, and whether one more is worth it, is `policy`'s to say.

mod outlook;
mod reader;

pub use outlook::Outlook;
pub use reader::{AnswerReader, AnswerSigns, Scale};

use serde::{Deserialize, Serialize};

/// A logit that varies by `v` flattens the logistic curve by `sqrt(1 + v / this)` (Bishop 2006,
/// *Pattern Recognition and Machine Learning*, equation 4.153).
const LOGISTIC_VARIANCE: f64 = 8.0 / std::f64::consts::PI;
/// The least a surprise may still vary once others are known, against division by nothing.
const LEAST_VARIANCE: f64 = 1e-6;
/// Seven values that stand for a standard normal distribution: the medians of its septiles, scaled
/// to a variance of 1.
const NODES: [f64; 7] = [-1.607_6, -0.868_5, -0.401_7, 0.0, 0.401_7, 0.868_5, 1.607_6];

/// A fitted cascade. Everything per model is in the order of the router's models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cascade {
    /// How what the prompt foretells is seen.
    pub outlook: Outlook,
    /// How each model's answers are read; `None` where too few of its answers were logged.
    pub readers: Vec<Option<AnswerReader>>,
    /// Correlations of the surprises, shape `(models, models)`.
    pub correlation: Vec<Vec<f64>>,
    /// How far a surprise of 1 in an answer of the column's model moves the logit of the row's
    /// model, were it the only answer; shape `(models, models)`.
    pub influence: Vec<Vec<f64>>,
    /// Cells with a score that it was fitted on.
    pub answers: usize,
}

/// A cascade whose parts do not fit together.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CascadeError {
    /// A part has the wrong size.
    #[error("`{part}` has {found} entries, expected {expected}")]
    Size {
        /// Which part.
        part: &'static str,
        /// How many it has.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A number is out of range.
    #[error(
        "`{0}` holds a number that cannot be: correlations lie between -1 and 1, spreads above 0, trust between 0 and 1"
    )]
    Range(&'static str),
}

impl Cascade {
    /// Checks that every part is there for so many models.
    ///
    /// # Errors
    /// When one is not.
    pub fn check(&self, models: usize) -> Result<(), CascadeError> {
        let square = |part: &'static str, rows: &[Vec<f64>]| {
            sized(part, rows.len(), models)?;
            rows.iter()
                .try_for_each(|row| sized(part, row.len(), models))
        };
        self.outlook.check(models)?;
        sized("readers", self.readers.len(), models)?;
        square("correlation", &self.correlation)?;
        square("influence", &self.influence)?;
        let mut correlations = self.correlation.iter().flatten();
        if !correlations.all(|one| one.abs() <= 1.0 + 1e-9) {
            return Err(CascadeError::Range("correlation"));
        }
        let mut readers = self.readers.iter().flatten();
        readers.try_for_each(|reader| reader.check(models))
    }

    /// The quality of every model's answer to one prompt, given what was predicted from the prompt
    /// alone and the answers that are there. Of a model answered twice the last answer counts.
    #[must_use]
    pub fn qualities(&self, predicted: &[f64], answers: &[AnswerSigns]) -> Vec<f64> {
        let logits = self.outlook.logits(predicted);
        let surprises = self.surprises(&logits, answers);
        self.moved(&logits, &surprises)
    }

    /// For each model, what the qualities of all would be once it has answered: one row for each of
    /// a few answers that are equally likely. Shape `(models, answers, models)`.
    #[must_use]
    pub fn foresight(&self, predicted: &[f64]) -> Vec<Vec<Vec<f64>>> {
        let logits = self.outlook.logits(predicted);
        let after = |first: usize| match self.readers[first] {
            Some(_) => NODES
                .iter()
                .map(|node| self.moved(&logits, &[(first, *node)]))
                .collect(),
            None => vec![self.moved(&logits, &[])],
        };
        (0..logits.len()).map(after).collect()
    }

    /// What each answer is, by the number of its model. Answers that nothing can be read off are
    /// left out.
    fn surprises(&self, logits: &[f64], answers: &[AnswerSigns]) -> Vec<(usize, f64)> {
        let mut surprises: Vec<(usize, f64)> = Vec::with_capacity(answers.len());
        for answer in answers {
            surprises.retain(|(model, _)| *model != answer.model);
            let reader = self.readers[answer.model].as_ref();
            let read = reader.and_then(|reader| reader.surprise(logits, answer));
            surprises.extend(read.map(|surprise| (answer.model, surprise)));
        }
        surprises
    }

    /// The logit of each model plus its influences times the surprises, where influences are those
    /// of each surprise beside the others. What they explain is no longer unknown, so a logit also
    /// moves away from 0.
    fn moved(&self, logits: &[f64], surprises: &[(usize, f64)]) -> Vec<f64> {
        let factor = self.factor(surprises);
        let moved = |(model, logit): (usize, &f64)| {
            let alone = surprises
                .iter()
                .map(|(other, _)| self.influence[model][*other]);
            // With C = L L', b' C^-1 s = (L^-1 b)' (L^-1 s), and b' C^-1 b = |L^-1 b|^2.
            let weights = forward(&factor, alone);
            let surprise = forward(&factor, surprises.iter().map(|(_, surprise)| *surprise));
            let shift: f64 = weights.iter().zip(&surprise).map(|(a, b)| a * b).sum();
            let explained: f64 = weights.iter().map(|weight| weight * weight).sum();
            logistic(logit * (1.0 + explained / LOGISTIC_VARIANCE).sqrt() + shift)
        };
        logits.iter().enumerate().map(moved).collect()
    }

    /// The Cholesky factor of the correlations among these surprises.
    fn factor(&self, surprises: &[(usize, f64)]) -> Vec<Vec<f64>> {
        let mut factor: Vec<Vec<f64>> = Vec::with_capacity(surprises.len());
        for (model, _) in surprises {
            let others = surprises[..factor.len()].iter();
            let mut row = forward(
                &factor,
                others.map(|(other, _)| self.correlation[*model][*other]),
            );
            let explained: f64 = row.iter().map(|value| value * value).sum();
            row.push((1.0 - explained).max(LEAST_VARIANCE).sqrt());
            factor.push(row);
        }
        factor
    }
}

/// Solves `L x = right` for a lower triangular `L`.
fn forward(factor: &[Vec<f64>], right: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut solution: Vec<f64> = Vec::with_capacity(factor.len());
    for (row, value) in factor.iter().zip(right) {
        let known: f64 = row.iter().zip(&solution).map(|(a, b)| a * b).sum();
        solution.push((value - known) / row[solution.len()]);
    }
    solution
}

fn logistic(logit: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-logit))
}

fn sized(part: &'static str, found: usize, expected: usize) -> Result<(), CascadeError> {
    match found == expected {
        true => Ok(()),
        false => Err(CascadeError::Size {
            part,
            found,
            expected,
        }),
    }
}

#[cfg(test)]
mod tests;
