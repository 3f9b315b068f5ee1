//! The spans of the calls of back ends: each under its request's, with the trace's context sent along.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Span as _, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderInjector;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::Span;
use pointsman_relay::{Deployment, Watcher};
use pointsman_types::{Decision, Usd};
use pointsman_wire::{Dialect, Failure, Usage};

use super::trace::Open;
use crate::gateway::metrics::word;

/// Calls under way for one decision; empty where nothing is sent.
#[derive(Default)]
pub(crate) struct Calls(Option<Watching>);

struct Watching {
    open: Arc<Open>,
    /// Of the decision that they are made for.
    marks: Marks,
    calls: Mutex<HashMap<usize, CallSpan>>,
}

/// A call of a back end. Dropped before it ends, it counts as cancelled.
pub(crate) struct CallSpan {
    open: Arc<Open>,
    span: Span,
    marks: Marks,
    /// What its measurements are told apart by.
    labels: Vec<KeyValue>,
    since: Instant,
    is_answered: bool,
    is_over: bool,
}

/// Which decision a call belongs to, in the words of a span.
type Marks = [KeyValue; 3];

fn marks(id: &str, decision: &Decision) -> Marks {
    [
        KeyValue::new("pointsman.decision_id", id.to_owned()),
        KeyValue::new("pointsman.reason", decision.reason.as_str()),
        KeyValue::new("pointsman.policy_version", decision.policy_version.clone()),
    ]
}

/// What a call took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    /// As the provider counted.
    pub(crate) usage: Option<Usage>,
    pub(crate) cost: Option<Usd>,
    pub(crate) is_estimated: bool,
}

/// The word for a call that nobody waits for any longer.
pub(crate) const CANCELLED: &str = "cancelled";

impl Calls {
    pub(super) fn of(open: Option<&Arc<Open>>, id: &str, decision: &Decision) -> Self {
        Self(open.map(|open| Watching {
            open: Arc::clone(open),
            marks: marks(id, decision),
            calls: Mutex::default(),
        }))
    }

    /// Who is to be told of calls.
    pub(crate) fn watcher(&self) -> Option<&dyn Watcher> {
        self.0.as_ref().map(|watching| watching as &dyn Watcher)
    }

    /// The call that is answered, to be ended with what it took. Those still under way end here.
    pub(crate) fn answered(self) -> Option<CallSpan> {
        let calls = self.0?.calls.into_inner();
        let mut calls = calls.unwrap_or_else(PoisonError::into_inner).into_values();
        calls.find(|call| call.is_answered)
    }
}

impl Watcher for Watching {
    fn begins(&self, call: usize, deployment: &Deployment) -> HeaderMap {
        let begun = CallSpan::begin(&self.open, &self.marks, deployment);
        let headers = begun.headers();
        self.calls().insert(call, begun);
        headers
    }

    fn ends(&self, call: usize, failure: Option<&Failure>) {
        let mut calls = self.calls();
        match failure {
            Some(failure) => {
                if let Some(call) = calls.remove(&call) {
                    // Nothing is paid for a call without an answer.
                    call.end(&Spent::default(), Some(word(failure.kind)));
                }
            }
            None => {
                if let Some(call) = calls.get_mut(&call) {
                    call.is_answered = true;
                }
            }
        }
    }
}

impl Watching {
    /// A panic leaves at worst a span that ends too late.
    fn calls(&self) -> std::sync::MutexGuard<'_, HashMap<usize, CallSpan>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallSpan {
    fn begin(open: &Arc<Open>, marks: &Marks, deployment: &Deployment) -> Self {
        let labels = vec![
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.provider.name", provider(deployment)),
            KeyValue::new("gen_ai.request.model", deployment.model.clone()),
            KeyValue::new("server.address", deployment.url.host().to_owned()),
            KeyValue::new("server.port", i64::from(deployment.url.port())),
        ];
        let tracer = &open.tools.tracer;
        let own = KeyValue::new("pointsman.deployment", deployment.name.clone());
        let span = tracer
            .span_builder(format!("chat {}", deployment.model))
            .with_kind(SpanKind::Client)
            .with_attributes(labels.iter().cloned().chain([own]));
        Self {
            span: tracer.build_with_context(span, &open.context),
            open: Arc::clone(open),
            marks: marks.clone(),
            labels,
            since: Instant::now(),
            is_answered: false,
            is_over: false,
        }
    }

