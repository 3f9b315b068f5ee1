//! The whole monitor: silent where nothing changes, and it says what does.

use pointsman_types::{ModelName, Probability, Quality};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

const MODELS: usize = 4;

fn monitor() -> Monitor {
    let models = ["a", "b", "c", "d"].map(ModelName::from).to_vec();
    Monitor::new(DriftSettings::default(), models, None).unwrap()
}

/// What a stream is like.
#[derive(Clone, Copy)]
struct World {
    /// Of the scores of model 0.
    drop: f64,
    /// Of the costs of model 1.
    price: f64,
    /// Of the coordinates.
    shift: f32,
}

const STEADY: World = World {
    drop: 0.0,
    price: 1.0,
    shift: 0.0,
};

/// Requests from this world, 30 % of them judged.
fn run(
    monitor: &mut Monitor,
    rng: &mut ChaCha8Rng,
    world: World,
    requests: usize,
) -> Vec<DriftEvent> {
    let mut one = |_| request(monitor, rng, world);
    (0..requests).flat_map(&mut one).collect()
}

fn request(monitor: &mut Monitor, rng: &mut ChaCha8Rng, world: World) -> Vec<DriftEvent> {
    let coordinates: Vec<f32> = (0..6)
        .map(|_| rng.random_range(-1.0..1.0_f32) + world.shift)
        .collect();
    let truth: Vec<f64> = (0..MODELS)
        .map(|model| 0.4 + 0.1 * model as f64 + 0.2 * rng.random_range(0.0..1.0))
        .collect();
    let quality: Vec<Quality> = truth.iter().map(|q| Quality::new(*q).unwrap()).collect();
    let probabilities = [0.4, 0.3, 0.2, 0.1].map(|p| Probability::new(p).unwrap());
    let place = rng.random_range(0.0..1.0);
    let chosen = [0.4, 0.7, 0.9, 1.0]
        .iter()
        .position(|end| place < *end)
        .unwrap();
    let mut events = monitor
        .decided(&Observation {
            coordinates: &coordinates,
            quality: &quality,
            uncertainty: rng.random_range(0.0..0.3),
            probabilities: &probabilities,
            chosen,
        })
        .unwrap();
    let amount = |factor: f64| Amount {
        predicted: 1.0,
        actual: factor,
    };
    let tokens = rng.random_range(0.2..3.0);
    let price = if chosen == 1 { world.price } else { 1.0 };
    let answer = Answer {
        model: chosen,
        tokens: Some(amount(tokens)),
        cost: Some(amount(tokens * price)),
    };
    events.extend(monitor.answered(&answer).unwrap());
    if rng.random_bool(0.3) {
        let drop = if chosen == 0 { world.drop } else { 0.0 };
        let score = f64::from(u8::from(rng.random_bool((truth[chosen] - drop).max(0.0))));
        events.extend(judge(monitor, chosen, truth[chosen], score));
    }
    events
}

fn judge(monitor: &mut Monitor, model: usize, predicted: f64, score: f64) -> Vec<DriftEvent> {
    let judged = Judgement {
        group: Some("all the same"),
        ..judgement(model, predicted, score)
    };
    monitor.judged(&judged).unwrap()
}

fn judgement(model: usize, predicted: f64, score: f64) -> Judgement<'static> {
    Judgement {
        model,
        group: None,
        predicted: Quality::new(predicted).unwrap(),
        score: Quality::new(score).unwrap(),
        weight: 1.0,
    }
}

fn alarms(events: &[DriftEvent]) -> Vec<String> {
    let alarms = events
        .iter()
        .filter(|event| event.to == State::Alarm && event.from != State::Alarm);
    alarms.map(|event| event.subject.to_string()).collect()
}

#[test]
fn a_steady_stream_raises_no_alarm() {
    let (mut monitor, mut rng) = (monitor(), ChaCha8Rng::seed_from_u64(1));
    let events = run(&mut monitor, &mut rng, STEADY, 20_000);
    assert_eq!(alarms(&events), [""; 0]);
    assert_eq!(monitor.consequence(), Consequence::default());
}

