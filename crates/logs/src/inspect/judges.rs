//! Who judged how many answers, and how far the judges agree.

use std::collections::{BTreeMap, HashMap};

use pointsman_measures::krippendorff_alpha;
use pointsman_types::LogRow;
use serde::Serialize;

use super::counts::Mean;

/// The judges of a log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judging {
    /// The judges, by name.
    pub judges: Vec<JudgeSummary>,
    /// Answers that were scored more than once.
    pub shared_answers: u64,
    /// How far scores of the same answer agree: 1 fully, 0 no better than by chance; `None` where
    /// that cannot be told.
    pub krippendorff_alpha: Option<f64>,
}

/// One judge.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JudgeSummary {
    /// The name.
    pub judge: String,
    /// Scores given.
    pub scores: u64,
    /// Their mean.
    pub mean_score: Option<f64>,
}

/// Counts of the rows that name a judge.
#[derive(Default)]
pub(super) struct Judges {
    of_judge: BTreeMap<String, Mean>,
    answers: HashMap<u64, Vec<f32>>,
}

impl Judges {
    /// `answer` stands for the prompt and the model of the row.
    pub(super) fn add(&mut self, answer: u64, row: &LogRow) {
        let (Some(judge), Some(score)) = (&row.judge, row.score) else {
            return;
        };
        let score = score.get();
        self.answers.entry(answer).or_default().push(score);
        match self.of_judge.get_mut(judge) {
            Some(mean) => mean.add(Some(score.into())),
            None => {
                let mut mean = Mean::default();
                mean.add(Some(score.into()));
                self.of_judge.insert(judge.clone(), mean);
            }
        }
    }

    pub(super) fn summary(self) -> Option<Judging> {
        let mut shared: Vec<(u64, Vec<f32>)> = self.answers.into_iter().collect();
        shared.retain(|(_, scores)| scores.len() > 1);
        // Sums of floats depend on the order of their terms, that of a hash map on chance.
        shared.sort_by_key(|(answer, _)| *answer);
        let scores = shared.into_iter().map(|(_, scores)| scores);
        let units: Vec<Vec<f64>> = scores
            .map(|scores| scores.into_iter().map(f64::from).collect())
            .collect();
        let judge = |(judge, mean): (String, Mean)| JudgeSummary {
            judge,
            scores: mean.count,
            mean_score: mean.mean(),
        };
        (!self.of_judge.is_empty()).then(|| Judging {
            judges: self.of_judge.into_iter().map(judge).collect(),
            shared_answers: units.len() as u64,
            krippendorff_alpha: krippendorff_alpha(&units),
        })
    }
}
