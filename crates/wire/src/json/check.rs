//! Whether bytes are one JSON value (RFC 8259), nested no deeper than allowed. Everything that
//! reads afterwards relies on it.
//!
//! Stricter than the grammar in one place: a surrogate escape without its partner is refused, since
//! it is no text that a router could read or another dialect could say.

use super::document::Mark;
use super::{MAX_DEPTH, run};
use crate::Error;

/// Checks one JSON value with white space around it, and marks where every value in it stands.
///
/// # Errors
/// The byte where it stops being JSON, and what would have been right there.
pub(super) fn check(bytes: &[u8]) -> Result<(&str, Vec<Mark>), Error> {
    let text = std::str::from_utf8(bytes).map_err(|error| Error::Json {
        at: error.valid_up_to(),
        wrong: "not UTF-8",
    })?;
    let mut scan = Scan {
        bytes,
        at: 0,
        marks: Vec::with_capacity(32),
    };
    if u32::try_from(bytes.len()).is_err() {
        return scan.fail("larger than 4 GiB");
    }
    scan.space();
    scan.value(0)?;
    scan.space();
    if scan.at < bytes.len() {
        return scan.fail("something follows the value");
    }
    Ok((text, scan.marks))
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    marks: Vec<Mark>,
}

type Checked = Result<(), Error>;

impl Scan<'_> {
    fn fail<T>(&self, wrong: &'static str) -> Result<T, Error> {
        Err(Error::Json { at: self.at, wrong })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Steps over this byte if it comes next.
    fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn value(&mut self, depth: usize) -> Checked {
        let mark = self.marks.len();
        let start = self.at;
        self.marks.push(Mark::default());
        let is_plain = self.any(depth)?;
        self.marks[mark] = Mark::new(start..self.at, self.marks.len(), is_plain);
        Ok(())
    }

    /// Steps over a value; whether it is written as it is meant, without escapes.
    fn any(&mut self, depth: usize) -> Result<bool, Error> {
        match self.peek() {
            Some(b'"') => return self.string(),
            Some(b'{' | b'[') if depth == MAX_DEPTH => self.fail("nested too deeply"),
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            Some(_) => self.fail("expected a value"),
            None => self.fail("it ends where a value should stand"),
        }?;
        Ok(true)
    }

    fn object(&mut self, depth: usize) -> Checked {
        self.at += 1;
        self.space();
        if self.eat(b'}') {
            return Ok(());
        }
        loop {
            self.field(depth)?;
            if self.eat(b'}') {
                return Ok(());
            }
            if !self.eat(b',') {
                return self.fail("expected `,` or `}`");
            }
            self.space();
        }
    }

    fn field(&mut self, depth: usize) -> Checked {
        if self.peek() != Some(b'"') {
            return self.fail("expected a field's name in quotes");
        }
        self.value(depth)?;
        self.space();
        if !self.eat(b':') {
            return self.fail("expected `:`");
        }
        self.element(depth)
    }

    fn array(&mut self, depth: usize) -> Checked {
        self.at += 1;
        self.space();
        if self.eat(b']') {
            return Ok(());
        }
        loop {
            self.element(depth)?;
            if self.eat(b']') {
                return Ok(());
            }
            if !self.eat(b',') {
                return self.fail("expected `,` or `]`");
            }
        }
    }

    fn element(&mut self, depth: usize) -> Checked {
        self.space();
        self.value(depth)?;
        self.space();
        Ok(())
    }

    fn word(&mut self, word: &[u8]) -> Checked {
        if !self.bytes[self.at..].starts_with(word) {
            return self.fail("expected a value");
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Checked {
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Checked {
        let rest = self.bytes[self.at..].iter();
        let count = rest.take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 {
            return self.fail("expected a digit");
        }
        Ok(())
    }

    /// Steps over a string; whether it has no escapes.
    fn string(&mut self) -> Result<bool, Error> {
        self.at += 1;
        let mut is_plain = true;
        loop {
            self.at = run::plain(self.bytes, self.at);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(_) => return self.fail("a control character must be escaped"),
                None => return self.fail("it ends inside a string"),
            }
            is_plain = false;
        }
        self.at += 1;
        Ok(is_plain)
    }

    fn escape(&mut self) -> Checked {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => self.unicode()?,
            _ => return self.fail("unknown escape"),
        }
        Ok(())
    }

    fn unicode(&mut self) -> Checked {
        match self.unit()? {
            0xdc00..=0xdfff => self.fail("a low surrogate without a high one"),
            0xd800..=0xdbff if self.low_surrogate()? => Ok(()),
            0xd800..=0xdbff => self.fail("a high surrogate without a low one"),
            _ => Ok(()),
        }
    }

    fn low_surrogate(&mut self) -> Result<bool, Error> {
        if !self.bytes[self.at..].starts_with(b"\\u") {
            return Ok(false);
        }
        self.at += 1;
        Ok(matches!(self.unit()?, 0xdc00..=0xdfff))
    }

    /// The four hexadecimal digits after a `u`.
    fn unit(&mut self) -> Result<u32, Error> {
        self.at += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return self.fail("expected four hexadecimal digits");
            };
            unit = unit * 16 + digit;
            self.at += 1;
        }
        Ok(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wrong(text: &str) -> (usize, &'static str) {
        match check(text.as_bytes()) {
            Err(Error::Json { at, wrong }) => (at, wrong),
            other => panic!("{text} gave {other:?}"),
        }
    }

    #[test]
    fn what_is_not_json_is_named_with_its_place() {
        assert_eq!(wrong(""), (0, "it ends where a value should stand"));
        assert_eq!(wrong("{\"a\" 1}"), (5, "expected `:`"));
        assert_eq!(wrong("[1 2]"), (3, "expected `,` or `]`"));
        assert_eq!(
            wrong("{\"a\":1,}"),
            (7, "expected a field's name in quotes")
        );
        assert_eq!(wrong("\"a"), (2, "it ends inside a string"));
        assert_eq!(wrong("01"), (1, "something follows the value"));
        assert_eq!(
            wrong(r#""\ud800x""#).1,
            "a high surrogate without a low one"
        );
        assert_eq!(wrong(r#""\udc00""#).1, "a low surrogate without a high one");
        assert_eq!(wrong(&"[".repeat(1000)), (MAX_DEPTH, "nested too deeply"));
        assert!(check(b"\"\xff\"").is_err());
    }

    /// JSON-like soup: valid often enough to matter, broken often enough too.
    fn soup() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"\\n\"",
            "\"\\ud83d\\ude00\"",
            "\"\\u00\"",
            "1",
            "-0.5e3",
            "1.",
            "true",
            "nul",
            "null",
            " ",
            "\n",
            "\"",
            "\\",
            "é",
            "\u{1}",
        ]);
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    fn is_out_of_range(error: &serde_json::Error) -> bool {
        error.to_string().starts_with("number out of range")
    }

    #[test]
    fn a_number_beyond_every_range_keeps_its_digits() {
        assert!(check(b"[-0.5e311]").is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn the_same_is_accepted_as_by_serde_json(text in soup()) {
            let other = serde_json::from_str::<serde_json::Value>(&text);
            // JSON knows no range of numbers; their digits are passed on as they are.
            prop_assume!(!other.as_ref().is_err_and(is_out_of_range));
            prop_assert_eq!(check(text.as_bytes()).is_ok(), other.is_ok(), "{}", text);
        }
    }
}
