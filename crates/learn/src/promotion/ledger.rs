//! From observations to evidence.
//!
//! Utility and quality are compared by the doubly robust difference of `measures`. The prediction in
//! it is what both versions said at decision time, so it never learnt from the rows it is measured
//! on. Which of the two was right does not matter: the correction is by the logged probabilities.

mod rates;

use std::collections::BTreeMap;

use pointsman_measures::{
    Current, IntervalMethod, Logged, OffPolicyPlan, OffPolicyRefusal, OverlapLimits, Target,
    difference,
};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use super::evidence::{
    BeforeAfter, CallEvidence, Contrast, CostEvidence, Evidence, GroupContrast, WorthEvidence,
};
use super::{Look, Looks, Observation, Rails};
use rates::Rates;

/// Mean and variance of a number of values.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Moments {
    /// How many.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Their variance.
    pub variance: f64,
}

/// What was observed of two versions. Requests of which nothing was ever heard are counted and not
/// kept: each look would read them again, and feedback comes for few.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ledger {
    decisions: u64,
    failures: u64,
    new_usd: f64,
    current_usd: f64,
    rates: Rates,
    heard: Vec<Observation>,
}

impl Moments {
    /// Of these values.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count.max(1.0);
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Self {
            count: values.len() as u64,
            mean,
            variance: squares / (count - 1.0).max(1.0),
        }
    }

    /// The squared standard error of the mean.
    fn error(&self) -> f64 {
        self.variance / self.count.max(1) as f64
    }
}

impl Ledger {
    /// Adds one request.
    pub fn put(&mut self, observation: Observation) {
        self.decisions += 1;
        self.failures += u64::from(observation.beside_failed);
        for arm in &observation.arms {
            self.new_usd += arm.new * arm.cost_usd;
            self.current_usd += arm.current * arm.cost_usd;
        }
        self.rates.put(&observation);
        let is_heard = observation.score.is_some() || observation.failed.is_some();
        if is_heard {
            self.heard.push(observation);
        }
    }

    /// Requests so far.
    #[must_use]
    pub fn decisions(&self) -> u64 {
        self.decisions
    }

    /// Judged requests so far.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.heard.iter().filter(|one| one.score.is_some()).count() as u64
    }

    /// What there is to decide on, with bounds for the looks that are due. `before` is the utility
    /// of what was served before the version became current, where it is.
    #[must_use]
    pub fn evidence(&self, looks: Looks, rails: &Rails, before: Option<Moments>) -> Evidence {
        let judged = self.judged();
        let calls = self.reported().count() as u64;
        let due = |count, least, last| Look::due(count, least, last, rails.delta);
        let worth = due(judged, rails.least_judged, looks.judged);
        let called = due(calls, rails.least_calls, looks.calls);
        Evidence {
            decisions: self.decisions,
            failures: self.failures,
            judged,
            cost: self.cost(),
            worth: worth.map(|look| self.worth(look, rails, before)),
            calls: called.map(|look| self.calls(look, rails)),
            alarms: Vec::new(),
        }
    }

    fn cost(&self) -> Option<CostEvidence> {
        (self.decisions > 0).then(|| CostEvidence {
            new_usd: self.new_usd / self.decisions as f64,
            current_usd: self.current_usd / self.decisions as f64,
        })
    }

    fn reported(&self) -> impl Iterator<Item = &Observation> {
        self.heard.iter().filter(|one| one.failed.is_some())
    }

    fn worth(&self, look: Look, rails: &Rails, before: Option<Moments>) -> WorthEvidence {
        let judged = self.heard.iter().filter(|one| one.score.is_some());
        let judged = Judged {
            rows: judged.collect(),
            rates: &self.rates,
        };
        let utility = self
            .is_enough()
            .and_then(|()| judged.contrast(Measure::Utility, look.delta));
        WorthEvidence {
            look,
            refusal: utility.as_ref().err().map(ToString::to_string),
            utility: utility.ok(),
            groups: judged.groups(look, rails),
            before_after: before.and_then(|before| {
                let since = since_the_last_look(&judged.rows, look);
                before_after(before, since, look)
            }),
        }
    }

    /// Whether there is enough to compare the two by.
    fn is_enough(&self) -> Result<(), OffPolicyRefusal> {
        let least = OverlapLimits::default().least_effective;
        match self.rates.effective() {
            Some(found) if found < least => Err(OffPolicyRefusal::FewEffective {
                found,
                of: self.judged() as usize,
                least,
            }),
            _ => Ok(()),
        }
    }

    fn calls(&self, look: Look, rails: &Rails) -> CallEvidence {
        let reported: Vec<&Observation> = self.reported().collect();
        let errors = |one: &Observation| one.failed.map(|failed| f64::from(u8::from(failed)));
        let latency = |one: &Observation| one.latency_ms;
        CallEvidence {
            look,
            calls: reported.len() as u64,
            errors: excess(&reported, errors, 1.0, look.delta),
            latency_excess_ms: excess(&reported, latency, rails.latency_factor, look.delta),
        }
    }
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Utility,
    Quality,
}

/// Judged requests, and what each stands for.
struct Judged<'a> {
    rows: Vec<&'a Observation>,
    rates: &'a Rates,
}

