//! Whether an answer is good enough to stop at.

use pointsman_types::ModelName;
use pointsman_wire::{Answer, Format, Likelihood, Said, Stop};
use regex::Regex;
use serde_json::Value;

use super::judge::graded;
use super::{CheckConfig, Crew, Done};

/// A check that was checked itself.
pub(super) enum Check {
    Logprob(f64),
    Length(usize, usize),
    Refusal,
    Json,
    Regex {
        pattern: Regex,
        is_forbidden: bool,
    },
    Judge {
        model: ModelName,
        least: f64,
        criteria: String,
    },
}

/// How models begin when they decline, in lower case.
const DECLINES: [&str; 10] = [
    "i can't",
    "i cannot",
    "i can’t",
    "i'm sorry",
    "i’m sorry",
    "i am sorry",
    "sorry, ",
    "i'm unable",
    "i am unable",
    "as an ai",
];

/// What a judge looks at where the settings name nothing.
const CRITERIA: &str = "Is the answer correct and complete?";

impl Check {
    pub(super) fn new(config: &CheckConfig) -> Result<Self, String> {
        Ok(match config {
            CheckConfig::Logprob { least } if *least <= 0.0 => Self::Logprob(*least),
            CheckConfig::Logprob { least } => {
                return Err(format!("logprob.least is {least}; it must be at most 0"));
            }
            CheckConfig::Length { least, most } => {
                Self::Length(least.unwrap_or(0), most.unwrap_or(usize::MAX))
            }
            CheckConfig::Refusal {} => Self::Refusal,
            CheckConfig::Json {} => Self::Json,
            CheckConfig::Regex { pattern, forbidden } => Self::Regex {
                pattern: Regex::new(pattern).map_err(|error| format!("regex: {error}"))?,
                is_forbidden: *forbidden,
            },
            CheckConfig::Judge { least, .. } if !(0.0..=1.0).contains(least) => {
                return Err(format!(
                    "judge.least is {least}; it must be between 0 and 1"
                ));
            }
            CheckConfig::Judge {
                model,
                least,
                criteria,
            } => Self::Judge {
                model: model.clone(),
                least: *least,
                criteria: criteria.clone().unwrap_or_else(|| CRITERIA.to_owned()),
            },
        })
    }

    pub(super) const fn needs_likelihood(&self) -> bool {
        matches!(self, Self::Logprob(_))
    }

    /// A judge that cannot be asked lets nothing pass.
    pub(super) async fn passes(&self, crew: &Crew<'_>, done: &Done) -> bool {
        let answer = &done.answer;
        match self {
            Self::Logprob(least) => is_likely(answer, *least),
            Self::Length(least, most) => {
                let chars = answer.text().chars().count();
                (*least..=*most).contains(&chars)
            }
            Self::Refusal => !declines(answer),
            Self::Json => is_json(answer, crew.request.said.format.as_ref()),
            Self::Regex {
                pattern,
                is_forbidden,
            } => pattern.is_match(&answer.text()) != *is_forbidden,
            Self::Judge {
                model,
                least,
                criteria,
            } => graded(crew, model, criteria, answer)
                .await
                .is_some_and(|grade| grade >= *least),
        }
    }
}

fn is_likely(answer: &Answer, least: f64) -> bool {
    let mean = answer.likelihood.map(Likelihood::mean);
    mean.is_none_or(|mean| mean >= least)
}

fn declines(answer: &Answer) -> bool {
    let is_refusal = |said: &Said| matches!(said, Said::Refusal(_));
    let text = answer.text().trim_start().to_lowercase();
    answer.stop == Stop::Filtered
        || answer.said.iter().any(is_refusal)
        || DECLINES.iter().any(|begin| text.starts_with(begin))
}

/// Whether it is JSON, and by the request's schema where that has one.
fn is_json(answer: &Answer, format: Option<&Format<'_>>) -> bool {
    let Ok(value) = serde_json::from_str::<Value>(answer.text().trim()) else {
        return false;
    };
    match format {
        Some(Format::JsonSchema { schema, .. }) => serde_json::from_str(schema)
            .ok()
            .and_then(|schema: Value| jsonschema::validator_for(&schema).ok())
            .is_none_or(|validator| validator.is_valid(&value)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Answer {
        Answer {
            said: vec![Said::Text(text.to_owned())],
            ..Answer::default()
        }
    }

    #[test]
    fn a_refusal_is_seen() {
        for text in [
            "I'm sorry, but no.",
            "  As an AI model I",
            "I cannot help with that",
        ] {
            assert!(declines(&said(text)), "{text}");
        }
        assert!(!declines(&said(
            "The train cannot leave: I'm sorry is what the board says."
        )));
        let withheld = Answer {
            stop: Stop::Filtered,
            ..said("Half")
        };
        assert!(declines(&withheld));
    }

    #[test]
    fn json_follows_the_schema_of_the_request() {
        let format = Format::JsonSchema {
            name: None,
            description: None,
            schema: r#"{"type": "object", "required": ["city"]}"#.into(),
            is_strict: true,
        };
        assert!(is_json(&said(r#"{"city": "Ulm"}"#), Some(&format)));
        assert!(!is_json(&said(r#"{"town": "Ulm"}"#), Some(&format)));
        assert!(is_json(&said("[1]"), None));
        assert!(!is_json(&said("city: Ulm"), None));
    }

    #[test]
    fn an_unlikely_answer_does_not_pass() {
        let likely = |logprob| Answer {
            likelihood: Some(Likelihood { logprob, tokens: 4 }),
            ..said("Yes.")
        };
        assert!(is_likely(&likely(-0.4), -0.2));
        assert!(!is_likely(&likely(-4.0), -0.2));
        assert!(is_likely(&said("Yes."), -0.2), "nothing is known");
    }

    #[test]
    fn what_cannot_be_checked_is_named() {
        let wrong = |check| Check::new(&check).err().unwrap();
        assert!(wrong(CheckConfig::Logprob { least: 1.0 }).contains("at most 0"));
        let regex = CheckConfig::Regex {
            pattern: "(".into(),
            forbidden: false,
        };
        assert!(wrong(regex).contains("regex"));
    }
}
