//! What the gateway counts. Labels are models and deployments of the settings and closed words.
//!
//! | name | labels | counts |
//! |---|---|---|
//! | `pointsman_calls_total` | `deployment`, `result` | calls of back ends: `answered`, or the kind of failure |
//! | `pointsman_call_seconds` | `deployment` | time until the answer began or failed |
//! | `pointsman_tokens_total` | `model`, `kind` | `input`, `cached`, `output`, as billed |
//! | `pointsman_cost_usd_total` | `model` | what calls cost |
//! | `pointsman_cost_estimated_total` | | calls whose provider told no usage |
//! | `pointsman_cache_total` | `result` | requests that may be answered from the cache: `hit`, `merged`, `miss`, `alone`; of the last two `semantic` counts those that a similar question's answer served |
//! | `pointsman_overhead_seconds` | | time from the request to its call |
//! | `pointsman_unrecorded_total` | | decisions on traffic that could not be kept |
//! | `pointsman_telemetry_dropped_total` | | spans that did not reach the collector |

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use pointsman_relay::Attempt;
use pointsman_types::{Billed, ModelName};
use pointsman_wire::FailureKind;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::account::Bill;
use super::cache::Found;

#[derive(Clone)]
struct CallBuckets;

impl MetricConstructor<Histogram> for CallBuckets {
    /// From 1 ms to about two minutes.
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(1e-3, 2.0, 18))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    deployment: String,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeploymentLabel {
    deployment: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    model: String,
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabel {
    model: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CacheLabel {
    result: &'static str,
}

pub(crate) struct GatewayMetrics {
    cache: Family<CacheLabel, Counter>,
    calls: Family<CallLabels, Counter>,
    call_seconds: Family<DeploymentLabel, Histogram, CallBuckets>,
    tokens: Family<TokenLabels, Counter>,
    cost: Family<ModelLabel, Counter<f64, AtomicU64>>,
    estimated: Counter,
    overhead: Histogram,
    unrecorded: Counter,
    undelivered: Counter,
}

impl Default for GatewayMetrics {
    fn default() -> Self {
        Self {
            cache: Family::default(),
            calls: Family::default(),
            call_seconds: Family::new_with_constructor(CallBuckets),
            tokens: Family::default(),
            cost: Family::default(),
            estimated: Counter::default(),
            // From 10 µs to 0.16 s.
            overhead: Histogram::new(exponential_buckets(1e-5, 2.0, 15)),
            unrecorded: Counter::default(),
            undelivered: Counter::default(),
        }
    }
}

impl GatewayMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let kept = "Requests that may be answered from the cache";
        registry.register("cache", kept, self.cache.clone());
        registry.register("calls", "Calls of back ends", self.calls.clone());
        let until = "Time until an answer began or failed";
        registry.register("call_seconds", until, self.call_seconds.clone());
        registry.register("tokens", "Tokens as billed", self.tokens.clone());
        registry.register("cost_usd", "What calls cost", self.cost.clone());
        let unknown = "Calls whose provider told no usage";
        registry.register("cost_estimated", unknown, self.estimated.clone());
        let before = "Time from a request to its call";
        registry.register("overhead_seconds", before, self.overhead.clone());
        let unkept = "Decisions on traffic that could not be kept";
        registry.register("unrecorded", unkept, self.unrecorded.clone());
        let lost = "Spans that did not reach the collector";
        registry.register("telemetry_dropped", lost, self.undelivered.clone());
    }

    /// Counts the spans that do not reach the collector.
    pub(crate) const fn undelivered(&self) -> &Counter {
        &self.undelivered
    }

    pub(super) fn attempted(&self, attempts: &[Attempt]) {
        for attempt in attempts {
            let result = attempt.failure.as_ref().map(|failure| word(failure.kind));
            // Its name is of the settings: `MODEL/NUMBER`.
            let deployment = attempt.deployment.clone();
            let seconds = attempt.took.as_secs_f64();
            let label = DeploymentLabel {
                deployment: deployment.clone(),
            };
            self.call_seconds.get_or_create(&label).observe(seconds);
            let result = result.unwrap_or("answered");
            self.calls
                .get_or_create(&CallLabels { deployment, result })
                .inc();
        }
    }

    pub(super) fn billed(&self, model: &ModelName, tokens: &Billed, bill: &Bill) {
        let kinds = [
            ("input", tokens.input),
            ("cached", tokens.cached),
            ("output", tokens.output),
        ];
        for (kind, count) in kinds {
            let model = model.to_string();
            self.tokens
                .get_or_create(&TokenLabels { model, kind })
                .inc_by(count);
        }
        let model = model.to_string();
        if let Some(cost) = bill.cost {
            self.cost
                .get_or_create(&ModelLabel { model })
                .inc_by(cost.as_f64());
        }
        if bill.is_estimated {
            self.estimated.inc();
        }
    }

    pub(super) fn cached(&self, found: &Found) {
        let result = match found {
            Found::Hit(_) => "hit",
            Found::Merged(_) => "merged",
            Found::Miss(_) => "miss",
            Found::Alone => "alone",
        };
        self.cache.get_or_create(&CacheLabel { result }).inc();
    }

    /// A similar question was answered before.
    pub(super) fn similar(&self) {
        let result = "semantic";
        self.cache.get_or_create(&CacheLabel { result }).inc();
    }

    pub(super) fn overhead(&self, took: Duration) {
        self.overhead.observe(took.as_secs_f64());
    }

    pub(super) fn unrecorded(&self) {
        self.unrecorded.inc();
    }
}

/// The word for a kind of failure.
pub(super) const fn word(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Invalid => "invalid",
        FailureKind::Authentication => "authentication",
        FailureKind::Billing => "billing",
        FailureKind::Permission => "permission",
        FailureKind::NotFound => "not_found",
        FailureKind::RequestTimeout => "request_timeout",
        FailureKind::Conflict => "conflict",
        FailureKind::TooLarge => "too_large",
        FailureKind::Unprocessable => "unprocessable",
        FailureKind::RateLimit => "rate_limit",
        FailureKind::Server => "server",
        FailureKind::BadGateway => "bad_gateway",
        FailureKind::Overloaded => "overloaded",
        FailureKind::Timeout => "timeout",
    }
}