impl Judged<'_> {
    /// The doubly robust difference, or why there is none.
    fn contrast(&self, measure: Measure, delta: f64) -> Result<Contrast, OffPolicyRefusal> {
        let logged: Vec<Logged> = self
            .rows
            .iter()
            .map(|one| self.logged(one, measure))
            .collect();
        let (new, current) = (
            self.targets(measure, |arm| arm.new),
            self.targets(measure, |arm| arm.current),
        );
        let found = difference(&logged, &new, Current::Known(&current), &plan(delta))?;
        let estimate = found.estimate();
        Ok(Contrast {
            value: estimate.value,
            low: estimate.low,
            high: estimate.high,
        })
    }

    fn logged(&self, one: &Observation, measure: Measure) -> Logged {
        let reward = match measure {
            Measure::Utility => one.utility(),
            Measure::Quality => one.score,
        };
        Logged {
            propensity: one.arm().logged,
            reward,
            predicted: predicted(one, one.arm(), measure),
            feedback_rate: self.rates.of(&one.model),
            group: one.group,
        }
    }

    /// Predicted values count as often as rewards: for all the decisions that a judged one stands for.
    fn targets(&self, measure: Measure, of: fn(&super::Arm) -> f64) -> Vec<Target> {
        let stands_for = |one: &&Observation| 1.0 / self.rates.of(&one.model);
        let each: Vec<f64> = self.rows.iter().map(stands_for).collect();
        let mean = each.iter().sum::<f64>() / each.len().max(1) as f64;
        let target = |(one, stands_for): (&&Observation, &f64)| {
            let target = target(one, measure, of);
            Target {
                value: target.value * stands_for / mean,
                ..target
            }
        };
        self.rows.iter().zip(&each).map(target).collect()
    }

    /// Quality by category and by tier. All groups share the chance of being wrong.
    fn groups(&self, look: Look, rails: &Rails) -> Vec<GroupContrast> {
        let mut named: BTreeMap<String, Vec<&Observation>> = BTreeMap::new();
        for one in &self.rows {
            let labels = [("category", &one.category), ("tier", &one.tier)];
            for (kind, label) in labels {
                if let Some(label) = label {
                    let members = named.entry(format!("{kind} {label}")).or_default();
                    members.push(one);
                }
            }
        }
        named.retain(|_, members| members.len() as u64 >= rails.least_group);
        let delta = look.delta / named.len().max(1) as f64;
        let group = |(group, rows): (String, Vec<&Observation>)| {
            let members = Judged {
                rows,
                rates: self.rates,
            };
            let quality = members.contrast(Measure::Quality, delta).ok()?;
            Some(GroupContrast {
                group,
                judged: members.rows.len() as u64,
                quality,
            })
        };
        named.into_iter().filter_map(group).collect()
    }
}

/// Two one-sided bounds, each wrong with probability `delta`. Without resamples, of which the last
/// looks of a long trial would need tens of thousands.
fn plan(delta: f64) -> OffPolicyPlan {
    OffPolicyPlan {
        confidence: 1.0 - 2.0 * delta,
        method: IntervalMethod::Transformed,
        limits: OverlapLimits {
            // The server knows its own probabilities, and what is judged is no even sample of them.
            most_weight_error: f64::INFINITY,
            ..OverlapLimits::default()
        },
        ..OffPolicyPlan::default()
    }
}

fn predicted(one: &Observation, arm: &super::Arm, measure: Measure) -> f64 {
    match measure {
        Measure::Utility => arm.quality - one.lambda * arm.cost_usd,
        Measure::Quality => arm.quality,
    }
}

fn target(one: &Observation, measure: Measure, of: fn(&super::Arm) -> f64) -> Target {
    let value = |arm: &super::Arm| of(arm) * predicted(one, arm, measure);
    let unsupported = one.arms.iter().filter(|arm| arm.logged <= 0.0);
    Target {
        probability: of(one.arm()),
        value: one.arms.iter().map(value).sum(),
        unsupported: unsupported.map(of).sum(),
    }
}

/// Looks come at every doubling, so half is new. What was good for long must not hide that it no
/// longer is.
fn since_the_last_look<'a, 'b>(judged: &'a [&'b Observation], look: Look) -> &'a [&'b Observation] {
    match look.number {
        1 => judged,
        _ => &judged[judged.len() / 2..],
    }
}

fn before_after(before: Moments, judged: &[&Observation], look: Look) -> Option<BeforeAfter> {
    let served = judged.iter().filter(|one| one.by_new);
    let values: Vec<f64> = served.filter_map(|one| one.utility()).collect();
    let after = Moments::of(&values);
    if before.count.min(after.count) < LEAST_SERVED {
        return None;
    }
    let error = (before.error() + after.error()).sqrt();
    Some(BeforeAfter {
        before: before.mean,
        after: after.mean,
        difference: around(after.mean - before.mean, error, look.delta),
    })
}

/// Below this the mean of what was served is no figure to compare with.
const LEAST_SERVED: u64 = 20;

/// By how much the mean of a reported number is above `factor` times that of the current version, by
/// inverse propensities around its mean, which keeps the weights' noise out of what both share.
fn excess(
    reported: &[&Observation],
    number: impl Fn(&Observation) -> Option<f64>,
    factor: f64,
    delta: f64,
) -> Option<Contrast> {
    let known: Vec<(&Observation, f64)> = reported
        .iter()
        .filter_map(|one| Some((*one, number(one)?)))
        .collect();
    let values: Vec<f64> = known.iter().map(|(_, value)| *value).collect();
    let level = Moments::of(&values).mean;
    let by_one = |(one, value): &(&Observation, f64)| {
        let arm = one.arm();
        let weighted = |probability: f64| probability / arm.logged * (value - level) + level;
        weighted(arm.new) - factor * weighted(arm.current)
    };
    let each: Vec<f64> = known.iter().map(by_one).collect();
    let all = Moments::of(&each);
    (all.count >= LEAST_SERVED).then(|| around(all.mean, all.error().sqrt(), delta))
}

fn around(value: f64, standard_error: f64, delta: f64) -> Contrast {
    let normal = Normal::standard();
    let width = normal.inverse_cdf(1.0 - delta) * standard_error;
    Contrast {
        value,
        low: value - width,
        high: value + width,
    }
}

#[cfg(test)]
mod tests;
