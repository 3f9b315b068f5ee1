//! How one model's answer is read.

use serde::{Deserialize, Serialize};

use super::{CascadeError, sized};

/// What a log-probability is kept below zero by before its logarithm is taken, in nats.
const SUREST: f64 = 1e-4;
/// Standardised signs and surprises are kept within so many standard deviations.
const FARTHEST: f64 = 4.0;
const MOST_SURPRISE: f64 = 3.0;

/// What can be seen of an answer without judging it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnswerSigns {
    /// The number of the model that gave it.
    pub model: usize,
    /// Its log-probability in nats, in the same sense as in the log.
    pub logprob: Option<f64>,
    /// Its length in characters.
    pub chars: Option<f64>,
}

/// Where a sign usually lies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Its mean.
    pub mean: f64,
    /// Its standard deviation.
    pub spread: f64,
}

/// Reads the answers of one model. The heads are logistic regressions of the score on signs and
/// prompt, of the lengths [`AnswerReader::SURE`] and [`AnswerReader::BLIND`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerReader {
    /// Of `ln(0.0001 - logprob)`.
    pub logprob: Scale,
    /// Of `ln(1 + chars)`.
    pub chars: Scale,
    /// The head for answers with a log-probability, where the log had enough of them.
    pub sure: Option<Vec<f64>>,
    /// The head for answers without.
    pub blind: Vec<f64>,
    /// The logit that the heads usually give on such a prompt: a constant, then one weight for the
    /// logit of each model's predicted quality.
    pub expected: Vec<f64>,
    /// How far they usually lie from that.
    pub spread: f64,
}

impl Scale {
    /// How many standard deviations a value lies from the mean, within bounds.
    #[must_use]
    pub fn of(&self, value: f64) -> f64 {
        ((value - self.mean) / self.spread).clamp(-FARTHEST, FARTHEST)
    }
}

impl AnswerReader {
    /// Inputs of the head that knows the log-probability.
    pub const SURE: usize = 10;
    /// Inputs of the head that does not.
    pub const BLIND: usize = 5;

    /// A log-probability as it is standardised: the logarithm of how unlikely the answer was.
    #[must_use]
    pub fn doubt(logprob: f64) -> f64 {
        libm::log(SUREST - logprob.min(0.0))
    }

    /// A length as it is standardised.
    #[must_use]
    pub fn length(chars: f64) -> f64 {
        libm::log(1.0 + chars.max(0.0))
    }

    /// Inputs of the head for an answer without a log-probability: `common` is the mean logit of
    /// all models on the prompt, `own` what the model's own has beyond it. An unknown length is
    /// taken as the usual one.
    #[must_use]
    pub fn blind_inputs(own: f64, common: f64, length: f64) -> [f64; Self::BLIND] {
        [1.0, common, own, length, length * length]
    }

    /// The same for an answer with a log-probability.
    #[must_use]
    pub fn sure_inputs(own: f64, common: f64, doubt: f64, length: f64) -> [f64; Self::SURE] {
        let (square, by_length) = (doubt * doubt, doubt * length);
        [
            1.0,
            common,
            own,
            doubt,
            square,
            doubt * common,
            doubt * own,
            length,
            length * length,
            by_length,
        ]
    }

    /// The logit of the answer's quality by its signs and the prompt; `None` where it shows no sign.
    #[must_use]
    pub fn evidence(&self, logits: &[f64], answer: &AnswerSigns) -> Option<f64> {
        let common = logits.iter().sum::<f64>() / logits.len().max(1) as f64;
        let own = logits[answer.model] - common;
        let length = answer.chars.map(|chars| self.chars.of(Self::length(chars)));
        let known = length.unwrap_or(0.0);
        match (&self.sure, answer.logprob, length) {
            (Some(head), Some(logprob), _) => {
                let doubt = self.logprob.of(Self::doubt(logprob));
                Some(dot(head, &Self::sure_inputs(own, common, doubt, known)))
            }
            (_, _, Some(length)) => {
                Some(dot(&self.blind, &Self::blind_inputs(own, common, length)))
            }
            _ => None,
        }
    }

    /// How far the evidence lies from what was to be expected, in standard deviations.
    #[must_use]
    pub fn surprise(&self, logits: &[f64], answer: &AnswerSigns) -> Option<f64> {
        let evidence = self.evidence(logits, answer)?;
        let expected = self.expected[0] + dot(&self.expected[1..], logits);
        Some(((evidence - expected) / self.spread).clamp(-MOST_SURPRISE, MOST_SURPRISE))
    }

    pub(super) fn check(&self, models: usize) -> Result<(), CascadeError> {
        if let Some(sure) = &self.sure {
            sized("sure", sure.len(), Self::SURE)?;
        }
        sized("blind", self.blind.len(), Self::BLIND)?;
        sized("expected", self.expected.len(), 1 + models)?;
        let spreads = [self.logprob.spread, self.chars.spread, self.spread];
        match spreads.iter().all(|spread| *spread > 0.0) {
            true => Ok(()),
            false => Err(CascadeError::Range("spread")),
        }
    }
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}
