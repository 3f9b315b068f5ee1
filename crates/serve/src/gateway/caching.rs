//! Which answers may be given again, and how they are: `cache` keeps them.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::{AGE, CACHE_CONTROL, HeaderValue};
use axum::response::Response;
use pointsman_relay::streamed;
use pointsman_wire::{Answer, Body, Conversation, Envelope, Failure};
use sha2::{Digest, Sha256};

use super::auth::Guest;
use super::cache::{Answers, CacheKey, Flight, Kept};
use super::explained::FIELD;
use super::notes::{CACHE, Notes, SIMILARITY};
use super::refused::Refused;
use super::reply::reply;
use super::semantic::{Near, Question};
use super::wishes::CacheWishes;

/// What of a request has no part in its answer.
const WITHOUT: [&str; 3] = ["stream", "stream_options", FIELD];
/// Headers that providers get, so that answers depend on them.
const HEADERS: [&str; 3] = ["anthropic-beta", "anthropic-version", "openai-beta"];

/// How a request may be answered from what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) key: CacheKey,
    /// Whether an answer that is kept will do; not older than this.
    pub(super) oldest: Option<Duration>,
    /// Whether it must not be looked for.
    pub(super) is_fresh: bool,
    pub(super) ttl: Duration,
}

/// Where an answer is to be kept, and how long.
pub(super) struct Place {
    pub(super) flight: Flight,
    pub(super) ttl: Duration,
    /// What it may be given for besides equal requests.
    pub(super) question: Option<Question>,
}

/// An answer that is to be kept, once it is there.
pub(super) struct Keeping {
    place: Place,
    decision_id: String,
    model: String,
}

impl Terms {
    /// `None` where nothing is kept: by the settings, or by `no-store`.
    pub(super) fn of(
        answers: &Answers,
        wishes: &CacheWishes,
        headers: &HeaderMap,
        request: &Asked<'_>,
    ) -> Option<Self> {
        let config = &answers.config;
        let says = |word: &str| directives(headers).any(|one| one.eq_ignore_ascii_case(word));
        if config.ttl_s == 0 || wishes.no_store || says("no-store") {
            return None;
        }
        let seconds = wishes.ttl_s.unwrap_or(config.ttl_s).min(config.longest_s);
        let max_age =
            directives(headers).find_map(|one| one.strip_prefix("max-age=")?.parse().ok());
        Some(Self {
            key: request.key(headers),
            oldest: max_age.map(Duration::from_secs),
            is_fresh: wishes.no_cache || says("no-cache"),
            ttl: Duration::from_secs(seconds),
        })
    }

    /// Whether a kept answer is young enough.
    pub(super) fn allow(&self, kept: &Kept) -> bool {
        self.oldest.is_none_or(|oldest| kept.at.elapsed() <= oldest)
    }
}

fn directives(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(CACHE_CONTROL).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).map(str::trim)
}

/// All that an answer depends on.
pub(super) struct Asked<'a> {
    pub(super) guest: &'a Guest,
    pub(super) body: &'a Body<'a>,
    pub(super) said: &'a Conversation<'a>,
    /// The wishes but for those on the cache.
    pub(super) wishes: &'a str,
}

impl Asked<'_> {
    fn key(&self, headers: &HeaderMap) -> CacheKey {
        self.hashed(headers, &[&self.body.canonical(&WITHOUT)])
    }

    /// The key of everything but this text; `None` where it is not said.
    pub(super) fn key_but_for(&self, headers: &HeaderMap, text: &str) -> Option<CacheKey> {
        let (before, after) = self.body.canonical_around(text, &WITHOUT)?;
        Some(self.hashed(headers, &[&before, &after]))
    }

    fn hashed(&self, headers: &HeaderMap, parts: &[&str]) -> CacheKey {
        let mut hash = Sha256::new();
        let mut part = |text: &[u8]| {
            hash.update(text.len().to_le_bytes());
            hash.update(text);
        };
        part(self.guest.key_id().unwrap_or_default().as_bytes());
        part(self.said.said_in.as_str().as_bytes());
        for name in HEADERS {
            part(headers.get(name).map_or(&[], HeaderValue::as_bytes));
        }
        part(self.wishes.as_bytes());
        parts.iter().for_each(|text| part(text.as_bytes()));
        hash.finalize().into()
    }
}

impl Keeping {
    pub(super) fn new(place: Place, decision_id: &str, model: &str) -> Self {
        Self {
            place,
            decision_id: decision_id.to_owned(),
            model: model.to_owned(),
        }
    }

    /// The answer is there. Neither tool calls nor half answers are given again.
    pub(super) fn land(self, answers: &Answers, answer: Answer, body: Option<Bytes>) {
        if answer.calls_tools() || answer.is_truncated() {
            return;
        }
        let kept = Kept {
            answer,
            body,
            decision_id: self.decision_id,
            model: self.model,
            at: Instant::now(),
            ttl: self.place.ttl,
        };
        let kept = answers.land(self.place.flight, kept);
        if let (Some(question), Some(kept)) = (self.place.question, kept) {
            question.keep(kept);
        }
    }
}

/// A kept answer, as a stream where one is asked for.
pub(super) fn again(
    kept: &Kept,
    how: &'static str,
    said: &Conversation<'_>,
) -> Result<Response, Refused> {
    let mut notes = Notes::default();
    notes.kept(kept);
    notes.put(CACHE, how);
    let age = kept.at.elapsed().as_secs().to_string();
    if let Ok(age) = HeaderValue::from_str(&age) {
        notes.0.insert(AGE, age);
    }
    let body = match (said.stream, &kept.body) {
        (true, _) => streamed(&kept.answer, said, envelope(kept)).into(),
        (false, Some(body)) => body.clone(),
        (false, None) => {
            let written = said.said_in.write_answer(&kept.answer, &envelope(kept));
            written
                .map_err(|error| Failure::of_answer(&error))?
                .body
                .into()
        }
    };
    Ok(reply(body.into(), said.stream, notes))
}

/// The answer to a similar question, and how similar that is.
pub(super) fn similar(near: &Near, said: &Conversation<'_>) -> Result<Response, Refused> {
    let mut response = again(&near.kept, "semantic", said)?;
    let similarity = format!("{:.4}", near.similarity);
    if let Ok(similarity) = HeaderValue::from_str(&similarity) {
        response.headers_mut().insert(SIMILARITY, similarity);
    }
    Ok(response)
}

fn envelope(kept: &Kept) -> Envelope {
    Envelope {
        id: kept.decision_id.clone(),
        model: kept.model.clone(),
        created: 0,
    }
}
