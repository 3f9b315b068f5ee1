//! A body that was checked once, and the same body with a few fields changed.
//!
//! Between caller and back end of the same dialect only the model's name must change. Everything
//! else stays byte for byte as the caller wrote it: order, white space, digits, fields that nobody
//! here knows.

use std::borrow::Cow;

use crate::Error;
use crate::json::{Document, Entry, Fields, Json, MAX_FIELDS, canonical, object, quoted};

/// A checked body: one JSON object, no field twice.
#[derive(Debug, Clone)]
pub struct Body<'a> {
    document: Document<'a>,
}

/// What is changed in a body that is passed on.
#[derive(Debug, Clone, Default)]
pub struct Changes<'c> {
    /// The model's name at the back end.
    pub model: Option<&'c str>,
    /// A stream is to end with its usage (`stream_options.include_usage` of the chat dialect).
    pub include_usage: bool,
    /// Fields that are the gateway's own and no back end's.
    pub without: &'c [&'c str],
    /// Fields that are set, as JSON.
    pub with: &'c [(&'c str, &'c str)],
}

impl<'a> Body<'a> {
    /// Checks a body.
    ///
    /// # Errors
    /// It is not JSON, not an object, or has a field twice.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let document = Document::parse(bytes)?;
        let root = document.root();
        Fields::of(root).map_err(|fault| fault.within(root))?;
        Ok(Self { document })
    }

    pub(crate) fn root(&self) -> Json<'_> {
        self.document.root()
    }

    pub(crate) fn find(&self, name: &str) -> Option<Json<'_>> {
        let mut entries = self.root().entries().ok()?;
        Some(entries.find(|entry| entry.name == name)?.value)
    }

    /// The value of a top-level field, as it was written.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.find(name).map(Json::raw)
    }

    /// The text of a top-level field, where it is a string.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.find(name).and_then(Json::as_text)
    }

    /// The body with these changes and no others.
    #[must_use]
    pub fn changed(&self, changes: &Changes<'_>) -> String {
        let mut edits: Vec<Edit<'_>> = changes.without.iter().map(|name| (*name, None)).collect();
        let set = changes.with.iter();
        edits.extend(set.map(|(name, value)| (*name, Some((*value).to_owned()))));
        if let Some(model) = changes.model {
            let mut value = String::new();
            quoted(&mut value, model);
            edits.push(("model", Some(value)));
        }
        if changes.include_usage {
            edits.push(("stream_options", Some(self.stream_options())));
        }
        self.edited(&edits)
    }

    fn edited(&self, edits: &[Edit<'_>]) -> String {
        let (text, root) = (self.document.text(), self.root());
        let mut out = String::with_capacity(text.len() + 64);
        out.push_str(&text[..root.start()]);
        rewrite(root, edits, &mut out);
        out.push_str(&text[root.end()..]);
        out
    }

    /// What the body says but for these top-level fields, in one way of writing: bodies that say the same
    /// give the same text.
    #[must_use]
    pub fn canonical(&self, without: &[&str]) -> String {
        let mut out = String::with_capacity(self.document.text().len());
        let Ok(entries) = self.root().entries() else {
            return out;
        };
        let mut entries: Vec<Entry<'_>> = entries
            .filter(|entry| !without.contains(&&*entry.name))
            .collect();
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        for entry in entries {
            quoted(&mut out, &entry.name);
            out.push(':');
            canonical(entry.value, &mut out);
            out.push(',');
        }
        out
    }

    /// The same text as [`canonical`](Self::canonical) before and after the last place where it says
    /// this text; `None` where it does not. Bodies with equal parts say the same but for that text:
    /// what stands anywhere else stands in the parts.
    #[must_use]
    pub fn canonical_around(&self, text: &str, without: &[&str]) -> Option<(String, String)> {
        let mut all = self.canonical(without);
        let mut said = String::new();
        quoted(&mut said, text);
        let at = all.rfind(&said)?;
        let after = all.split_off(at + said.len());
        all.truncate(at);
        Some((all, after))
    }

    fn stream_options(&self) -> String {
        let mut out = String::new();
        let options = self.find("stream_options");
        match options.filter(|options| options.is_object()) {
            Some(options) => rewrite(options, &[("include_usage", Some("true".into()))], &mut out),
            None => object(&mut out, |o| o.flag("include_usage", true)),
        }
        out
    }
}

