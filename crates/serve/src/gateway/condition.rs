//! Conditions on what callers attach to a request: `{ plan = { "$in" = ["gold", "silver"] } }`.

use std::cmp::Ordering;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// What all of a request's labels must be for a model to be asked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Conditions(Vec<Condition>);

#[derive(Debug, Clone, PartialEq)]
struct Condition {
    label: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    /// One of these.
    In(Vec<Value>),
    /// None of these.
    NotIn(Vec<Value>),
    /// Greater, less, or equal to a number or a text.
    Ordered {
        value: Value,
        allowed: &'static [Ordering],
    },
}

const OPERATORS: &str = "$eq, $ne, $in, $nin, $gt, $gte, $lt or $lte";

impl Conditions {
    /// Whether labels meet every condition. A label that is missing meets `$ne` and `$nin` alone.
    pub(crate) fn hold(&self, labels: &Map<String, Value>) -> bool {
        let holds = |condition: &Condition| condition.test.holds(labels.get(&condition.label));
        self.0.iter().all(holds)
    }
}

impl Test {
    fn of(operator: &str, value: Value) -> Result<Self, String> {
        let ordered = |allowed| {
            let test = Self::Ordered {
                value: value.clone(),
                allowed,
            };
            match value {
                Value::Number(_) | Value::String(_) => Ok(test),
                _ => Err(format!("{operator} takes a number or a text")),
            }
        };
        match (operator, &value) {
            ("$eq", _) => Ok(Self::In(vec![value])),
            ("$ne", _) => Ok(Self::NotIn(vec![value])),
            ("$in", Value::Array(values)) => Ok(Self::In(values.clone())),
            ("$nin", Value::Array(values)) => Ok(Self::NotIn(values.clone())),
            ("$in" | "$nin", _) => Err(format!("{operator} takes a list")),
            ("$gt", _) => ordered(&[Ordering::Greater]),
            ("$gte", _) => ordered(&[Ordering::Greater, Ordering::Equal]),
            ("$lt", _) => ordered(&[Ordering::Less]),
            ("$lte", _) => ordered(&[Ordering::Less, Ordering::Equal]),
            _ => Err(format!(
                "`{operator}` is no operator; there are {OPERATORS}"
            )),
        }
    }

    fn holds(&self, label: Option<&Value>) -> bool {
        match self {
            Self::In(values) => {
                label.is_some_and(|label| values.iter().any(|one| same(one, label)))
            }
            Self::NotIn(values) => {
                label.is_none_or(|label| !values.iter().any(|one| same(one, label)))
            }
            Self::Ordered { value, allowed } => label
                .and_then(|label| compared(label, value))
                .is_some_and(|order| allowed.contains(&order)),
        }
    }
}

/// 1 and 1.0 are the same.
fn same(value: &Value, label: &Value) -> bool {
    value == label || compared(label, value) == Some(Ordering::Equal)
}

/// Two numbers or two texts; a text that is a number compares with numbers, since some APIs carry
/// texts only.
fn compared(label: &Value, value: &Value) -> Option<Ordering> {
    match (label, value) {
        (Value::String(label), Value::String(value)) => Some(label.cmp(value)),
        (Value::String(label), Value::Number(value)) => {
            label.parse::<f64>().ok()?.partial_cmp(&value.as_f64()?)
        }
        (Value::Number(label), Value::Number(value)) => {
            label.as_f64()?.partial_cmp(&value.as_f64()?)
        }
        _ => None,
    }
}

impl<'de> Deserialize<'de> for Conditions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let labels = Map::<String, Value>::deserialize(deserializer)?;
        let mut conditions = Vec::new();
        for (label, tests) in labels {
            for test in tests_of(tests).map_err(|wrong| wrong_at::<D>(&label, &wrong))? {
                let label = label.clone();
                conditions.push(Condition { label, test });
            }
        }
        Ok(Self(conditions))
    }
}

fn wrong_at<'de, D: Deserializer<'de>>(label: &str, wrong: &str) -> D::Error {
    serde::de::Error::custom(format!("the condition on `{label}`: {wrong}"))
}

/// A plain value means that the label equals it.
fn tests_of(tests: Value) -> Result<Vec<Test>, String> {
    match tests {
        Value::Object(tests) if tests.is_empty() => Err(format!("it needs {OPERATORS}")),
        Value::Object(tests) => tests
            .into_iter()
            .map(|(operator, value)| Test::of(&operator, value))
            .collect(),
        value => Ok(vec![Test::In(vec![value])]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(conditions: Value, labels: Value) -> bool {
        let conditions: Conditions = serde_json::from_value(conditions).unwrap();
        conditions.hold(labels.as_object().unwrap())
    }

    fn check(conditions: Value, meets: &[Value], misses: &[Value]) {
        for labels in meets {
            assert!(
                holds(conditions.clone(), labels.clone()),
                "{conditions} {labels}"
            );
        }
        for labels in misses {
            assert!(
                !holds(conditions.clone(), labels.clone()),
                "{conditions} {labels}"
            );
        }
    }

    #[test]
    fn operators_mean_what_they_say() {
        check(
            json!({"a": "x"}),
            &[json!({"a": "x"})],
            &[json!({"a": "y"}), json!({})],
        );
        check(
            json!({"a": {"$eq": 1}}),
            &[json!({"a": 1.0}), json!({"a": "1"})],
            &[json!({"a": true})],
        );
        check(
            json!({"a": {"$ne": "x"}}),
            &[json!({}), json!({"a": "y"})],
            &[json!({"a": "x"})],
        );
        check(
            json!({"a": {"$in": ["x", 2]}}),
            &[json!({"a": 2})],
            &[json!({"a": 3}), json!({})],
        );
        check(
            json!({"a": {"$nin": ["x"]}}),
            &[json!({"a": 2}), json!({})],
            &[json!({"a": "x"})],
        );
        check(
            json!({"a": {"$gt": 5}}),
            &[json!({"a": 6}), json!({"a": "7"})],
            &[json!({"a": 5}), json!({})],
        );
        check(
            json!({"a": {"$gte": 5}}),
            &[json!({"a": 5})],
            &[json!({"a": 4.9}), json!({"a": "x"})],
        );
        check(
            json!({"a": {"$lt": "m"}}),
            &[json!({"a": "b"})],
            &[json!({"a": "z"})],
        );
        check(
            json!({"a": {"$lte": 5, "$gt": 1}}),
            &[json!({"a": 5})],
            &[json!({"a": 1})],
        );
        check(
            json!({"a": 1, "b": 2}),
            &[json!({"a": 1, "b": 2})],
            &[json!({"a": 1})],
        );
        check(json!({}), &[json!({})], &[]);
    }

    fn check_refused(conditions: Value, says: &str) {
        let error = serde_json::from_value::<Conditions>(conditions).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }

    #[test]
    fn what_is_no_condition_is_named() {
        check_refused(json!({"a": {"$near": 1}}), "`a`: `$near` is no operator");
        check_refused(json!({"a": {"$in": 1}}), "$in takes a list");
        check_refused(json!({"a": {"$gt": [1]}}), "$gt takes a number or a text");
        check_refused(json!({"a": {}}), "needs $eq");
    }
}
