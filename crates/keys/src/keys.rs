//! The questions that a server asks of keys, whoever keeps them: who is calling, what may they use,
//! what is left.

use std::fmt;
use std::sync::Arc;

use pointsman_types::Usd;

use crate::{Entry, PublicId};

/// Who keeps the keys. The settings do in a [`crate::Keyring`]; a store of keys with budgets would
/// be another.
///
/// Asked on every request, so answers come from memory.
pub trait Keys: Send + Sync {
    /// Who is calling with this key, at this time (Unix, in milliseconds).
    ///
    /// # Errors
    /// Nobody who may: all callers are told the same, whatever is wrong.
    fn caller(&self, presented: &str, now_ms: i64) -> Result<Caller, Refused>;

    /// Whether that caller may use a model, by the name it has in the catalogue.
    fn may_use(&self, caller: &Caller, model: &str) -> bool;

    /// What that caller has left at this time (Unix, in milliseconds).
    fn left(&self, caller: &Caller, now_ms: i64) -> Left;
}

/// Somebody whose key was found good. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller(Arc<Entry>);

impl Caller {
    /// The bearer of this key. For those who keep keys; they have checked it.
    #[must_use]
    pub fn new(entry: Arc<Entry>) -> Self {
        Self(entry)
    }

    /// The public part of the key: what records and budgets are kept by.
    #[must_use]
    pub fn id(&self) -> PublicId {
        self.0.id
    }

    /// What is kept of the key.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        &self.0
    }
}

/// What a caller has left. Absent where there is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Left {
    /// Until the key expires, in milliseconds.
    pub time_ms: Option<i64>,
    /// To spend.
    pub money: Option<Usd>,
}

/// A key that was not accepted. Its text is the same for every reason, so that a caller learns
/// nothing about keys that exist.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key is not valid")]
pub struct Refused(Reason);

/// Why a key was not accepted: for the metrics and logs of those who keep it, never for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Not of the form of a key.
    Malformed,
    /// No key has its public part.
    Unknown,
    /// The secret is another one.
    WrongSecret,
    /// Its time is over.
    Expired,
    /// It was blocked.
    Blocked,
}

impl Refused {
    /// For those who keep keys.
    #[must_use]
    pub fn because(reason: Reason) -> Self {
        Self(reason)
    }

    /// Why, for the operator's metrics and logs; not for the caller.
    #[must_use]
    pub fn reason(self) -> Reason {
        self.0
    }
}

impl Reason {
    /// One word, for a label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::WrongSecret => "wrong_secret",
            Self::Expired => "expired",
            Self::Blocked => "blocked",
        }
    }
}

/// Without the reason, since errors get into answers this way.
impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refused")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_reads_the_same() {
        let reasons = [
            Reason::Malformed,
            Reason::Unknown,
            Reason::WrongSecret,
            Reason::Expired,
            Reason::Blocked,
        ];
        for refused in reasons.map(Refused::because) {
            assert_eq!(refused.to_string(), "the key is not valid");
            assert_eq!(format!("{refused:?}"), "Refused");
        }
    }
}