/// A field and its new value; `None` takes it out.
type Edit<'e> = (&'e str, Option<String>);

/// Appends an object with edits; new fields come last.
fn rewrite(whole: Json<'_>, edits: &[Edit<'_>], out: &mut String) {
    let entries: Vec<Entry<'_>> = whole
        .entries()
        .expect("only objects are rewritten")
        .collect();
    let within = |from: usize, to: usize| &whole.raw()[from - whole.start()..to - whole.start()];
    let edit_of = |name: &str| edits.iter().find(|(edited, _)| *edited == name);
    let first = entries.first().map_or(whole.end() - 1, |entry| entry.at);
    out.push_str(within(whole.start(), first));
    let mut is_empty = true;
    for (index, entry) in entries.iter().enumerate() {
        let new = edit_of(&entry.name).map(|(_, value)| value.as_deref());
        let Some(value) = new.unwrap_or(Some(entry.value.raw())) else {
            continue;
        };
        if !is_empty {
            out.push_str(within(entries[index - 1].value.end(), entry.at));
        }
        is_empty = false;
        out.push_str(within(entry.at, entry.value.start()));
        out.push_str(value);
    }
    let is_new = |name: &str| entries.iter().all(|entry| entry.name != name);
    for (name, value) in edits.iter().filter(|(name, _)| is_new(name)) {
        push_new(out, name, value.as_deref(), &mut is_empty);
    }
    let last = entries.last().map_or(first, |entry| entry.value.end());
    out.push_str(within(last, whole.end()));
}

fn push_new(out: &mut String, name: &str, value: Option<&str>, is_empty: &mut bool) {
    let Some(value) = value else {
        return;
    };
    if !std::mem::take(is_empty) {
        out.push(',');
    }
    quoted(out, name);
    out.push(':');
    out.push_str(value);
}

