//! The body of `POST /v1/feedback`: the judgement that it makes, and what the call really took.

use std::fmt;

use pointsman_types::{Feedback, Quality, Signal, Usage, Usd, Verdict};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde_json::{Map, Value};

use crate::object::Object;
use crate::problem::Problem;
use crate::route_body::check_size;
use crate::usage_body::UsageBody;

/// What a caller may send. An absent field and `null` mean the same.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedbackBody {
    decision_id: Option<String>,
    inference_id: Option<String>,
    metric_name: Option<String>,
    value: Option<Score>,
    verdict: Option<Verdict>,
    signal: Option<Signal>,
    usage: Option<Object<UsageBody>>,
    tags: Option<Map<String, Value>>,
    idempotency_key: Option<String>,
    key_id: Option<String>,
}

/// A checked submission.
#[derive(Debug, PartialEq)]
pub(crate) struct Submission {
    pub(crate) decision_id: String,
    pub(crate) content: Content,
    pub(crate) key_id: Option<String>,
}

/// What it says.
#[derive(Debug, PartialEq)]
pub(crate) enum Content {
    Judgement(Judgement),
    Usage(Usage),
    Both(Judgement, Usage),
}

impl Submission {
    /// What the call cost, where that is reported.
    pub(crate) fn cost(&self) -> Option<Usd> {
        match &self.content {
            Content::Usage(usage) | Content::Both(_, usage) => usage.cost,
            Content::Judgement(_) => None,
        }
    }
}

/// What was said of the answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Judgement {
    pub(crate) feedback: Feedback,
    pub(crate) tags: Option<Map<String, Value>>,
    pub(crate) idempotency_key: Option<String>,
}

/// The judgement itself, in whichever form it came.
struct Said {
    value: Quality,
    verdict: Option<Verdict>,
    /// The metric where none is named.
    metric: &'static str,
}

const DEFAULT_METRIC: &str = "score";
const LONGEST_NAME: usize = 256;

impl FeedbackBody {
    /// Checks the fields against each other and against the `Idempotency-Key` header.
    pub(crate) fn check(self, header_key: Option<String>) -> Result<Submission, Problem> {
        check_size("tags", self.tags.as_ref())?;
        let usage = self.usage.map(|Object(usage)| usage.check()).transpose()?;
        let decision_id = decision_id(self.decision_id, self.inference_id)?;
        let idempotency_key = idempotency_key(self.idempotency_key, header_key)?;
        let metric_name = optional("metric_name", self.metric_name)?;
        let key_id = optional("key_id", self.key_id)?;
        let said = said(self.value, self.verdict, self.signal)?;
        let judgement = said.map(|said| Judgement {
            feedback: Feedback {
                decision_id: decision_id.clone(),
                metric_name: metric_name
                    .clone()
                    .unwrap_or_else(|| said.metric.to_owned()),
                value: said.value,
                verdict: said.verdict,
            },
            tags: self.tags.clone(),
            idempotency_key,
        });
        let content = match (judgement, usage) {
            (Some(judgement), None) => Content::Judgement(judgement),
            (Some(judgement), Some(usage)) => Content::Both(judgement, usage),
            (None, Some(usage)) => {
                needs_no_judgement(metric_name.is_some(), self.tags.is_some())?;
                Content::Usage(usage)
            }
            (None, None) => return Err(nothing()),
        };
        Ok(Submission {
            decision_id,
            content,
            key_id,
        })
    }
}

fn said(
    value: Option<Score>,
    verdict: Option<Verdict>,
    signal: Option<Signal>,
) -> Result<Option<Said>, Problem> {
    let said = |value, verdict, metric| Said {
        value,
        verdict,
        metric,
    };
    match (value, verdict, signal) {
        (Some(Score(value)), None, None) => Ok(Some(said(value, None, DEFAULT_METRIC))),
        (None, Some(verdict), None) => {
            Ok(Some(said(verdict.quality(), Some(verdict), DEFAULT_METRIC)))
        }
        (None, None, Some(signal)) => Ok(Some(said(signal.quality(), None, signal.metric_name()))),
        (None, None, None) => Ok(None),
        (_, Some(_), None) => Err(both("verdict", "`value` and `verdict`")),
        (Some(_), _, Some(_)) => Err(both("signal", "`value` and `signal`")),
        (None, Some(_), Some(_)) => Err(both("signal", "`verdict` and `signal`")),
    }
}

