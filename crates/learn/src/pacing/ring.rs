//! The candidates of the last requests, and what would have been spent on them at a lambda.

use std::collections::VecDeque;

use pointsman_types::Usd;
use serde::{Deserialize, Serialize};

use super::Offer;

const REQUESTS: usize = 512;
/// Of the offers of one request, those that are remembered.
const OFFERS: usize = 32;
/// At this lambda a thousandth of a point of quality is worth a billionth of a dollar and less.
const MOST_LAMBDA: f64 = 1e12;
const LEAST_LAMBDA: f64 = 1e-6;
/// Halvings of the range of 18 decades: to a relative error of 2^-34 of lambda.
const HALVINGS: usize = 40;

/// Candidates of requests: model, quality, expected cost in dollars.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Ring(VecDeque<Vec<(u16, f32, f32)>>);

/// A lambda, and the mean cost of a request at it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Rate {
    pub(crate) lambda: f64,
    pub(crate) cost: f64,
}

/// Two lambdas as near as can be, one of which spends more than the target, the other no more.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Bracket {
    pub(crate) rich: Rate,
    pub(crate) poor: Rate,
}

impl Bracket {
    /// How often the lambda that spends more must be taken for the target to be met.
    pub(crate) fn share_of_rich(&self, target: f64) -> f64 {
        let step = self.rich.cost - self.poor.cost;
        match step > 0.0 {
            true => ((target - self.poor.cost) / step).clamp(0.0, 1.0),
            false => 1.0,
        }
    }
}

impl Ring {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn push(&mut self, offers: &[Offer]) {
        if self.0.len() == REQUESTS {
            self.0.pop_front();
        }
        let few = offers.iter().take(OFFERS);
        let kept = few.map(|offer| (offer.model, offer.quality, rounded(offer.cost) as f32));
        self.0.push_back(kept.collect());
    }

    pub(crate) fn reprice(&mut self, model: u16, factor: f64) {
        let offers = self.0.iter_mut().flatten();
        for offer in offers.filter(|offer| offer.0 == model) {
            offer.2 = (f64::from(offer.2) * factor) as f32;
        }
    }

    /// Where the mean cost of the requests passes the target. It never rises with lambda.
    pub(crate) fn solve(&self, target: f64, factors: &[f64]) -> Bracket {
        let rate = |lambda| Rate {
            lambda,
            cost: self.mean_cost(lambda, factors),
        };
        let (mut rich, mut poor) = (rate(0.0), rate(MOST_LAMBDA));
        if rich.cost <= target {
            return Bracket { rich, poor: rich };
        }
        if poor.cost > target {
            return Bracket { rich: poor, poor };
        }
        for _ in 0..HALVINGS {
            let low = rich.lambda.max(LEAST_LAMBDA);
            let middle = rate((low * poor.lambda).sqrt());
            match middle.cost > target {
                true => rich = middle,
                false => poor = middle,
            }
        }
        Bracket { rich, poor }
    }

    fn mean_cost(&self, lambda: f64, factors: &[f64]) -> f64 {
        let costs = self.0.iter().map(|offers| cost(offers, lambda, factors));
        costs.sum::<f64>() / self.0.len().max(1) as f64
    }
}

/// Dollars as the ring keeps them.
pub(crate) fn rounded(cost: Usd) -> f64 {
    f64::from(cost.as_f64() as f32)
}

/// The cost of the best offer; of equally good ones the last, as the pacer chooses.
fn cost(offers: &[(u16, f32, f32)], lambda: f64, factors: &[f64]) -> f64 {
    let mut best = (f64::NEG_INFINITY, 0.0);
    for (model, quality, cost) in offers {
        let factor = factors.get(usize::from(*model)).unwrap_or(&1.0);
        let cost = f64::from(*cost) * factor;
        let worth = f64::from(*quality) - lambda * cost;
        if worth >= best.0 {
            best = (worth, cost);
        }
    }
    best.1
}
