//! `GET /v1/learning`: what is learnt, from whom, what is in doubt, and how the budget stands.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use pointsman_learn::drift::{Consequence, Summary};
use pointsman_learn::learner::{KeyStanding, LearnerCounts};
use pointsman_types::ModelName;
use serde::Serialize;

use super::mind::{Cursors, Mind};
use super::pacing::PacingStatus;
use super::{LearningConfig, Mode, now_ms};
use crate::App;
use crate::problem::json;

/// How learning stands.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Status {
    /// As the settings say.
    mode: Mode,
    state: Standing,
    /// Whether decisions are corrected by what was learnt.
    applies: bool,
    /// The artifact that is corrected.
    artifact: Option<String>,
    /// The state that decides.
    revision: Option<u64>,
    learnt: Option<Learnt>,
    drift: Option<Summary>,
    consequence: Option<Consequence>,
    snapshot: Option<KeptState>,
}

/// What the task is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// Nothing is learnt, by the settings.
    Bypassed,
    /// It has not begun, or the router in service cannot learn.
    Idle,
    /// It holds the lease and learns.
    Learning,
    /// Another server learns, and its snapshots are followed.
    Following,
}

/// The last snapshot that was written or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct KeptState {
    pub(crate) seq: i64,
    /// The last feedback in it.
    pub(crate) cursor: i64,
    #[serde(rename = "age_ms", serialize_with = "age")]
    pub(crate) ts_ms: i64,
}

/// By reference, since that is how serde asks.
fn age<S: serde::Serializer>(ts_ms: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(now_ms().saturating_sub(*ts_ms).max(0))
}

#[derive(Debug, Clone, Serialize)]
struct Learnt {
    /// What became of all judgements.
    judgements: LearnerCounts,
    /// Feedback that belongs to another artifact, or lacks what learning needs.
    foreign: u64,
    bills: u64,
    /// Decisions that drift did not look at, since there were too many.
    skipped: u64,
    read: Cursors,
    models: Vec<ModelStatus>,
    keys: Vec<KeyStatus>,
}

#[derive(Debug, Clone, Serialize)]
struct ModelStatus {
    model: ModelName,
    /// By how much its quality differs from what training predicts, on average.
    mean: f64,
    error: f64,
    /// So many judgements of it alone would make it as sure as it is.
    effective_weight: f64,
    judgements: u64,
    /// What its calls cost over what was predicted.
    cost_factor: f64,
    /// By how much its lower estimate is lowered, since it is in doubt.
    widening: f64,
    /// The least share of the requests that try it, while it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<f64>,
}

#[derive(Debug, Clone, Serialize)]
struct KeyStatus {
    /// The first 16 hexadecimal digits of the SHA-256 of the key; none for feedback without one.
    key: Option<String>,
    lessons: u64,
    set_aside: u64,
    is_quarantined: bool,
    share: f64,
    severity: f64,
}

impl From<KeyStanding> for KeyStatus {
    fn from(standing: KeyStanding) -> Self {
        Self {
            key: standing.key.map(|key| format!("{key:016x}")),
            lessons: standing.lessons,
            set_aside: standing.set_aside,
            is_quarantined: standing.is_quarantined,
            share: standing.share,
            severity: standing.severity,
        }
    }
}

impl Status {
    /// Before anything was read.
    pub(crate) fn beginning(mode: Mode) -> Self {
        Self {
            mode,
            state: match mode {
                Mode::Bypass => Standing::Bypassed,
                Mode::Apply | Mode::Observe => Standing::Idle,
            },
            applies: false,
            artifact: None,
            revision: None,
            learnt: None,
            drift: None,
            consequence: None,
            snapshot: None,
        }
    }

    /// As a mind has it.
    pub(crate) fn of(
        mind: &Mind,
        config: &LearningConfig,
        (state, applies): (Standing, bool),
        (artifact, snapshot): (&str, Option<KeptState>),
    ) -> Self {
        let consequence = mind.consequence();
        Self {
            mode: config.mode,
            state,
            applies: applies && !consequence.use_reference,
            artifact: Some(artifact.to_owned()),
            revision: Some(mind.rest.revision),
            learnt: Some(Learnt::of(mind, config)),
            drift: Some(mind.rest.monitor.state()),
            consequence: Some(consequence),
            snapshot,
        }
    }
}

impl Learnt {
    fn of(mind: &Mind, config: &LearningConfig) -> Self {
        let snapshot = mind.learner.snapshot();
        Self {
            judgements: snapshot.counts,
            foreign: mind.rest.foreign,
            bills: mind.rest.bills,
            skipped: mind.rest.skipped,
            read: mind.rest.read,
            models: models(mind, config),
            keys: snapshot.keys.into_iter().map(KeyStatus::from).collect(),
        }
    }
}

fn models(mind: &Mind, config: &LearningConfig) -> Vec<ModelStatus> {
    let (levels, widening) = (mind.posterior().levels(), mind.widening());
    let quotas = mind.quotas(config);
    let prior = mind.posterior().prior();
    let names = mind.rest.models.iter().enumerate();
    names
        .map(|(at, model)| {
            let (mean, error) = levels[at];
            let before = f64::from(prior.levels[(at, at)]);
            let quota = quotas.iter().find(|(name, _)| name == model);
            ModelStatus {
                model: model.clone(),
                mean,
                error,
                effective_weight: effective_weight(error * error, before),
                judgements: mind.rest.judged[at],
                cost_factor: mind.rest.costs.factor(at),
                widening: widening[at],
                quota: quota.map(|(_, share)| *share),
            }
        })
        .collect()
}

/// By the precision that was gained over the prior.
fn effective_weight(variance: f64, before: f64) -> f64 {
    let gained = 1.0 / variance.max(f64::MIN_POSITIVE) - 1.0 / before.max(f64::MIN_POSITIVE);
    (Mind::NOISE * gained).max(0.0)
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    status: &'a Status,
    pacing: Option<PacingStatus>,
}

pub(crate) async fn learning(State(app): State<Arc<App>>) -> Response {
    let status = app.learning.status.load();
    json(&Body {
        status: &status,
        pacing: app.pacing.as_ref().map(super::Pacing::status),
    })
}
