//! Writing JSON: objects and lists as closures that fill them, so that no comma is ever forgotten.

use super::run;

/// An object being written.
pub(crate) struct Object<'w> {
    out: &'w mut String,
    is_empty: bool,
}

/// A list being written.
pub(crate) struct List<'w> {
    out: &'w mut String,
    is_empty: bool,
}

/// Appends an object.
pub(crate) fn object(out: &mut String, fill: impl FnOnce(&mut Object<'_>)) {
    out.push('{');
    fill(&mut Object {
        out,
        is_empty: true,
    });
    out.push('}');
}

/// Appends a list.
fn list(out: &mut String, fill: impl FnOnce(&mut List<'_>)) {
    out.push('[');
    fill(&mut List {
        out,
        is_empty: true,
    });
    out.push(']');
}

/// Appends a string.
pub(crate) fn quoted(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    loop {
        let end = run::plain(rest.as_bytes(), 0);
        out.push_str(&rest[..end]);
        let Some(byte) = rest.as_bytes().get(end) else {
            break;
        };
        push_escape(out, *byte);
        rest = &rest[end + 1..];
    }
    out.push('"');
}

fn push_escape(out: &mut String, byte: u8) {
    match byte {
        b'"' => out.push_str("\\\""),
        b'\\' => out.push_str("\\\\"),
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        _ => out.push_str(&format!("\\u{byte:04x}")),
    }
}

fn comma(out: &mut String, is_empty: &mut bool) {
    if !*is_empty {
        out.push(',');
    }
    *is_empty = false;
}

impl Object<'_> {
    fn key(&mut self, name: &str) -> &mut String {
        comma(self.out, &mut self.is_empty);
        quoted(self.out, name);
        self.out.push(':');
        self.out
    }

    /// A string.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        quoted(self.key(name), text);
    }

    /// A string, where there is one.
    pub(crate) fn text_if(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// A string, or null.
    pub(crate) fn text_or_null(&mut self, name: &str, text: Option<&str>) {
        match text {
            Some(text) => self.text(name, text),
            None => self.raw(name, "null"),
        }
    }

    /// A whole number.
    pub(crate) fn count(&mut self, name: &str, count: u64) {
        self.raw(name, &count.to_string());
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, name: &str, flag: bool) {
        self.raw(name, if flag { "true" } else { "false" });
    }

    /// A value that is JSON already.
    pub(crate) fn raw(&mut self, name: &str, json: &str) {
        self.key(name).push_str(json);
    }

    /// An object.
    pub(crate) fn object(&mut self, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
        object(self.key(name), fill);
    }

    /// A list.
    pub(crate) fn list(&mut self, name: &str, fill: impl FnOnce(&mut List<'_>)) {
        list(self.key(name), fill);
    }
}

impl List<'_> {
    fn next(&mut self) -> &mut String {
        comma(self.out, &mut self.is_empty);
        self.out
    }

    /// A string.
    pub(crate) fn text(&mut self, text: &str) {
        quoted(self.next(), text);
    }

    /// An object.
    pub(crate) fn object(&mut self, fill: impl FnOnce(&mut Object<'_>)) {
        object(self.next(), fill);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commas_stand_between() {
        let mut out = String::new();
        object(&mut out, |o| {
            o.text("a", "x\"");
            o.list("b", |l| {
                l.text("1");
                l.object(|_| {});
            });
            o.text_if("c", None);
            o.flag("d", true);
        });
        assert_eq!(out, r#"{"a":"x\"","b":["1",{}],"d":true}"#);
    }

    proptest! {
        #[test]
        fn serde_json_reads_what_is_quoted(text in ".*") {
            let mut out = String::new();
            quoted(&mut out, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }
}
