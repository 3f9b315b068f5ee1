//! The laws of the estimators.

use proptest::prelude::*;

use super::estimate::OffPolicyPlan;
use super::overlap::OverlapLimits;
use super::*;

/// Estimates whatever the overlap.
fn anything() -> OffPolicyPlan {
    OffPolicyPlan {
        replicates: 50,
        limits: OverlapLimits {
            most_unsupported: 1.0,
            least_effective: 0.0,
            most_weight_error: f64::INFINITY,
        },
        ..OffPolicyPlan::default()
    }
}

fn decision(propensity: f64, reward: Option<f64>, predicted: f64, group: u64) -> Logged {
    Logged {
        propensity,
        reward,
        predicted,
        feedback_rate: 1.0,
        group,
    }
}

fn target(probability: f64, value: f64) -> Target {
    Target {
        probability,
        value,
        unsupported: 0.0,
    }
}

fn near(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-9
}

fn value(logged: &[Logged], targets: &[Target], by: Estimator) -> f64 {
    off_policy(logged, targets, &anything())
        .unwrap()
        .by(by)
        .value
}

/// Three arms in one of two contexts.
#[derive(Debug, Clone)]
struct World {
    quality: [[f64; 3]; 2],
    predicted: [[f64; 3]; 2],
    logging: [[f64; 3]; 2],
    target: [[f64; 3]; 2],
}

/// One decision that may happen, and how often it does.
#[derive(Clone, Copy)]
struct Case {
    probability: f64,
    logged: Logged,
    target: Target,
}

impl World {
    fn truth(&self, policy: &[[f64; 3]; 2]) -> f64 {
        let of = |context: usize| dot(&policy[context], &self.quality[context]);
        f64::midpoint(of(0), of(1))
    }

    fn case(&self, context: usize, arm: usize, reward: f64, group: u64) -> Case {
        let (p, q) = (self.logging[context][arm], self.quality[context][arm]);
        let chance = if reward > 0.5 { q } else { 1.0 - q };
        let value = dot(&self.target[context], &self.predicted[context]);
        Case {
            probability: 0.5 * p * chance,
            logged: decision(p, Some(reward), self.predicted[context][arm], group),
            target: target(self.target[context][arm], value),
        }
    }

    /// Every decision that may happen.
    fn cases(&self, group: u64) -> Vec<Case> {
        let places = (0..2).flat_map(|context| (0..3).map(move |arm| (context, arm)));
        let both = places.flat_map(|at| [0.0, 1.0].map(|reward| (at, reward)));
        both.map(|((context, arm), reward)| self.case(context, arm, reward, group))
            .collect()
    }

    /// The mean of a figure over every log of two decisions.
    fn mean_over_logs(&self, figure: impl Fn(&[Logged], &[Target]) -> f64) -> f64 {
        let (first, second) = (self.cases(0), self.cases(1));
        let pairs = first
            .iter()
            .flat_map(|a| second.iter().map(move |b| (a, b)));
        pairs
            .map(|(a, b)| {
                let found = figure(&[a.logged, b.logged], &[a.target, b.target]);
                a.probability * b.probability * found
            })
            .sum()
    }
}

fn dot(left: &[f64; 3], right: &[f64; 3]) -> f64 {
    left.iter().zip(right).map(|(l, r)| l * r).sum()
}

fn distribution() -> impl Strategy<Value = [f64; 3]> {
    [0.05..1.0_f64, 0.05..1.0, 0.05..1.0].prop_map(|parts| {
        let sum: f64 = parts.iter().sum();
        parts.map(|part| part / sum)
    })
}

fn world() -> impl Strategy<Value = World> {
    let qualities = || {
        [
            [0.0..1.0_f64, 0.0..1.0, 0.0..1.0],
            [0.0..1.0, 0.0..1.0, 0.0..1.0],
        ]
    };
    let policies = || [distribution(), distribution()];
    (qualities(), qualities(), policies(), policies()).prop_map(
        |(quality, predicted, logging, target)| World {
            quality,
            predicted,
            logging,
            target,
        },
    )
}

