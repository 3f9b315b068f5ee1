//! Guard rails at work: on requests before anybody else sees them, on answers before callers do, on
//! prompts before they are stored.

use std::collections::BTreeSet;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::Response;
use futures_util::stream::{StreamExt, unfold};
use pointsman_guard::{BuiltIn, Config, ConfigError, DenyConfig, Guard, PatternConfig};
use pointsman_wire::{Conversation, Dialect, Failure, FailureKind};
use serde::Deserialize;

use super::redacting::Redacting;
use super::refused::Refused;

/// The table `guard`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardConfig {
    /// The kinds that are built in to redact.
    pub redact: BTreeSet<BuiltIn>,
    /// Further patterns to redact.
    pub patterns: Vec<PatternConfig>,
    /// Patterns of requests to refuse.
    pub deny: Vec<DenyConfig>,
    /// Whether requests are redacted before they are routed and sent on.
    pub requests: bool,
    /// Whether answers are, streams included.
    pub answers: bool,
    /// Whether prompts that are kept with decisions are.
    pub stored: bool,
    /// The most messages of a request.
    pub most_messages: usize,
}

impl Default for GuardConfig {
    fn default() -> Self {
        Self {
            redact: BTreeSet::new(),
            patterns: Vec::new(),
            deny: Vec::new(),
            requests: true,
            answers: false,
            stored: true,
            most_messages: 10_000,
        }
    }
}

/// The guard rails of a gateway.
pub(crate) struct Rails {
    guard: Guard,
    redacts: bool,
    denies: bool,
    requests: bool,
    answers: bool,
    stored: bool,
    most_messages: usize,
}

/// Without rules nothing is found.
impl Default for Rails {
    fn default() -> Self {
        Self::new(&GuardConfig::default()).expect("no rules are no wrong rules")
    }
}

impl Rails {
    pub(super) fn new(config: &GuardConfig) -> Result<Self, ConfigError> {
        let rules = Config {
            redact: config.redact.clone(),
            patterns: config.patterns.clone(),
            deny: config.deny.clone(),
        };
        let guard = rules.check()?;
        Ok(Self {
            redacts: guard.redacts(),
            denies: !config.deny.is_empty(),
            guard,
            requests: config.requests,
            answers: config.answers,
            stored: config.stored,
            most_messages: config.most_messages,
        })
    }

    /// A request's body as everybody else sees it. One that cannot be redacted goes nowhere.
    pub(super) fn request(&self, bytes: Bytes) -> Result<Bytes, Refused> {
        if !(self.redacts && self.requests) {
            return Ok(bytes);
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| invalid("the body is not UTF-8"))?;
        let redacted = self.guard.redact_json(text);
        let redacted = redacted.map_err(|error| invalid(&error.to_string()))?;
        Ok(match redacted.counts.is_empty() {
            true => bytes,
            false => redacted.text.into_owned().into(),
        })
    }

    /// Refuses what is denied.
    pub(super) fn admit(&self, said: &Conversation<'_>) -> Result<(), Refused> {
        let messages = said.turns.len();
        if messages > self.most_messages {
            let most = self.most_messages;
            return Err(invalid(&format!(
                "the request has {messages} messages; at most {most} are allowed"
            )));
        }
        if !self.denies {
            return Ok(());
        }
        for one in said.utterances() {
            if let Err(denied) = self.guard.check(&one.text) {
                tracing::info!(rule = &*denied.name, "a request was denied");
                let failure = Failure {
                    code: Some("denied".to_owned()),
                    ..Failure::new(FailureKind::Invalid, &*denied.message)
                };
                return Err(failure.into());
            }
        }
        Ok(())
    }

    /// A prompt as it is kept.
    pub(crate) fn kept(&self, prompt: &str) -> String {
        match self.redacts && self.stored {
            true => self.guard.redact(prompt).text.into_owned(),
            false => prompt.to_owned(),
        }
    }

    /// An answer as callers see it.
    pub(super) async fn answer(&self, response: Response, dialect: Dialect) -> Response {
        if !(self.redacts && self.answers) {
            return response;
        }
        let (mut parts, body) = response.into_parts();
        let kind = parts.headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes());
        if kind == Some(b"text/event-stream") {
            let body = self.stream(body, dialect);
            return Response::from_parts(parts, body);
        }
        parts.headers.remove(CONTENT_LENGTH);
        let whole = to_bytes(body, usize::MAX).await.unwrap_or_default();
        match self.whole(&whole) {
            Some(redacted) => Response::from_parts(parts, redacted.into()),
            None => unredactable().response(dialect),
        }
    }

    /// `None` where it cannot be redacted.
    fn whole(&self, body: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(body).ok()?;
        Some(self.guard.redact_json(text).ok()?.text.into_owned())
    }

    fn stream(&self, body: Body, dialect: Dialect) -> Body {
        let redacting = Redacting::new(self.guard.clone(), dialect);
        let state = (body.into_data_stream(), Some(redacting));
        Body::from_stream(unfold(state, |(mut body, redacting)| async move {
            let mut redacting = redacting?;
            let said = match body.next().await {
                Some(Ok(bytes)) => redacting.push(&bytes),
                Some(Err(error)) => return Some((Err(error), (body, None))),
                None => return Some((Ok(redacting.finish().into()), (body, None))),
            };
            let rest = (!redacting.is_over()).then_some(redacting);
            Some((Ok(Bytes::from(said)), (body, rest)))
        }))
    }
}

fn invalid(why: &str) -> Refused {
    Failure::new(FailureKind::Invalid, why).into()
}

fn unredactable() -> Refused {
    let why = "the answer could not be searched for personal data, so it is withheld";
    Failure::new(FailureKind::BadGateway, why).into()
}
