//! Why a model was asked, told to callers who want to know: a field of a whole answer, the last event
//! of a stream.

use pointsman_types::{Decision, ModelName, Probability, Usd};
use serde::Serialize;
use serde_json::Value;

use super::account::Bill;
use crate::answer;

/// The field of a whole answer that holds it, and of a request that asks for it.
pub(crate) const FIELD: &str = "pointsman";

/// What was decided and what became of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Explained {
    pub(super) decision_id: String,
    pub(super) model: ModelName,
    reason: &'static str,
    policy_version: String,
    propensity: Probability,
    candidates: Value,
    #[serde(flatten)]
    paid: Option<Paid>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Paid {
    cost_usd: Option<Usd>,
    cost_is_estimated: bool,
}

impl Explained {
    pub(super) fn new(decision_id: &str, decision: &Decision) -> Self {
        Self {
            decision_id: decision_id.to_owned(),
            model: decision.model.clone(),
            reason: decision.reason.as_str(),
            policy_version: decision.policy_version.clone(),
            propensity: decision.propensity,
            candidates: answer::candidates(decision),
            paid: None,
        }
    }

    /// As JSON, once it is known what was paid.
    pub(super) fn json(mut self, bill: &Bill) -> String {
        self.paid = Some(Paid {
            cost_usd: bill.cost,
            cost_is_estimated: bill.is_estimated,
        });
        serde_json::to_string(&self).expect("keys are strings and writing to memory does not fail")
    }
}
