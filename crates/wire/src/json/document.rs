//! A checked text with marks: where every value begins and ends, and which value follows it. So a
//! value is stepped over without being read again, however large it is.

use std::ops::Range;

use super::{Json, check};
use crate::Error;

/// A text that is one JSON value.
#[derive(Debug, Clone)]
pub(crate) struct Document<'a> {
    pub(super) text: &'a str,
    /// In the order in which values begin; names of fields are values too.
    pub(super) marks: Vec<Mark>,
}

/// Where a value stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mark {
    start: u32,
    end: u32,
    next: u32,
    /// Whether a string is written as it is meant, without escapes.
    pub(super) is_plain: bool,
}

impl Mark {
    pub(super) fn new(bytes: Range<usize>, next: usize, is_plain: bool) -> Self {
        let small = |number| u32::try_from(number).expect("a checked text is smaller than 4 GiB");
        Self {
            start: small(bytes.start),
            end: small(bytes.end),
            next: small(next),
            is_plain,
        }
    }

    pub(super) const fn bytes(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The number of the mark after this value and everything in it.
    pub(super) const fn next(self) -> usize {
        self.next as usize
    }
}

impl<'a> Document<'a> {
    /// Checks a text.
    ///
    /// # Errors
    /// It is not JSON; the byte is named.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let (text, marks) = check::check(bytes)?;
        Ok(Self { text, marks })
    }

    /// The whole text.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// The outermost value.
    pub(crate) fn root(&self) -> Json<'_> {
        Json::of(self, 0)
    }
}
