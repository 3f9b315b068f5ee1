//! From observations to evidence.
//!
//! Utility and quality are compared by the doubly robust difference of `measures`. The prediction in
//! it is what both versions said at decision time, so it never learnt from the rows it is measured
//! on. Which of the two was right does not matter: the correction is by the logged probabilities.

use std::collections::BTreeMap;

use pointsman_measures::{Current, Logged, OffPolicyPlan, Target, difference};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use super::evidence::{
    BeforeAfter, CallEvidence, Contrast, CostEvidence, Evidence, GroupContrast, WorthEvidence,
};
use super::{Look, Looks, Observation, Rails};

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
/// kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ledger {
    decisions: u64,
    failures: u64,
    new_usd: f64,
    current_usd: f64,
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
        let judged: Vec<&Observation> = self
            .heard
            .iter()
            .filter(|one| one.score.is_some())
            .collect();
        let utility = contrast(&judged, Measure::Utility, look.delta);
        WorthEvidence {
            look,
            refusal: utility.as_ref().err().cloned(),
            utility: utility.ok(),
            groups: groups(&judged, look, rails),
            before_after: before.and_then(|before| before_after(before, &judged, look)),
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

/// The doubly robust difference, or why there is none.
fn contrast(judged: &[&Observation], measure: Measure, delta: f64) -> Result<Contrast, String> {
    let logged: Vec<Logged> = judged.iter().map(|one| logged(one, measure)).collect();
    let target = |of: fn(&super::Arm) -> f64| -> Vec<Target> {
        judged.iter().map(|one| target(one, measure, of)).collect()
    };
    let (new, current) = (target(|arm| arm.new), target(|arm| arm.current));
    let found = difference(&logged, &new, Current::Known(&current), &plan(delta));
    let estimate = found.map_err(|refusal| refusal.to_string())?.estimate();
    Ok(Contrast {
        value: estimate.value,
        low: estimate.low,
        high: estimate.high,
    })
}

/// Two one-sided bounds, each wrong with probability `delta`; enough resamples to have some beyond.
fn plan(delta: f64) -> OffPolicyPlan {
    const BEYOND: f64 = 20.0;
    OffPolicyPlan {
        confidence: 1.0 - 2.0 * delta,
        replicates: (BEYOND / delta).ceil().clamp(1000.0, 50_000.0) as usize,
        ..OffPolicyPlan::default()
    }
}

fn logged(one: &Observation, measure: Measure) -> Logged {
    let reward = match measure {
        Measure::Utility => one.utility(),
        Measure::Quality => one.score,
    };
    Logged {
        propensity: one.arm().logged,
        reward,
        predicted: predicted(one, one.arm(), measure),
        feedback_rate: 1.0,
        group: one.group,
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

/// Quality by category and by tier. All groups share the chance of being wrong.
fn groups(judged: &[&Observation], look: Look, rails: &Rails) -> Vec<GroupContrast> {
    let mut named: BTreeMap<String, Vec<&Observation>> = BTreeMap::new();
    for one in judged {
        let labels = [("category", &one.category), ("tier", &one.tier)];
        for (kind, label) in labels {
            if let Some(label) = label {
                named
                    .entry(format!("{kind} {label}"))
                    .or_default()
                    .push(one);
            }
        }
    }
    named.retain(|_, members| members.len() as u64 >= rails.least_group);
    let delta = look.delta / named.len().max(1) as f64;
    let group = |(group, members): (String, Vec<&Observation>)| {
        let quality = contrast(&members, Measure::Quality, delta).ok()?;
        Some(GroupContrast {
            group,
            judged: members.len() as u64,
            quality,
        })
    };
    named.into_iter().filter_map(group).collect()
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
