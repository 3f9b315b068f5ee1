//! A stored decision, as evidence on the two versions that were asked.

use std::hash::{DefaultHasher, Hash, Hasher};

use pointsman_learn::promotion::{Arm, Observation};
use pointsman_store::{Followed, KeptCandidate, KeptDecision, Shadow};
use pointsman_types::{ModelName, Stage};

use crate::versions::Trial;

/// What the decision says of a trial; `None` where it belongs to no or to another trial, or was
/// erased.
pub(super) fn observation(followed: &Followed, trial: &Trial) -> Option<Observation> {
    let decision = &followed.decision;
    let shadow = decision.shadow.as_ref().filter(|shadow| {
        shadow.after == trial.after
            && shadow.version == trial.beside
            && [&trial.progress.version, &trial.progress.against].contains(&&shadow.against)
    })?;
    let sides = Sides::of(decision, shadow);
    let new_is_beside = trial.progress.stage != Stage::Current;
    let (models, mut arms) = sides.arms(new_is_beside);
    let chosen = models.iter().position(|model| **model == decision.model)?;
    arms[chosen].logged = decision.propensity.get();
    let by_beside = decision.arm == Some(pointsman_store::Arm::Canary);
    let outcome = followed.outcome.as_ref();
    Some(Observation {
        arms,
        chosen,
        model: decision.model.to_string(),
        lambda: shadow.lambda.unwrap_or(0.0),
        score: followed.score.map(|score| f64::from(score.get())),
        paid_usd: outcome.and_then(|usage| Some(usage.cost?.as_f64())),
        failed: outcome.map(|usage| usage.error.is_some()),
        latency_ms: outcome.and_then(|usage| usage.latency_ms),
        category: decision.category.clone(),
        tier: decision.tier.clone(),
        group: group(decision),
        by_new: by_beside == new_is_beside,
        beside_failed: shadow.failed,
    })
}

/// What both versions said.
struct Sides<'a> {
    current: &'a [KeptCandidate],
    beside: &'a [KeptCandidate],
    share: f64,
}

impl<'a> Sides<'a> {
    /// A version that said nothing is replaced by the current one, as it was when it was asked.
    fn of(decision: &'a KeptDecision, shadow: &'a Shadow) -> Self {
        let current = match shadow.current.is_empty() {
            true => decision.candidates.as_slice(),
            false => shadow.current.as_slice(),
        };
        Self {
            current,
            beside: match shadow.failed {
                true => current,
                false => &shadow.candidates,
            },
            share: shadow.share.get(),
        }
    }

    /// Every model that either knows, with what both say of it.
    fn arms(&self, new_is_beside: bool) -> (Vec<&'a ModelName>, Vec<Arm>) {
        let mut models: Vec<&ModelName> = self.current.iter().map(|one| &one.model).collect();
        for one in self.beside {
            if !models.contains(&&one.model) {
                models.push(&one.model);
            }
        }
        let arms = models.iter().map(|model| self.arm(model, new_is_beside));
        let arms = arms.collect();
        (models, arms)
    }

    fn arm(&self, model: &ModelName, new_is_beside: bool) -> Arm {
        let of = |side: &'a [KeptCandidate]| side.iter().find(|one| one.model == *model);
        let (current, beside) = (of(self.current), of(self.beside));
        let probability =
            |one: Option<&KeptCandidate>| one.map_or(0.0, |one| one.probability.get());
        let known: Vec<&KeptCandidate> = current.into_iter().chain(beside).collect();
        let mean = |of: fn(&KeptCandidate) -> f64| {
            known.iter().map(|one| of(one)).sum::<f64>() / known.len().max(1) as f64
        };
        let (own, other) = (probability(current), probability(beside));
        let (new, compared) = match new_is_beside {
            true => (other, own),
            false => (own, other),
        };
        Arm {
            logged: (1.0 - self.share) * own + self.share * other,
            new,
            current: compared,
            quality: mean(|one| f64::from(one.quality.get())),
            cost_usd: mean(|one| one.cost.as_f64()),
        }
    }
}

/// Requests of one conversation are alike, so they are resampled together.
fn group(decision: &KeptDecision) -> u64 {
    let mut hasher = DefaultHasher::new();
    match &decision.session_id {
        Some(session) => session.hash(&mut hasher),
        None => decision.seq.hash(&mut hasher),
    }
    hasher.finish()
}