fn both(param: &str, fields: &str) -> Problem {
    Problem::invalid(
        param,
        format!("the body has both {fields}; give one of them"),
    )
}

fn nothing() -> Problem {
    Problem::invalid(
        "value",
        "the body has neither `value`, `verdict` nor `signal`, nor `usage`; give one of them",
    )
}

/// What belongs to a judgement alone must not be dropped in silence.
fn needs_no_judgement(metric: bool, tags: bool) -> Result<(), Problem> {
    let field = match (metric, tags) {
        (true, _) => "metric_name",
        (_, true) => "tags",
        (false, false) => return Ok(()),
    };
    Err(Problem::invalid(
        field,
        format!("{field} belongs to a judgement, and the body has none"),
    ))
}

fn decision_id(decision: Option<String>, inference: Option<String>) -> Result<String, Problem> {
    match (decision, inference) {
        (Some(id), None) => named("decision_id", id),
        (None, Some(id)) => named("inference_id", id),
        (Some(_), Some(_)) => Err(Problem::invalid(
            "inference_id",
            "the body has both `decision_id` and `inference_id`; give one of them",
        )),
        (None, None) => Err(Problem::invalid("decision_id", "decision_id is missing")),
    }
}

fn optional(field: &str, name: Option<String>) -> Result<Option<String>, Problem> {
    name.map(|name| named(field, name)).transpose()
}

fn idempotency_key(
    field: Option<String>,
    header: Option<String>,
) -> Result<Option<String>, Problem> {
    match (field, header) {
        (Some(field), Some(header)) if field != header => Err(Problem::invalid(
            "idempotency_key",
            "idempotency_key and the header Idempotency-Key differ",
        )),
        (Some(key), _) | (None, Some(key)) => named("idempotency_key", key).map(Some),
        (None, None) => Ok(None),
    }
}

fn named(field: &str, name: String) -> Result<String, Problem> {
    if (1..=LONGEST_NAME).contains(&name.len()) {
        return Ok(name);
    }
    Err(Problem::invalid(
        field,
        format!(
            "{field} must have 1 to {LONGEST_NAME} bytes, it has {}",
            name.len()
        ),
    ))
}

/// A number in `[0, 1]`, or a boolean.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Score(Quality);

impl<'de> Deserialize<'de> for Score {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScoreVisitor).map(Score)
    }
}

struct ScoreVisitor;

