//! Records of the store as the learner and the monitor take them.

use pointsman_learn::drift::{Amount, Answer, Observation};
use pointsman_learn::learner::Lesson;
use pointsman_models::{Coordinates, sha256};
use pointsman_router::Router;
use pointsman_store::{Arm, Billed, KeptCandidate, KeptDecision, News};
use pointsman_types::{ModelName, Probability, Quality};

/// The decision that a record tells of, where it can be learnt from: the router's own artifact made
/// it, and it was not erased.
pub(crate) fn usable<'a>(decision: &'a KeptDecision, router: &Router) -> Option<&'a KeptDecision> {
    let is_own = is_own(decision.arm, &decision.policy_version, router);
    (is_own && decision.erased_ms.is_none()).then_some(decision)
}

fn is_own(arm: Option<Arm>, policy_version: &str, router: &Router) -> bool {
    arm != Some(Arm::Canary) && router.made(policy_version)
}

/// A judgement, with what was predicted before anything was learnt. `None` where the decision lacks
/// what learning needs.
pub(crate) fn lesson(news: &News, router: &Router) -> Option<Lesson> {
    let decision = usable(&news.decision, router)?;
    let candidate = chosen(decision)?;
    let (feedback, key) = (&news.feedback, &news.feedback.key_id);
    Some(Lesson {
        coordinates: Coordinates::kept(decision.coordinates.clone()?)?,
        model: place(router.models(), &decision.model)?,
        predicted: f64::from(predicted(candidate).get()),
        score: f64::from(feedback.value.get()),
        weight: 1.0,
        key: key.as_ref().or(decision.key_id.as_ref()).map(key_hash),
        metric: feedback.metric_name.as_str().into(),
        propensity: decision.propensity,
        ts_ms: feedback.ts_ms,
        decided_ms: decision.ts_ms,
    })
}

/// What a key is known by: the first 16 hexadecimal digits of its SHA-256.
fn key_hash(key: &String) -> u64 {
    let digits = &sha256(key.as_bytes())[..16];
    u64::from_str_radix(digits, 16).expect("a SHA-256 is written in hexadecimal digits")
}

/// The chosen model as it looked.
pub(crate) fn chosen(decision: &KeptDecision) -> Option<&KeptCandidate> {
    let mut candidates = decision.candidates.iter();
    candidates.find(|one| one.model == decision.model)
}

fn predicted(candidate: &KeptCandidate) -> Quality {
    candidate.predicted.unwrap_or(candidate.quality)
}

fn place(models: &[ModelName], model: &ModelName) -> Option<usize> {
    models.iter().position(|known| known == model)
}

/// A decision as the monitor sees it, with its lists.
pub(crate) struct Seen {
    coordinates: Vec<f32>,
    quality: Vec<Quality>,
    probabilities: Vec<Probability>,
    chosen: usize,
}

impl Seen {
    /// `None` where the decision was not among the router's models.
    pub(crate) fn of(decision: &KeptDecision, router: &Router) -> Option<Self> {
        let decision = usable(decision, router)?;
        let models = router.models();
        let in_order = models.iter().map(|model| {
            let mut candidates = decision.candidates.iter();
            candidates.find(|one| one.model == *model)
        });
        let candidates: Vec<&KeptCandidate> = in_order.collect::<Option<_>>()?;
        Some(Self {
            coordinates: decision.coordinates.clone()?,
            quality: candidates.iter().map(|one| predicted(one)).collect(),
            probabilities: candidates.iter().map(|one| one.probability).collect(),
            chosen: place(models, &decision.model)?,
        })
    }

    /// How far the models lie apart stands for how unsure the router is; lower estimates are not
    /// kept.
    pub(crate) fn observation(&self) -> Observation<'_> {
        let values = self.quality.iter().map(|quality| quality.get());
        let count = self.quality.len() as f32;
        let mean = values.clone().sum::<f32>() / count;
        let squares: f32 = values.map(|value| (value - mean) * (value - mean)).sum();
        Observation {
            coordinates: &self.coordinates,
            quality: &self.quality,
            uncertainty: (squares / count).sqrt(),
            probabilities: &self.probabilities,
            chosen: self.chosen,
        }
    }
}

/// A bill: the model, and costs in US dollars as predicted before bills corrected them, and as they
/// were; with what the monitor is told.
pub(crate) struct Bill {
    pub(crate) model: usize,
    pub(crate) predicted: f64,
    pub(crate) actual: f64,
    pub(crate) answer: Answer,
}

impl Bill {
    /// `None` where the router's own artifact did not decide, or the decision was erased. A call that
    /// failed costs less than an answer, which says nothing of what answers cost.
    pub(crate) fn of(billed: &Billed, router: &Router) -> Option<Self> {
        if billed.is_failed || !is_own(billed.arm, &billed.policy_version, router) {
            return None;
        }
        let candidate = billed.chosen.as_ref()?;
        let model = place(router.models(), &candidate.model)?;
        let actual = billed.cost.as_f64();
        let tokens = candidate.output_tokens.zip(billed.output_tokens);
        Some(Self {
            model,
            predicted: candidate.predicted_cost.unwrap_or(candidate.cost).as_f64(),
            actual,
            answer: Answer {
                model,
                tokens: tokens
                    .and_then(|(predicted, actual)| amount(f64::from(predicted), actual.0 as f64)),
                cost: amount(candidate.cost.as_f64(), actual),
            },
        })
    }
}

/// The monitor compares what is above 0.
fn amount(predicted: f64, actual: f64) -> Option<Amount> {
    let is_amount = |value: f64| value.is_finite() && value > 0.0;
    (is_amount(predicted) && is_amount(actual)).then_some(Amount { predicted, actual })
}
