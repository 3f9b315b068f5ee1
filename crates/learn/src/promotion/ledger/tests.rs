//! Evidence against a truth that is known, and how often a version that is truly worse gets through.

use pointsman_types::Stage;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::super::{Arm, Progress, Step, next_step};
use super::*;

/// Two models; the new version takes the second where the current one takes the first.
struct World {
    rng: ChaCha8Rng,
    /// How probable a good answer of each model is.
    quality: [f64; 2],
    /// What both versions believe of that.
    believed: [f64; 2],
    /// How often a canary decides.
    share: f64,
    /// On which share of the requests the two differ.
    differ: f64,
    /// How often an answer of each model is judged.
    rates: [f64; 2],
    /// Whether requests say to which category they belong.
    named: bool,
}

impl World {
    fn new(seed: u64, quality: [f64; 2]) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            quality,
            believed: [0.7, 0.6],
            share: 0.2,
            differ: 0.5,
            rates: [1.0; 2],
            named: false,
        }
    }

    fn request(&mut self) -> Observation {
        let differs = self.rng.random::<f64>() < self.differ;
        let new = if differs { [0.0, 1.0] } else { [1.0, 0.0] };
        let by_new = self.rng.random::<f64>() < self.share;
        let chosen = usize::from(by_new && differs);
        let is_judged = self.rng.random::<f64>() < self.rates[chosen];
        let good = self.rng.random::<f64>() < self.quality[chosen];
        let arm = |at: usize| Arm {
            logged: (1.0 - self.share) * [1.0, 0.0][at] + self.share * new[at],
            new: new[at],
            current: [1.0, 0.0][at],
            quality: self.believed[at],
            cost_usd: [0.002, 0.001][at],
        };
        Observation {
            arms: vec![arm(0), arm(1)],
            chosen,
            model: ["first", "second"][chosen].into(),
            lambda: 10.0,
            score: is_judged.then_some(f64::from(u8::from(good))),
            paid_usd: None,
            failed: None,
            latency_ms: None,
            category: self
                .named
                .then(|| if differs { "apart" } else { "alike" }.into()),
            tier: None,
            group: self.rng.random(),
            by_new,
            beside_failed: false,
        }
    }

    /// The true mean utility of the new version minus that of the current one.
    fn difference(&self) -> f64 {
        self.differ * (self.quality[1] - self.quality[0] + 10.0 * 0.001)
    }
}

fn rails() -> Rails {
    Rails {
        least_judged: 100,
        group_margin: 1.0,
        ..Rails::default()
    }
}

/// The first step of a canary that is looked at after every 25 judged decisions.
fn verdict(world: &mut World, most: u64) -> Option<Step> {
    let (mut ledger, rails) = (Ledger::default(), rails());
    let mut progress = Progress::entered("new", "old", Stage::Canary);
    while ledger.judged() < most {
        (0..25).for_each(|_| ledger.put(world.request()));
        let evidence = ledger.evidence(progress.looks, &rails, None);
        let step = next_step(&progress, &evidence, &rails);
        if !matches!(step, Step::Wait { .. }) {
            return Some(step);
        }
        progress.looks = progress.looks.after(&evidence);
    }
    None
}

#[test]
fn a_version_that_is_worse_is_promoted_in_at_most_one_trial_in_twenty() {
    // As little worse as can be, which is the hardest case.
    let trials = 400;
    let promoted = (0..trials)
        .filter(|seed| {
            let mut world = World::new(*seed, [0.7, 0.689]);
            assert!(world.difference() < 0.0);
            matches!(verdict(&mut world, 800), Some(Step::Advance { .. }))
        })
        .count();
    assert!(promoted * 20 <= trials as usize, "{promoted} of {trials}");
}

#[test]
fn the_difference_is_found_although_one_model_is_judged_more_often() {
    // Both answer better than believed. Counting judgements alone, that would speak for the second.
    let mut world = World {
        rates: [0.2, 1.0],
        believed: [0.5, 0.5],
        ..World::new(7, [0.8, 0.8])
    };
    let (truth, ledger) = (world.difference(), ledger(&mut world, 20_000));
    let worth = ledger.evidence(Looks::default(), &rails(), None).worth;
    let utility = worth.unwrap().utility.unwrap();
    assert!(
        utility.low < truth && truth < utility.high && utility.high < 0.05,
        "{utility}, {truth}"
    );
}

#[test]
fn little_is_known_where_what_matters_is_hardly_ever_judged() {
    let mut world = World {
        rates: [1.0, 0.0],
        ..World::new(8, [0.7, 0.7])
    };
    let evidence = ledger(&mut world, 2000).evidence(Looks::default(), &rails(), None);
    let worth = evidence.worth.unwrap();
    assert_eq!(worth.utility, None);
    assert!(worth.refusal.unwrap().contains("effective sample size"));
}

