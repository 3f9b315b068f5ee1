use super::*;

const MODELS: usize = 3;

fn reader(model: usize) -> AnswerReader {
    let scale = Scale {
        mean: 0.0,
        spread: 1.0,
    };
    let mut sure = vec![0.0; AnswerReader::SURE];
    // The logit of its own quality, less by as much as it doubts.
    (sure[1], sure[2], sure[3]) = (1.0, 1.0, -1.0);
    let mut blind = vec![0.0; AnswerReader::BLIND];
    (blind[1], blind[2], blind[3]) = (1.0, 1.0, -0.5);
    let mut expected = vec![0.0; 1 + MODELS];
    expected[1 + model] = 1.0;
    AnswerReader {
        logprob: scale,
        chars: scale,
        sure: Some(sure),
        blind,
        expected,
        spread: 1.0,
    }
}

fn plain() -> Outlook {
    Outlook {
        usual: vec![0.0; MODELS],
        trust: 1.0,
    }
}

fn logits(predicted: &[f64]) -> Vec<f64> {
    plain().logits(predicted)
}

#[test]
fn differences_are_trusted_in_part() {
    let half = Outlook {
        trust: 0.5,
        ..plain()
    };
    let (all, kept) = (logits(&PREDICTED), half.logits(&PREDICTED));
    assert!((kept.iter().sum::<f64>() - all.iter().sum::<f64>()).abs() < 1e-9);
    assert!(((kept[2] - kept[0]) - (all[2] - all[0]) / 2.0).abs() < 1e-9);
    let usual = Outlook {
        usual: all.clone(),
        trust: 0.0,
    };
    check_near(&usual.logits(&PREDICTED), &all, 1e-9);
}

fn cascade(correlation: f64) -> Cascade {
    let row = |model: usize| {
        let other = |other| if other == model { 1.0 } else { correlation };
        (0..MODELS).map(other).collect()
    };
    Cascade {
        outlook: plain(),
        readers: (0..MODELS).map(|model| Some(reader(model))).collect(),
        correlation: (0..MODELS).map(row).collect(),
        influence: vec![
            vec![1.0, 0.5, 0.2],
            vec![0.4, 1.2, 0.3],
            vec![0.3, 0.3, 0.9],
        ],
        answers: 100,
    }
}

fn doubtful(model: usize, doubt: f64) -> AnswerSigns {
    AnswerSigns {
        model,
        logprob: Some(-libm::exp(doubt)),
        chars: None,
    }
}

const PREDICTED: [f64; MODELS] = [0.5, 0.7, 0.9];

fn check_near(found: &[f64], expected: &[f64], within: f64) {
    let near = |(a, b): (&f64, &f64)| (a - b).abs() < within;
    assert!(
        found.iter().zip(expected).all(near),
        "{found:?} instead of {expected:?}"
    );
}

#[test]
fn without_answers_the_prompt_alone_speaks() {
    check_near(&cascade(0.5).qualities(&PREDICTED, &[]), &PREDICTED, 1e-9);
}

#[test]
fn doubt_lowers_the_model_that_doubts_the_most() {
    let cascade = cascade(0.5);
    let (sure, unsure) = (
        cascade.qualities(&PREDICTED, &[doubtful(0, -2.0)]),
        cascade.qualities(&PREDICTED, &[doubtful(0, 2.0)]),
    );
    let lost: Vec<f64> = logits(&sure)
        .iter()
        .zip(logits(&unsure))
        .map(|(sure, unsure)| sure - unsure)
        .collect();
    assert!(
        lost[0] > lost[1] && lost[1] > lost[2] && lost[2] > 0.0,
        "{lost:?}"
    );
}

#[test]
fn what_two_answers_say_in_the_same_words_counts_once() {
    let mut same = cascade(1.0 - 1e-6);
    same.influence = vec![vec![0.8; MODELS]; MODELS];
    let (one, two) = (
        same.qualities(&PREDICTED, &[doubtful(0, 1.0)]),
        same.qualities(&PREDICTED, &[doubtful(0, 1.0), doubtful(1, 1.0)]),
    );
    check_near(&one, &two, 1e-3);
    let (mut apart, mut far) = (same.clone(), same);
    apart.correlation = cascade(0.0).correlation;
    far.correlation = cascade(0.5).correlation;
    let twice = |of: &Cascade| of.qualities(&PREDICTED, &[doubtful(0, 1.0), doubtful(1, 1.0)])[0];
    assert!(twice(&apart) < twice(&far) && twice(&far) < one[0]);
}

#[test]
fn the_order_of_answers_does_not_matter() {
    let cascade = cascade(0.4);
    let answers = [doubtful(0, 1.0), doubtful(2, -1.0), doubtful(1, 0.5)];
    let mut turned = answers;
    turned.reverse();
    let (one, other) = (
        cascade.qualities(&PREDICTED, &answers),
        cascade.qualities(&PREDICTED, &turned),
    );
    check_near(&one, &other, 1e-12);
}

#[test]
fn what_is_foreseen_is_on_average_what_is_expected() {
    for first in cascade(0.5).foresight(&PREDICTED) {
        for (model, expected) in PREDICTED.iter().enumerate() {
            let mean = first.iter().map(|row| row[model]).sum::<f64>() / first.len() as f64;
            assert!((mean - expected).abs() < 0.02, "{mean} for {expected}");
        }
    }
}

#[test]
fn an_answer_without_a_log_probability_is_read_by_its_length() {
    let cascade = cascade(0.5);
    let answer = |chars: Option<f64>| AnswerSigns {
        model: 0,
        logprob: None,
        chars,
    };
    let quality = |chars| cascade.qualities(&PREDICTED, &[answer(chars)])[0];
    assert!(quality(Some(100.0)) < quality(Some(0.0)));
    check_near(&[quality(None)], &PREDICTED[..1], 1e-9);
}

#[test]
fn a_model_of_unknown_ways_says_nothing_by_its_answer() {
    let mut cascade = cascade(0.5);
    cascade.readers[1] = None;
    let found = cascade.qualities(&PREDICTED, &[doubtful(1, 3.0)]);
    check_near(&found, &PREDICTED, 1e-9);
    assert_eq!(cascade.foresight(&PREDICTED)[1].len(), 1);
}

#[test]
fn what_is_written_is_read() {
    let cascade = cascade(1.0 / 3.0);
    let text = serde_json::to_string(&cascade).unwrap();
    assert_eq!(serde_json::from_str::<Cascade>(&text).unwrap(), cascade);
}

fn check_refused(change: impl Fn(&mut Cascade), says: &str) {
    let mut cascade = cascade(0.5);
    assert_eq!(cascade.check(MODELS), Ok(()));
    change(&mut cascade);
    let error = cascade.check(MODELS).unwrap_err().to_string();
    assert!(error.contains(says), "{error}");
}

#[test]
fn parts_that_do_not_fit_are_named() {
    check_refused(|one| _ = one.readers.pop(), "`readers` has 2");
    check_refused(|one| _ = one.influence[1].pop(), "`influence` has 2");
    check_refused(|one| one.outlook.trust = 1.5, "`trust`");
    check_refused(|one| one.correlation[0][1] = 1.5, "`correlation`");
    let first = |one: &mut Cascade| one.readers[0].clone().unwrap();
    check_refused(
        |one| {
            one.readers[0] = Some(AnswerReader {
                spread: 0.0,
                ..first(one)
            })
        },
        "`spread`",
    );
    check_refused(
        |one| {
            one.readers[0] = Some(AnswerReader {
                expected: vec![],
                ..first(one)
            })
        },
        "`expected` has 0 entries, expected 4",
    );
}
