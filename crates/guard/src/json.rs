//! JSON texts (RFC 8259) whose strings are redacted and whose every other byte stays: not a parser
//! into anything, but strict, since the strings of what is not JSON are nobody's guess.

use std::borrow::Cow;
use std::ops::Range;

use crate::Guard;
use crate::guard::Redacted;
use crate::kind::Counts;

/// How deep objects and arrays may be nested.
pub const MAX_DEPTH: usize = 128;

/// A text that is not JSON. Nothing of it may be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not JSON at byte {at}: {wrong}")]
pub struct BadJson {
    /// The byte where it stops being JSON.
    pub at: usize,
    /// What is wrong there.
    pub wrong: &'static str,
}

pub(crate) fn redacted<'a>(guard: &Guard, text: &'a str) -> Result<Redacted<'a>, BadJson> {
    let mut reader = Reader {
        guard,
        text,
        at: 0,
        out: String::new(),
        done: 0,
        counts: Counts::default(),
    };
    reader.value(0)?;
    reader.space();
    if reader.at < text.len() {
        return Err(reader.wrong("more than one value"));
    }
    Ok(reader.finish())
}

struct Reader<'g, 'a> {
    guard: &'g Guard,
    text: &'a str,
    at: usize,
    out: String,
    /// Up to here the text is in `out`.
    done: usize,
    counts: Counts,
}

impl<'a> Reader<'_, 'a> {
    fn finish(mut self) -> Redacted<'a> {
        let text = match self.counts.is_empty() {
            true => Cow::Borrowed(self.text),
            false => {
                self.out.push_str(&self.text[self.done..]);
                Cow::Owned(self.out)
            }
        };
        Redacted {
            text,
            counts: self.counts,
        }
    }

    fn wrong(&self, wrong: &'static str) -> BadJson {
        BadJson { at: self.at, wrong }
    }

    /// The next byte; NUL at the end, which JSON has nowhere.
    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == byte;
        self.at += usize::from(is_next);
        is_next
    }

    fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<(), BadJson> {
        if depth > MAX_DEPTH {
            return Err(self.wrong("nested too deep"));
        }
        self.space();
        match self.peek() {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => {
                let string = self.string()?;
                self.redact(string);
                Ok(())
            }
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.literal(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), BadJson> {
        self.at += 1;
        self.space();
        if self.takes(b'}') {
            return Ok(());
        }
        loop {
            self.space();
            self.string()?;
            self.space();
            if !self.takes(b':') {
                return Err(self.wrong("a colon must follow the key"));
            }
            self.value(depth + 1)?;
            if self.ends(b'}')? {
                return Ok(());
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), BadJson> {
        self.at += 1;
        self.space();
        if self.takes(b']') {
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            if self.ends(b']')? {
                return Ok(());
            }
        }
    }

    /// Whether the object or array ends here; otherwise a comma says that it goes on.
    fn ends(&mut self, close: u8) -> Result<bool, BadJson> {
        self.space();
        match self.takes(close) {
            true => Ok(true),
            false if self.takes(b',') => Ok(false),
            false => Err(self.wrong("a comma or the end must follow a value")),
        }
    }

    fn literal(&mut self) -> Result<(), BadJson> {
        let rest = &self.text[self.at..];
        let word = ["true", "false", "null"]
            .iter()
            .find(|word| rest.starts_with(**word));
        self.at += word.ok_or(self.wrong("a value must stand here"))?.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), BadJson> {
        self.takes(b'-');
        if !self.takes(b'0') {
            self.digits()?;
        }
        if self.takes(b'.') {
            self.digits()?;
        }
        if self.takes(b'e') || self.takes(b'E') {
            let _ = self.takes(b'+') || self.takes(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), BadJson> {
        if !self.peek().is_ascii_digit() {
            return Err(self.wrong("a digit must stand here"));
        }
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        Ok(())
    }

    /// What stands between two quotes.
    fn string(&mut self) -> Result<Range<usize>, BadJson> {
        if !self.takes(b'"') {
            return Err(self.wrong("a string must stand here"));
        }
        let start = self.at;
        loop {
            match self.peek() {
                b'"' => break,
                b'\\' => self.escape()?,
                0..0x20 => {
                    return Err(self.wrong("a string must end, and have no control characters"));
                }
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Ok(start..self.at - 1)
    }

    fn escape(&mut self) -> Result<(), BadJson> {
        self.at += 1;
        match self.peek() {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
            b'u' if code_unit(&self.text.as_bytes()[self.at + 1..]).is_some() => self.at += 5,
            _ => return Err(self.wrong("an escape that JSON does not know")),
        }
        Ok(())
    }

    /// Writes a string's content without what is found in it.
    fn redact(&mut self, string: Range<usize>) {
        let raw = &self.text[string.clone()];
        let found = match raw.contains('\\') {
            true => found_escaped(self.guard, raw),
            false => self.guard.found(raw),
        };
        for (index, range) in found {
            let rule = &self.guard.rules().redact[index];
            self.out
                .push_str(&self.text[self.done..string.start + range.start]);
            self.out.push_str(&rule.label);
            self.counts.add(&rule.kind);
            self.done = string.start + range.end;
        }
    }
}

/// What is found in a string with escapes, with ranges as it is written.
fn found_escaped(guard: &Guard, raw: &str) -> Vec<(usize, Range<usize>)> {
    let text: String = characters(raw).map(|(_, character)| character).collect();
    let mut found = guard.found(&text);
    let mut written = characters(raw);
    let mut read = 0;
    // Where what stands at a place of the text is written; places only grow.
    let mut place = |wanted: usize| {
        while read < wanted {
            read += written
                .next()
                .map_or(usize::MAX, |(_, found)| found.len_utf8());
        }
        written.clone().next().map_or(raw.len(), |(at, _)| at)
    };
    for (_, range) in &mut found {
        *range = place(range.start)..place(range.end);
    }
    found
}

/// The characters of a string, each with the place where it is written. Half a surrogate pair is
/// the replacement character.
fn characters(raw: &str) -> impl Iterator<Item = (usize, char)> + Clone {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        let first = raw[at..].chars().next()?;
        let (character, length) = match first {
            '\\' => unescaped(&raw.as_bytes()[at + 1..]),
            _ => (first, first.len_utf8()),
        };
        at += length;
        Some((start, character))
    })
}

/// The character of an escape that was checked, and the bytes that it takes.
fn unescaped(escape: &[u8]) -> (char, usize) {
    let character = match escape[0] {
        b'u' => return unescaped_unit(escape),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        other => char::from(other),
    };
    (character, 2)
}

fn unescaped_unit(escape: &[u8]) -> (char, usize) {
    let unit = |at: usize| code_unit(escape.get(at..)?);
    let first = unit(1).unwrap_or(0xFFFD);
    let second = (escape.get(5..7) == Some(b"\\u"))
        .then(|| unit(7))
        .flatten();
    let pair = second.and_then(|second| char::decode_utf16([first, second]).next()?.ok());
    match (char::from_u32(u32::from(first)), pair) {
        (Some(character), _) => (character, 6),
        (None, Some(character)) => (character, 12),
        (None, None) => (char::REPLACEMENT_CHARACTER, 6),
    }
}

/// Four hexadecimal digits.
fn code_unit(digits: &[u8]) -> Option<u16> {
    let digits = digits.first_chunk::<4>()?;
    digits.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | digit as u16)
    })
}
