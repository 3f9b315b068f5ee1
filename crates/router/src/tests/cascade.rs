//! A cascade of the hand-made router: `small` is right when it is sure.

use pointsman_models::{AnswerReader, Cascade, Outlook, Scale};

use super::*;
use crate::{AnswerSeen, CascadeRules, CascadeStopped, Cascading, Next};

fn reader(model: usize) -> AnswerReader {
    let as_it_is = Scale {
        mean: 0.0,
        spread: 1.0,
    };
    let mut sure = vec![0.0; AnswerReader::SURE];
    (sure[1], sure[2], sure[3]) = (1.0, 1.0, -1.0);
    let mut expected = vec![0.0; 3];
    expected[1 + model] = 1.0;
    AnswerReader {
        logprob: as_it_is,
        chars: as_it_is,
        sure: Some(sure),
        blind: vec![0.0; AnswerReader::BLIND],
        expected,
        spread: 1.0,
    }
}

fn cascade() -> Cascade {
    Cascade {
        outlook: Outlook {
            usual: vec![0.0; 2],
            trust: 1.0,
        },
        readers: vec![Some(reader(0)), Some(reader(1))],
        correlation: vec![vec![1.0, 0.2], vec![0.2, 1.0]],
        influence: vec![vec![1.5, 0.3], vec![0.3, 2.5]],
        answers: 100,
    }
}

fn with_cascade() -> Artifact {
    Artifact {
        cascade: Some(cascade()),
        ..artifact()
    }
}

fn begun(limits: Limits) -> Cascading {
    let router = Router::new(with_cascade()).unwrap();
    router.cascade(&ask("hello", limits)).unwrap()
}

fn seen(model: &str, logprob: Option<f64>) -> AnswerSeen {
    AnswerSeen {
        model: model.into(),
        logprob,
        chars: None,
        cost: None,
    }
}

const SURE: Option<f64> = Some(-0.05);
const UNSURE: Option<f64> = Some(-8.0);

fn called(next: Next) -> String {
    match next {
        Next::Call { model, .. } => model.to_string(),
        Next::Stop { answer, .. } => format!("stopped at {answer}"),
    }
}

fn check(answers: &[AnswerSeen], rules: CascadeRules, does: &str) {
    let next = begun(Limits::default()).after(answers, &rules).unwrap();
    assert_eq!(called(next), does);
}

#[test]
fn the_cheap_model_begins_and_the_dear_one_follows_where_it_is_unsure() {
    let rules = CascadeRules::at(20.0);
    check(&[], rules, "small");
    check(&[seen("small", SURE)], rules, "stopped at 0");
    check(&[seen("small", UNSURE)], rules, "big");
    check(
        &[seen("small", UNSURE), seen("big", SURE)],
        rules,
        "stopped at 1",
    );
}

#[test]
fn the_later_answer_is_not_always_the_better_one() {
    let rules = CascadeRules::at(20.0);
    check(
        &[seen("small", SURE), seen("big", Some(-20.0))],
        rules,
        "stopped at 0",
    );
}

#[test]
fn where_money_matters_most_or_not_at_all_there_is_one_call() {
    check(&[], CascadeRules::at(500.0), "small");
    check(
        &[seen("small", UNSURE)],
        CascadeRules::at(500.0),
        "stopped at 0",
    );
    check(
        &[],
        CascadeRules {
            most_calls: 1,
            ..CascadeRules::at(0.0)
        },
        "big",
    );
}

#[test]
fn caps_are_kept() {
    let rules = CascadeRules::at(20.0);
    let capped = |usd: f64| CascadeRules {
        most_cost: Some(Usd::new(usd).unwrap()),
        ..rules
    };
    check(&[seen("small", UNSURE)], capped(0.0111), "big");
    check(&[seen("small", UNSURE)], capped(0.0105), "stopped at 0");
    let dear = AnswerSeen {
        cost: Some(Usd::new(0.005).unwrap()),
        ..seen("small", UNSURE)
    };
    check(&[dear], capped(0.0111), "stopped at 0");
    let one = CascadeRules {
        most_calls: 1,
        ..rules
    };
    check(&[seen("small", UNSURE)], one, "stopped at 0");
    let stopped = begun(Limits::default()).after(&[], &capped(0.0001));
    let error = stopped.unwrap_err().to_string();
    assert_eq!(
        error,
        "no model can be called within 3 calls and $0.0001000"
    );
}

#[test]
fn limits_and_failures_bar_models() {
    let only_small = Limits {
        models: Some(vec!["small".into()]),
        ..Limits::default()
    };
    let rules = CascadeRules::at(0.0);
    assert_eq!(
        called(begun(only_small).after(&[], &rules).unwrap()),
        "small"
    );
    let failed = begun(Limits::default()).without(&"big".into());
    assert_eq!(called(failed.after(&[], &rules).unwrap()), "small");
    let both = failed.without(&"small".into());
    assert!(matches!(
        both.after(&[], &rules),
        Err(CascadeStopped::NoCall { .. })
    ));
    let nobody = Limits {
        models: Some(Vec::new()),
        ..Limits::default()
    };
    let router = Router::new(with_cascade()).unwrap();
    let refused = router.cascade(&ask("hello", nobody)).unwrap_err();
    assert!(matches!(refused, CascadeStopped::Unsatisfiable(_)));
}

#[test]
fn an_answer_that_shows_nothing_changes_nothing() {
    let begun = begun(Limits::default());
    let known = |answers: &[AnswerSeen]| begun.qualities(answers).unwrap();
    assert_eq!(known(&[]), known(&[seen("small", None)]));
    assert_eq!(known(&[]), known(&[seen("small", Some(f64::NAN))]));
}

#[test]
fn who_is_unknown_is_named() {
    let stopped = begun(Limits::default()).after(&[seen("huge", SURE)], &CascadeRules::at(1.0));
    let error = stopped.unwrap_err();
    assert_eq!(error, CascadeStopped::Unknown("huge".into()));
}

#[test]
fn a_router_without_a_cascade_says_so() {
    assert!(!router().has_cascade());
    let error = router().cascade(&ask("hello", Limits::default()));
    assert_eq!(error.unwrap_err(), CascadeStopped::Untrained);
}

#[test]
fn a_cascade_is_saved_with_its_router() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("router");
    with_cascade().save(&dir).unwrap();
    let (opened, _) = Artifact::open(&dir).unwrap();
    assert_eq!(opened.cascade, Some(cascade()));
    artifact().save(&dir).unwrap();
    assert!(!Router::open(&dir).unwrap().has_cascade());
}

#[test]
fn a_cascade_of_other_models_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    let mut broken = with_cascade();
    broken.cascade.as_mut().unwrap().readers.pop();
    broken.save(home.path()).unwrap();
    let error = Router::open(home.path()).unwrap_err().to_string();
    assert_eq!(
        error,
        "cascade.json of the router is not readable: `readers` has 1 entries, expected 2"
    );
}
