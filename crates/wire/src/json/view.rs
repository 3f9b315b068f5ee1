//! A view of one value of a checked body: its text and its place, nothing else.

use std::borrow::Cow;

use super::document::{Document, Mark};
use super::{Fault, text};

/// A value of a checked document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Json<'a> {
    document: &'a Document<'a>,
    mark: usize,
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
    pub(super) fn of(document: &'a Document<'a>, mark: usize) -> Self {
        Self { document, mark }
    }

    fn mark(self) -> Mark {
        self.document.marks[self.mark]
    }

    /// The value as it was written.
    pub(crate) fn raw(self) -> &'a str {
        &self.document.text[self.mark().bytes()]
    }

    /// The byte of the body where it begins.
    pub(crate) fn start(self) -> usize {
        self.mark().bytes().start
    }

    /// The byte of the body after it.
    pub(crate) fn end(self) -> usize {
        self.mark().bytes().end
    }

    pub(crate) fn is_null(self) -> bool {
        self.raw() == "null"
    }

    pub(crate) fn is_object(self) -> bool {
        self.raw().starts_with('{')
    }

    /// The text, where it is a string.
    pub(crate) fn as_text(self) -> Option<Cow<'a, str>> {
        let inside = self.raw().strip_prefix('"')?.strip_suffix('"')?;
        Some(match self.mark().is_plain {
            true => Cow::Borrowed(inside),
            false => Cow::Owned(text::unescaped(inside)),
        })
    }

    /// The text of what must be a string.
    pub(crate) fn text(self) -> Result<Cow<'a, str>, Fault> {
        self.as_text().ok_or_else(|| self.expected("a string"))
    }

    /// The value of what must be `true` or `false`.
    pub(crate) fn flag(self) -> Result<bool, Fault> {
        match self.raw() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.expected("true or false")),
        }
    }

    /// The value of what must be a whole number.
    pub(crate) fn count(self) -> Result<u64, Fault> {
        let whole = || self.expected("a whole number from 0");
        self.raw().parse().map_err(|_| whole())
    }

    /// The digits of what must be a number.
    pub(crate) fn number(self) -> Result<&'a str, Fault> {
        match self.raw().as_bytes()[0] {
            b'-' | b'0'..=b'9' => Ok(self.raw()),
            _ => Err(self.expected("a number")),
        }
    }

    /// The elements of what must be a list.
    pub(crate) fn items(self) -> Result<Items<'a>, Fault> {
        match self.raw().starts_with('[') {
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
            document: self.document,
            next: self.mark + 1,
            end: self.mark().next(),
        }
    }

    fn expected(self, what: &str) -> Fault {
        Fault::at(self, format!("must be {what}, is {}", self.kind()))
    }

    /// What it is, in a word.
    fn kind(self) -> &'static str {
        match self.raw().as_bytes()[0] {
            b'{' => "an object",
            b'[' => "a list",
            b'"' => "a string",
            b't' | b'f' => "true or false",
            b'n' => "null",
            _ => "a number",
        }
    }
}

/// What of a list or an object is still to be read.
#[derive(Clone)]
struct Rest<'a> {
    document: &'a Document<'a>,
    next: usize,
    end: usize,
}

impl<'a> Iterator for Rest<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Json<'a>> {
        if self.next == self.end {
            return None;
        }
        let value = Json::of(self.document, self.next);
        self.next = value.mark().next();
        Some(value)
    }
}

/// The elements of a list.
#[derive(Clone)]
pub(crate) struct Items<'a>(Rest<'a>);

impl<'a> Iterator for Items<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Json<'a>> {
        self.0.next()
    }
}

/// The fields of an object.
#[derive(Clone)]
pub(crate) struct Entries<'a>(Rest<'a>);

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let name = self.0.next()?;
        Some(Entry {
            at: name.start(),
            name: name.as_text().expect("a checked field has a name"),
            value: self.0.next().expect("a checked field has a value"),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn document(text: &str) -> Document<'_> {
        Document::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn fields_and_elements_know_where_they_stand() {
        let body = " { \"a\" : [1 , \"]\\\"\", {}] ,\"b\\u0063\":null}";
        let document = document(body);
        let fields: Vec<Entry<'_>> = document.root().entries().unwrap().collect();
        assert_eq!(fields[1].name, "bc");
        assert!(fields[1].value.is_null());
        let items: Vec<Json<'_>> = fields[0].value.items().unwrap().collect();
        let raws: Vec<&str> = items.iter().map(|item| item.raw()).collect();
        assert_eq!(raws, ["1", "\"]\\\"\"", "{}"]);
        for item in items {
            assert_eq!(&body[item.start()..item.end()], item.raw());
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".{0,6}", inner, 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn tree(json: Json<'_>) -> Value {
        if let Some(text) = json.as_text() {
            return Value::from(text.into_owned());
        }
        if let Ok(items) = json.items() {
            return items.map(tree).collect();
        }
        match json.entries() {
            Ok(entries) => entries
                .map(|entry| (entry.name.into_owned(), tree(entry.value)))
                .collect(),
            Err(_) => serde_json::from_str(json.raw()).unwrap(),
        }
    }

    proptest! {
        #[test]
        fn the_same_is_read_as_by_serde_json(value in values(), is_pretty in any::<bool>()) {
            let text = match is_pretty {
                true => serde_json::to_string_pretty(&value).unwrap(),
                false => value.to_string(),
            };
            prop_assert_eq!(tree(document(&text).root()), value);
        }
    }

    #[test]
    fn wrong_kinds_are_said() {
        let fault = document("[]").root().text().unwrap_err();
        assert_eq!(fault.wrong, "must be a string, is a list");
        assert!(document("-1").root().count().is_err());
        assert!(document("1.5").root().count().is_err());
        assert!(document("1").root().flag().is_err());
    }
}
