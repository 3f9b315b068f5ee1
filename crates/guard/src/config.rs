//! The settings of the guard rails: the table `[guard]`.

use std::collections::BTreeSet;

use regex::RegexSetBuilder;
use serde::Deserialize;

use crate::detect::{Own, Unusable, built_in, compiled};
use crate::guard::{Denied, Guard, Rules};
use crate::kind::{BuiltIn, Kind};
use crate::merge::Rule;

/// The most bytes that an own pattern may match, since a stream holds that many back.
pub const MAX_PATTERN_BYTES: usize = 1024;
/// The most patterns of each of the two sorts.
pub const MAX_PATTERNS: usize = 100;
/// The most bytes that all denied patterns together may take.
const DENIED_SIZE: usize = 16 << 20;

/// What is found, and what is denied. By default nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The kinds that are built in to redact.
    pub redact: BTreeSet<BuiltIn>,
    /// Further patterns to redact.
    pub patterns: Vec<PatternConfig>,
    /// Patterns of texts to refuse.
    pub deny: Vec<DenyConfig>,
}

/// A pattern to redact.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatternConfig {
    /// What it finds: small letters, digits, `_` and `-`. In a text it becomes `[NAME]`.
    pub name: String,
    /// A regular expression whose matches have at most [`MAX_PATTERN_BYTES`] bytes.
    pub regex: String,
}

/// A pattern of texts to refuse.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenyConfig {
    /// For metrics and logs: small letters, digits, `_` and `-`.
    pub name: String,
    /// A regular expression.
    pub regex: String,
    /// What the caller is told.
    pub message: String,
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A name that is no word.
    #[error(
        "guard.{table} has the name `{name}`; a name must be 1 to 32 of a-z, 0-9, `_` and `-`, and not that of a built-in kind"
    )]
    Name {
        /// In which table.
        table: &'static str,
        /// The name.
        name: String,
    },
    /// A name that stands twice.
    #[error("guard.{table} has the name `{name}` twice")]
    Twice {
        /// In which table.
        table: &'static str,
        /// The name.
        name: String,
    },
    /// What is no regular expression.
    #[error("the pattern `{name}` of guard.{table} cannot be used: {wrong}")]
    Regex {
        /// In which table.
        table: &'static str,
        /// The pattern's name.
        name: String,
        /// What is wrong with it.
        wrong: String,
    },
    /// A pattern that matches everywhere.
    #[error(
        "the pattern `{name}` of guard.patterns matches nothing at all, at every place; it must match at least one character"
    )]
    Empty {
        /// The pattern's name.
        name: String,
    },
    /// A pattern that a stream could not hold back.
    #[error(
        "the pattern `{name}` of guard.patterns may match more than {MAX_PATTERN_BYTES} bytes; bound its repetitions, as in `[a-z]{{1,20}}` instead of `[a-z]+`"
    )]
    Long {
        /// The pattern's name.
        name: String,
    },
    /// More patterns than are allowed.
    #[error("guard.{table} has {count} patterns; {MAX_PATTERNS} are allowed")]
    Many {
        /// In which table.
        table: &'static str,
        /// How many it has.
        count: usize,
    },
    /// Denied patterns that are too large together.
    #[error("the patterns of guard.deny are too large together: {wrong}")]
    Large {
        /// What is wrong.
        wrong: String,
    },
}

impl Config {
    /// Compiles the patterns.
    ///
    /// # Errors
    /// Names the first pattern that cannot be used.
    pub fn check(&self) -> Result<Guard, ConfigError> {
        check_names("patterns", self.patterns.iter().map(|own| &own.name))?;
        check_names("deny", self.deny.iter().map(|deny| &deny.name))?;
        let own = self.patterns.iter().map(PatternConfig::rule);
        let mut redact = own.collect::<Result<Vec<Rule>, _>>()?;
        redact.extend(self.redact.iter().flat_map(|kind| rules(*kind)));
        for deny in &self.deny {
            compiled(&deny.regex).map_err(|error| error.of("deny", &deny.name))?;
        }
        let denied = RegexSetBuilder::new(self.deny.iter().map(|deny| &deny.regex))
            .size_limit(DENIED_SIZE)
            .dfa_size_limit(DENIED_SIZE)
            .build();
        Ok(Guard::new(Rules {
            redact,
            denied: denied.map_err(|error| ConfigError::Large {
                wrong: error.to_string(),
            })?,
            denials: self.deny.iter().map(DenyConfig::denial).collect(),
        }))
    }
}

impl PatternConfig {
    fn rule(&self) -> Result<Rule, ConfigError> {
        let own = Own::new(&self.regex, MAX_PATTERN_BYTES);
        let own = own.map_err(|error| error.of("patterns", &self.name))?;
        Ok(Rule::new(
            Kind::Own(self.name.as_str().into()),
            Box::new(own),
        ))
    }
}

impl DenyConfig {
    fn denial(&self) -> Denied {
        Denied {
            name: self.name.as_str().into(),
            message: self.message.as_str().into(),
        }
    }
}

impl Unusable {
    fn of(self, table: &'static str, name: &str) -> ConfigError {
        let name = name.to_owned();
        match self {
            Self::Wrong(wrong) => ConfigError::Regex { table, name, wrong },
            Self::Empty => ConfigError::Empty { name },
            Self::Long => ConfigError::Long { name },
        }
    }
}

fn rules(kind: BuiltIn) -> impl Iterator<Item = Rule> {
    let detectors = built_in(kind).into_iter();
    detectors.map(move |detector| Rule::new(Kind::BuiltIn(kind), detector))
}

fn check_names<'a>(
    table: &'static str,
    names: impl ExactSizeIterator<Item = &'a String>,
) -> Result<(), ConfigError> {
    let count = names.len();
    if count > MAX_PATTERNS {
        return Err(ConfigError::Many { table, count });
    }
    let mut seen = BTreeSet::new();
    for name in names {
        let owned = || name.clone();
        if !is_name(name) {
            return Err(ConfigError::Name {
                table,
                name: owned(),
            });
        }
        if !seen.insert(name) {
            return Err(ConfigError::Twice {
                table,
                name: owned(),
            });
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    let is_built_in = BuiltIn::ALL.iter().any(|kind| kind.as_str() == name);
    (1..=32).contains(&name.len()) && name.bytes().all(is_plain) && !is_built_in
}
