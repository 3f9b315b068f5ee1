//! Learning from the rows of a log that memory has no room for: a linear function of n-grams per
//! model, learnt while the rows go by.
//!
//! The table that training holds in memory is a sample of the log. It gives the n-grams, their
//! weights and the means. The stream leaves its prompts out, so they are all held out from what is
//! learnt here: one fit is enough for an honest judgement, where other families need one per fold.

mod head;
mod learner;
mod reader;

use candle_core::Tensor;
use pointsman_features::Extractor;
use pointsman_router::{PromptFilter, RouterError};
use pointsman_types::{Grid, LogTable};

pub use learner::{StreamLearner, StreamSize};
pub use reader::{Example, ExampleReader};

use crate::error::TrainError;
use crate::examples::Examples;
use crate::fit::{Family, Fitted, Part};
use crate::splits::Splits;
use crate::train::Options;
use reader::Rules;

/// Why the rows could not be read.
pub type ReadingError = Box<dyn std::error::Error + Send + Sync>;

/// The rows of a log that its table leaves out.
#[derive(Clone, Copy)]
pub struct Rest<'a> {
    /// Prompts whose text has this hash or a smaller one are in the table, no others.
    pub above: u64,
    /// How many rows there are.
    pub size: StreamSize,
    /// Reads every row of the log once, those of the table included: makes examples of them with
    /// [`StreamLearner::reader`] and hands these over in the order of the rows.
    pub read: &'a dyn Fn(&mut StreamLearner) -> Result<(), ReadingError>,
}

/// What came of a stream.
pub(crate) struct Streamed {
    pub(crate) fitted: Fitted,
    /// The prompts it learnt from.
    pub(crate) seen: PromptFilter,
    /// How many scores it learnt from, in each pass.
    pub(crate) scores: u64,
    /// Stands for what was learnt, in its order.
    pub(crate) digest: u64,
}

/// Streams the rest of the log, as often as asked. `None` when there is nothing in it to learn.
pub(crate) fn fit_stream(
    examples: &Examples,
    table: &LogTable,
    splits: &Splits,
    options: &Options,
    rest: Rest<'_>,
) -> Result<Option<Streamed>, TrainError> {
    if examples.representation.lexicon.is_empty() {
        return Ok(None);
    }
    let rules = rules(examples, table, splits, options, rest.above)?;
    let mut learner = StreamLearner::by(rules, rest.size);
    for _ in 0..rest.size.passes {
        (rest.read)(&mut learner).map_err(TrainError::Reading)?;
    }
    match learner.learnt() / u64::from(rest.size.passes.max(1)) {
        0 => Ok(None),
        scores => streamed(examples, learner, scores).map(Some),
    }
}

fn rules(
    examples: &Examples,
    table: &LogTable,
    splits: &Splits,
    options: &Options,
    above: u64,
) -> Result<Rules, TrainError> {
    Ok(Rules {
        extractor: Extractor::new(options.features.clone()).map_err(RouterError::from)?,
        lexicon: examples.representation.lexicon.clone(),
        models: table.models.iter().cloned().zip(0..).collect(),
        mean: splits.whole().mean.clone(),
        mean_weight: mean_weight(table),
        above: Some(above),
        holdout: options.holdout(),
    })
}

/// The mean weight of a score, so that a rate means the same on every log.
fn mean_weight(table: &LogTable) -> f64 {
    let cells = table.score.values().iter().zip(table.weight.values());
    let scored = cells.filter(|(score, weight)| !score.is_nan() && **weight > 0.0);
    let (sum, count) = scored.fold((0.0, 0.0), |(sum, count), (_, weight)| {
        (sum + f64::from(*weight), count + 1.0)
    });
    if count > 0.0 { sum / count } else { 1.0 }
}

