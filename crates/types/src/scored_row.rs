//! What a log row says of a model's quality, borrowed from wherever it was read.

use crate::Quality;

/// One score. For learners that go through a log row by row and keep none of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoredRow<'a> {
    /// What was asked.
    pub prompt: &'a str,
    /// Who answered.
    pub model: &'a str,
    /// How good the answer was.
    pub score: Quality,
    /// Number of votes behind the score; greater than 0.
    pub weight: f64,
}