impl Visitor<'_> for ScoreVisitor {
    type Value = Quality;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number between 0 and 1, or a boolean")
    }

    fn visit_bool<E: Error>(self, good: bool) -> Result<Quality, E> {
        Ok(Quality::clamped(f32::from(u8::from(good))))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Quality, E> {
        self.visit_f64(value as f64)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Quality, E> {
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Quality, E> {
        Quality::new(value).map_err(|_| E::invalid_value(Unexpected::Float(value), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;

    fn submission(body: &str) -> Result<Submission, Problem> {
        parse::<FeedbackBody>(body.as_bytes())?.check(None)
    }

    fn judged(body: &str) -> Judgement {
        match submission(body).unwrap().content {
            Content::Judgement(judgement) | Content::Both(judgement, _) => judgement,
            Content::Usage(usage) => panic!("there is no judgement beside {usage:?}"),
        }
    }

    fn check_value(value: &str, expected: f32) {
        let body = format!(r#"{{"decision_id": "d", "value": {value}}}"#);
        let got = judged(&body).feedback.value;
        assert_eq!(got, Quality::clamped(expected), "{value}");
    }

    fn check_refused(body: &str, param: &str, says: &str) {
        let problem = submission(body).unwrap_err();
        assert_eq!(problem.param.as_deref(), Some(param), "{}", problem.message);
        assert!(
            problem.message.contains(says),
            "{:?} does not say {says:?}",
            problem.message
        );
    }

    #[test]
    fn a_value_is_a_number_or_a_boolean() {
        check_value("0.25", 0.25);
        check_value("1", 1.0);
        check_value("true", 1.0);
        check_value("false", 0.0);
    }

    #[test]
    fn a_verdict_stands_for_a_value() {
        let feedback = judged(r#"{"inference_id": "d", "verdict": "underpowered"}"#).feedback;
        assert_eq!(feedback.verdict, Some(Verdict::Underpowered));
        assert_eq!(feedback.value, Quality::clamped(0.0));
        assert_eq!(
            (feedback.decision_id.as_str(), feedback.metric_name.as_str()),
            ("d", "score")
        );
    }

    #[test]
    fn a_signal_is_a_weak_judgement_under_its_own_name() {
        for signal in Signal::ALL {
            let word = signal.metric_name().strip_prefix(Signal::PREFIX).unwrap();
            let body = format!(r#"{{"decision_id": "d", "signal": "{word}"}}"#);
            let feedback = judged(&body).feedback;
            assert_eq!(feedback.metric_name, signal.metric_name());
            assert_eq!((feedback.value, feedback.verdict), (signal.quality(), None));
        }
        let named = judged(r#"{"decision_id": "d", "signal": "edit", "metric_name": "mine"}"#);
        assert_eq!(named.feedback.metric_name, "mine");
    }

    #[test]
    fn usage_comes_beside_a_judgement_or_alone() {
        let both = r#"{"decision_id": "d", "value": 1, "usage": {"output_tokens": 5}}"#;
        assert!(matches!(
            submission(both).unwrap().content,
            Content::Both(..)
        ));
        let alone = r#"{"decision_id": "d", "key_id": "k", "usage": {"latency_ms": 12.5}}"#;
        let alone = submission(alone).unwrap();
        assert!(matches!(alone.content, Content::Usage(_)));
        assert_eq!(alone.key_id.as_deref(), Some("k"));
    }

    #[test]
    fn what_belongs_to_a_judgement_needs_one() {
        for (field, value) in [("metric_name", r#""m""#), ("tags", r#"{"a": 1}"#)] {
            let body = format!(
                r#"{{"decision_id": "d", "usage": {{"error": true}}, "{field}": {value}}}"#
            );
            check_refused(&body, field, "has none");
        }
    }

    #[test]
    fn a_value_out_of_range_is_refused() {
        for value in ["1.01", "-1", "2", "\"good\"", "1e400"] {
            let body = format!(r#"{{"decision_id": "d", "value": {value}}}"#);
            assert!(submission(&body).is_err(), "{value}");
        }
        check_refused(
            r#"{"decision_id": "d", "value": 7}"#,
            "value",
            "between 0 and 1",
        );
    }

    #[test]
    fn what_is_missing_or_doubled_is_named() {
        check_refused(r#"{"value": 1}"#, "decision_id", "missing");
        check_refused(r#"{"decision_id": "d"}"#, "value", "neither");
        check_refused(
            r#"{"decision_id": "d", "value": 1, "verdict": "failed"}"#,
            "verdict",
            "both",
        );
        check_refused(
            r#"{"decision_id": "d", "value": 1, "signal": "edit"}"#,
            "signal",
            "both",
        );
        check_refused(
            r#"{"decision_id": "d", "verdict": "failed", "signal": "edit"}"#,
            "signal",
            "both",
        );
        check_refused(
            r#"{"decision_id": "d", "signal": "shrug"}"#,
            "signal",
            "abandon",
        );
        check_refused(
            r#"{"decision_id": "d", "value": 1, "key_id": ""}"#,
            "key_id",
            "bytes",
        );
        check_refused(
            r#"{"decision_id": "d", "inference_id": "d", "value": 1}"#,
            "inference_id",
            "both",
        );
        check_refused(r#"{"decision_id": "", "value": 1}"#, "decision_id", "bytes");
        check_refused(
            r#"{"decision_id": "d", "value": 1, "metric_name": ""}"#,
            "metric_name",
            "bytes",
        );
        check_refused(
            r#"{"decision_id": "d", "verdict": "bad"}"#,
            "verdict",
            "good_fit",
        );
        check_refused(
            r#"{"decision_id": "d", "valeu": 1}"#,
            "valeu",
            "unknown field",
        );
    }

    #[test]
    fn the_header_names_the_submission_too() {
        let text = r#"{"decision_id": "d", "value": 1, "idempotency_key": "a"}"#;
        let body = || parse::<FeedbackBody>(text.as_bytes());
        assert_eq!(judged(text).idempotency_key.as_deref(), Some("a"));
        assert!(body().unwrap().check(Some("a".into())).is_ok());
        assert!(body().unwrap().check(Some("b".into())).is_err());
    }
}
