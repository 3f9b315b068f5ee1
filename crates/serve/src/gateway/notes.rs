//! What is told beside an answer: headers.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use pointsman_relay::Attempt;
use pointsman_types::Decision;
use pointsman_wire::{How, Lost};

use super::account::Bill;
use super::cache::Kept;

pub(crate) const DECISION_ID: HeaderName = HeaderName::from_static("x-pointsman-decision-id");
pub(super) const MODEL: HeaderName = HeaderName::from_static("x-pointsman-model");
pub(super) const REASON: HeaderName = HeaderName::from_static("x-pointsman-reason");
pub(super) const POLICY_VERSION: HeaderName = HeaderName::from_static("x-pointsman-policy-version");
const OVERHEAD: HeaderName = HeaderName::from_static("x-pointsman-overhead-ms");
pub(super) const RETRIES: HeaderName = HeaderName::from_static("x-pointsman-retries");
pub(super) const FALLBACKS: HeaderName = HeaderName::from_static("x-pointsman-fallbacks");
const COST: HeaderName = HeaderName::from_static("x-pointsman-cost-usd");
const ESTIMATED: HeaderName = HeaderName::from_static("x-pointsman-cost-estimated");
pub(super) const CACHE: HeaderName = HeaderName::from_static("x-pointsman-cache");
pub(super) const SIMILARITY: HeaderName = HeaderName::from_static("x-pointsman-cache-similarity");
const SESSION: HeaderName = HeaderName::from_static("x-pointsman-session");
const LOST: HeaderName = HeaderName::from_static("x-pointsman-lost");

/// The most bytes that are told of what a dialect cannot say.
const MOST_LOST: usize = 1000;

/// Notes under way.
#[derive(Debug)]
pub(crate) struct Notes(pub(crate) HeaderMap);

impl Default for Notes {
    /// With room for all that is told of most answers.
    fn default() -> Self {
        Self(HeaderMap::with_capacity(16))
    }
}

impl Notes {
    /// A decision that could not be kept has no id to refer to.
    pub(crate) fn decision(&mut self, id: &str, decision: &Decision, is_kept: bool) {
        match is_kept {
            true => self.put(DECISION_ID, id),
            false => drop(self.0.remove(DECISION_ID)),
        }
        self.put(MODEL, decision.model.as_str());
        let reason = HeaderValue::from_static(decision.reason.as_str());
        self.0.insert(REASON, reason);
        self.put(POLICY_VERSION, &decision.policy_version);
    }

    /// An answer that was given before.
    pub(crate) fn kept(&mut self, kept: &Kept) {
        self.put(DECISION_ID, &kept.decision_id);
        self.put(MODEL, &kept.model);
        self.put(COST, "0");
    }

    /// What became of the conversation's model.
    pub(crate) fn session(&mut self, word: &str) {
        self.put(SESSION, word);
    }

    pub(crate) fn overhead(&mut self, took: Duration) {
        self.put(OVERHEAD, &format!("{:.3}", took.as_secs_f64() * 1e3));
    }

    /// How often a model was asked again, and how many models were asked in vain.
    pub(crate) fn attempts(&mut self, attempts: &[Attempt]) {
        let last = attempts.last().map_or(0, |attempt| attempt.model);
        let pairs = attempts.windows(2);
        let retries = pairs.filter(|pair| pair[0].model == pair[1].model).count();
        self.0.insert(RETRIES, retries.into());
        self.0.insert(FALLBACKS, last.into());
    }

    pub(crate) fn bill(&mut self, bill: &Bill) {
        let Some(cost) = bill.cost else {
            return;
        };
        self.put(COST, &cost.as_f64().to_string());
        if bill.is_estimated {
            self.put(ESTIMATED, "true");
        }
    }

    /// What the model was not told, or said and could not be told.
    pub(crate) fn lost(&mut self, lost: &[Lost]) {
        if lost.is_empty() {
            return;
        }
        let mut told: Vec<String> = Vec::new();
        let mut bytes = 0;
        for one in lost {
            let how = match one.how {
                How::Dropped => "dropped",
                How::Changed => "changed",
            };
            let said = format!("{} {how}", one.path);
            bytes += said.len();
            if bytes > MOST_LOST {
                told.push(format!("{} more", lost.len() - told.len()));
                break;
            }
            told.push(said);
        }
        self.put(LOST, &told.join("; "));
    }

    /// What a header cannot carry is left out: names of models may hold any character.
    pub(super) fn put(&mut self, name: HeaderName, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.insert(name, value);
        }
    }
}
