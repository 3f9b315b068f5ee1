//! Budgets are met, caps hold, and neither clocks nor snapshots break that.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

fn usd(amount: f64) -> Usd {
    Usd::new(amount).unwrap()
}

fn mean_cost(target: f64) -> Pacer {
    Pacer::new(PacingSettings {
        goal: Goal::MeanCost(usd(target)),
        cap: None,
        near: 0.02,
    })
    .unwrap()
}

fn per_period(amount: f64, period_ms: u64) -> Pacer {
    let spend = Spend {
        amount: usd(amount),
        period_ms,
    };
    Pacer::new(PacingSettings {
        goal: Goal::Spend(spend),
        cap: None,
        near: 0.02,
    })
    .unwrap()
}

/// A small, a middle and a large model on a random prompt; the large one at `price` times its cost.
fn offers(rng: &mut ChaCha8Rng, price: f64) -> Vec<Offer> {
    let (length, ease) = (rng.random_range(0.2..3.0), rng.random_range(0.0..1.0));
    let of = |(model, unit, edge): (u16, f64, f64)| {
        let cost = unit * length;
        Offer {
            model,
            quality: (0.3 + 0.4 * ease + edge * (1.0 - ease)) as f32,
            cost: usd(cost),
            most: usd(2.0 * cost),
        }
    };
    [(0, 1e-4, 0.0), (1, 5e-4, 0.25), (2, 4e-3 * price, 0.5)]
        .map(of)
        .to_vec()
}

