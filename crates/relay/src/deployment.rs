//! A place where a model answers, as the settings describe it.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use pointsman_wire::{Dialect, Target};

use crate::{BaseUrl, BreakerSettings, Secret, TimeLimits};

/// A place where a model answers. It holds a key, so it has no `Debug`.
#[derive(Clone)]
pub struct Deployment {
    /// Its name in records, metrics and errors, such as `small/1`.
    pub name: String,
    /// The model that callers are told answers.
    pub serves: String,
    /// What it speaks.
    pub dialect: Dialect,
    /// Where it is.
    pub url: BaseUrl,
    /// The key that it asks for.
    pub key: Option<Secret>,
    /// The model's name there.
    pub model: String,
    /// Further headers that it asks for.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Its share of the model's traffic where all its places are equally fast; above 0.
    pub weight: f64,
    /// How long a call may take.
    pub limits: TimeLimits,
    /// When it gets no calls for a while.
    pub breaker: BreakerSettings,
    /// The most calls at a time.
    pub concurrency: usize,
    /// The most calls that wait for their turn.
    pub queue: usize,
    /// The longest that a call waits for its turn.
    pub patience: Duration,
    /// The most bytes of a whole answer.
    pub most_bytes: usize,
    /// What is asked for where the caller sets no bound and the dialect needs one.
    pub default_max_tokens: u64,
    /// It knows `max_tokens` and not `max_completion_tokens`.
    pub older_chat: bool,
    /// It takes a budget of tokens for thinking and no effort.
    pub thinks_by_budget: bool,
    /// It takes a temperature and its like.
    pub takes_sampling: bool,
}

impl Deployment {
    /// A deployment with everything that need not be said.
    #[must_use]
    pub fn new(name: impl Into<String>, dialect: Dialect, url: BaseUrl, model: &str) -> Self {
        Self {
            name: name.into(),
            serves: model.to_owned(),
            dialect,
            url,
            key: None,
            model: model.to_owned(),
            headers: Vec::new(),
            weight: 1.0,
            limits: TimeLimits::default(),
            breaker: BreakerSettings::default(),
            concurrency: 1024,
            queue: 1024,
            patience: Duration::from_secs(10),
            most_bytes: 32 << 20,
            default_max_tokens: 4096,
            older_chat: false,
            thinks_by_budget: false,
            takes_sampling: true,
        }
    }

    pub(crate) fn target(&self) -> Target<'_> {
        Target {
            model: &self.model,
            default_max_tokens: self.default_max_tokens,
            older_chat: self.older_chat,
            thinks_by_budget: self.thinks_by_budget,
            takes_sampling: self.takes_sampling,
        }
    }
}
