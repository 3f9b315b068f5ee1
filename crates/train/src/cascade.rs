//! Fitting what answers tell: of their own quality, and of what the other models would have said.
//!
//! Predictions of quality come from fits that held the prompt out. With predictions that had seen
//! a prompt's scores, an answer would seem to tell nothing that was not known before.

mod trust;

use nalgebra::DMatrix;
use pointsman_models::{AnswerReader, AnswerSigns, Cascade, Outlook, Scale};
use pointsman_types::{Answers, Grid, LogTable};
use rayon::prelude::*;

use crate::error::TrainError;
use crate::linear::{eigen, solve};
use crate::logistic::{Belief, Observed, logistic};
use trust::Trial;

/// Shares of the differences between models that are tried; the first where nothing can be tried.
const TRUSTED: [f64; 3] = [0.8, 1.0, 0.6];
/// Fewer scored answers of a model than this say nothing of how to read it.
const LEAST_ANSWERS: usize = 30;
/// Strengths of the priors, in the currency of the logistic's curvature: a constant is free, the
/// prompt's own logit counts as it is, what an answer adds has to show itself.
const FREE: f64 = 0.01;
const AS_IT_IS: f64 = 1.0;
const READING_PRIOR: f64 = 10.0;
const EXPECTED_PRIOR: f64 = 5.0;
/// Prompts that speak for no correlation, beside those that two models both answered.
const APART: f64 = 50.0;
/// What every correlation is multiplied with, since surprises are estimates themselves.
const SHRUNK: f64 = 0.9;
/// The least eigenvalue of the correlations, which may come of different prompts for each two.
const LEAST_EIGENVALUE: f64 = 0.02;
/// A spread is at least this.
const LEAST_SPREAD: f64 = 1e-6;

/// The cascade that follows from held-out qualities and costs, given the weight of each score; all
/// of shape `(prompts, models)`. How far differences between models are trusted is chosen by the
/// decisions that follow.
pub(crate) fn fit_cascade(
    table: &LogTable,
    held_out: &Grid<f32>,
    expected_cost: &Grid<f64>,
    weight: &Grid<f32>,
) -> Result<Cascade, TrainError> {
    let answers = table.answers.as_ref().ok_or(TrainError::NoAnswers)?;
    let fit = |trust: f64| trusting(table, answers, held_out, weight, trust);
    let first = fit(TRUSTED[0])?;
    let signs = |row, model| signs(answers, row, model);
    let Some(trial) = Trial::new(table, held_out, expected_cost, signs) else {
        return Ok(first);
    };
    let mut best = (trial.aiq(&first), first);
    for trust in &TRUSTED[1..] {
        let other = fit(*trust)?;
        let worth = trial.aiq(&other);
        if worth > best.0 {
            best = (worth, other);
        }
    }
    Ok(best.1)
}

/// The cascade at one share of the differences.
fn trusting(
    table: &LogTable,
    answers: &Answers,
    held_out: &Grid<f32>,
    weight: &Grid<f32>,
    trust: f64,
) -> Result<Cascade, TrainError> {
    let outlook = outlook(held_out, trust);
    let seen = Seen::new((table, answers), held_out, weight, &outlook);
    let readers = (0..seen.models)
        .into_par_iter()
        .map(|model| seen.reader(model))
        .collect::<Result<Vec<_>, _>>()?;
    if readers.iter().all(Option::is_none) {
        return Err(TrainError::FewAnswers {
            most: (0..seen.models)
                .map(|at| seen.told(at).len())
                .max()
                .unwrap_or(0),
            least: LEAST_ANSWERS,
        });
    }
    let surprises = seen.surprises(&readers);
    Ok(Cascade {
        answers: (0..seen.models).map(|model| seen.told(model).len()).sum(),
        correlation: correlation(&surprises),
        influence: seen.influence(&surprises)?,
        readers,
        outlook,
    })
}

/// What the log shows, as far as answers were logged.
struct Seen<'a> {
    models: usize,
    /// Of held-out qualities, prompt by prompt.
    logits: Vec<Vec<f64>>,
    answers: &'a Answers,
    score: &'a Grid<f32>,
    weight: &'a Grid<f32>,
}

/// For each model its surprise on each prompt, where it answered.
type Surprises = Vec<Vec<Option<f64>>>;

impl<'a> Seen<'a> {
    fn new(
        (table, answers): (&'a LogTable, &'a Answers),
        held_out: &Grid<f32>,
        weight: &'a Grid<f32>,
        outlook: &Outlook,
    ) -> Self {
        let of_row = |row: usize| outlook.logits(&in_double(held_out.row(row)));
        Self {
            models: table.models.len(),
            // Prompts that a teacher was asked about come last and have no answers.
            logits: (0..answers.chars.rows()).map(of_row).collect(),
            answers,
            score: &table.score,
            weight,
        }
    }

    fn signs(&self, row: usize, model: usize) -> AnswerSigns {
        signs(self.answers, row, model)
    }