const _: () = assert!(MAX_FIELDS >= 64, "requests have dozens of fields");

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn with_model(body: &str) -> String {
        let changes = Changes {
            model: Some("m\"2"),
            ..Changes::default()
        };
        Body::parse(body.as_bytes()).unwrap().changed(&changes)
    }

    #[test]
    fn only_the_model_changes() {
        let cases = [
            (r#"{"model":"a"}"#, r#"{"model":"m\"2"}"#),
            (
                r#" { "x" : 1.0 , "model"  :"a\"b\\" ,"y":[ ]} "#,
                r#" { "x" : 1.0 , "model"  :"m\"2" ,"y":[ ]} "#,
            ),
            (
                r#"{"a":{"model":"a"},"model":"b"}"#,
                r#"{"a":{"model":"a"},"model":"m\"2"}"#,
            ),
            (
                r#"{"mod\u0065l":"a","b":1e400}"#,
                r#"{"mod\u0065l":"m\"2","b":1e400}"#,
            ),
            (
                r#"{"a":"\"model\":\"x\"","model":null}"#,
                r#"{"a":"\"model\":\"x\"","model":"m\"2"}"#,
            ),
            (r#"{}"#, r#"{"model":"m\"2"}"#),
            (r#"{ "a":1 }"#, r#"{ "a":1,"model":"m\"2" }"#),
        ];
        for (before, after) in cases {
            assert_eq!(with_model(before), after);
        }
    }

    #[test]
    fn a_field_that_stands_twice_is_refused() {
        let twice = |body: &str| Body::parse(body.as_bytes()).unwrap_err().to_string();
        assert_eq!(
            twice(r#"{"model":"a","model":"b"}"#),
            "model: stands there twice"
        );
        assert_eq!(
            twice(r#"{"model":"a","\u006dodel":"b"}"#),
            "model: stands there twice"
        );
        assert_eq!(twice("[1]"), "body: must be an object, is a list");
    }

    #[test]
    fn usage_is_asked_for_and_own_fields_go() {
        let check = |before: &str, after: &str| {
            let changes = Changes {
                include_usage: true,
                without: &["x", "y"],
                ..Changes::default()
            };
            assert_eq!(
                Body::parse(before.as_bytes()).unwrap().changed(&changes),
                after
            );
        };
        check(
            r#"{"a":1}"#,
            r#"{"a":1,"stream_options":{"include_usage":true}}"#,
        );
        check(
            r#"{"stream_options":null}"#,
            r#"{"stream_options":{"include_usage":true}}"#,
        );
        check(
            r#"{"stream_options":{"include_usage":false, "b":2},"x":1}"#,
            r#"{"stream_options":{"include_usage":true, "b":2}}"#,
        );
        check(
            r#"{"x":1, "a":2, "y":3}"#,
            r#"{"a":2,"stream_options":{"include_usage":true}}"#,
        );
        check(
            r#"{"x":1,"y":3}"#,
            r#"{"stream_options":{"include_usage":true}}"#,
        );
    }

    #[test]
    fn what_says_the_same_is_written_the_same() {
        let canonical = |body: &str| Body::parse(body.as_bytes()).unwrap().canonical(&["stream"]);
        let one = canonical(r#"{"b": [1.0, {"y":"\u0041","x":null}], "a":"é", "stream": true}"#);
        assert_eq!(one, r#""a":"é","b":[1.0,{"x":null,"y":"A"}],"#);
        assert_eq!(
            one,
            canonical(r#"{"a":"\u00e9","b":[1.0,{"x":null,"y":"A"}]}"#)
        );
        assert_ne!(one, canonical(r#"{"a":"é","b":[1,{"x":null,"y":"A"}]}"#));
        let large = |digits: &str| canonical(&format!(r#"{{"seed": {digits}}}"#));
        assert_ne!(large("18446744073709551617"), large("18446744073709551618"));
    }

    #[test]
    fn bodies_with_equal_parts_differ_in_the_text_alone() {
        let parts = |body: &str, text: &str| {
            let body = Body::parse(body.as_bytes()).unwrap();
            body.canonical_around(text, &[])
        };
        let one = parts(r#"{"a": "x", "m": ["say \"hi\"", 1]}"#, "say \"hi\"").unwrap();
        assert_eq!(one, (r#""a":"x","m":["#.to_owned(), ",1],".to_owned()));
        assert_eq!(
            parts(r#"{"m": ["ho", 1], "a": "\u0078"}"#, "ho"),
            Some(one.clone())
        );
        assert_ne!(
            parts(r#"{"a": "y", "m": ["ho", 1]}"#, "ho"),
            Some(one.clone())
        );
        // The text stands elsewhere too: what is left of it keeps the bodies apart.
        let both = |text: &str| parts(&format!(r#"{{"m": "{text}", "z": "{text}"}}"#), text);
        assert_ne!(both("ha"), both("ho"));
        assert_eq!(parts(r#"{"a": 1}"#, "ho"), None);
    }

    fn entries() -> impl Strategy<Value = Vec<(String, String)>> {
        let name = prop::sample::select(vec!["a", "model", "b\\u0022", "stream", "é"]);
        let value = prop::sample::select(vec![
            "1",
            "\"m\"",
            "{\"model\": [\"}\"]}",
            "[ {} , null ]",
            "-0.10E+2",
        ]);
        let entry = (name.prop_map(str::to_owned), value.prop_map(str::to_owned));
        let unique = |entries: Vec<(String, String)>| {
            let mut seen = std::collections::BTreeSet::new();
            entries
                .into_iter()
                .filter(|(name, _)| seen.insert(name.clone()))
                .collect()
        };
        prop::collection::vec(entry, 0..6).prop_map(unique)
    }

    proptest! {
        #[test]
        fn every_other_byte_stays(entries in entries(), space in "[ \n\t]{0,2}") {
            let written: Vec<String> = entries
                .iter()
                .map(|(name, value)| format!("{space}\"{name}\"{space}:{space}{value}"))
                .collect();
            let body = format!("{{{}{space}}}", written.join(","));
            let mut wanted: Vec<String> = entries
                .iter()
                .zip(&written)
                .map(|((name, value), text)| match name == "model" {
                    true => format!("{}\"m\\\"2\"", text.strip_suffix(value.as_str()).unwrap()),
                    false => text.clone(),
                })
                .collect();
            if entries.iter().all(|(name, _)| name != "model") {
                let at_start = if entries.is_empty() { space.as_str() } else { "" };
                wanted.push(format!("{at_start}\"model\":\"m\\\"2\""));
            }
            let end = if entries.is_empty() { "" } else { space.as_str() };
            prop_assert_eq!(with_model(&body), format!("{{{}{end}}}", wanted.join(",")));
        }
    }
}
