//! A text as far as it is known, and what a detector says of it.

use std::ops::Range;

/// A text, or the part of a stream that is still needed: some bytes that are settled, for what
/// stands before a finding counts, then those that are not.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) text: &'a str,
    /// Nothing follows.
    pub(crate) is_whole: bool,
}

/// Why a pattern did not match where it was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It does not stand there, whatever follows.
    No,
    /// That depends on what follows.
    More,
}

/// The end of what was tried, or why there is none.
pub(crate) type Tried = Result<usize, Stop>;

/// The first thing to say of a text from some place on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// A finding, and nothing can start before it.
    Found(Range<usize>),
    /// A finding that starts here and reaches beyond the text; its end is looked for from `resume`.
    Endless { start: usize, resume: usize },
    /// Nothing starts before this place; whether something does here depends on what follows. The
    /// end of the text says that there is nothing.
    Open(usize),
}

impl Next {
    pub(crate) fn start(&self) -> usize {
        match self {
            Self::Found(range) => range.start,
            Self::Endless { start, .. } | Self::Open(start) => *start,
        }
    }
}

impl View<'_> {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// The byte at a place; NUL behind the end of a whole text, which no pattern has.
    pub(crate) fn byte(&self, at: usize) -> Result<u8, Stop> {
        match self.bytes().get(at) {
            Some(byte) => Ok(*byte),
            None if self.is_whole => Ok(0),
            None => Err(Stop::More),
        }
    }

    /// The byte before a place; NUL at the start of the text.
    pub(crate) fn before(&self, at: usize) -> u8 {
        at.checked_sub(1).map_or(0, |at| self.bytes()[at])
    }

    /// Whether a letter or digit of ASCII stands right before, so that nothing starts here. Other
    /// scripts write numbers and addresses right behind their letters.
    pub(crate) fn is_joined(&self, at: usize) -> bool {
        self.before(at).is_ascii_alphanumeric()
    }

    /// Whether what ended here goes on as a word.
    pub(crate) fn goes_on(&self, at: usize) -> Result<bool, Stop> {
        Ok(self.byte(at)?.is_ascii_alphanumeric())
    }

    /// Whether a digit of a fraction or a further part of a version follows: `.5`.
    pub(crate) fn has_fraction(&self, at: usize) -> Result<bool, Stop> {
        Ok(self.byte(at)? == b'.' && self.byte(at + 1)?.is_ascii_digit())
    }

    /// Whether this place is the fraction of a number: `0.` stands before it.
    pub(crate) fn is_fraction(&self, at: usize) -> bool {
        self.before(at) == b'.' && at > 1 && self.before(at - 1).is_ascii_digit()
    }

    /// The end of the run of these bytes from a place on, as far as the text is known.
    pub(crate) fn run(&self, at: usize, class: impl Fn(u8) -> bool) -> usize {
        let rest = &self.bytes()[at..];
        let length = rest.iter().position(|byte| !class(*byte));
        at + length.unwrap_or(rest.len())
    }

    /// The start of the run of these bytes before a place, at most so many.
    pub(crate) fn run_back(&self, at: usize, most: usize, class: impl Fn(u8) -> bool) -> usize {
        let before = self.bytes()[..at].iter().rev().take(most);
        at - before.take_while(|byte| class(**byte)).count()
    }

    /// What stands between two groups of one number: how many bytes, and which of the two, a space
    /// or a hyphen, in any of their forms.
    pub(crate) fn separator(&self, at: usize) -> Result<Option<(u8, usize)>, Stop> {
        Ok(match self.byte(at)? {
            byte @ (b' ' | b'-') => Some((byte, 1)),
            // No-break space.
            0xC2 if self.byte(at + 1)? == 0xA0 => Some((b' ', 2)),
            0xE2 => match (self.byte(at + 1)?, self.byte(at + 2)?) {
                // Narrow no-break space; hyphen and no-break hyphen.
                (0x80, 0xAF) => Some((b' ', 3)),
                (0x80, 0x90 | 0x91) => Some((b'-', 3)),
                _ => None,
            },
            _ => None,
        })
    }

    /// Where one of these words may have begun at the end of what is known.
    pub(crate) fn open_prefix(&self, at: usize, words: &[&[u8]]) -> Next {
        let longest = words.iter().map(|word| word.len()).max().unwrap_or(0);
        let first = at.max(self.len().saturating_sub(longest - 1));
        let begins = |start: &usize| {
            let last = &self.bytes()[*start..];
            let is_inner = |word: &[u8]| word[0].is_ascii_alphanumeric() && self.is_joined(*start);
            words
                .iter()
                .any(|word| word.starts_with(last) && !is_inner(word))
        };
        let start = (first..self.len()).find(|start| !self.is_whole && begins(start));
        Next::Open(start.unwrap_or(self.len()))
    }

    /// The end of a finding that all bytes of a class belong to; or where to look on.
    pub(crate) fn swallowed(&self, at: usize, class: impl Fn(u8) -> bool) -> Result<usize, usize> {
        let end = self.run(at, class);
        match end == self.len() && !self.is_whole {
            true => Err(end),
            false => Ok(end),
        }
    }
}
