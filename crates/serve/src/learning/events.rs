//! What happened to learning, for the store's events and the log: changes of drift states, what
//! follows from them, keys that are set aside or released, and beginnings.

use std::collections::BTreeSet;

use pointsman_learn::drift::{Consequence, DriftEvent, State};
use pointsman_store::EventRecord;
use serde_json::{Value, json};

use super::mind::Mind;
use super::now_ms;

/// What was said last, so that only changes are said.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    stop_exploring: bool,
    use_reference: bool,
    quarantined: BTreeSet<Option<u64>>,
}

impl Noted {
    /// As a mind has it already.
    pub(crate) fn of(mind: &Mind) -> Self {
        let consequence = mind.consequence();
        Self {
            stop_exploring: consequence.stop_exploring,
            use_reference: consequence.use_reference,
            quarantined: quarantined(mind),
        }
    }

    /// What is different now.
    pub(crate) fn changes(&mut self, mind: &Mind, drift: &[DriftEvent]) -> Vec<EventRecord> {
        let now = Self::of(mind);
        let mut events: Vec<EventRecord> = drift.iter().map(drifted).collect();
        let is_other =
            (self.stop_exploring, self.use_reference) != (now.stop_exploring, now.use_reference);
        if is_other {
            events.push(followed(&mind.consequence()));
        }
        let set_aside = now.quarantined.difference(&self.quarantined);
        events.extend(set_aside.map(|key| keyed("key_quarantined", *key)));
        let released = self.quarantined.difference(&now.quarantined);
        events.extend(released.map(|key| keyed("key_released", *key)));
        *self = now;
        events
    }
}

fn quarantined(mind: &Mind) -> BTreeSet<Option<u64>> {
    let keys = mind.learner.snapshot().keys.into_iter();
    keys.filter(|key| key.is_quarantined)
        .map(|key| key.key)
        .collect()
}

fn drifted(event: &DriftEvent) -> EventRecord {
    match event.to {
        State::Alarm => tracing::warn!(%event, "drift: alarm"),
        State::Warning => tracing::warn!(%event, "drift: warning"),
        State::Ok => tracing::info!(%event, "drift: over"),
    }
    let detail = serde_json::to_value(event).unwrap_or_default();
    record("drift", Some(event.subject.to_string()), detail)
}

fn followed(consequence: &Consequence) -> EventRecord {
    let (stop, reference) = (consequence.stop_exploring, consequence.use_reference);
    tracing::warn!(
        stop_exploring = stop,
        use_reference = reference,
        "what follows from drift has changed"
    );
    let detail = json!({"stop_exploring": stop, "use_reference": reference});
    record("drift_consequence", None, detail)
}

fn keyed(kind: &str, key: Option<u64>) -> EventRecord {
    let name = key.map(|key| format!("{key:016x}"));
    tracing::warn!(
        kind,
        key = name.as_deref(),
        "the standing of a key has changed"
    );
    record(kind, name, Value::Null)
}

/// Learning of an artifact begins without what it had learnt, and why.
pub(crate) fn restarted(artifact: &str, why: &str) -> EventRecord {
    tracing::warn!(
        artifact,
        why,
        "a state of learning cannot be used; learning again from the store"
    );
    record(
        "learning_restarted",
        Some(artifact.to_owned()),
        json!({"why": why}),
    )
}

fn record(kind: &str, subject: Option<String>, detail: Value) -> EventRecord {
    EventRecord {
        ts_ms: now_ms(),
        kind: kind.to_owned(),
        subject,
        detail,
    }
}
