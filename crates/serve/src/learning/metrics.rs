//! Counts of learning for Prometheus; `crate::metrics` lists them.

use std::sync::atomic::AtomicU64;

use pointsman_learn::drift::State;
use pointsman_learn::learner::Outcome;
use pointsman_types::Usd;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::mind::Mind;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Debug, Default)]
pub(crate) struct LearningMetrics {
    judgements: Family<OutcomeLabel, Counter>,
    revision: Gauge<u64, AtomicU64>,
    keys_set_aside: Gauge<u64, AtomicU64>,
    alarms: Gauge<u64, AtomicU64>,
    warnings: Gauge<u64, AtomicU64>,
    spent_usd: Gauge<f64, AtomicU64>,
}

impl LearningMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let judgements = "Judgements by what became of them";
        registry.register("learning_judgements", judgements, self.judgements.clone());
        for (name, help, gauge) in [
            (
                "learning_revision",
                "The state that decides",
                &self.revision,
            ),
            (
                "learning_keys_set_aside",
                "Keys that contradict the others",
                &self.keys_set_aside,
            ),
            ("drift_alarms", "What is wrong", &self.alarms),
            ("drift_warnings", "What may be wrong", &self.warnings),
        ] {
            registry.register(name, help, gauge.clone());
        }
        let spent = "Spent in the current period, where a budget is kept";
        registry.register("budget_spent_usd", spent, self.spent_usd.clone());
    }

    pub(crate) fn lessons(&self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            let outcome = match outcome {
                Outcome::Learned { .. } => "learned",
                Outcome::Capped { .. } => "capped",
                Outcome::Late => "late",
                Outcome::Quarantined => "quarantined",
                Outcome::Ignored => "ignored",
                Outcome::Refused { .. } => "refused",
            };
            self.judgements
                .get_or_create(&OutcomeLabel { outcome })
                .inc();
        }
    }

    /// How a mind stands.
    pub(crate) fn stand(&self, mind: &Mind) {
        self.revision.set(mind.rest.revision);
        let keys = mind.learner.snapshot().keys;
        let set_aside = keys.iter().filter(|key| key.is_quarantined).count();
        self.keys_set_aside.set(set_aside as u64);
        let standing = mind.rest.monitor.state().standing;
        let count = |state| standing.iter().filter(|one| one.state == state).count() as u64;
        self.alarms.set(count(State::Alarm));
        self.warnings.set(count(State::Warning));
    }

    pub(crate) fn spent(&self, spent: Usd) {
        self.spent_usd.set(spent.as_f64());
    }
}
