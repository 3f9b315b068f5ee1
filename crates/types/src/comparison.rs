//! Comparisons: of two answers to one prompt, which was better.

use serde::{Deserialize, Serialize};

use crate::ModelName;
use crate::entry::Entry;

/// Which of two answers was better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Winner {
    /// The first.
    A,
    /// The second.
    B,
    /// Neither.
    Tie,
}

impl Winner {
    /// The word used in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::Tie => "tie",
        }
    }

    /// The share of the win that the first answer has; a tie is half a win for both.
    #[must_use]
    pub const fn share_of_first(self) -> f64 {
        match self {
            Self::A => 1.0,
            Self::B => 0.0,
            Self::Tie => 0.5,
        }
    }
}

/// The second answer of a comparison, as a log row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rival {
    /// Who gave it.
    pub model: ModelName,
    /// Which answer was better; the row's own model is `a`.
    pub winner: Winner,
}

/// All comparisons of two models on one prompt in one order, as a table has them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The prompt's row.
    pub prompt: usize,
    /// The columns of the first and of the second model.
    pub models: [usize; 2],
    /// The share of the wins that the first has, in `[0, 1]`; a tie is half a win.
    pub share_of_first: f32,
    /// Number of votes; greater than 0.
    pub weight: f32,
}

impl Entry for Comparison {
    fn prompt(&self) -> usize {
        self.prompt
    }

    fn at(self, prompt: usize) -> Self {
        Self { prompt, ..self }
    }

    fn with_models(self, place: impl Fn(usize) -> Option<usize>) -> Option<Self> {
        let models = [place(self.models[0])?, place(self.models[1])?];
        Some(Self { models, ..self })
    }
}
