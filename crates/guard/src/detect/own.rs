//! Patterns of the settings: regular expressions whose matches have a bounded length, so that a
//! stream knows how much to hold back.

use regex::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;

use crate::detect::Detector;
use crate::view::{Next, View};

/// The most bytes that a compiled pattern, and the tables that it makes while searching, may take.
const SIZE: usize = 1 << 20;
/// How deep groups may be nested.
const NESTING: u32 = 50;
/// A pattern looks one character beyond its match: `\b`.
const BEYOND: usize = 4;

pub(crate) struct Own {
    regex: Regex,
    /// The most bytes of a match, and of what it looks at behind it.
    reach: usize,
}

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// It is no regular expression, or too large a one.
    Wrong(String),
    /// It matches nothing at all, at every place.
    Empty,
    /// Its matches may have more bytes than that.
    Long,
}

/// A pattern of any length, compiled within bounds.
pub(crate) fn compiled(pattern: &str) -> Result<Regex, Unusable> {
    RegexBuilder::new(pattern)
        .size_limit(SIZE)
        .dfa_size_limit(SIZE)
        .nest_limit(NESTING)
        .build()
        .map_err(|error| Unusable::Wrong(error.to_string()))
}

impl Own {
    /// A pattern whose matches have at least one byte and at most `most`.
    pub(crate) fn new(pattern: &str, most: usize) -> Result<Self, Unusable> {
        let regex = compiled(pattern)?;
        let syntax = ParserBuilder::new()
            .nest_limit(NESTING)
            .build()
            .parse(pattern);
        let syntax = syntax.map_err(|error| Unusable::Wrong(error.to_string()))?;
        let properties = syntax.properties();
        if properties.minimum_len().is_none_or(|least| least == 0) {
            return Err(Unusable::Empty);
        }
        let length = properties.maximum_len().filter(|length| *length <= most);
        let reach = length.ok_or(Unusable::Long)? + BEYOND;
        Ok(Self { regex, reach })
    }
}

impl Detector for Own {
    fn next(&self, view: View<'_>, at: usize) -> Next {
        let settled = match view.is_whole {
            true => view.len(),
            false => view.len().saturating_sub(self.reach).max(at),
        };
        let settled = view.text.floor_char_boundary(settled);
        match self.regex.find_at(view.text, at) {
            Some(found) if found.start() < settled => Next::Found(found.range()),
            _ => Next::Open(settled),
        }
    }
}
