//! The body of `POST /v1/feedback`, and the judgement that it makes.

use std::fmt;

use pointsman_types::{Feedback, Quality, Verdict};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde_json::{Map, Value};

use crate::problem::Problem;
use crate::route_body::check_size;

/// What a caller may send. An absent field and `null` mean the same.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedbackBody {
    decision_id: Option<String>,
    inference_id: Option<String>,
    metric_name: Option<String>,
    value: Option<Score>,
    verdict: Option<Verdict>,
    tags: Option<Map<String, Value>>,
    idempotency_key: Option<String>,
}

/// A checked submission.
#[derive(Debug, PartialEq)]
pub(crate) struct Submission {
    pub(crate) feedback: Feedback,
    pub(crate) tags: Option<Map<String, Value>>,
    pub(crate) idempotency_key: Option<String>,
}

const DEFAULT_METRIC: &str = "score";
const LONGEST_NAME: usize = 256;

impl FeedbackBody {
    /// Checks the fields against each other and against the `Idempotency-Key` header.
    pub(crate) fn check(self, header_key: Option<String>) -> Result<Submission, Problem> {
        check_size("tags", self.tags.as_ref())?;
        let (value, verdict) = judgement(self.value, self.verdict)?;
        let feedback = Feedback {
            decision_id: decision_id(self.decision_id, self.inference_id)?,
            metric_name: metric_name(self.metric_name)?,
            value,
            verdict,
        };
        Ok(Submission {
            feedback,
            tags: self.tags,
            idempotency_key: idempotency_key(self.idempotency_key, header_key)?,
        })
    }
}

fn judgement(
    value: Option<Score>,
    verdict: Option<Verdict>,
) -> Result<(Quality, Option<Verdict>), Problem> {
    match (value, verdict) {
        (Some(Score(value)), None) => Ok((value, None)),
        (None, Some(verdict)) => Ok((verdict.quality(), Some(verdict))),
        (Some(_), Some(_)) => Err(Problem::invalid(
            "verdict",
            "the body has both `value` and `verdict`; give one of them",
        )),
        (None, None) => Err(Problem::invalid(
            "value",
            "the body has neither `value` nor `verdict`; give one of them",
        )),
    }
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

fn metric_name(name: Option<String>) -> Result<String, Problem> {
    name.map_or_else(
        || Ok(DEFAULT_METRIC.to_owned()),
        |name| named("metric_name", name),
    )
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

    fn check_value(value: &str, expected: f32) {
        let body = format!(r#"{{"decision_id": "d", "value": {value}}}"#);
        let got = submission(&body).unwrap().feedback.value;
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
        let feedback = submission(r#"{"inference_id": "d", "verdict": "underpowered"}"#)
            .unwrap()
            .feedback;
        assert_eq!(feedback.verdict, Some(Verdict::Underpowered));
        assert_eq!(feedback.value, Quality::clamped(0.0));
        assert_eq!(
            (feedback.decision_id.as_str(), feedback.metric_name.as_str()),
            ("d", "score")
        );
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
        let body = || {
            parse::<FeedbackBody>(br#"{"decision_id": "d", "value": 1, "idempotency_key": "a"}"#)
        };
        assert_eq!(
            body()
                .unwrap()
                .check(None)
                .unwrap()
                .idempotency_key
                .as_deref(),
            Some("a")
        );
        assert!(body().unwrap().check(Some("a".into())).is_ok());
        assert!(body().unwrap().check(Some("b".into())).is_err());
    }
}
