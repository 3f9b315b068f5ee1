//! The kinds of findings, and how often each was met.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What a finding is. The order is that of precedence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A pattern of the settings, by its name.
    Own(Arc<str>),
    /// One that is built in.
    BuiltIn(BuiltIn),
}

/// The kinds that are built in. The order is that of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BuiltIn {
    /// Keys of known APIs, JSON web tokens, blocks of private keys.
    Key,
    /// E-mail addresses (RFC 5321, RFC 6531).
    Email,
    /// International bank account numbers (ISO 13616).
    Iban,
    /// Numbers of payment cards (ISO/IEC 7812).
    Card,
    /// Addresses of the internet protocol, 4 and 6, but those that are nobody's: unspecified and
    /// loopback.
    Ip,
    /// Telephone numbers, international (E.164) and in common national forms.
    Phone,
}

impl BuiltIn {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Key,
        Self::Email,
        Self::Iban,
        Self::Card,
        Self::Ip,
        Self::Phone,
    ];

    /// As settings spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Email => "email",
            Self::Iban => "iban",
            Self::Card => "card",
            Self::Ip => "ip",
            Self::Phone => "phone",
        }
    }
}

impl Kind {
    /// As settings spell it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Own(name) => name,
            Self::BuiltIn(kind) => kind.as_str(),
        }
    }

    /// What stands in the place of a finding: `[EMAIL]`.
    pub(crate) fn label(&self) -> String {
        format!("[{}]", self.as_str().to_ascii_uppercase())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How many findings of each kind there were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<Kind, u64>);

impl Counts {
    /// The kinds that were met, each with its number of findings.
    pub fn iter(&self) -> impl Iterator<Item = (&Kind, u64)> {
        self.0.iter().map(|(kind, count)| (kind, *count))
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Findings of all kinds together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    pub(crate) fn add(&mut self, kind: &Kind) {
        match self.0.get_mut(kind) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(kind.clone(), 1)),
        }
    }
}