#[test]
fn a_model_that_gets_worse_is_found_widened_and_in_the_end_usual() {
    let (mut monitor, mut rng) = (monitor(), ChaCha8Rng::seed_from_u64(2));
    run(&mut monitor, &mut rng, STEADY, 2000);
    let worse = World {
        drop: 0.35,
        ..STEADY
    };
    let events = run(&mut monitor, &mut rng, worse, 1000);
    assert!(
        alarms(&events).contains(&"quality of a".to_owned()),
        "{events:?}"
    );
    let consequence = monitor.consequence();
    assert!(consequence.stop_exploring && !consequence.use_reference);
    let widened = consequence
        .widened
        .iter()
        .find(|one| one.group.is_none())
        .unwrap();
    assert!(
        widened.model.as_str() == "a" && widened.by > 0.2,
        "{widened:?}"
    );
    let events = run(&mut monitor, &mut rng, worse, 4000);
    let is_over =
        |event: &DriftEvent| event.to == State::Ok && event.subject.to_string() == "quality of a";
    assert!(events.iter().any(is_over), "{events:?}");
    assert!((monitor.state().models[0].shift + 0.35).abs() < 0.15);
}

#[test]
fn a_model_that_gets_dearer_is_found() {
    let (mut monitor, mut rng) = (monitor(), ChaCha8Rng::seed_from_u64(3));
    run(&mut monitor, &mut rng, STEADY, 2000);
    let events = run(
        &mut monitor,
        &mut rng,
        World {
            price: 5.0,
            ..STEADY
        },
        1000,
    );
    assert_eq!(alarms(&events), ["cost of b"]);
}

#[test]
fn other_requests_are_found_and_become_usual() {
    let (mut monitor, mut rng) = (monitor(), ChaCha8Rng::seed_from_u64(4));
    run(&mut monitor, &mut rng, STEADY, 2000);
    let other = World {
        shift: 0.5,
        ..STEADY
    };
    let events = run(&mut monitor, &mut rng, other, 900);
    assert!(
        alarms(&events).contains(&"inputs, kernel distance".to_owned()),
        "{events:?}"
    );
    assert!(monitor.consequence().use_reference);
    run(&mut monitor, &mut rng, other, 3000);
    assert_eq!(monitor.state().state, State::Ok);
}

#[test]
fn a_refit_ends_what_was_wrong() {
    let (mut monitor, mut rng) = (monitor(), ChaCha8Rng::seed_from_u64(5));
    run(
        &mut monitor,
        &mut rng,
        World {
            drop: 0.4,
            ..STEADY
        },
        900,
    );
    let events = monitor.refitted(0).unwrap();
    assert!(!events.is_empty() && events.iter().all(|event| event.to == State::Ok));
    assert_eq!(monitor.consequence(), Consequence::default());
}

#[test]
fn all_zeros_alarm_and_all_ones_warn() {
    for (score, expected) in [(0.0, State::Alarm), (1.0, State::Warning)] {
        let mut monitor = monitor();
        (0..45).for_each(|_| drop(judge(&mut monitor, 0, 0.6, score)));
        assert_eq!(monitor.state().models[0].quality, expected, "{score}");
        let text = serde_json::to_string(&monitor).unwrap();
        // JSON has no infinity
        assert_eq!(serde_json::from_str::<Monitor>(&text).unwrap(), monitor);
    }
}

#[test]
fn a_model_without_feedback_stays_ok() {
    let mut monitor = monitor();
    (0..500).for_each(|_| drop(judge(&mut monitor, 0, 0.6, 0.0)));
    let state = monitor.state();
    assert!(state.models[1..].iter().all(|one| one.quality == State::Ok));
}

#[test]
fn what_is_no_number_is_refused_and_not_counted() {
    let mut monitor = monitor();
    let before = monitor.clone();
    let quality = [Quality::new(0.5).unwrap(); MODELS];
    let even = [Probability::new(0.25).unwrap(); MODELS];
    let seen = Observation {
        coordinates: &[f32::NAN],
        quality: &quality,
        uncertainty: 0.1,
        probabilities: &even,
        chosen: 0,
    };
    let is_refused = |seen: Observation<'_>, monitor: &mut Monitor| monitor.decided(&seen).is_err();
    assert!(is_refused(seen, &mut monitor));
    let seen = Observation {
        coordinates: &[0.5],
        ..seen
    };
    assert!(is_refused(
        Observation {
            uncertainty: f32::NAN,
            ..seen
        },
        &mut monitor
    ));
    assert!(is_refused(Observation { chosen: 4, ..seen }, &mut monitor));
    assert!(is_refused(
        Observation {
            quality: &quality[1..],
            ..seen
        },
        &mut monitor
    ));
    let certain = [Probability::ONE; MODELS];
    assert!(is_refused(
        Observation {
            probabilities: &certain,
            ..seen
        },
        &mut monitor
    ));
    let cost = Some(Amount {
        predicted: 1.0,
        actual: f64::NAN,
    });
    assert!(
        monitor
            .answered(&Answer {
                model: 0,
                tokens: None,
                cost
            })
            .is_err()
    );
    assert_eq!(monitor, before);
}

