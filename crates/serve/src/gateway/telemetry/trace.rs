//! A request's span. It lasts until its last call is paid for, so that of a streamed answer it covers
//! the stream.

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Response;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use pointsman_types::{Decision, Usd};
use pointsman_wire::Dialect;

use super::calls::Calls;
use super::{Telemetry, Tools};
use crate::gateway::notes::{
    CACHE, DECISION_ID, FALLBACKS, MODEL, POLICY_VERSION, REASON, RETRIES,
};

/// A request's part of what is sent; empty where nothing is.
#[derive(Clone, Default)]
pub(crate) struct Trace(Option<Arc<Open>>);

/// A request under way.
pub(super) struct Open {
    pub(super) tools: Arc<Tools>,
    /// Its span, which calls are under.
    pub(super) context: Context,
    route: &'static str,
    bill: Mutex<Bill>,
}

#[derive(Default)]
struct Bill {
    cost: Option<Usd>,
    is_estimated: bool,
    is_answered: bool,
}

/// Notes beside an answer, and what they are called in the span.
const NOTES: [(HeaderName, &str); 4] = [
    (DECISION_ID, "pointsman.decision_id"),
    (MODEL, "pointsman.model"),
    (REASON, "pointsman.reason"),
    (POLICY_VERSION, "pointsman.policy_version"),
];

impl Trace {
    /// A request comes in; a trace that it brings along goes on.
    pub(crate) fn begin(
        telemetry: Option<&Telemetry>,
        dialect: Dialect,
        headers: &HeaderMap,
    ) -> Self {
        let Some(telemetry) = telemetry else {
            return Self::default();
        };
        let tools = Arc::clone(&telemetry.tools);
        let came = TraceContextPropagator::new()
            .extract_with_context(&Context::new(), &HeaderExtractor(headers));
        let route = route(dialect);
        let span = tools
            .tracer
            .span_builder(format!("POST {route}"))
            .with_kind(SpanKind::Server)
            .with_attributes([
                KeyValue::new("http.request.method", "POST"),
                KeyValue::new("http.route", route),
            ]);
        let span = tools.tracer.build_with_context(span, &came);
        Self(Some(Arc::new(Open {
            context: came.with_span(span),
            tools,
            route,
            bill: Mutex::default(),
        })))
    }

    /// Its calls of back ends to come, for this decision.
    pub(crate) fn calls(&self, id: &str, decision: &Decision) -> Calls {
        Calls::of(self.0.as_ref(), id, decision)
    }

    /// The answer begins, with these notes beside it.
    pub(crate) fn answered(&self, response: &Response) {
        if let Some(open) = &self.0 {
            open.answered(response.status(), response.headers());
        }
    }
}

impl Open {
    fn answered(&self, status: StatusCode, headers: &HeaderMap) {
        self.bill().is_answered = true;
        let span = self.context.span();
        let code = KeyValue::new("http.response.status_code", i64::from(status.as_u16()));
        span.set_attribute(code.clone());
        if status.is_server_error() {
            span.set_attribute(KeyValue::new("error.type", status.as_str().to_owned()));
            span.set_status(Status::error(""));
        }
        for (name, attribute) in NOTES {
            if let Some(value) = noted(headers, &name) {
                span.set_attribute(KeyValue::new(attribute, value));
            }
        }
        let instruments = &self.tools.instruments;
        let route = KeyValue::new("http.route", self.route);
        instruments.requests.add(1, &[route, code]);
        self.decided(headers);
        self.tried(headers);
    }

    fn decided(&self, headers: &HeaderMap) {
        let instruments = &self.tools.instruments;
        if let (Some(model), Some(reason)) = (noted(headers, &MODEL), noted(headers, &REASON)) {
            let model = KeyValue::new("pointsman.model", model);
            let reason = KeyValue::new("pointsman.reason", reason);
            instruments.decisions.add(1, &[model, reason]);
        }
        if let Some(cache) = noted(headers, &CACHE) {
            let cache = KeyValue::new("pointsman.cache", cache);
            self.context.span().set_attribute(cache.clone());
            instruments.cache.add(1, &[cache]);
        }
    }

    /// How often a model was asked again, and how many were asked in vain.
    fn tried(&self, headers: &HeaderMap) {
        let instruments = &self.tools.instruments;
        let counts = [
            (RETRIES, "pointsman.retries", &instruments.retries),
            (FALLBACKS, "pointsman.fallbacks", &instruments.fallbacks),
        ];
        for (name, attribute, counter) in counts {
            let count = noted(headers, &name).and_then(|count| count.parse::<u32>().ok());
            if let Some(count) = count {
                let attribute = KeyValue::new(attribute, i64::from(count));
                self.context.span().set_attribute(attribute);
                counter.add(count.into(), &[]);
            }
        }
    }

    /// A call was paid for.
    pub(super) fn pay(&self, cost: Option<Usd>, is_estimated: bool) {
        let mut bill = self.bill();
        if let Some(cost) = cost {
            bill.cost = Some(bill.cost.unwrap_or_default() + cost);
        }
        bill.is_estimated |= is_estimated;
    }

    /// A panic leaves at worst one call unpaid.
    fn bill(&self) -> std::sync::MutexGuard<'_, Bill> {
        self.bill.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Open {
    /// Nothing more happens: all calls are paid for.
    fn drop(&mut self) {
        let span = self.context.span();
        let bill = self.bill();
        if let Some(cost) = bill.cost {
            span.set_attribute(KeyValue::new("pointsman.cost_usd", cost.as_f64()));
            let is_estimated = KeyValue::new("pointsman.cost_estimated", bill.is_estimated);
            span.set_attribute(is_estimated);
        }
        if !bill.is_answered {
            span.set_attribute(KeyValue::new("error.type", "cancelled"));
        }
        span.end();
    }
}

fn noted(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

const fn route(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Chat => "/v1/chat/completions",
        Dialect::Messages => "/v1/messages",
        Dialect::Responses => "/v1/responses",
    }
}
