//! Counts and times for Prometheus. Labels come from closed sets: routes, status classes, reasons,
//! and the models of the routers that served; never from a caller.
//!
//! | name | labels | counts |
//! |---|---|---|
//! | `pointsman_requests_total` | `route`, `status` | answered requests |
//! | `pointsman_request_seconds` | `route` | time from headers to answer |
//! | `pointsman_decisions_total` | `model`, `reason` | decisions recorded |
//! | `pointsman_decision_seconds` | | time inside the router |
//! | `pointsman_feedback_total` | `result` | `new`, `repeated` |
//! | `pointsman_router_reloads_total` | `result` | `loaded`, `refused` |
//! | `pointsman_beside_total` | `result` | decisions of the version on trial: `decided`, `slow`, `panicked`, `refused` |
//! | `pointsman_store_waiting` | | records that wait to be written |
//! | `pointsman_learning_judgements_total` | `outcome` | judgements by what became of them |
//! | `pointsman_learning_revision` | | the state that decides |
//! | `pointsman_learning_keys_set_aside` | | keys that contradict the others |
//! | `pointsman_drift_alarms`, `pointsman_drift_warnings` | | what is not as it should be |
//! | `pointsman_budget_spent_usd` | | spent in the current period, where a budget is kept |

use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use pointsman_types::{Decision, ModelName, Reason};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::App;
use crate::beside::Silent;
use crate::gateway::GatewayMetrics;
use crate::learning::LearningMetrics;
use crate::paths::ROUTES;
use crate::problem::Problem;

pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<RouteLabel, Histogram, RequestBuckets>,
    decisions: Family<DecisionLabels, Counter>,
    decision_seconds: Histogram,
    feedback: Family<ResultLabel, Counter>,
    reloads: Family<ResultLabel, Counter>,
    beside: Family<ResultLabel, Counter>,
    waiting: Gauge<u64, AtomicU64>,
    learning: LearningMetrics,
    gateway: GatewayMetrics,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    model: ModelLabel,
    reason: ReasonLabel,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ModelLabel(ModelName);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ReasonLabel(Reason);

impl EncodeLabelValue for ModelLabel {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(self.0.as_str())
    }
}

impl EncodeLabelValue for ReasonLabel {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(self.0.as_str())
    }
}

/// From 0.1 ms to 3.3 s.
#[derive(Clone)]
struct RequestBuckets;

impl MetricConstructor<Histogram> for RequestBuckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(1e-4, 2.0, 16))
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("pointsman"),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(RequestBuckets),
            decisions: Family::default(),
            // From 10 µs to 0.16 s.
            decision_seconds: Histogram::new(exponential_buckets(1e-5, 2.0, 15)),
            feedback: Family::default(),
            reloads: Family::default(),
            beside: Family::default(),
            waiting: Gauge::default(),
            learning: LearningMetrics::default(),
            gateway: GatewayMetrics::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("requests", "Answered requests", self.requests.clone());
        registry.register(
            "request_seconds",
            "Time from headers to answer",
            self.request_seconds.clone(),
        );
        registry.register("decisions", "Decisions recorded", self.decisions.clone());
        registry.register(
            "decision_seconds",
            "Time inside the router",
            self.decision_seconds.clone(),
        );
        registry.register(
            "feedback",
            "Feedback kept, new or repeated",
            self.feedback.clone(),
        );
        registry.register(
            "router_reloads",
            "Routers found in the directory, loaded or refused",
            self.reloads.clone(),
        );
        registry.register(
            "beside",
            "Decisions of the version on trial, made or failed",
            self.beside.clone(),
        );
        registry.register(
            "store_waiting",
            "Records that wait to be written",
            self.waiting.clone(),
        );
        self.learning.register(registry);
        self.gateway.register(registry);
    }

    pub(crate) fn learning(&self) -> &LearningMetrics {
        &self.learning
    }

    pub(crate) fn gateway(&self) -> &GatewayMetrics {
        &self.gateway
    }

    pub(crate) fn decided_in(&self, since: Instant) {
        self.decision_seconds.observe(since.elapsed().as_secs_f64());
    }

    pub(crate) fn decision(&self, decision: &Decision) -> Counter {
        let labels = DecisionLabels {
            model: ModelLabel(decision.model.clone()),
            reason: ReasonLabel(decision.reason),
        };
        self.decisions.get_or_create_owned(&labels)
    }

    pub(crate) fn feedback(&self, repeated: bool) {
        let result = if repeated { "repeated" } else { "new" };
        self.feedback.get_or_create(&ResultLabel { result }).inc();
    }

    pub(crate) fn reload(&self, loaded: bool) {
        let result = if loaded { "loaded" } else { "refused" };
        self.reloads.get_or_create(&ResultLabel { result }).inc();
    }

    pub(crate) fn beside(&self, silent: Option<Silent>) {
        let result = match silent {
            None => "decided",
            Some(Silent::Slow) => "slow",
            Some(Silent::Panicked) => "panicked",
            Some(Silent::Refused) => "refused",
        };
        self.beside.get_or_create(&ResultLabel { result }).inc();
    }

    fn request(&self, route: &'static str, response: &Response, since: Instant) {
        let status = match response.status().as_u16() / 100 {
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            5 => "5xx",
            _ => "other",
        };
        self.requests
            .get_or_create(&RequestLabels { route, status })
            .inc();
        self.request_seconds
            .get_or_create(&RouteLabel { route })
            .observe(since.elapsed().as_secs_f64());
    }
}

/// Counts every request, those that match no route included.
pub(crate) async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let since = Instant::now();
    let route = label(request.extensions().get::<MatchedPath>());
    let response = next.run(request).await;
    app.metrics.request(route, &response, since);
    response
}

fn label(path: Option<&MatchedPath>) -> &'static str {
    path.and_then(|path| ROUTES.iter().find(|route| route.1 == path.as_str()))
        .map_or("other", |route| route.1)
}

pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    app.metrics.waiting.set(app.store.waiting() as u64);
    if let Some(pacing) = &app.pacing {
        app.metrics.learning.spent(pacing.spent());
    }
    let mut page = String::new();
    text::encode(&mut page, &app.metrics.registry).map_err(|_| Problem::internal())?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(CONTENT_TYPE, kind)], page).into_response())
}
