//! Text in a JSON body, borrowed from it where nothing is escaped.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use crate::object::Object;

/// A string of the body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

/// What a message says: a string, or a list of text parts, which are put on lines of their own as
/// they are when logs are read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Content<'a>(pub(crate) Cow<'a, str>);

/// One part of a message.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Part<'a> {
    #[serde(rename = "type")]
    _kind: PartKind,
    #[serde(borrow)]
    text: Text<'a>,
}

/// The router reads text alone.
#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum PartKind {
    Text,
}

struct TextVisitor;
struct ContentVisitor;

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor).map(Text)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor).map(Content)
    }
}

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of text parts")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        let mut lines: Vec<Cow<'de, str>> = Vec::new();
        while let Some(part) = parts.next_element::<Object<Part<'de>>>()? {
            lines.push(part.0.text.0);
        }
        Ok(Cow::Owned(lines.join("\n")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_borrowed_and_escaped_text_is_not() {
        let plain: Text<'_> = serde_json::from_str(r#""why""#).unwrap();
        assert!(matches!(plain.0, Cow::Borrowed("why")));
        let escaped: Text<'_> = serde_json::from_str(r#""a\nb""#).unwrap();
        assert_eq!(escaped.0, "a\nb");
    }

    #[test]
    fn parts_are_lines() {
        let json = r#"[{"type":"text","text":"Why"},{"type":"text","text":"not?"}]"#;
        let content: Content<'_> = serde_json::from_str(json).unwrap();
        assert_eq!(content.0, "Why\nnot?");
    }

    #[test]
    fn an_image_is_refused() {
        let json = r#"[{"type":"image_url","text":""}]"#;
        let error = serde_json::from_str::<Content<'_>>(json).unwrap_err();
        assert!(error.to_string().contains("image_url"), "{error}");
    }
}