#[test]
fn groups_are_watched_up_to_a_number() {
    let mut monitor = monitor();
    for number in 0..100 {
        let judged = Judgement {
            model: 0,
            group: Some(&number.to_string()),
            predicted: Quality::new(0.5).unwrap(),
            score: Quality::new(0.5).unwrap(),
            weight: 1.0,
        };
        monitor.judged(&judged).unwrap();
    }
    let state = monitor.state();
    assert_eq!((state.models[0].groups.len(), state.unwatched), (64, 36));
}

#[test]
fn the_size_is_bounded() {
    let (mut monitor, mut rng) = (monitor(), ChaCha8Rng::seed_from_u64(6));
    let size = |monitor: &Monitor| serde_json::to_string(monitor).unwrap().len();
    run(&mut monitor, &mut rng, STEADY, 3000);
    let before = size(&monitor);
    run(&mut monitor, &mut rng, STEADY, 12_000);
    assert!(
        size(&monitor) < before + 2000,
        "{before} and {}",
        size(&monitor)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_snapshot_goes_on_as_the_monitor_would(seed in any::<u64>(), before in 1..1500_usize) {
        let (mut monitor, mut rng) = (monitor(), ChaCha8Rng::seed_from_u64(seed));
        run(&mut monitor, &mut rng, STEADY, before);
        let text = serde_json::to_string(&monitor).unwrap();
        let mut copy: Monitor = serde_json::from_str(&text).unwrap();
        let world = World { drop: 0.4, price: 5.0, shift: 0.4 };
        let [mut one, mut other] = [(); 2].map(|()| ChaCha8Rng::seed_from_u64(seed ^ 1));
        let events = run(&mut monitor, &mut one, world, 800);
        prop_assert_eq!(events, run(&mut copy, &mut other, world, 800));
        prop_assert_eq!(monitor, copy);
    }

    #[test]
    fn scores_of_different_models_may_come_in_any_order(scores in prop::collection::vec((0..MODELS, any::<bool>()), 0..300)) {
        let mut sorted = scores.clone();
        sorted.sort_by_key(|(model, _)| *model);
        let states = [scores, sorted].map(|scores| {
            let mut monitor = monitor();
            for (model, is_good) in scores {
                judge(&mut monitor, model, 0.6, f64::from(u8::from(is_good)));
            }
            monitor.state().models
        });
        prop_assert_eq!(&states[0], &states[1]);
    }
}

/// A model that failed so often, and lapses after 50 requests without news.
fn failed(times: usize) -> Monitor {
    let settings = DriftSettings {
        lapse: 50,
        ..DriftSettings::default()
    };
    let mut monitor = Monitor::new(settings, vec!["a".into(), "b".into()], None).unwrap();
    (0..times).for_each(|_| fail(&mut monitor));
    monitor
}

fn fail(monitor: &mut Monitor) {
    monitor.judged(&judgement(0, 0.9, 0.0)).unwrap();
}

/// Decisions for the other model, up to the first that changes something.
fn decide_elsewhere(monitor: &mut Monitor, times: usize) -> Vec<DriftEvent> {
    let observation = Observation {
        coordinates: &[],
        quality: &[Quality::clamped(0.9); 2],
        uncertainty: 0.0,
        probabilities: &[Probability::ZERO, Probability::ONE],
        chosen: 1,
    };
    let mut events = (0..times).map(|_| monitor.decided(&observation).unwrap());
    events.find(|events| !events.is_empty()).unwrap_or_default()
}

#[test]
fn an_alarm_of_which_nothing_is_heard_lapses() {
    let mut monitor = failed(60);
    assert_eq!(monitor.state().state, State::Alarm);
    assert!(decide_elsewhere(&mut monitor, 50).is_empty());
    // Whoever is still heard of keeps its alarm.
    fail(&mut monitor);
    assert!(decide_elsewhere(&mut monitor, 50).is_empty());
    let over = decide_elsewhere(&mut monitor, 1);
    assert_eq!((over.len(), over[0].to), (1, State::Ok));
    assert_eq!(monitor.state().state, State::Ok);
}

#[test]
fn a_warning_of_which_nothing_is_heard_lapses() {
    let mut monitor = failed(0);
    while monitor.state().state == State::Ok {
        fail(&mut monitor);
    }
    assert_eq!(monitor.state().state, State::Warning);
    assert!(decide_elsewhere(&mut monitor, 50).is_empty());
    assert_eq!(decide_elsewhere(&mut monitor, 1)[0].to, State::Ok);
    assert_eq!(monitor.state().state, State::Ok);
}