    /// The trace's context, for the back end.
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let here = Context::new().with_remote_span_context(self.span.span_context().clone());
        TraceContextPropagator::new().inject_context(&here, &mut HeaderInjector(&mut headers));
        headers
    }

    /// It belongs to this decision, where that is another than the one it began for: a model that
    /// answers in place of one that failed is decided on anew.
    pub(crate) fn decided(&mut self, id: &str, decision: &Decision) {
        self.marks = marks(id, decision);
    }

    /// The model that the back end says answers.
    pub(crate) fn answers(&mut self, model: &str) {
        let model = KeyValue::new("gen_ai.response.model", model.to_owned());
        self.labels.push(model.clone());
        self.span.set_attribute(model);
    }

    /// The call is over; `error` is a closed word, never an error's own.
    pub(crate) fn end(mut self, spent: &Spent, error: Option<&'static str>) {
        self.close(spent, error);
    }

    fn close(&mut self, spent: &Spent, error: Option<&'static str>) {
        self.is_over = true;
        // Only here, since a span would keep both the decision it began for and a later one.
        self.span.set_attributes(self.marks.clone());
        if let Some(error) = error {
            let error = KeyValue::new("error.type", error);
            self.span.set_attribute(error.clone());
            self.span.set_status(Status::error(""));
            self.labels.push(error);
        }
        let seconds = self.since.elapsed().as_secs_f64();
        let instruments = &self.open.tools.instruments;
        instruments.seconds.record(seconds, &self.labels);
        if let Some(usage) = spent.usage {
            self.count(usage);
        }
        self.pay(spent);
        self.span.end();
    }

    fn count(&mut self, usage: Usage) {
        let counted =
            |name, tokens: u64| KeyValue::new(name, i64::try_from(tokens).unwrap_or(i64::MAX));
        self.span.set_attributes([
            counted("gen_ai.usage.input_tokens", usage.input),
            counted("gen_ai.usage.output_tokens", usage.output),
            counted("gen_ai.usage.cache_read.input_tokens", usage.cached),
            counted(
                "gen_ai.usage.cache_creation.input_tokens",
                usage.cache_write,
            ),
        ]);
        for (kind, tokens) in [("input", usage.input), ("output", usage.output)] {
            let mut labels = self.labels.clone();
            labels.push(KeyValue::new("gen_ai.token.type", kind));
            self.open.tools.instruments.tokens.record(tokens, &labels);
        }
    }

    fn pay(&mut self, spent: &Spent) {
        let Some(cost) = spent.cost else {
            return;
        };
        let is_estimated = KeyValue::new("pointsman.cost_estimated", spent.is_estimated);
        let paid = KeyValue::new("pointsman.cost_usd", cost.as_f64());
        self.span.set_attributes([paid, is_estimated.clone()]);
        let mut labels = self.labels.clone();
        labels.push(is_estimated);
        self.open.tools.instruments.cost.add(cost.as_f64(), &labels);
        self.open.pay(spent.cost, spent.is_estimated);
    }
}

impl Drop for CallSpan {
    fn drop(&mut self) {
        if !self.is_over {
            self.close(&Spent::default(), Some(CANCELLED));
        }
    }
}

/// Providers by the ends of their hosts; any other goes by the maker of its dialect, as the
/// conventions say of servers that speak it.
const PROVIDERS: [(&str, &str); 9] = [
    ("openai.azure.com", "azure.ai.openai"),
    ("services.ai.azure.com", "azure.ai.inference"),
    ("groq.com", "groq"),
    ("mistral.ai", "mistral_ai"),
    ("deepseek.com", "deepseek"),
    ("x.ai", "x_ai"),
    ("perplexity.ai", "perplexity"),
    ("cohere.ai", "cohere"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
];

fn provider(deployment: &Deployment) -> &'static str {
    let host = deployment.url.host();
    let is_of = |end: &str| match host.strip_suffix(end) {
        Some(rest) => rest.is_empty() || rest.ends_with('.'),
        None => false,
    };
    let known = PROVIDERS.iter().find(|(end, _)| is_of(end));
    match (known, deployment.dialect) {
        (Some((_, name)), _) => name,
        (None, Dialect::Messages) => "anthropic",
        (None, Dialect::Chat | Dialect::Responses) => "openai",
    }
}

#[cfg(test)]
mod tests {
    use pointsman_relay::BaseUrl;

    use super::*;

    fn check(url: &str, dialect: Dialect, expected: &str) {
        let url = BaseUrl::parse(url, false).unwrap();
        let deployment = Deployment::new("small/0", dialect, url, "small");
        assert_eq!(provider(&deployment), expected);
    }

    #[test]
    fn providers_are_known_by_their_hosts() {
        check("https://api.groq.com/openai/v1", Dialect::Chat, "groq");
        check(
            "https://me.openai.azure.com/v1",
            Dialect::Chat,
            "azure.ai.openai",
        );
        check("https://notx.ai/v1", Dialect::Chat, "openai");
        check("http://127.0.0.1:1/v1", Dialect::Messages, "anthropic");
    }
}
