//! What a caller reports of the call itself: the field `usage` of `POST /v1/feedback`.

use pointsman_types::{Tokens, Usage, Usd};
use serde::Deserialize;

use crate::problem::Problem;

/// What a caller may send. An absent field and `null` mean the same: not known.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsageBody {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cached_tokens: Option<u64>,
    cost_usd: Option<Usd>,
    /// Whether tokens and cost are an estimate.
    estimated: Option<bool>,
    latency_ms: Option<f64>,
    answer_logprob: Option<f64>,
    answer_chars: Option<u64>,
    error: Option<Failed>,
}

/// Whether there was no answer, or why.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected true, false or a text")]
enum Failed {
    Whether(bool),
    Why(String),
}

/// What stands for a reason that was not given.
const UNNAMED: &str = "error";
const LONGEST_REASON: usize = 1024;

impl UsageBody {
    pub(crate) fn check(self) -> Result<Usage, Problem> {
        if self.cost_usd.is_some_and(|cost| cost < Usd::ZERO) {
            return Err(refused("cost_usd", "is negative"));
        }
        // JSON has no number that is not finite.
        if self.latency_ms.is_some_and(|latency| latency < 0.0) {
            return Err(refused("latency_ms", "is negative"));
        }
        if self.answer_logprob.is_some_and(|logprob| logprob > 0.0) {
            return Err(refused("answer_logprob", "is above 0"));
        }
        let failed = self.error.is_some();
        let usage = Usage {
            input_tokens: self.input_tokens.map(Tokens),
            output_tokens: self.output_tokens.map(Tokens),
            cached_tokens: self.cached_tokens.map(Tokens),
            cost: self.cost_usd,
            is_estimated: self.estimated,
            latency_ms: self.latency_ms,
            answer_logprob: self.answer_logprob,
            answer_chars: self.answer_chars,
            error: self.error.map_or(Ok(None), Failed::reason)?,
        };
        match usage == Usage::default() && !failed {
            true => Err(Problem::invalid("usage", "usage says nothing")),
            false => Ok(usage),
        }
    }
}

impl Failed {
    fn reason(self) -> Result<Option<String>, Problem> {
        match self {
            Self::Whether(false) => Ok(None),
            Self::Whether(true) => Ok(Some(UNNAMED.to_owned())),
            Self::Why(reason) if (1..=LONGEST_REASON).contains(&reason.len()) => Ok(Some(reason)),
            Self::Why(_) => Err(refused("error", "must have 1 to 1024 bytes")),
        }
    }
}

fn refused(field: &str, why: &str) -> Problem {
    let param = format!("usage.{field}");
    Problem::invalid(&param, format!("{param} {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;

    fn usage(body: &str) -> Result<Usage, Problem> {
        parse::<UsageBody>(body.as_bytes())?.check()
    }

    fn check_error(error: &str, kept: Option<&str>) {
        let body = format!(r#"{{"error": {error}}}"#);
        assert_eq!(usage(&body).unwrap().error.as_deref(), kept, "{error}");
    }

    #[test]
    fn every_number_reaches_the_usage() {
        let body = r#"{"input_tokens": 7, "output_tokens": 120, "cached_tokens": 3,
                       "cost_usd": 0.0003, "estimated": true, "latency_ms": 812.5,
                       "answer_logprob": -0.5, "answer_chars": 480}"#;
        let expected = Usage {
            input_tokens: Some(Tokens(7)),
            output_tokens: Some(Tokens(120)),
            cached_tokens: Some(Tokens(3)),
            cost: Some(Usd::new(0.0003).unwrap()),
            is_estimated: Some(true),
            latency_ms: Some(812.5),
            answer_logprob: Some(-0.5),
            answer_chars: Some(480),
            error: None,
        };
        assert_eq!(usage(body).unwrap(), expected);
    }

    #[test]
    fn an_error_is_a_word_or_a_yes() {
        check_error("true", Some("error"));
        check_error("false", None);
        check_error(r#""timeout""#, Some("timeout"));
    }

    #[test]
    fn what_no_call_can_take_is_refused() {
        for (body, param) in [
            (r#"{"cost_usd": -1}"#, "usage.cost_usd"),
            (r#"{"latency_ms": -1}"#, "usage.latency_ms"),
            (r#"{"answer_logprob": 0.5}"#, "usage.answer_logprob"),
            (r#"{"error": ""}"#, "usage.error"),
            (r#"{"output_tokens": null}"#, "usage"),
            ("{}", "usage"),
        ] {
            let problem = usage(body).unwrap_err();
            assert_eq!(problem.param.as_deref(), Some(param), "{body}");
        }
        for body in [
            r#"{"output_tokens": -1}"#,
            r#"{"latency_ms": 1e400}"#,
            r#"{"latency_ms": NaN}"#,
            r#"{"answer_chars": 1.5}"#,
            r#"{"error": 7}"#,
        ] {
            assert!(usage(body).is_err(), "{body}");
        }
    }
}