    /// The prompts on which the model was scored and its answer shows something.
    fn told(&self, model: usize) -> Vec<(usize, AnswerSigns)> {
        let scored = (0..self.logits.len()).filter(|row| self.weight[(*row, model)] > 0.0);
        scored
            .map(|row| (row, self.signs(row, model)))
            .filter(|(_, signs)| signs.logprob.is_some() || signs.chars.is_some())
            .collect()
    }

    fn reader(&self, model: usize) -> Result<Option<AnswerReader>, TrainError> {
        let told = self.told(model);
        if told.len() < LEAST_ANSWERS {
            return Ok(None);
        }
        let logprobs = told.iter().filter_map(|(_, signs)| signs.logprob);
        let doubts: Vec<f64> = logprobs.map(AnswerReader::doubt).collect();
        let chars = told.iter().filter_map(|(_, signs)| signs.chars);
        let lengths: Vec<f64> = chars.map(AnswerReader::length).collect();
        let mut reader = AnswerReader {
            logprob: scale(&doubts),
            chars: scale(&lengths),
            sure: None,
            blind: Vec::new(),
            expected: Vec::new(),
            spread: 1.0,
        };
        reader.blind = self.blind_head(&reader, &told)?;
        if doubts.len() >= LEAST_ANSWERS {
            reader.sure = Some(self.sure_head(&reader, &told)?);
        }
        self.expect(&mut reader, &told)?;
        Ok(Some(reader))
    }

    fn blind_head(
        &self,
        reader: &AnswerReader,
        told: &[(usize, AnswerSigns)],
    ) -> Result<Vec<f64>, TrainError> {
        let observed: Vec<Observed<{ AnswerReader::BLIND }>> = told
            .iter()
            .map(|(row, signs)| {
                let (own, common) = self.prompt(*row, signs.model);
                let length = length(reader, signs);
                self.observed(
                    *row,
                    signs.model,
                    AnswerReader::blind_inputs(own, common, length),
                )
            })
            .collect();
        Ok(logistic(&observed, reading_belief())?.to_vec())
    }

    fn sure_head(
        &self,
        reader: &AnswerReader,
        told: &[(usize, AnswerSigns)],
    ) -> Result<Vec<f64>, TrainError> {
        let observed: Vec<Observed<{ AnswerReader::SURE }>> = told
            .iter()
            .filter_map(|(row, signs)| {
                let (own, common) = self.prompt(*row, signs.model);
                let doubt = reader.logprob.of(AnswerReader::doubt(signs.logprob?));
                let length = length(reader, signs);
                let inputs = AnswerReader::sure_inputs(own, common, doubt, length);
                Some(self.observed(*row, signs.model, inputs))
            })
            .collect();
        Ok(logistic(&observed, reading_belief())?.to_vec())
    }

    /// What the prompt says of a model: beyond all models, and of all models.
    fn prompt(&self, row: usize, model: usize) -> (f64, f64) {
        let logits = &self.logits[row];
        let common = logits.iter().sum::<f64>() / logits.len() as f64;
        (logits[model] - common, common)
    }

    fn observed<const N: usize>(&self, row: usize, model: usize, inputs: [f64; N]) -> Observed<N> {
        Observed {
            inputs,
            score: self.score[(row, model)].into(),
            weight: self.weight[(row, model)].into(),
        }
    }

    /// Ridge regression of the evidence on what the prompt says of every model.
    fn expect(
        &self,
        reader: &mut AnswerReader,
        told: &[(usize, AnswerSigns)],
    ) -> Result<(), TrainError> {
        let evidence = |(row, signs): &(usize, AnswerSigns)| {
            Some((*row, reader.evidence(&self.logits[*row], signs)?))
        };
        let evidence: Vec<(usize, f64)> = told.iter().filter_map(evidence).collect();
        let size = 1 + self.models;
        let input =
            |row: usize, at: usize| at.checked_sub(1).map_or(1.0, |at| self.logits[row][at]);
        let (mut gram, mut right) = (DMatrix::zeros(size, size), DMatrix::zeros(size, 1));
        for (row, value) in &evidence {
            for left in 0..size {
                right[(left, 0)] += input(*row, left) * value;
                for other in 0..size {
                    gram[(left, other)] += input(*row, left) * input(*row, other);
                }
            }
        }
        let mut prior = vec![EXPECTED_PRIOR; size];
        prior[0] = FREE;
        let weights = solve(gram, &prior, &right, "what answers usually tell")?;
        reader.expected = weights.iter().copied().collect();
        let residual = |(row, value): &(usize, f64)| {
            let expected = (0..size).map(|at| weights[(at, 0)] * input(*row, at));
            value - expected.sum::<f64>()
        };
        let squares = evidence.iter().map(|one| residual(one).powi(2));
        let variance = squares.sum::<f64>() / evidence.len().max(1) as f64;
        reader.spread = variance.sqrt().max(LEAST_SPREAD);
        Ok(())
    }

