//! A view of one value of a checked body: its text and its place, nothing else.

use std::borrow::Cow;

use super::{Fault, run, text};

/// A value: its text without white space around it, and where in the body it begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Json<'a> {
    text: &'a str,
    at: usize,
}

/// A field of an object.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'a> {
    /// Where its name's opening quote stands.
    pub(crate) at: usize,
    /// Its name, unescaped.
    pub(crate) name: Cow<'a, str>,
    /// Its value.
    pub(crate) value: Json<'a>,
}

impl<'a> Json<'a> {
    /// The value of a whole checked body.
    pub(crate) fn root(checked: &'a str) -> Self {
        Self::first(checked, 0)
    }

    /// The value that `text` begins with, after white space; `text` begins at `at` of the body.
    fn first(text: &'a str, at: usize) -> Self {
        let trimmed = text.trim_start_matches(SPACE);
        Self {
            text: &trimmed[..length(trimmed.as_bytes())],
            at: at + (text.len() - trimmed.len()),
        }
    }

    /// The value as it was written.
    pub(crate) fn raw(self) -> &'a str {
        self.text
    }

    /// The byte of the body where it begins.
    pub(crate) fn start(self) -> usize {
        self.at
    }

    /// The byte of the body after it.
    pub(crate) fn end(self) -> usize {
        self.at + self.text.len()
    }

    pub(crate) fn is_null(self) -> bool {
        self.text == "null"
    }

    pub(crate) fn is_object(self) -> bool {
        self.text.starts_with('{')
    }

    /// The text, where it is a string.
    pub(crate) fn as_text(self) -> Option<Cow<'a, str>> {
        let inside = self.text.strip_prefix('"')?.strip_suffix('"')?;
        Some(text::unescaped(inside))
    }

    /// The text of what must be a string.
    pub(crate) fn text(self) -> Result<Cow<'a, str>, Fault> {
        self.as_text().ok_or_else(|| self.expected("a string"))
    }

    /// The value of what must be `true` or `false`.
    pub(crate) fn flag(self) -> Result<bool, Fault> {
        match self.text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.expected("true or false")),
        }
    }

    /// The value of what must be a whole number.
    pub(crate) fn count(self) -> Result<u64, Fault> {
        let whole = || self.expected("a whole number from 0");
        self.text.parse().map_err(|_| whole())
    }

    /// The digits of what must be a number.
    pub(crate) fn number(self) -> Result<&'a str, Fault> {
        match self.text.as_bytes()[0] {
            b'-' | b'0'..=b'9' => Ok(self.text),
            _ => Err(self.expected("a number")),
        }
    }

    /// The elements of what must be a list.
    pub(crate) fn items(self) -> Result<Items<'a>, Fault> {
        match self.text.starts_with('[') {
            true => Ok(Items(self.inside())),
            false => Err(self.expected("a list")),
        }
    }

    /// The fields of what must be an object, in the order in which they stand.
    pub(crate) fn entries(self) -> Result<Entries<'a>, Fault> {
        match self.is_object() {
            true => Ok(Entries(self.inside())),
            false => Err(self.expected("an object")),
        }
    }

    fn inside(self) -> Rest<'a> {
        Rest {
            text: &self.text[1..self.text.len() - 1],
            at: self.at + 1,
        }
    }

    fn expected(self, what: &str) -> Fault {
        Fault::at(self, format!("must be {what}, is {}", self.kind()))
    }

    /// What it is, in a word.
    fn kind(self) -> &'static str {
        match self.text.as_bytes()[0] {
            b'{' => "an object",
            b'[' => "a list",
            b'"' => "a string",
            b't' | b'f' => "true or false",
            b'n' => "null",
            _ => "a number",
        }
    }
}

const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// The length of the value that checked bytes begin with.
fn length(bytes: &[u8]) -> usize {
    match bytes[0] {
        b'"' => run::after_string(bytes, 1),
        b'{' | b'[' => after_nested(bytes),
        _ => {
            let ends =
                |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
            bytes.iter().position(ends).unwrap_or(bytes.len())
        }
    }
}

fn after_nested(bytes: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    loop {
        match bytes[at] {
            b'"' => {
                at = run::after_string(bytes, at + 1);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 1 => return at + 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
}

/// What of a list or an object is still to be read.
#[derive(Clone)]
struct Rest<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    /// Steps over white space and one of these characters; whether anything is left.
    fn skip(&mut self, separator: char) -> bool {
        let is_skipped = |next: char| SPACE.contains(&next) || next == separator;
        let rest = self.text.trim_start_matches(is_skipped);
        self.at += self.text.len() - rest.len();
        self.text = rest;
        !rest.is_empty()
    }

    fn value(&mut self) -> Json<'a> {
        let value = Json::first(self.text, self.at);
        self.text = &self.text[value.end() - self.at..];
        self.at = value.end();
        value
    }
}

/// The elements of a list.
#[derive(Clone)]
pub(crate) struct Items<'a>(Rest<'a>);

impl<'a> Iterator for Items<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Json<'a>> {
        self.0.skip(',').then(|| self.0.value())
    }
}

/// The fields of an object.
#[derive(Clone)]
pub(crate) struct Entries<'a>(Rest<'a>);

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        if !self.0.skip(',') {
            return None;
        }
        let name = self.0.value();
        self.0.skip(':');
        Some(Entry {
            at: name.start(),
            name: name.as_text().expect("a checked field has a name"),
            value: self.0.value(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn root(text: &str) -> Json<'_> {
        Json::root(check(text.as_bytes()).unwrap())
    }

    #[test]
    fn fields_and_elements_know_where_they_stand() {
        let body = " { \"a\" : [1 , \"]\\\"\", {}] ,\"b\\u0063\":null}";
        let fields: Vec<Entry<'_>> = root(body).entries().unwrap().collect();
        assert_eq!(fields[1].name, "bc");
        assert!(fields[1].value.is_null());
        let items: Vec<Json<'_>> = fields[0].value.items().unwrap().collect();
        let raws: Vec<&str> = items.iter().map(|item| item.raw()).collect();
        assert_eq!(raws, ["1", "\"]\\\"\"", "{}"]);
        for item in items {
            assert_eq!(&body[item.start()..item.end()], item.raw());
        }
    }

    #[test]
    fn wrong_kinds_are_said() {
        let fault = root("[]").text().unwrap_err();
        assert_eq!(fault.wrong, "must be a string, is a list");
        assert!(root("-1").count().is_err());
        assert!(root("1.5").count().is_err());
        assert!(root("1").flag().is_err());
    }
}
