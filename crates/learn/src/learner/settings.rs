//! How much judgements count.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Metrics with this prefix are guesses from what people did: `signal:retry`, `signal:regenerate`,
/// `signal:edit`, `signal:abandon`.
const SIGNAL: &str = "signal:";

/// Settings of a [`Learner`](super::Learner).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LearnerSettings {
    /// Feedback that comes later than this after its decision is not learnt, in milliseconds.
    pub horizon_ms: i64,
    /// Weights of metrics by name; those not named count 1, signals `signal_weight`.
    pub metrics: BTreeMap<String, f64>,
    /// Learn from what people did as well as from what they said.
    pub signals: bool,
    /// Weight of a signal that `metrics` does not name.
    pub signal_weight: f64,
    /// The share of all weight that one key may have, where there are enough keys.
    pub key_share: f64,
    /// From so many keys on, shares are capped.
    pub least_keys: usize,
    /// Beyond so many standard errors a judgement counts in proportion less (Huber's weight). A
    /// single judgement from 0 to 1 never lies 3.5 off, which would bias a good model's rare
    /// failures away; one with many votes can.
    pub outlier: f64,
    /// Set keys aside that contradict the others.
    pub quarantine: bool,
}

impl Default for LearnerSettings {
    fn default() -> Self {
        Self {
            horizon_ms: 7 * 24 * 3600 * 1000,
            metrics: BTreeMap::new(),
            signals: false,
            signal_weight: 0.2,
            key_share: 0.05,
            least_keys: 10,
            outlier: 3.5,
            quarantine: true,
        }
    }
}

impl LearnerSettings {
    /// How much a judgement by this metric counts; 0 where it does not.
    #[must_use]
    pub fn weight(&self, metric: &str) -> f64 {
        let is_signal = metric.starts_with(SIGNAL);
        match self.metrics.get(metric) {
            _ if is_signal && !self.signals => 0.0,
            Some(weight) if weight.is_finite() => weight.max(0.0),
            Some(_) => 0.0,
            None if is_signal => self.signal_weight,
            None => 1.0,
        }
    }
}
