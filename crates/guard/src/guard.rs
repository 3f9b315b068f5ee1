//! What a server asks: is this text denied, what is in it, what is it without.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use regex::RegexSet;

use crate::Stream;
use crate::json::{self, BadJson};
use crate::kind::{Counts, Kind};
use crate::merge::{Found, Merge, Rule};
use crate::view::View;

/// Guard rails, made of settings by [`crate::Config::check`]. Cheap to clone.
#[derive(Clone)]
pub struct Guard(Arc<Rules>);

/// What is redacted and what is denied.
pub(crate) struct Rules {
    /// By precedence.
    pub(crate) redact: Vec<Rule>,
    pub(crate) denied: RegexSet,
    /// One for each denied pattern.
    pub(crate) denials: Vec<Denied>,
}

/// A text that is denied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Denied {
    /// The name of the pattern, for metrics and logs.
    pub name: Arc<str>,
    /// What the caller is told.
    pub message: Arc<str>,
}

/// Something found in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// Where it stands, in bytes.
    pub range: Range<usize>,
}

/// A text without what was found in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted<'a> {
    /// The text; the same as before where nothing was found.
    pub text: Cow<'a, str>,
    /// What was found.
    pub counts: Counts,
}

impl Guard {
    pub(crate) fn new(rules: Rules) -> Self {
        Self(Arc::new(rules))
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.0
    }

    /// Whether anything is redacted at all.
    #[must_use]
    pub fn redacts(&self) -> bool {
        !self.0.redact.is_empty()
    }

    /// Looks for what is denied.
    ///
    /// # Errors
    /// A pattern matches; of several the one that stands first in the settings.
    pub fn check(&self, text: &str) -> Result<(), Denied> {
        match self.0.denied.matches(text).iter().next() {
            Some(first) => Err(self.0.denials[first].clone()),
            None => Ok(()),
        }
    }

    /// Everything that is found in a text, in its order; no two overlap.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Finding> {
        let finding = |(index, range): Found| Finding {
            kind: self.0.redact[index].kind.clone(),
            range,
        };
        self.found(text).into_iter().map(finding).collect()
    }

    /// A text without what is found in it.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Redacted<'a> {
        let found = self.found(text);
        let mut counts = Counts::default();
        if found.is_empty() {
            let text = Cow::Borrowed(text);
            return Redacted { text, counts };
        }
        let (mut out, mut done) = (String::with_capacity(text.len()), 0);
        for (index, range) in found {
            let rule = &self.0.redact[index];
            out.push_str(&text[done..range.start]);
            out.push_str(&rule.label);
            counts.add(&rule.kind);
            done = range.end;
        }
        out.push_str(&text[done..]);
        let text = Cow::Owned(out);
        Redacted { text, counts }
    }

    /// A JSON text without what is found in the values of its strings. Keys, numbers and every byte
    /// of the rest stay as they are.
    ///
    /// # Errors
    /// It is not JSON, so that nobody knows what its strings are.
    pub fn redact_json<'a>(&self, text: &'a str) -> Result<Redacted<'a>, BadJson> {
        json::redacted(self, text)
    }

    /// Redacts a text that arrives in pieces.
    #[must_use]
    pub fn stream(&self) -> Stream {
        Stream::new(self.clone())
    }

    pub(crate) fn found(&self, text: &str) -> Vec<Found> {
        let view = View {
            text,
            is_whole: true,
        };
        let rules = &self.0.redact;
        Merge::new(rules.len()).read(rules, view).found
    }
}