/// A log of two to thirty decisions: propensity, target probability, reward, prediction, value.
fn log() -> impl Strategy<Value = (Vec<Logged>, Vec<Target>)> {
    let one = (
        0.05..1.0_f64,
        0.01..1.0_f64,
        0.0..1.0_f64,
        0.0..1.0_f64,
        0.0..1.0_f64,
        0_u64..9,
    );
    proptest::collection::vec(one, 2..30).prop_map(|all| {
        all.into_iter()
            .map(|(p, e, r, q, m, group)| (decision(p, Some(r), q, group), target(e, m)))
            .unzip()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn ips_and_dr_have_no_bias_over_every_log_of_two(world in world()) {
        for by in [Estimator::Ips, Estimator::Dr] {
            let mean = world.mean_over_logs(|logged, targets| value(logged, targets, by));
            let truth = world.truth(&world.target);
            prop_assert!(near(mean, truth), "{by}: {mean} is not {truth}");
        }
    }

    #[test]
    fn the_difference_has_no_bias_whoever_is_current(world in world()) {
        let truth = world.truth(&world.target) - world.truth(&world.logging);
        let mean = world.mean_over_logs(|logged, new| {
            difference(logged, new, Current::OnPolicy, &anything()).unwrap().estimate().value
        });
        prop_assert!(near(mean, truth), "{mean} is not {truth}");
    }
}

proptest! {
    #[test]
    fn dr_is_dm_where_predictions_are_exact((mut logged, targets) in log()) {
        logged.iter_mut().for_each(|one| one.reward = Some(one.predicted));
        let found = off_policy(&logged, &targets, &anything()).unwrap();
        let dm = found.by(Estimator::Dm).value;
        prop_assert!(near(found.by(Estimator::Dr).value, dm));
        prop_assert!(near(found.by(Estimator::SwitchDr).value, dm));
    }

    #[test]
    fn snips_does_not_depend_on_the_scale_of_the_weights((logged, targets) in log(), by in 0.1..1.0_f64) {
        let scaled: Vec<Logged> = logged
            .iter()
            .map(|one| Logged { propensity: one.propensity * by, ..*one })
            .collect();
        let snips = |logged: &[Logged]| {
            off_policy(logged, &targets, &anything()).unwrap().by(Estimator::Snips)
        };
        let (one, other) = (snips(&logged), snips(&scaled));
        prop_assert!(near(one.value, other.value));
        prop_assert!((one.standard_error - other.standard_error).abs() < 1e-6);
    }

    #[test]
    fn on_policy_is_the_plain_mean((logged, _) in log()) {
        let same: Vec<Target> = logged.iter().map(|one| target(one.propensity, one.predicted)).collect();
        let found = off_policy(&logged, &same, &anything()).unwrap();
        let mean = logged.iter().filter_map(|one| one.reward).sum::<f64>() / logged.len() as f64;
        for by in [Estimator::Ips, Estimator::Snips, Estimator::Dr] {
            prop_assert!(near(found.by(by).value, mean), "{}", by);
        }
        prop_assert!(near(found.logged.value, mean));
    }

    #[test]
    fn the_order_of_decisions_does_not_matter((logged, targets) in log(), by in 1_usize..29) {
        let turned = |at: usize| (at + by) % logged.len();
        let other: Vec<Logged> = (0..logged.len()).map(|at| logged[turned(at)]).collect();
        let others: Vec<Target> = (0..logged.len()).map(|at| targets[turned(at)]).collect();
        let plan = OffPolicyPlan { method: IntervalMethod::Percentile, ..anything() };
        let (one, two) = (
            off_policy(&logged, &targets, &plan).unwrap(),
            off_policy(&other, &others, &plan).unwrap(),
        );
        for by in Estimator::ALL {
            prop_assert!(near(one.by(by).value, two.by(by).value));
            prop_assert!((one.by(by).low - two.by(by).low).abs() < 1e-6);
        }
    }

    #[test]
    fn the_difference_of_known_policies_is_that_of_their_values((logged, new) in log(), shift in 0.0..0.9_f64) {
        let other: Vec<Target> = new
            .iter()
            .map(|one| target(one.probability * shift, one.value * shift))
            .collect();
        let found = difference(&logged, &new, Current::Known(&other), &anything()).unwrap();
        let apart = value(&logged, &new, Estimator::Dr) - value(&logged, &other, Estimator::Dr);
        prop_assert!(near(found.estimate().value, apart));
    }

    #[test]
    fn a_bound_falls_as_confidence_rises((logged, new) in log()) {
        let found = difference(&logged, &new, Current::OnPolicy, &anything()).unwrap();
        let bounds = [0.5, 0.8, 0.9, 0.95, 0.99].map(|confidence| -found.lower(confidence));
        prop_assert!(bounds.is_sorted(), "{:?}", bounds);
    }
}

/// A log of one arm of two, half by half, whose choices all have rewards.
fn even_log(decisions: u64) -> (Vec<Logged>, Vec<Target>) {
    let one = |at: u64| {
        let reward = f64::from(u8::from(at.is_multiple_of(3)));
        let chosen = if at.is_multiple_of(2) { 0.8 } else { 0.2 };
        (decision(0.5, Some(reward), 0.4, at), target(chosen, 0.4))
    };
    (0..decisions).map(one).unzip()
}

#[test]
fn a_policy_is_no_better_than_itself() {
    let (logged, new) = even_log(400);
    let found = difference(
        &logged,
        &new,
        Current::Known(&new),
        &OffPolicyPlan::default(),
    )
    .unwrap();
    assert!(near(found.estimate().value, 0.0) && near(found.lower(0.95), 0.0));
    assert!(near(found.differs, 0.0));
}

#[test]
fn rewards_that_some_arms_lack_more_often_are_weighted_up() {
    let row = |at: u64| {
        let arm = at % 2;
        let is_rated = at / 2 % 10 < [5, 1][arm as usize];
        Logged {
            feedback_rate: [0.5, 0.1][arm as usize],
            ..decision(0.5, is_rated.then_some([0.2, 0.8][arm as usize]), 0.5, at)
        }
    };
    let mut logged: Vec<Logged> = (0..200).map(row).collect();
    let even = vec![target(0.5, 0.5); 200];
    for by in [Estimator::Ips, Estimator::Snips, Estimator::Dr] {
        assert!(near(value(&logged, &even, by), 0.5), "{by}");
    }
    logged.iter_mut().for_each(|one| one.feedback_rate = 1.0);
    assert!(near(value(&logged, &even, Estimator::Ips), 0.3));
}

#[test]
fn what_is_repeated_within_a_group_is_no_news() {
    let (logged, targets) = even_log(300);
    let error = |logged: &[Logged], targets: &[Target]| {
        let found = off_policy(logged, targets, &anything()).unwrap();
        found.by(Estimator::Dr).standard_error
    };
    let once = error(&logged, &targets);
    let (mut twice, targets) = (
        [&logged[..], &logged[..]].concat(),
        [&targets[..], &targets[..]].concat(),
    );
    assert!((error(&twice, &targets) - once).abs() < 1e-6);
    let apart = |(at, one): (usize, &mut Logged)| one.group = at as u64;
    twice.iter_mut().enumerate().for_each(apart);
    assert!((error(&twice, &targets) / once - 0.5_f64.sqrt()).abs() < 0.01);
}

#[test]
fn large_weights_are_left_to_the_prediction() {
    let (mut logged, mut targets) = even_log(400);
    let plain = off_policy(&logged, &targets, &anything()).unwrap();
    assert!(plain.switch_threshold.is_infinite());
    assert!(near(
        plain.by(Estimator::SwitchDr).value,
        plain.by(Estimator::Dr).value
    ));
    logged.push(decision(1e-3, Some(1.0), 0.4, 1000));
    targets.push(target(1.0, 0.4));
    let found = off_policy(&logged, &targets, &anything()).unwrap();
    assert!(found.switch_threshold < 1000.0);
    assert!(found.by(Estimator::SwitchDr).standard_error < found.by(Estimator::Dr).standard_error);
}

#[test]
fn empirical_bernstein_is_wider_than_the_bootstrap() {
    let (logged, targets) = even_log(400);
    let width = |method: IntervalMethod| {
        let plan = OffPolicyPlan {
            method,
            replicates: 400,
            ..OffPolicyPlan::default()
        };
        let found = off_policy(&logged, &targets, &plan)
            .unwrap()
            .by(Estimator::Ips);
        assert!(
            found.low < found.value && found.value < found.high,
            "{found:?}"
        );
        found.high - found.low
    };
    let bernstein = width(IntervalMethod::EmpiricalBernstein {
        largest_weight: 2.0,
        reward_range: 1.0,
    });
    let bootstrap = [IntervalMethod::Studentised, IntervalMethod::Percentile].map(width);
    assert!(bernstein > 1.2 * bootstrap[0].max(bootstrap[1]));
    assert!(
        (bootstrap[0] / bootstrap[1] - 1.0).abs() < 0.15,
        "{bootstrap:?}"
    );
}

fn refused(logged: &[Logged], targets: &[Target]) -> OffPolicyRefusal {
    off_policy(logged, targets, &OffPolicyPlan::default()).unwrap_err()
}

#[test]
fn nothing_is_said_without_decisions_or_rewards() {
    assert_eq!(refused(&[], &[]), OffPolicyRefusal::NoDecisions);
    let (mut logged, targets) = even_log(50);
    logged.iter_mut().for_each(|one| one.reward = None);
    assert_eq!(
        refused(&logged, &targets),
        OffPolicyRefusal::NoRewards { decisions: 50 }
    );
}

#[test]
fn impossible_numbers_are_refused_by_place() {
    for wrong in [0.0, -0.1, 1.1, f64::NAN] {
        let (mut logged, targets) = even_log(50);
        logged[7].propensity = wrong;
        let found = refused(&logged, &targets);
        assert!(
            matches!(found, OffPolicyRefusal::Propensity { decision: 7, .. }),
            "{found}"
        );
    }
    let (mut logged, targets) = even_log(50);
    logged[3].reward = Some(f64::INFINITY);
    let found = refused(&logged, &targets);
    assert!(
        matches!(
            found,
            OffPolicyRefusal::NotANumber {
                decision: 3,
                what: "reward"
            }
        ),
        "{found}"
    );
}

#[test]
fn a_deterministic_log_answers_for_itself_alone() {
    let logged: Vec<Logged> = (0..100)
        .map(|at| decision(1.0, Some(0.5), 0.5, at))
        .collect();
    let same = vec![target(1.0, 0.5); 100];
    let found = off_policy(&logged, &same, &OffPolicyPlan::default()).unwrap();
    assert!(near(found.by(Estimator::Dr).value, 0.5));
    let mut other = same;
    other[..10].fill(Target {
        probability: 0.0,
        value: 0.9,
        unsupported: 1.0,
    });
    let found = refused(&logged, &other);
    assert!(
        matches!(
            found,
            OffPolicyRefusal::Deterministic { decisions: 100, .. }
        ),
        "{found}"
    );
    let few = [&other[..2], &vec![target(1.0, 0.5); 98]].concat();
    let plan = OffPolicyPlan::default();
    assert!(off_policy(&logged, &few, &plan).is_ok());
    let found = difference(&logged, &few, Current::OnPolicy, &plan).unwrap_err();
    assert!(
        matches!(found, OffPolicyRefusal::Deterministic { .. }),
        "{found}"
    );
}

#[test]
fn what_was_never_tried_is_refused() {
    let (logged, mut targets) = even_log(400);
    targets.iter_mut().for_each(|one| one.unsupported = 0.06);
    let found = refused(&logged, &targets);
    assert!(
        matches!(found, OffPolicyRefusal::NoSupport { .. }),
        "{found}"
    );
}

#[test]
fn weights_that_cannot_be_are_refused() {
    let (mut logged, targets) = even_log(400);
    logged.iter_mut().for_each(|one| one.propensity = 0.8);
    let found = refused(&logged, &targets);
    assert!(matches!(found, OffPolicyRefusal::Weights { .. }), "{found}");
}

#[test]
fn few_effective_decisions_are_refused() {
    let (logged, targets) = even_log(20);
    let found = refused(&logged, &targets);
    assert!(
        matches!(found, OffPolicyRefusal::FewEffective { of: 20, .. }),
        "{found}"
    );
}

#[test]
fn heavy_decisions_count_although_none_of_them_has_a_reward() {
    let heavy = |at: u64| at.is_multiple_of(100);
    let log = |at: u64| match heavy(at) {
        true => decision(0.02, None, 0.5, at),
        false => decision(0.5, at.is_multiple_of(3).then_some(0.5), 0.5, at),
    };
    let of = |at: u64| target(if heavy(at) { 1.0 } else { 0.25 }, 0.5);
    let (logged, targets): (Vec<Logged>, Vec<Target>) =
        (0..1000).map(|at| (log(at), of(at))).unzip();
    // Those with a reward weigh 0.5 each: as if there were 330 of them.
    let OffPolicyRefusal::FewEffective { found, of, .. } = refused(&logged, &targets) else {
        panic!("not for the effective sample size");
    };
    let all = (990.0 * 0.5 + 10.0 * 50.0_f64).powi(2) / (990.0 * 0.25 + 10.0 * 2500.0);
    assert_eq!(of, 330);
    assert!(near(found, all * 0.33), "{found}");
}
