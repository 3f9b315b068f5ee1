//! What is kept of a change: who wanted it, why, with which evidence, and where its trial begins.

use pointsman_learn::promotion::{Evidence, Looks, Moments, Move, Step};
use pointsman_store::EventRecord;
use pointsman_types::Stage;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::VersionsError;

/// A look at evidence that led to no change.
pub(super) const LOOK: &str = "look";

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Which version.
    pub version: String,
    /// Where to.
    pub to: Stage,
    /// The share of the requests that it decides in canary; the settings' where absent.
    pub share: Option<f64>,
    /// Past its gate, and in the place of a version that is in the way.
    pub force: bool,
    /// Why; needed with force.
    pub reason: Option<String>,
}

impl Order {
    /// Checks the parts against each other.
    pub(super) fn check(&self) -> Result<(), VersionsError> {
        let has_reason = self
            .reason
            .as_ref()
            .is_some_and(|reason| !reason.trim().is_empty());
        if self.force && !has_reason {
            return Err(VersionsError::NoReason);
        }
        match self.share {
            Some(share) if self.to != Stage::Canary || !(share > 0.0 && share < 1.0) => {
                Err(VersionsError::Share { share })
            }
            _ => Ok(()),
        }
    }
}

/// Why a change is made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cause<'a> {
    /// Somebody asked for it.
    Order(&'a Order),
    /// Somebody wants the last good version back.
    RollBack(Option<&'a str>),
    /// Evidence.
    Step(&'a Step),
    /// The router's directory holds this version for the first time.
    Directory(&'a str),
}

/// The contents of an event that moves versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Detail {
    /// `person` or `steward`.
    pub(crate) by: String,
    pub(crate) reason: String,
    pub(crate) moves: Vec<Move>,
    /// The last decision before the change: what is observed after it belongs to the new trial.
    pub(crate) after: i64,
    /// The utility of what was served before, where another version becomes current.
    pub(crate) before: Option<Moments>,
    /// The version that the router's directory holds, where that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) directory: Option<String>,
    /// The step with its evidence, where that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<Value>,
}

impl Cause<'_> {
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Order(order) if order.force => "forced",
            Self::Order(_) => "ordered",
            Self::RollBack(_) | Self::Step(Step::RollBack { .. }) => "rolled_back",
            Self::Step(Step::Advance { .. }) => "advanced",
            Self::Step(Step::Reject { .. }) => "rejected",
            Self::Step(Step::Settle { .. }) => "settled",
            Self::Step(Step::Wait { .. }) => LOOK,
            Self::Directory(_) => "directory",
        }
    }

    pub(super) fn by(self) -> &'static str {
        match self {
            Self::Step(_) => "steward",
            _ => "person",
        }
    }

    pub(super) fn reason(self) -> String {
        match self {
            Self::Order(order) => order.reason.clone().unwrap_or_default(),
            Self::RollBack(reason) => reason.unwrap_or_default().to_owned(),
            Self::Step(step) => step.reason().to_owned(),
            Self::Directory(_) => "the router's directory holds another router".to_owned(),
        }
    }

    pub(super) fn directory(self) -> Option<String> {
        match self {
            Self::Directory(version) => Some(version.to_owned()),
            _ => None,
        }
    }

    /// Kept to be read by people; what is not finite becomes null.
    pub(super) fn step(self) -> Option<Value> {
        match self {
            Self::Step(step) => serde_json::to_value(step).ok(),
            _ => None,
        }
    }
}

/// Drift that was found, or has gone again; kept by whoever watches for it.
pub(super) const DRIFT: &str = "drift";

pub(super) fn registered(version: &str, from: &str, ts_ms: i64) -> EventRecord {
    EventRecord {
        ts_ms,
        kind: "registered".to_owned(),
        subject: Some(version.to_owned()),
        detail: json!({ "from": from }),
    }
}

/// A look that led to no change; the looks that were had are read back after a restart.
pub(crate) fn looked(
    version: &str,
    step: &Step,
    looks: Looks,
    evidence: &Evidence,
    ts_ms: i64,
) -> EventRecord {
    EventRecord {
        ts_ms,
        kind: LOOK.to_owned(),
        subject: Some(version.to_owned()),
        detail: json!({ "reason": step.reason(), "looks": looks, "evidence": evidence }),
    }
}