#[test]
fn a_version_that_is_better_gets_through_and_one_that_is_bad_is_sent_away() {
    let ends = |quality: [f64; 2]| {
        let verdicts = (0..20).filter_map(|seed| verdict(&mut World::new(seed, quality), 3200));
        let up = |step: &Step| matches!(step, Step::Advance { .. });
        let (up, down): (Vec<Step>, Vec<Step>) = verdicts.partition(up);
        (up.len(), down.len())
    };
    let (up, down) = ends([0.5, 0.8]);
    assert!(up >= 19 && down == 0, "better: {up} up, {down} down");
    let (up, down) = ends([0.8, 0.5]);
    assert!(up == 0 && down >= 19, "worse: {up} up, {down} down");
}

fn ledger(world: &mut World, requests: usize) -> Ledger {
    let mut ledger = Ledger::default();
    (0..requests).for_each(|_| ledger.put(world.request()));
    ledger
}

#[test]
fn the_difference_is_found_although_the_prediction_is_wrong() {
    let mut world = World {
        named: true,
        ..World::new(1, [0.5, 0.8])
    };
    let evidence = ledger(&mut world, 2000).evidence(Looks::default(), &rails(), None);
    let worth = evidence.worth.unwrap();
    let utility = worth.utility.unwrap();
    let truth = world.difference();
    assert!(
        utility.low < truth && truth < utility.high,
        "{utility}, {truth}"
    );
    assert!(utility.low > 0.0);
    // On the requests where both choose alike nothing differs, and nothing is uncertain.
    let alike = worth
        .groups
        .iter()
        .find(|one| one.group == "category alike");
    assert!(alike.is_none_or(|one| one.quality.high.abs() < 1e-9));
}

#[test]
fn what_only_one_version_would_choose_is_not_judged_in_shadow() {
    let mut world = World::new(2, [0.5, 0.8]);
    world.share = 0.0;
    let evidence = ledger(&mut world, 500).evidence(Looks::default(), &rails(), None);
    let worth = evidence.worth.unwrap();
    assert_eq!(worth.utility, None);
    assert!(worth.refusal.unwrap().contains("deterministic"));
}

#[test]
fn expected_costs_are_those_of_the_choices() {
    let mut world = World::new(3, [0.5, 0.5]);
    world.differ = 1.0;
    let cost = ledger(&mut world, 100).cost().unwrap();
    assert!((cost.factor() - 0.5).abs() < 1e-9, "{}", cost.factor());
}

#[test]
fn requests_of_which_nothing_was_heard_are_only_counted() {
    let mut world = World::new(4, [0.5, 0.5]);
    let mut ledger = Ledger::default();
    (0..50).for_each(|_| {
        ledger.put(Observation {
            score: None,
            ..world.request()
        })
    });
    assert_eq!((ledger.decisions(), ledger.judged()), (50, 0));
    let evidence = ledger.evidence(Looks::default(), &rails(), None);
    assert!(evidence.worth.is_none() && evidence.calls.is_none());
}

#[test]
fn failing_and_slow_calls_of_the_new_choices_show() {
    let mut world = World::new(5, [0.7, 0.7]);
    let mut ledger = Ledger::default();
    for _ in 0..2000 {
        let request = world.request();
        let is_second = request.chosen == 1;
        ledger.put(Observation {
            failed: Some(is_second && world.rng.random::<f64>() < 0.5),
            latency_ms: Some(if is_second { 900.0 } else { 100.0 }),
            ..request
        });
    }
    let calls = ledger.evidence(Looks::default(), &rails(), None).calls;
    let calls = calls.unwrap();
    // The new version sends half of its requests to the second model, half of which fail there.
    let errors = calls.errors.unwrap();
    assert!(
        errors.low < 0.25 && 0.25 < errors.high && errors.low > 0.1,
        "{errors}"
    );
    let excess = calls.latency_excess_ms.unwrap();
    assert!(
        excess.low < 350.0 && 350.0 < excess.high && excess.low > 0.0,
        "{excess}"
    );
}

#[test]
fn a_fall_since_the_promotion_shows_where_nothing_was_tried() {
    let mut world = World::new(6, [0.4, 0.4]);
    let before = Moments {
        count: 500,
        mean: 0.8,
        variance: 0.16,
    };
    let mut ledger = Ledger::default();
    (0..300).for_each(|_| {
        ledger.put(Observation {
            by_new: true,
            ..world.request()
        })
    });
    let evidence = ledger.evidence(Looks::default(), &rails(), Some(before));
    let found = evidence.worth.unwrap().before_after.unwrap();
    assert!(found.difference.high < -0.2, "{found:?}");
    let few = Moments { count: 3, ..before };
    let evidence = ledger.evidence(Looks::default(), &rails(), Some(few));
    assert_eq!(evidence.worth.unwrap().before_after, None);
}

#[test]
fn a_fall_after_a_good_time_shows_at_the_next_look() {
    let before = Moments {
        count: 500,
        mean: 0.8,
        variance: 0.16,
    };
    let mut ledger = Ledger::default();
    for quality in [[0.8, 0.8], [0.5, 0.5]] {
        let mut world = World::new(9, quality);
        (0..400).for_each(|_| {
            ledger.put(Observation {
                by_new: true,
                ..world.request()
            })
        });
    }
    let evidence = ledger.evidence(Looks::default(), &rails(), Some(before));
    let found = evidence.worth.unwrap().before_after.unwrap();
    assert!(found.difference.high < -0.15, "{found:?}");
}
