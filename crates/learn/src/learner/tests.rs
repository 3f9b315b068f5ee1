//! Laws of the learner.

use pointsman_models::{Coordinates, Prior};
use pointsman_types::Probability;
use proptest::prelude::*;

use super::*;

const MODELS: usize = 3;
const HOUR: i64 = 3_600_000;

fn coordinates(seed: u64) -> Coordinates {
    let value = |at: usize| ((seed as f32 + 1.0) * (at as f32 + 0.7)).sin() * 0.3;
    Coordinates::kept((0..Coordinates::LEN).map(value).collect()).unwrap()
}

fn lesson(number: u64, score: f64) -> Lesson {
    Lesson {
        coordinates: coordinates(number),
        model: number as usize % MODELS,
        predicted: 0.6,
        score,
        weight: 1.0,
        key: None,
        metric: "score".into(),
        propensity: Probability::ONE,
        ts_ms: HOUR,
        decided_ms: 0,
    }
}

fn learner() -> Learner {
    Learner::new(Prior::independent(MODELS), LearnerSettings::default())
}

/// An even number in `[0, 1)`, by a hash of the number.
fn even(number: u64) -> f64 {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((mixed ^ (mixed >> 32)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A judgement of a prompt whose quality is predicted right, plus a severity.
fn judged(number: u64, key: u64, severity: f64) -> Lesson {
    let predicted = 0.3 + 0.6 * even(3 * number);
    let is_good = even(3 * number + 1) < predicted + severity;
    Lesson {
        predicted,
        key: Some(key),
        ..lesson(number, f64::from(u8::from(is_good)))
    }
}

fn inverted(lesson: Lesson) -> Lesson {
    Lesson {
        score: 1.0 - lesson.score,
        ..lesson
    }
}

fn standing(learner: &Learner, key: u64) -> KeyStanding {
    let keys = learner.snapshot().keys;
    keys.into_iter().find(|one| one.key == Some(key)).unwrap()
}

#[test]
fn levels_follow_feedback() {
    for (score, low, high) in [(0.0, -0.6, -0.05), (1.0, 0.05, 0.4)] {
        let mut learner = learner();
        for number in 0..3000 {
            learner.learn(&lesson(number, score));
        }
        let levels = learner.posterior().levels();
        assert!(
            levels.iter().all(|(level, _)| (low..=high).contains(level)),
            "{levels:?}"
        );
        assert_eq!(learner.counts().restarts, 0);
    }
}

#[test]
fn a_model_without_feedback_stays_where_it_was() {
    let mut learner = learner();
    let before = learner.posterior().levels()[2];
    for number in (0..3000).filter(|number| number % MODELS as u64 != 2) {
        learner.learn(&lesson(number, 0.6));
    }
    let (level, error) = learner.posterior().levels()[2];
    assert!(
        level.abs() < 0.02 && error <= before.1 + 1e-9,
        "{level} ± {error}"
    );
}

#[test]
fn what_cannot_be_used_is_refused_and_changes_nothing() {
    let sound = lesson(1, 0.5);
    let with = |score, predicted, weight, model| Lesson {
        score,
        predicted,
        weight,
        model,
        ..sound.clone()
    };
    for (wrong, reason) in [
        (with(f64::NAN, 0.5, 1.0, 0), Unusable::Score),
        (with(1.5, 0.5, 1.0, 0), Unusable::Score),
        (with(0.5, f64::NAN, 1.0, 0), Unusable::Predicted),
        (with(0.5, 0.5, f64::INFINITY, 0), Unusable::Weight),
        (with(0.5, 0.5, 0.0, 0), Unusable::Weight),
        (with(0.5, 0.5, 1.0, MODELS), Unusable::Model),
    ] {
        let mut learner = learner();
        assert_eq!(learner.learn(&wrong), Outcome::Refused { reason });
        let untouched = Learner::new(Prior::independent(MODELS), LearnerSettings::default());
        assert_eq!(learner.posterior(), untouched.posterior());
    }
}

#[test]
fn late_feedback_is_not_learnt_and_a_clock_that_goes_back_is_not_late() {
    let mut learner = learner();
    let at = |ts_ms| Lesson {
        ts_ms,
        ..lesson(0, 1.0)
    };
    assert_eq!(learner.learn(&at(8 * 24 * HOUR)), Outcome::Late);
    assert_eq!(learner.posterior().judgements(), 0);
    assert!(learner.learn(&at(-30 * 24 * HOUR)).weight() > 0.0);
    assert!(learner.learn(&at(i64::MIN)).weight() > 0.0);
    assert_eq!(learner.counts().late, 1);
}

#[test]
fn the_same_ten_times_stays_within_what_ten_judgements_say() {
    let mut learner = learner();
    for _ in 0..10 {
        learner.learn(&lesson(0, 1.0));
    }
    let (level, error) = learner.posterior().levels()[0];
    assert!(
        level > 0.0 && level < 0.1 && error > 0.02,
        "{level} ± {error}"
    );
}

#[test]
fn a_corrected_judgement_is_as_if_it_had_been_right_at_once() {
    let (mut changed, mut right) = (learner(), learner());
    let weight = changed.learn(&lesson(0, 0.0)).weight();
    assert!(!changed.correct(&lesson(0, 0.0), weight, 0.0));
    assert!(!changed.correct(&lesson(0, 0.0), weight, f64::NAN));
    assert!(changed.correct(&lesson(0, 0.0), weight, 1.0));
    right.learn(&lesson(0, 1.0));
    let levels = |learner: &Learner| learner.posterior().levels();
    for (changed, right) in levels(&changed).iter().zip(levels(&right)) {
        assert!((changed.0 - right.0).abs() < 1e-9);
    }
}

#[test]
fn signals_count_little_and_only_where_asked_for() {
    let signal = Lesson {
        metric: "signal:retry".into(),
        ..lesson(0, 0.0)
    };
    assert_eq!(learner().learn(&signal), Outcome::Ignored);
    let settings = LearnerSettings {
        signals: true,
        ..LearnerSettings::default()
    };
    let mut learner = Learner::new(Prior::independent(MODELS), settings);
    assert_eq!(learner.learn(&signal), Outcome::Learned { weight: 0.2 });
}

#[test]
fn metrics_have_their_weights() {
    let settings = LearnerSettings {
        metrics: [("tone".to_owned(), 0.5), ("speed".to_owned(), 0.0)].into(),
        ..LearnerSettings::default()
    };
    for (metric, weight) in [("tone", 0.5), ("speed", 0.0), ("score", 1.0)] {
        let mut learner = Learner::new(Prior::independent(MODELS), settings.clone());
        let lesson = Lesson {
            metric: metric.into(),
            ..lesson(0, 1.0)
        };
        assert!((learner.learn(&lesson).weight() - weight).abs() < 1e-12);
    }
}

#[test]
fn many_votes_far_off_are_weighted_down() {
    let votes = Lesson {
        weight: 100.0,
        ..lesson(0, 0.0)
    };
    let weight = learner().learn(&votes).weight();
    assert!(weight > 10.0 && weight < 80.0, "{weight}");
    let one = learner().learn(&lesson(0, 0.0)).weight();
    assert!((one - 1.0).abs() < 1e-12, "{one}");
}

#[test]
fn one_key_alone_learns_in_full() {
    let mut learner = learner();
    for number in 0..2000 {
        let outcome = learner.learn(&judged(number, 7, 0.0));
        assert_eq!(outcome, Outcome::Learned { weight: 1.0 });
    }
}

#[test]
fn a_key_has_no_more_than_its_share() {
    let settings = LearnerSettings {
        quarantine: false,
        ..LearnerSettings::default()
    };
    let mut learner = Learner::new(Prior::independent(MODELS), settings);
    let mut weights = [0.0; 51];
    for number in 0..12_000 {
        let key = match number % 2 {
            0 => 50,
            _ => (even(number + 77) * 50.0) as u64,
        };
        let weight = learner.learn(&judged(number, key, 0.0)).weight();
        if number >= 6000 {
            weights[key as usize] += weight;
        }
    }
    let share = weights[50] / weights.iter().sum::<f64>();
    assert!((0.03..0.06).contains(&share), "{share}");
}

/// Five honest keys and one of another kind, which sends a fifth; after so many lessons.
fn with_one(lessons: u64, other: impl Fn(u64) -> Lesson) -> Learner {
    let mut learner = learner();
    for number in 0..lessons {
        let lesson = match number % 5 {
            0 => other(number),
            _ => judged(number, number % 7, 0.0),
        };
        learner.learn(&lesson);
    }
    learner
}

#[test]
fn a_key_that_inverts_is_set_aside_soon() {
    let learner = with_one(600, |number| inverted(judged(number, 99, 0.0)));
    let found = standing(&learner, 99);
    assert!(found.is_quarantined, "{found:?}");
    assert!(found.lessons - found.set_aside < 80, "{found:?}");
    assert!((0..7).all(|key| !standing(&learner, key).is_quarantined));
}

#[test]
fn a_key_that_is_always_down_is_set_aside() {
    let learner = with_one(1000, |number| Lesson {
        score: 0.0,
        ..judged(number, 99, 0.0)
    });
    assert!(standing(&learner, 99).is_quarantined);
}

#[test]
fn a_harsh_key_is_not() {
    for severity in [-0.25, 0.25] {
        let learner = with_one(10_000, |number| judged(number, 99, severity));
        let found = standing(&learner, 99);
        assert!(!found.is_quarantined, "{found:?}");
        assert!(found.severity * severity > 0.0, "{found:?}");
    }
}

#[test]
fn a_key_that_agrees_again_is_released() {
    let learner = with_one(3000, |number| match number < 1000 {
        true => inverted(judged(number, 99, 0.0)),
        false => judged(number, 99, 0.0),
    });
    let found = standing(&learner, 99);
    assert!(!found.is_quarantined && found.set_aside > 100, "{found:?}");
}

#[test]
fn where_all_say_the_same_nobody_is_suspect() {
    let mut learner = learner();
    for number in 0..4000 {
        let key = number % 6;
        learner.learn(&Lesson {
            score: 0.0,
            ..judged(number, key, 0.0)
        });
    }
    assert_eq!(learner.counts().quarantined, 0);
}

#[test]
fn what_was_written_is_read() {
    let mut learner = with_one(900, |number| inverted(judged(number, 99, 0.0)));
    let mut read = Learner::from_bytes(&learner.to_bytes(), LearnerSettings::default()).unwrap();
    assert!(read == learner, "a state that was read is another");
    for number in 900..1200 {
        let lesson = judged(number, number % 9, 0.0);
        assert_eq!(read.learn(&lesson), learner.learn(&lesson));
    }
    assert!(read.to_bytes() == learner.to_bytes());
}

#[test]
fn damage_is_noticed() {
    let bytes = with_one(50, |number| judged(number, 99, 0.0)).to_bytes();
    let damaged =
        |bytes: &[u8]| Learner::from_bytes(bytes, LearnerSettings::default()).unwrap_err();
    assert_eq!(damaged(&bytes[3..]), LearnerError::Foreign);
    assert_eq!(
        damaged(b"PTSMLSN\0"),
        LearnerError::Damaged("it ends early")
    );
    let mut newer = bytes.clone();
    newer[8] = 7;
    assert_eq!(damaged(&newer), LearnerError::Version { found: 7 });
    for length in (12..bytes.len()).step_by(97) {
        damaged(&bytes[..length]);
    }
    damaged(&[bytes.as_slice(), &[0]].concat());
}

proptest! {
    #[test]
    fn nothing_that_is_said_breaks_it(
        said in prop::collection::vec((any::<f64>(), 0.0..=1.0_f64, 0.0..1e4_f64, 0_usize..4, 0_u64..30, any::<i64>()), 1..300),
    ) {
        let mut learner = learner();
        for (number, (wild, score, weight, model, key, ts_ms)) in said.into_iter().enumerate() {
            let score = if number % 10 == 0 { wild } else { score };
            let lesson = Lesson { weight, model, ts_ms, key: (key > 0).then_some(key), ..lesson(number as u64, score) };
            let outcome = learner.learn(&lesson);
            prop_assert!(outcome.weight().is_finite() && outcome.weight() <= weight);
        }
        prop_assert_eq!(learner.counts().restarts, 0);
        let believed = learner.posterior().levels();
        prop_assert!(believed.iter().all(|(level, error)| level.is_finite() && *error > 0.0));
    }

    #[test]
    fn shares_are_kept_whoever_sends_how_much(sizes in prop::collection::vec(0.1..1000.0_f64, 10..60)) {
        let mut sorted = sizes;
        sorted.sort_by(f64::total_cmp);
        let share = 0.05_f64.max(2.0 / sorted.len() as f64);
        let level = influence::water_level(&sorted, share);
        let cut: Vec<f64> = sorted.iter().map(|size| size.min(level)).collect();
        let most = cut.iter().copied().fold(0.0, f64::max);
        prop_assert!(most <= share * cut.iter().sum::<f64>() * (1.0 + 1e-9));
        prop_assert!(level >= sorted[(sorted.len() - 1) / 2] * (1.0 - 1e-9));
    }
}
