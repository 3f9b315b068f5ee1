use pointsman_types::PromptRow;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::*;

const PROMPTS: usize = 1500;

/// Of every prompt the qualities that can be told from it: of a weak model and of a strong one.
fn qualities(rng: &mut StdRng) -> [f32; 2] {
    let easy: f32 = rng.random_range(0.1..0.8);
    [easy, easy + 0.15]
}

/// A log in which a right answer is surer than a wrong one, and hard prompts make both models err;
/// with it what a router would have said of the held-out prompts.
fn log(seed: u64) -> (LogTable, Grid<f32>) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut table = LogTable::empty(vec!["weak".into(), "strong".into()]);
    let mut answers = Answers::unknown(0, 2);
    let mut held_out = Grid::filled(0, 2, 0.0);
    for number in 0..PROMPTS {
        table.prompts.push(PromptRow {
            id: number.to_string(),
            text: format!("prompt {number}").into(),
            category: None,
        });
        let known = qualities(&mut rng);
        let hidden: f32 = rng.random_range(-0.2..0.2);
        let scores = known.map(|quality| {
            f32::from(u8::from(
                rng.random_bool((quality + hidden).clamp(0.0, 1.0).into()),
            ))
        });
        let doubts = scores.map(|score| -rng.random_range(0.0..2.0_f32) * (1.5 - score));
        table.score.push_row(&scores);
        table.weight.push_row(&[1.0; 2]);
        table.cost_usd.push_row(&[0.001, 0.01]);
        held_out.push_row(&known);
        answers.logprob.push_row(&doubts);
        answers.chars.push_row(&[10.0 + (number % 7) as f32, 12.0]);
    }
    table.answers = Some(answers);
    (table, held_out)
}

fn fitted(table: &LogTable, predicted: &Grid<f32>) -> Cascade {
    let weight = Grid::filled(table.prompts.len(), 2, 1.0);
    let cost = Grid::filled(table.prompts.len(), 2, 0.001);
    let cascade = fit_cascade(table, predicted, &cost, &weight).unwrap();
    cascade.check(2).unwrap();
    cascade
}

fn answered(logprob: f64) -> [AnswerSigns; 1] {
    [AnswerSigns {
        model: 0,
        logprob: Some(logprob),
        chars: Some(12.0),
    }]
}

fn logprobs(table: &mut LogTable) -> &mut Grid<f32> {
    &mut table.answers.as_mut().unwrap().logprob
}

#[test]
fn a_sure_answer_is_better_and_the_prompt_easier() {
    let (table, held_out) = log(1);
    let cascade = fitted(&table, &held_out);
    let sure = cascade.qualities(&[0.5, 0.65], &answered(-0.05));
    let unsure = cascade.qualities(&[0.5, 0.65], &answered(-2.0));
    assert!(sure[0] > unsure[0] + 0.3, "{sure:?} {unsure:?}");
    assert!(sure[1] > unsure[1], "{sure:?} {unsure:?}");
    assert!(sure[0] - unsure[0] > sure[1] - unsure[1]);
}

#[test]
fn permuted_answers_tell_nothing() {
    let (mut table, held_out) = log(2);
    let mut order: Vec<usize> = (0..PROMPTS).collect();
    order.shuffle(&mut StdRng::seed_from_u64(3));
    table.answers = table.answers.map(|answers| answers.select(&order));
    let cascade = fitted(&table, &held_out);
    let (sure, unsure) = (
        cascade.qualities(&[0.5, 0.65], &answered(-0.05)),
        cascade.qualities(&[0.5, 0.65], &answered(-2.0)),
    );
    for (sure, unsure) in sure.iter().zip(&unsure) {
        assert!((sure - unsure).abs() < 0.1, "{sure} {unsure}");
    }
}

/// The leak that is planted: predictions that have seen the scores of the very prompts that they
/// are predictions of, as those of heads fitted on all prompts have. Beside them an answer seems to
/// tell next to nothing.
#[test]
fn predictions_that_have_seen_the_scores_are_found_out() {
    let (table, held_out) = log(4);
    let seen = held_out.values().iter().zip(table.score.values());
    let leaked = seen
        .map(|(quality, score)| 0.4 * quality + 0.6 * score)
        .collect();
    let leaked = Grid::from_values(2, leaked);
    let told = |cascade: &Cascade| {
        let quality = |logprob| cascade.qualities(&[0.5, 0.65], &answered(logprob))[0];
        quality(-0.05) - quality(-2.0)
    };
    let (honest, fooled) = (
        told(&fitted(&table, &held_out)),
        told(&fitted(&table, &leaked)),
    );
    assert!(fooled < honest / 2.0, "{fooled} beside {honest}");
}

#[test]
fn missing_log_probabilities_are_missing() {
    let (mut table, held_out) = log(5);
    for row in 0..PROMPTS {
        if row % 3 == 0 {
            logprobs(&mut table)[(row, row % 2)] = f32::NAN;
        }
    }
    let cascade = fitted(&table, &held_out);
    assert!(
        cascade
            .readers
            .iter()
            .flatten()
            .all(|reader| reader.sure.is_some())
    );
    logprobs(&mut table).row_mut(0).fill(f32::NAN);
    for row in 0..PROMPTS {
        logprobs(&mut table)[(row, 1)] = f32::NAN;
    }
    let cascade = fitted(&table, &held_out);
    assert!(cascade.readers[1].as_ref().unwrap().sure.is_none());
    assert!(cascade.readers[0].as_ref().unwrap().sure.is_some());
}

#[test]
fn a_model_whose_answers_were_hardly_logged_is_not_read() {
    let (mut table, held_out) = log(6);
    let answers = table.answers.as_mut().unwrap();
    for row in LEAST_ANSWERS - 1..PROMPTS {
        answers.logprob[(row, 1)] = f32::NAN;
        answers.chars[(row, 1)] = f32::NAN;
    }
    let cascade = fitted(&table, &held_out);
    assert!(cascade.readers[0].is_some() && cascade.readers[1].is_none());
    assert_eq!(cascade.influence[0][1], 0.0);
    assert_eq!(cascade.correlation[0][1], 0.0);
}

#[test]
fn the_same_log_gives_the_same_cascade() {
    let (table, held_out) = log(7);
    assert_eq!(fitted(&table, &held_out), fitted(&table, &held_out));
}

#[test]
fn without_answers_there_is_no_cascade() {
    let (mut table, held_out) = log(8);
    let weight = Grid::filled(PROMPTS, 2, 1.0);
    let error = |table: &LogTable| {
        fit_cascade(table, &held_out, &Grid::filled(PROMPTS, 2, 0.001), &weight)
            .unwrap_err()
            .to_string()
    };
    let answers = table.answers.as_mut().unwrap();
    answers.logprob = Grid::filled(PROMPTS, 2, f32::NAN);
    answers.chars = Grid::filled(PROMPTS, 2, f32::NAN);
    answers.chars.row_mut(3).fill(7.0);
    assert!(error(&table).contains("the log has at most 1"));
    table.answers = None;
    assert!(error(&table).contains("neither `answer_logprob` nor `answer_chars`"));
}