    fn surprises(&self, readers: &[Option<AnswerReader>]) -> Surprises {
        let of_model = |model: usize| {
            let of_row = |row: usize| {
                let reader = readers[model].as_ref()?;
                reader.surprise(&self.logits[row], &self.signs(row, model))
            };
            (0..self.logits.len()).map(of_row).collect()
        };
        (0..self.models).into_par_iter().map(of_model).collect()
    }

    /// How far the surprise of each model moves the logit of each.
    fn influence(&self, surprises: &Surprises) -> Result<Vec<Vec<f64>>, TrainError> {
        let of_model = |model: usize| {
            surprises
                .iter()
                .map(|surprises| self.influence_on(model, surprises))
                .collect()
        };
        (0..self.models).into_par_iter().map(of_model).collect()
    }

    fn influence_on(&self, model: usize, surprises: &[Option<f64>]) -> Result<f64, TrainError> {
        let scored = |row: &usize| self.weight[(*row, model)] > 0.0;
        let rows = (0..self.logits.len()).filter(scored);
        let observed: Vec<Observed<3>> = rows
            .filter_map(|row| {
                let inputs = [1.0, self.logits[row][model], surprises[row]?];
                Some(self.observed(row, model, inputs))
            })
            .collect();
        if observed.len() < LEAST_ANSWERS {
            return Ok(0.0);
        }
        let belief = Belief {
            mean: [0.0, 1.0, 0.0],
            precision: [FREE, AS_IT_IS, READING_PRIOR],
        };
        Ok(logistic(&observed, belief)?[2])
    }
}

fn signs(answers: &Answers, row: usize, model: usize) -> AnswerSigns {
    let known = |value: f32| Some(f64::from(value)).filter(|value| !value.is_nan());
    AnswerSigns {
        model,
        logprob: known(answers.logprob[(row, model)]),
        chars: known(answers.chars[(row, model)]),
    }
}

/// The usual logits, and how far differences beyond them are trusted.
fn outlook(held_out: &Grid<f32>, trust: f64) -> Outlook {
    let models = held_out.columns();
    let plain = Outlook {
        usual: vec![0.0; models],
        trust: 1.0,
    };
    let mut usual = vec![0.0; models];
    for row in 0..held_out.rows() {
        let logits = plain.logits(&in_double(held_out.row(row)));
        usual
            .iter_mut()
            .zip(logits)
            .for_each(|(sum, logit)| *sum += logit);
    }
    let count = held_out.rows().max(1) as f64;
    usual.iter_mut().for_each(|sum| *sum /= count);
    Outlook { usual, trust }
}

fn in_double(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

fn length(reader: &AnswerReader, signs: &AnswerSigns) -> f64 {
    signs
        .chars
        .map_or(0.0, |chars| reader.chars.of(AnswerReader::length(chars)))
}

/// A constant, the two logits of the prompt, and what the answer shows.
fn reading_belief<const N: usize>() -> Belief<N> {
    let mut belief = Belief {
        mean: [0.0; N],
        precision: [READING_PRIOR; N],
    };
    belief.precision[..3].copy_from_slice(&[FREE, AS_IT_IS, AS_IT_IS]);
    belief.mean[1..3].copy_from_slice(&[1.0, 1.0]);
    belief
}

/// Of no values, a scale that leaves values as they are.
fn scale(values: &[f64]) -> Scale {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares = values.iter().map(|value| (value - mean).powi(2));
    let spread = (squares.sum::<f64>() / count).sqrt();
    Scale {
        mean,
        spread: if spread > LEAST_SPREAD { spread } else { 1.0 },
    }
}

/// Correlations of what two models told on the prompts that both answered, drawn towards none.
fn correlation(surprises: &Surprises) -> Vec<Vec<f64>> {
    let of = |left: usize, right: usize| match left == right {
        true => 1.0,
        false => correlated(&surprises[left], &surprises[right]),
    };
    let models = surprises.len();
    let raw = DMatrix::from_fn(models, models, |row, column| {
        of(row.min(column), row.max(column))
    });
    let (values, vectors) = eigen(raw);
    let values = values.iter().map(|value| value.max(LEAST_EIGENVALUE));
    let diagonal = DMatrix::from_diagonal(&values.collect::<Vec<f64>>().into());
    let mended = &vectors * diagonal * vectors.transpose();
    let entry = |row: usize, column: usize| {
        let scale = (mended[(row, row)] * mended[(column, column)]).sqrt();
        mended[(row, column)] / scale
    };
    (0..models)
        .map(|row| (0..models).map(|column| entry(row, column)).collect())
        .collect()
}

fn correlated(left: &[Option<f64>], right: &[Option<f64>]) -> f64 {
    let pairs = left.iter().zip(right);
    let pairs = pairs.filter_map(|(left, right)| left.zip(*right));
    let (mut squares, mut product, mut count) = ((0.0, 0.0), 0.0, 0.0);
    for (left, right) in pairs {
        squares = (squares.0 + left * left, squares.1 + right * right);
        product += left * right;
        count += 1.0;
    }
    match squares.0 * squares.1 {
        spread if spread > 0.0 => SHRUNK * product / spread.sqrt() * count / (count + APART),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests;
