//! One value of one row, in whichever format it was written, and what it can be read as.
//!
//! A reading yields `Ok(None)` for a missing value and a reason for one of the wrong sort.
//! Ranges are not checked here: they belong to the columns.

use std::borrow::Cow;

use serde_json::Value;

/// The longest piece of a wrong value that a message repeats, in characters.
const QUOTED: usize = 40;

/// A value as the format stores it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    /// Null, or in CSV the empty field.
    Missing,
    /// Text that is known to be text.
    Text(Cow<'a, str>),
    /// A field of a CSV file, which may stand for a number.
    Field(&'a str),
    Int(i128),
    Float(f64),
    Bool(bool),
    /// A list or an object.
    Tree(Cow<'a, Value>),
    /// What can be read as nothing; the reason.
    Unreadable(String),
}

impl<'a> From<&'a Value> for Cell<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Missing,
            Value::Bool(truth) => Self::Bool(*truth),
            Value::String(text) => Self::Text(Cow::Borrowed(text)),
            Value::Number(number) => number.as_i128().map_or_else(
                || Self::Float(number.as_f64().unwrap_or(f64::NAN)),
                Self::Int,
            ),
            Value::Array(_) | Value::Object(_) => Self::Tree(Cow::Borrowed(value)),
        }
    }
}

impl<'a> Cell<'a> {
    /// Text; nothing else passes for it.
    pub(crate) fn text(self) -> Result<Option<Cow<'a, str>>, String> {
        match self {
            Self::Missing => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            Self::Field(field) => Ok(Some(Cow::Borrowed(field))),
            other => Err(other.expected("text")),
        }
    }

    /// A name or an id: text, or a number that stands for one. An empty name is a missing one.
    pub(crate) fn label(self) -> Result<Option<String>, String> {
        match self {
            Self::Int(number) => Ok(Some(number.to_string())),
            // Spreadsheets and data frames turn whole ids into floats.
            Self::Float(number) if number.is_finite() => Ok(Some(number.to_string())),
            other => match other.text()? {
                Some(text) if text.is_empty() => Ok(None),
                text => Ok(text.map(Cow::into_owned)),
            },
        }
    }

    /// A number, not-a-number included.
    pub(crate) fn number(self) -> Result<Option<f64>, String> {
        match self {
            Self::Missing => Ok(None),
            Self::Int(number) => Ok(Some(number as f64)),
            Self::Float(number) => Ok(Some(number)),
            Self::Field(field) => match field.trim().parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(self.expected("a number")),
            },
            other => Err(other.expected("a number")),
        }
    }

    /// A number, or a truth value as 1 or 0: tests are often logged as passed or not.
    pub(crate) fn number_or_truth(self) -> Result<Option<f64>, String> {
        match self.as_truth() {
            Some(truth) => Ok(Some(f64::from(u8::from(truth)))),
            None => self.number(),
        }
    }

    /// True or false.
    pub(crate) fn truth(self) -> Result<Option<bool>, String> {
        match self.as_truth() {
            None if self.is_missing() => Ok(None),
            None => Err(self.expected("true or false")),
            truth => Ok(truth),
        }
    }

    fn as_truth(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            Self::Field(field) if field.eq_ignore_ascii_case("true") => Some(true),
            Self::Field(field) if field.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// How many of something.
    pub(crate) fn count(self) -> Result<Option<u64>, String> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let Some(number) = self.number()? else {
            return Ok(None);
        };
        if number.fract() == 0.0 && (0.0..=EXACT).contains(&number) {
            return Ok(Some(number as u64));
        }
        Err(format!("must be a whole number, 0 or more, got {number}"))
    }

    pub(crate) fn is_missing(&self) -> bool {
        match self {
            Self::Missing => true,
            Self::Text(text) => text.is_empty(),
            _ => false,
        }
    }

    fn expected(&self, wanted: &str) -> String {
        let got = match self {
            Self::Missing => "nothing".to_owned(),
            Self::Text(text) => format!("the text \"{}\"", shortened(text)),
            Self::Field(field) => format!("\"{}\"", shortened(field)),
            Self::Int(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Bool(truth) => truth.to_string(),
            Self::Tree(tree) if tree.is_array() => "a list".to_owned(),
            Self::Tree(_) => "an object".to_owned(),
            Self::Unreadable(reason) => return reason.clone(),
        };
        format!("must be {wanted}, got {got}")
    }
}

/// The beginning of a text that may be megabytes long, without line breaks.
pub(crate) fn shortened(text: &str) -> String {
    let mut start: String = text.chars().take(QUOTED).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_csv_field_may_stand_for_a_number() {
        assert_eq!(Cell::Field(" 0.5 ").number(), Ok(Some(0.5)));
        assert_eq!(Cell::Field("True").number_or_truth(), Ok(Some(1.0)));
        assert!(Cell::Field("good").number().is_err());
    }

    #[test]
    fn text_in_a_typed_format_is_no_number() {
        let reason = Cell::Text("0.5".into()).number().unwrap_err();
        assert_eq!(reason, "must be a number, got the text \"0.5\"");
    }

    #[test]
    fn a_count_is_whole_and_not_negative() {
        assert_eq!(Cell::Float(12.0).count(), Ok(Some(12)));
        for wrong in [-1.0, 1.5, f64::NAN, f64::INFINITY, 1e300] {
            assert!(Cell::Float(wrong).count().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_id_may_be_a_number() {
        assert_eq!(Cell::Int(17).label(), Ok(Some("17".to_owned())));
        assert_eq!(Cell::Float(17.0).label(), Ok(Some("17".to_owned())));
        assert_eq!(Cell::Text("".into()).label(), Ok(None));
        assert!(Cell::Bool(true).label().is_err());
    }

    #[test]
    fn a_message_repeats_only_the_beginning_of_a_long_value() {
        let long = "x".repeat(1_000_000);
        assert!(Cell::Text(long.into()).number().unwrap_err().len() < 100);
    }
}
