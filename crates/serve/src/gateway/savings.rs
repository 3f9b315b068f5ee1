//! What traffic cost beside what it would have cost at every single model, and what it would have been
//! worth there: as predicted for the others, as billed for those that answered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use pointsman_types::{Decision, ModelName};
use serde::Serialize;

use super::account::Bill;
use crate::App;
use crate::learning::now_ms;
use crate::problem::{Problem, json};

/// Standard errors on either side of an interval of 95 %.
const ERRORS: f64 = 1.96;

/// One model as it looked for a request.
#[derive(Debug, Clone)]
struct Alternative {
    model: ModelName,
    quality: f64,
    cost: f64,
}

/// All that could have answered a request, the one that did first.
#[derive(Debug, Clone, Default)]
pub(super) struct Alternatives(Vec<Alternative>);

impl Alternatives {
    /// Those that no limit refused.
    pub(super) fn of(decision: &Decision) -> Self {
        let open = decision.candidates.iter();
        let open = open.filter(|one| one.refusal.is_none_or(|why| !why.is_limit()));
        let alternative = |one: &pointsman_types::Candidate| Alternative {
            model: one.model.clone(),
            quality: f64::from(one.quality.get()),
            cost: one.cost.as_f64(),
        };
        Self(open.map(alternative).collect())
    }
}

/// Counts since the server began.
pub(crate) struct Savings {
    since_ms: i64,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    calls: u64,
    spent: f64,
    /// Of these calls and of what they cost, those whose provider told no usage.
    estimated: (u64, f64),
    models: BTreeMap<ModelName, Baseline>,
}

/// What one model alone would have made different, over the calls that it could have answered.
#[derive(Default)]
struct Baseline {
    /// Its cost less what was billed, in US dollars.
    cost: Moments,
    /// The part of that sum whose bills are estimates.
    estimated: f64,
    /// Its predicted quality less that of who answered.
    quality: Moments,
}

/// Count, mean and spread (Welford, 1962).
#[derive(Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let off = value - self.mean;
        self.mean += off / self.count;
        self.squares += off * (value - self.mean);
    }

    /// Estimate and interval of the mean, times `factor`.
    fn told(&self, factor: f64) -> Interval {
        let variance = self.squares / (self.count - 1.0).max(1.0);
        let half = ERRORS * (variance / self.count.max(1.0)).sqrt();
        Interval {
            estimate: self.mean * factor,
            low: (self.mean - half) * factor,
            high: (self.mean + half) * factor,
        }
    }
}

#[derive(Debug, Serialize)]
struct Interval {
    estimate: f64,
    low: f64,
    high: f64,
}

#[derive(Serialize)]
struct Told<'t> {
    since_ms: i64,
    calls: u64,
    spent_usd: f64,
    /// Calls whose provider told no usage, so that their bill is an estimate.
    estimated_calls: u64,
    /// What these cost; part of `spent_usd`.
    estimated_usd: f64,
    /// Intervals are of 95 %, and of the mean over calls like these: they do not know whether the
    /// predictions are right.
    baselines: Vec<ToldModel<'t>>,
}

#[derive(Serialize)]
struct ToldModel<'t> {
    model: &'t ModelName,
    /// Calls that it could have answered.
    calls: u64,
    /// What was saved against it on these, in all.
    saved_usd: Interval,
    /// The part of its estimate that rests on estimated bills.
    saved_estimated_usd: f64,
    /// By how much its answers would have been better, in the mean of these.
    quality_difference: Interval,
}

impl Savings {
    pub(crate) fn new() -> Self {
        Self {
            since_ms: now_ms(),
            counts: Mutex::default(),
        }
    }

    /// A call was answered by the first of these.
    pub(super) fn count(&self, alternatives: &Alternatives, bill: &Bill) {
        let Some(chosen) = alternatives.0.first() else {
            return;
        };
        let billed = bill.cost.unwrap_or_default().as_f64();
        let estimated = if bill.is_estimated { 1.0 } else { 0.0 };
        // A panic leaves at worst one call half counted.
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.calls += 1;
        counts.spent += billed;
        counts.estimated.0 += u64::from(bill.is_estimated);
        counts.estimated.1 += estimated * billed;
        for one in &alternatives.0 {
            let cost = if one.model == chosen.model {
                billed
            } else {
                one.cost
            };
            let baseline = counts.models.entry(one.model.clone()).or_default();
            baseline.cost.add(cost - billed);
            baseline.estimated += estimated * (cost - billed);
            baseline.quality.add(one.quality - chosen.quality);
        }
    }

    fn told(&self) -> Response {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let baselines = counts.models.iter().map(|(model, baseline)| ToldModel {
            model,
            calls: baseline.cost.count as u64,
            saved_usd: baseline.cost.told(baseline.cost.count),
            saved_estimated_usd: baseline.estimated,
            quality_difference: baseline.quality.told(1.0),
        });
        json(&Told {
            since_ms: self.since_ms,
            calls: counts.calls,
            spent_usd: counts.spent,
            estimated_calls: counts.estimated.0,
            estimated_usd: counts.estimated.1,
            baselines: baselines.collect(),
        })
    }
}

/// `GET /v1/savings`.
pub(crate) async fn savings(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    app.gateway.fleet.load().door.admit(&headers)?;
    Ok(app.gateway.savings.told())
}

#[cfg(test)]
mod tests {
    use pointsman_types::Usd;

    use super::*;

    fn alternatives(chosen: (&str, f64, f64), other: (&str, f64, f64)) -> Alternatives {
        let one = |(model, quality, cost): (&str, f64, f64)| Alternative {
            model: model.into(),
            quality,
            cost,
        };
        Alternatives(vec![one(chosen), one(other)])
    }

    fn bill(cost: f64, is_estimated: bool) -> Bill {
        Bill {
            cost: Some(Usd::new(cost).unwrap()),
            is_estimated,
        }
    }

    #[test]
    fn estimated_bills_are_told_apart() {
        let savings = Savings::new();
        let seen = alternatives(("small", 0.7, 0.5), ("large", 0.9, 0.010));
        savings.count(&seen, &bill(0.001, true));
        savings.count(&seen, &bill(0.004, false));
        let counts = savings.counts.lock().unwrap();
        assert_eq!(counts.estimated, (1, 0.001));
        assert!((counts.spent - 0.005).abs() < 1e-12);
        let large = &counts.models["large"];
        assert!((large.cost.told(2.0).estimate - 0.015).abs() < 1e-12);
        assert!((large.estimated - 0.009).abs() < 1e-12);
    }

    #[test]
    fn a_baseline_is_what_one_model_alone_would_have_cost() {
        let savings = Savings::new();
        for cost in [0.010, 0.014] {
            let seen = alternatives(("small", 0.7, 0.5), ("large", 0.9, cost));
            savings.count(&seen, &bill(0.002, false));
        }
        let counts = savings.counts.lock().unwrap();
        let large = &counts.models["large"];
        let saved = large.cost.told(2.0);
        assert!((saved.estimate - 0.020).abs() < 1e-12, "{saved:?}");
        // The spread of two costs 4 thousandths apart, over two calls.
        let half = 1.96 * 0.004 / 2.0_f64;
        assert!(
            (saved.high - saved.estimate - half * 2.0).abs() < 1e-9,
            "{saved:?}"
        );
        assert!((large.quality.told(1.0).estimate - 0.2).abs() < 1e-12);
        let small = counts.models["small"].cost.told(2.0);
        assert_eq!(
            small.estimate, 0.0,
            "who answered saves nothing against itself"
        );
        assert_eq!((counts.calls, counts.spent), (2, 0.004));
    }
}