/// Costs of requests in a row; actual costs wander about the expected ones times `bill`.
fn spend(
    pacer: &mut Pacer,
    rng: &mut ChaCha8Rng,
    price: f64,
    bill: f64,
    requests: usize,
) -> Vec<f64> {
    let mut one = |_| {
        let offers = offers(rng, price);
        let chosen = offers[pacer.ask(0, &offers).unwrap().chosen];
        let reservation = pacer.reserve(&chosen).unwrap();
        let dear = if chosen.model == 2 { bill } else { 1.0 };
        let actual = chosen.cost.as_f64() * dear * rng.random_range(0.5..1.5);
        pacer.settle(reservation, usd(actual));
        actual
    };
    (0..requests).map(&mut one).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn a_mean_cost_is_met() {
    for target in [4e-4, 1e-3, 3e-3] {
        let (mut pacer, mut rng) = (mean_cost(target), ChaCha8Rng::seed_from_u64(1));
        let costs = spend(&mut pacer, &mut rng, 1.0, 1.0, 2000);
        let ratio = mean(&costs) / target;
        assert!((0.95..1.05).contains(&ratio), "{target}: {ratio}");
    }
}

/// Every request is answered twice, the second time by the middle model.
#[test]
fn a_mean_cost_is_that_of_all_answers_of_a_request() {
    let (mut pacer, mut rng) = (mean_cost(3e-3), ChaCha8Rng::seed_from_u64(5));
    let mut cost = |_| {
        let offers = offers(&mut rng, 1.0);
        let first = offers[pacer.ask(0, &offers).unwrap().chosen];
        let (first, second) = (
            pacer.reserve(&first).unwrap(),
            pacer.reserve_more(&offers[1]),
        );
        let costs = [first.cost, second.cost];
        pacer.settle(first, costs[0]);
        pacer.settle(second, costs[1]);
        costs[0].as_f64() + costs[1].as_f64()
    };
    let costs: Vec<f64> = (0..2000).map(&mut cost).collect();
    let ratio = mean(&costs) / 3e-3;
    assert!((0.95..1.05).contains(&ratio), "{ratio}");
    close(pacer.spent(), costs.iter().sum());
    close(pacer.reserved(), 0.0);
}

#[test]
fn what_is_under_way_is_counted_beyond_the_cap_too() {
    let mut pacer = per_period(1e-3, 1000);
    let offer = Offer {
        model: 0,
        quality: 0.5,
        cost: usd(8e-4),
        most: usd(8e-4),
    };
    pacer.ask(0, &[offer]).unwrap();
    let first = pacer.reserve(&offer).unwrap();
    let second = pacer.reserve_more(&offer);
    close(pacer.reserved(), 1.6e-3);
    pacer.settle(first, offer.cost);
    pacer.settle(second, offer.cost);
    close(pacer.spent(), 1.6e-3);
    let refused = pacer.ask(1, &[offer]).unwrap_err();
    assert!(
        matches!(refused, PacingError::BudgetExhausted { .. }),
        "{refused}"
    );
}

fn close(amount: Usd, expected: f64) {
    assert!(
        (amount.as_f64() - expected).abs() < 1e-9,
        "{amount} is not {expected}"
    );
}

#[test]
fn a_new_price_in_the_catalogue_is_met_at_once() {
    let (mut pacer, mut rng) = (mean_cost(2e-3), ChaCha8Rng::seed_from_u64(2));
    spend(&mut pacer, &mut rng, 1.0, 1.0, 1000);
    pacer.repriced(2, 5.0).unwrap();
    let costs = spend(&mut pacer, &mut rng, 5.0, 1.0, 400);
    let after = mean(&costs[200..]) / 2e-3;
    assert!((0.8..1.2).contains(&after), "{after}");
    assert!(mean(&costs) / 2e-3 < 1.1);
}

#[test]
fn bills_beyond_what_was_expected_are_learnt() {
    let (mut pacer, mut rng) = (mean_cost(2e-3), ChaCha8Rng::seed_from_u64(3));
    spend(&mut pacer, &mut rng, 1.0, 1.0, 1000);
    let costs = spend(&mut pacer, &mut rng, 1.0, 5.0, 1000);
    let after = mean(&costs[200..]) / 2e-3;
    assert!((0.85..1.15).contains(&after), "{after}");
}

#[test]
fn a_dearer_budget_buys_more_quality() {
    let quality = |target: f64| {
        let (mut pacer, mut rng) = (mean_cost(target), ChaCha8Rng::seed_from_u64(4));
        let mut sum = 0.0;
        for _ in 0..1000 {
            let offers = offers(&mut rng, 1.0);
            let chosen = offers[pacer.ask(0, &offers).unwrap().chosen];
            let reservation = pacer.reserve(&chosen).unwrap();
            pacer.settle(reservation, chosen.cost);
            sum += f64::from(chosen.quality);
        }
        sum
    };
    assert!(quality(3e-3) > quality(1e-3) && quality(1e-3) > quality(3e-4));
}

#[test]
fn two_models_that_are_always_the_same_take_turns() {
    let two = [(0, 0.5, 1e-3), (1, 0.9, 3e-3)].map(|(model, quality, cost)| Offer {
        model,
        quality,
        cost: usd(cost),
        most: usd(cost),
    });
    let mut pacer = mean_cost(1.5e-3);
    let mut cost = |_| {
        let chosen = two[pacer.ask(0, &two).unwrap().chosen];
        let reservation = pacer.reserve(&chosen).unwrap();
        pacer.settle(reservation, chosen.cost);
        chosen.cost.as_f64()
    };
    let costs: Vec<f64> = (0..1000).map(&mut cost).collect();
    assert!(
        (mean(&costs) / 1.5e-3 - 1.0).abs() < 0.02,
        "{}",
        mean(&costs)
    );
}

#[test]
fn a_period_is_spent_evenly_and_refused_when_it_is_spent() {
    let (mut pacer, mut rng) = (per_period(1.0, 1_000_000), ChaCha8Rng::seed_from_u64(5));
    let mut by_period = [0.0; 4];
    for now in (0..4_000_000_u64).step_by(1000) {
        let offers = offers(&mut rng, 1.0);
        let chosen = offers[pacer.ask(now, &offers).unwrap().chosen];
        let reservation = pacer.reserve(&chosen).unwrap();
        pacer.settle(reservation, chosen.cost);
        by_period[now as usize / 1_000_000] += chosen.cost.as_f64();
    }
    assert!(by_period.iter().all(|spent| *spent <= 1.0), "{by_period:?}");
    assert!(
        by_period[1..].iter().all(|spent| *spent > 0.9),
        "{by_period:?}"
    );
    let dear = [Offer {
        model: 0,
        quality: 1.0,
        cost: usd(0.1),
        most: usd(2.0),
    }];
    let error = pacer.ask(4_000_000, &dear).unwrap_err();
    assert!(
        matches!(error, PacingError::BudgetExhausted { .. }),
        "{error}"
    );
}

#[test]
fn what_cannot_be_is_refused() {
    let mut pacer = mean_cost(1e-3);
    let offer = Offer {
        model: 0,
        quality: f32::NAN,
        cost: Usd::ZERO,
        most: Usd::ZERO,
    };
    assert_eq!(pacer.ask(0, &[offer]), Err(PacingError::Offer { offer: 0 }));
    assert_eq!(pacer.ask(0, &[]), Err(PacingError::NoOffer));
    assert!(pacer.repriced(0, f64::NAN).is_err());
    let settings = PacingSettings {
        goal: Goal::MeanCost(Usd::ZERO),
        cap: None,
        near: 0.0,
    };
    assert_eq!(Pacer::new(settings).unwrap_err(), PacingError::NoBudget);
}

proptest! {
    #[test]
    fn a_cap_is_never_exceeded(
        seed in any::<u64>(),
        cap in 0.001..0.2_f64,
        times in prop::collection::vec(0..50_000_u64, 1..300),
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut pacer = per_period(cap, 10_000);
        let mut open = Vec::new();
        for now in times {
            let offers = offers(&mut rng, 1.0);
            match pacer.ask(now, &offers) {
                // any offer that fits may be taken, and bills may come late
                Ok(pace) => open.extend(pacer.reserve(&offers[pace.chosen]).ok()),
                Err(error) => {
                    let is_exhausted = matches!(error, PacingError::BudgetExhausted { .. });
                    prop_assert!(is_exhausted);
                }
            }
            if rng.random_bool(0.7) && let Some(reservation) = open.pop() {
                let actual = reservation.most.as_f64() * rng.random_range(0.0..=1.0);
                pacer.settle(reservation, usd(actual));
            }
            prop_assert!(pacer.spent() + pacer.reserved() <= usd(cap));
            prop_assert!(pacer.spent() >= Usd::ZERO && pacer.reserved() >= Usd::ZERO);
        }
    }

    #[test]
    fn a_snapshot_goes_on_as_the_pacer_would(seed in any::<u64>(), before in 1..200_usize) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut pacer = mean_cost(1e-3);
        spend(&mut pacer, &mut rng, 1.0, 1.0, before);
        let text = serde_json::to_string(&pacer).unwrap();
        let mut copy: Pacer = serde_json::from_str(&text).unwrap();
        let [mut one, mut other] = [(); 2].map(|()| ChaCha8Rng::seed_from_u64(seed ^ 1));
        let costs = spend(&mut pacer, &mut one, 2.0, 1.5, 100);
        prop_assert_eq!(costs, spend(&mut copy, &mut other, 2.0, 1.5, 100));
        prop_assert_eq!(pacer, copy);
    }
}
