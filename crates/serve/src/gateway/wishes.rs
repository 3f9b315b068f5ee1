//! A request's field `pointsman`: the wishes of `POST /v1/route`, and what is wished of the cache.

use pointsman_wire::Body;
use serde::Deserialize;

use super::explained::FIELD;
use crate::parse::parse;
use crate::problem::Problem;

/// The part of the wishes that is about the cache.
const PART: &str = "cache";

/// What is wished of the cache.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CacheWishes {
    /// Neither take the answer from it nor put it there.
    pub(super) no_store: bool,
    /// Do not take the answer from it.
    pub(super) no_cache: bool,
    /// How long to keep the answer, in seconds.
    pub(super) ttl_s: Option<u64>,
}

/// The wishes as they stand in a request.
pub(super) struct Wishes {
    pub(super) cache: CacheWishes,
    /// All others, as JSON in one way of writing.
    pub(super) others: String,
}

impl Wishes {
    /// Takes the wishes apart.
    pub(super) fn read(body: &Body<'_>) -> Result<Self, Problem> {
        let within = |problem: Problem| problem.within(FIELD);
        let Some(raw) = body.raw(FIELD) else {
            return Ok(Self {
                cache: CacheWishes::default(),
                others: "{}".to_owned(),
            });
        };
        let wishes = Body::parse(raw.as_bytes())
            .map_err(|error| Problem::invalid(FIELD, format!("{FIELD}: {error}")))?;
        let cache = wishes.raw(PART).filter(|cache| *cache != "null");
        let cache = cache.map(|cache| parse::<CacheWishes>(cache.as_bytes()));
        let cache = cache
            .transpose()
            .map_err(|problem| within(problem.within(PART)))?;
        let others = wishes.canonical(&[PART]);
        Ok(Self {
            cache: cache.unwrap_or_default(),
            others: format!("{{{}}}", others.trim_end_matches(',')),
        })
    }
}
