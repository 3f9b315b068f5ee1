//! Where an answer takes what the gateway notes on it: known when it is read, filled when it is paid.

use std::ops::Range;

use crate::Body;
use crate::json::{Json, quoted};

/// Where an answer takes its cost, as `usage.cost`, and a field of the gateway's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    /// `None` where nothing is said of usage.
    cost: Option<Slot>,
    note: Slot,
}

/// Where the value of a field stands, or would stand.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Slot {
    name: &'static str,
    /// The bytes that the value takes the place of.
    bytes: Range<usize>,
    is: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    There,
    /// It would be the first field.
    First,
    /// It would come after others.
    Last,
}

impl Body<'_> {
    /// Where this answer takes its cost and a field of this name.
    #[must_use]
    pub fn slots(&self, note: &'static str) -> Slots {
        let usage = self.find("usage");
        Slots {
            cost: usage.and_then(|usage| Slot::of(usage, "cost")),
            note: Slot::of(self.root(), note).expect("a body is an object"),
        }
    }
}

impl Slots {
    /// The same answer, byte for byte, with these values, which are JSON.
    #[must_use]
    pub fn filled(&self, answer: &[u8], cost: Option<&str>, note: Option<&str>) -> Vec<u8> {
        let mut values = [
            self.cost.as_ref().zip(cost),
            note.map(|note| (&self.note, note)),
        ];
        values.sort_by_key(|value| value.map(|(slot, _)| slot.bytes.start));
        let room = values
            .iter()
            .flatten()
            .map(|(slot, value)| slot.room(value));
        let mut out = Vec::with_capacity(answer.len() + room.sum::<usize>());
        let mut done = 0;
        for (slot, value) in values.into_iter().flatten() {
            out.extend_from_slice(&answer[done..slot.bytes.start]);
            slot.fill(value, &mut out);
            done = slot.bytes.end;
        }
        out.extend_from_slice(&answer[done..]);
        out
    }
}

impl Slot {
    /// Where an object has this field; `None` where it is no object.
    fn of(object: Json<'_>, name: &'static str) -> Option<Self> {
        let entries = object.entries().ok()?;
        let (mut last, mut there) = (None, None);
        for entry in entries {
            let value = entry.value.start()..entry.value.end();
            last = Some(value.end);
            // Of a field that stands twice readers take the last.
            there = (entry.name == name).then_some(value).or(there);
        }
        let (bytes, is) = match (there, last) {
            (Some(value), _) => (value, Standing::There),
            (None, Some(end)) => (end..end, Standing::Last),
            (None, None) => (object.end() - 1..object.end() - 1, Standing::First),
        };
        Some(Self { name, bytes, is })
    }

    /// The most bytes that a value takes.
    const fn room(&self, value: &str) -> usize {
        self.name.len() + value.len() + ",\"\":".len()
    }

    fn fill(&self, value: &str, out: &mut Vec<u8>) {
        let mut lead = match self.is {
            Standing::Last => ",",
            Standing::There | Standing::First => "",
        }
        .to_owned();
        if self.is != Standing::There {
            quoted(&mut lead, self.name);
            lead.push(':');
        }
        out.extend_from_slice(lead.as_bytes());
        out.extend_from_slice(value.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(before: &str, cost: Option<&str>, note: Option<&str>) -> String {
        let slots = Body::parse(before.as_bytes()).unwrap().slots("n");
        String::from_utf8(slots.filled(before.as_bytes(), cost, note)).unwrap()
    }

    #[test]
    fn an_answer_gets_its_cost_and_a_note() {
        let cases = [
            (
                r#"{"usage": {"a": 1}}"#,
                r#"{"usage": {"a": 1,"cost":0.5},"n":[1]}"#,
            ),
            (
                r#"{"usage":{"cost":2 , "b":3 } }"#,
                r#"{"usage":{"cost":0.5 , "b":3 },"n":[1] }"#,
            ),
            (r#"{"usage":{ }}"#, r#"{"usage":{ "cost":0.5},"n":[1]}"#),
            (r#"{"usage":null}"#, r#"{"usage":null,"n":[1]}"#),
            (
                r#"{"n":"é", "usage":{"cost":1,"cost":2}}"#,
                r#"{"n":[1], "usage":{"cost":1,"cost":0.5}}"#,
            ),
            ("{}", r#"{"n":[1]}"#),
        ];
        for (before, after) in cases {
            assert_eq!(noted(before, Some("0.5"), Some("[1]")), after);
        }
    }

    #[test]
    fn what_is_not_known_is_not_noted() {
        for body in [r#" { "usage" : {"a":1} } "#, "{ }"] {
            assert_eq!(noted(body, None, None), body);
        }
        assert_eq!(noted("{ }", Some("1"), None), "{ }");
        assert_eq!(
            noted(r#"{"usage":{}}"#, None, Some("0")),
            r#"{"usage":{},"n":0}"#
        );
    }
}
