//! A deployment at work: its connections, its places, and how it has been doing.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use thread_local::ThreadLocal;

use crate::breaker::{Breaker, BreakerState};
use crate::choose::Contestant;
use crate::latency::Latency;
use crate::places::Places;
use crate::resolve::Resolver;
use crate::{Deployment, Outcome};

pub(crate) type Http = Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>;

/// Connections that nothing was sent on for so long are closed, before most servers would.
const IDLE_CONNECTION: Duration = Duration::from_secs(50);
/// How long a back end that is out of quota and does not say for how long is left alone.
const COOLING: Duration = Duration::from_secs(1);
/// The longest that it is left alone, whatever it says: its quota may be raised.
const LONGEST_COOLING: Duration = Duration::from_secs(60);

/// A deployment at work.
pub struct Backend {
    pub(crate) deployment: Deployment,
    /// Every thread has connections of its own: what reads and writes one wakes nobody elsewhere.
    http: ThreadLocal<Http>,
    tls: ClientConfig,
    pub(crate) places: Places,
    standing: Mutex<Standing>,
}

/// How it has been doing.
struct Standing {
    breaker: Breaker,
    latency: Latency,
    cools_until: Option<Instant>,
}

/// How a back end is doing, for metrics and people.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    /// Whether it gets calls.
    pub breaker: BreakerState,
    /// Whether it is out of quota.
    pub is_cooling: bool,
    /// Peak EWMA of the time to the first byte, in seconds.
    pub latency: f64,
    /// Calls on their way.
    pub in_flight: usize,
}

impl Backend {
    /// A deployment gets to work.
    #[must_use]
    pub fn new(deployment: Deployment, tls: &ClientConfig) -> Self {
        let now = Instant::now();
        Self {
            http: ThreadLocal::new(),
            tls: tls.clone(),
            places: Places::new(deployment.concurrency, deployment.queue),
            standing: Mutex::new(Standing {
                breaker: Breaker::new(deployment.breaker, now),
                latency: Latency::unknown(),
                cools_until: None,
            }),
            deployment,
        }
    }

    /// This thread's connections.
    pub(crate) fn http(&self) -> &Http {
        self.http
            .get_or(|| connections(&self.deployment, &self.tls))
    }

    /// What the settings say of it.
    #[must_use]
    pub const fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// How it is doing.
    #[must_use]
    pub fn condition(&self, now: Instant) -> Condition {
        let standing = self.standing();
        Condition {
            breaker: standing.breaker.state(now),
            is_cooling: standing.is_cooling(now),
            latency: standing.latency.seconds(),
            in_flight: self.places.taken(),
        }
    }

    /// As one who may get a call; `None` where it may not.
    pub(crate) fn contestant(&self, now: Instant) -> Option<Contestant> {
        let standing = self.standing();
        let is_ready =
            standing.breaker.allows(now) && !standing.is_cooling(now) && self.places.has_room();
        is_ready.then(|| Contestant {
            weight: self.deployment.weight,
            latency: standing.latency.seconds(),
            in_flight: self.places.taken(),
        })
    }

    /// A call begins.
    pub(crate) fn begin(&self, now: Instant) {
        self.standing().breaker.begin(now);
    }

    /// The first byte came.
    pub(crate) fn measure(&self, took: Duration, now: Instant) {
        self.standing().latency.measure(took, now);
    }

    /// A call is over.
    pub(crate) fn end(&self, outcome: Outcome, now: Instant) {
        let mut standing = self.standing();
        match outcome {
            Outcome::Served => standing.breaker.succeed(now),
            Outcome::Failed => standing.breaker.fail(now),
            Outcome::Unknown => standing.breaker.abandon(),
            Outcome::Limited(asked) => {
                standing.breaker.abandon();
                let rest = asked.unwrap_or(COOLING).min(LONGEST_COOLING);
                standing.cools_until = Some(now + rest);
            }
        }
    }

    fn standing(&self) -> std::sync::MutexGuard<'_, Standing> {
        self.standing
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Standing {
    fn is_cooling(&self, now: Instant) -> bool {
        self.cools_until.is_some_and(|until| now < until)
    }
}

fn connections(deployment: &Deployment, tls: &ClientConfig) -> Http {
    let resolver = Resolver::new(deployment.url.reach(), deployment.limits.connect);
    let mut connector = HttpConnector::new_with_resolver(resolver);
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(deployment.limits.connect));
    connector.set_keepalive(Some(IDLE_CONNECTION));
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls.clone())
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_CONNECTION)
        .pool_max_idle_per_host(deployment.concurrency.min(256))
        .build(connector)
}