fn streamed(
    examples: &Examples,
    learner: StreamLearner,
    scores: u64,
) -> Result<Streamed, TrainError> {
    let weights = learner.weights();
    let shape = (weights.rows(), weights.columns());
    let tensor = Tensor::from_slice(weights.values(), shape, examples.context.device())?;
    let predicted = examples.ngrams.times(&tensor)?.flatten_all()?;
    let fitted = Fitted {
        family: Family::Stream,
        setting: format!("{scores} scores"),
        held_out: Grid::from_values(shape.1, predicted.to_vec1()?),
        part: Part::Ngrams(weights),
    };
    let (seen, digest) = learner.into_seen();
    Ok(Streamed {
        fitted,
        seen,
        scores,
        digest,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use pointsman_features::FeatureSpec;
    use pointsman_models::Lexicon;
    use pointsman_types::{ModelName, Quality, ScoredRow, text_hash};

    use super::*;
    use crate::holdout::Holdout;

    const PROMPTS: usize = 400;

    fn models() -> [ModelName; 2] {
        ["a".into(), "b".into()]
    }

    fn lexicon() -> Lexicon {
        let buckets = FeatureSpec::default().buckets();
        Lexicon::new(buckets, (0..buckets as u32).collect(), vec![1.0; buckets])
    }

    fn learner(passes: u32) -> StreamLearner {
        let size = StreamSize {
            prompts: PROMPTS as u64,
            scores: 2 * PROMPTS as u64,
            passes,
        };
        StreamLearner::new(&FeatureSpec::default(), lexicon(), &models(), size).unwrap()
    }

    fn row<'a>(prompt: &'a str, model: &'a str, score: f32) -> ScoredRow<'a> {
        ScoredRow {
            prompt,
            model,
            score: Quality::clamped(score),
            weight: 1.0,
        }
    }

    /// `a` is good at sums and `b` at poems.
    fn examples(learner: &StreamLearner) -> Vec<Example> {
        let mut reader = learner.reader();
        let prompt = |number: usize| match number % 2 {
            0 => format!("the sum of {number} and {}", number + 1),
            _ => format!("a poem about the number {number}"),
        };
        let mut both = |number: usize| {
            let (prompt, is_sum) = (prompt(number), u8::from(number.is_multiple_of(2)));
            let a = reader.example(row(&prompt, "a", is_sum.into()));
            let b = reader.example(row(&prompt, "b", (1 - is_sum).into()));
            [a, b].into_iter().flatten()
        };
        (0..PROMPTS)
            .flat_map(|number| both(number).collect::<Vec<_>>())
            .collect()
    }

    #[test]
    fn a_stream_learns_which_model_is_good_at_what() {
        let mut learner = learner(1);
        let examples = examples(&learner);
        learner.learn(&examples);
        assert_eq!(learner.learnt(), 2 * PROMPTS as u64);
        let [a, b] = learner.predict("the sum of 7 and 7")[..] else {
            panic!("two models")
        };
        assert!(a > 0.1 && b < -0.1, "{a} and {b}");
    }

    #[test]
    fn cuts_between_blocks_change_nothing() {
        let (mut whole, mut cut) = (learner(1), learner(1));
        let examples = examples(&whole);
        whole.learn(&examples);
        examples.chunks(7).for_each(|block| cut.learn(block));
        assert_eq!(whole.weights(), cut.weights());
        assert_eq!(whole.into_seen(), cut.into_seen());
    }

    #[test]
    fn a_second_pass_fits_better() {
        let misfit = |passes| {
            let mut learner = learner(passes);
            let examples = examples(&learner);
            (0..passes).for_each(|_| learner.learn(&examples));
            let miss = |number: usize| {
                let sum = format!("the sum of {number} and {}", number + 1);
                0.5 - learner.predict(&sum)[0]
            };
            let sums = (0..PROMPTS).step_by(2).map(miss);
            sums.map(|miss| miss * miss).sum::<f32>()
        };
        assert!(misfit(2) < misfit(1), "{} and {}", misfit(2), misfit(1));
    }

    #[test]
    fn neither_the_table_nor_the_holdout_nor_a_stranger_is_learnt_from() {
        let rules = |above, holdout| Rules {
            extractor: Extractor::new(FeatureSpec::default()).unwrap(),
            lexicon: lexicon(),
            models: HashMap::from([("a".into(), 0)]),
            mean: vec![0.5],
            mean_weight: 1.0,
            above: Some(above),
            holdout: Holdout::new(holdout, 0),
        };
        let is_learnt = |rules, model| {
            let size = StreamSize {
                prompts: 1,
                scores: 1,
                passes: 1,
            };
            let learner = StreamLearner::by(rules, size);
            learner.reader().example(row("Why?", model, 1.0)).is_some()
        };
        let hash = text_hash("Why?");
        assert!(is_learnt(rules(hash - 1, 0.0), "a"));
        assert!(!is_learnt(rules(hash, 0.0), "a"));
        assert!(!is_learnt(rules(hash - 1, 1.0), "a"));
        assert!(!is_learnt(rules(hash - 1, 0.0), "z"));
    }

    #[test]
    fn votes_count_by_their_mean() {
        let mut table = LogTable::empty(models().into());
        table.score.push_row(&[1.0, f32::NAN]);
        table.weight.push_row(&[3.0, f32::NAN]);
        table.score.push_row(&[0.0, 1.0]);
        table.weight.push_row(&[5.0, 1.0]);
        assert!((mean_weight(&table) - 3.0).abs() < 1e-9);
    }
}
