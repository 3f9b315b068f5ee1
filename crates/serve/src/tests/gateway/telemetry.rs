//! What a collector gets to know of requests, and what it never does.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message;
use tokio::net::TcpListener;

use super::*;

/// A collector on loopback.
struct Collector {
    endpoint: String,
    got: Arc<Mutex<Vec<Got>>>,
    task: tokio::task::JoinHandle<()>,
}

/// What it was sent.
struct Got {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

type Inbox = Arc<Mutex<Vec<Got>>>;

async fn take(State(got): State<Inbox>, uri: Uri, headers: HeaderMap, body: Bytes) {
    let path = uri.path().to_owned();
    got.lock().unwrap().push(Got {
        path,
        headers,
        body,
    });
}

impl Collector {
    async fn new() -> Self {
        let got = Inbox::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().fallback(take).with_state(Arc::clone(&got));
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self {
            endpoint,
            got,
            task,
        }
    }

    /// A server that tells this collector.
    async fn site(&self, small: &[Act], large: &[Act]) -> Site {
        let endpoint = self.endpoint.clone();
        let change = |gateway: &mut GatewayConfig| gateway.telemetry.endpoint = Some(endpoint);
        Site::changed(small, large, change).await
    }

    fn bodies(&self, path: &str) -> Vec<Bytes> {
        let got = self.got.lock().unwrap();
        let of = got.iter().filter(|got| got.path == path);
        of.map(|got| got.body.clone()).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let decode = |body| ExportTraceServiceRequest::decode(body).unwrap();
        let requests = self.bodies("/v1/traces").into_iter().map(decode);
        let scopes = requests
            .flat_map(|request| request.resource_spans)
            .flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }

    /// Sum and labels of every point of a metric, as last told; of a histogram the sum of what was
    /// measured.
    fn points(&self, name: &str) -> Vec<(f64, Vec<KeyValue>)> {
        let last = self.bodies("/v1/metrics").pop().unwrap();
        let request = ExportMetricsServiceRequest::decode(last).unwrap();
        let metrics = request
            .resource_metrics
            .into_iter()
            .flat_map(|resource| resource.scope_metrics)
            .flat_map(|scope| scope.metrics);
        match metrics
            .filter(|metric| metric.name == name)
            .find_map(|metric| metric.data)
        {
            Some(Data::Histogram(histogram)) => {
                let points = histogram.data_points.into_iter();
                points
                    .map(|point| (point.sum.unwrap(), point.attributes))
                    .collect()
            }
            Some(Data::Sum(sum)) => {
                let points = sum.data_points.into_iter();
                points
                    .map(|point| (number(point.value), point.attributes))
                    .collect()
            }
            other => panic!("{name}: {other:?}"),
        }
    }

    /// The one point of a metric that has this label.
    fn point(&self, name: &str, label: &str, is: &str) -> f64 {
        let points = self.points(name);
        let with = points
            .iter()
            .filter(|(_, labels)| text(labels, label).as_deref() == Some(is));
        let found: Vec<f64> = with.map(|(sum, _)| *sum).collect();
        let [sum] = found[..] else {
            panic!("{name} where {label} is {is}: {points:?}");
        };
        sum
    }

    /// Whether any byte of what was sent is of this text.
    fn knows(&self, text: &str) -> bool {
        let got = self.got.lock().unwrap();
        let mut bodies = got.iter().map(|got| &got.body);
        bodies.any(|body| body.windows(text.len()).any(|part| part == text.as_bytes()))
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn number(value: Option<Number>) -> f64 {
    match value.unwrap() {
        Number::AsDouble(number) => number,
        Number::AsInt(number) => number as f64,
    }
}

/// An attribute, as a text.
fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|one| one.key == key)?;
    let Some(AnyValue { value: Some(value) }) = &found.value else {
        return None;
    };
    Some(match value {
        Any::StringValue(text) => text.clone(),
        Any::IntValue(number) => number.to_string(),
        Any::DoubleValue(number) => number.to_string(),
        Any::BoolValue(is) => is.to_string(),
        other => panic!("{key}: {other:?}"),
    })
}

fn check_attributes(span: &Span, expected: &[(&str, &str)]) {
    for (key, value) in expected {
        let found = text(&span.attributes, key);
        assert_eq!(found.as_deref(), Some(*value), "{key} of {}", span.name);
    }
}

fn named<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    let found: Vec<&Span> = spans.iter().filter(|span| span.name == name).collect();
    let [span] = found[..] else {
        let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
        panic!("{name} is not once in {names:?}");
    };
    span
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// The server's span and its calls': one that failed and the one that answered.
#[tokio::test]
async fn a_request_and_its_calls_are_one_trace() {
    let collector = Collector::new().await;
    let site = collector
        .site(&[Act::Fail(503)], &[Act::Say("Because.")])
        .await;
    let request = site
        .running
        .post("/v1/chat/completions", asking("auto").to_string());
    let response = request
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
        .send()
        .await
        .unwrap();
    let id = header(&response, "decision-id");
    response.bytes().await.unwrap();
    let heard = site.large.heard().remove(0).headers;
    let port = site.large.address.port().to_string();
    site.rows().await;

    let spans = collector.spans();
    let request = named(&spans, "POST /v1/chat/completions");
    assert_eq!(request.kind(), SpanKind::Server);
    assert_eq!(hex(&request.trace_id), TRACE);
    assert_eq!(hex(&request.parent_span_id), CALLER);
    check_attributes(
        request,
        &[
            ("http.response.status_code", "200"),
            ("pointsman.decision_id", &id),
            ("pointsman.model", "large"),
            ("pointsman.reason", "fallback"),
            ("pointsman.policy_version", "v1"),
            ("pointsman.fallbacks", "1"),
            ("pointsman.retries", "1"),
            // 10 tokens in at $10 and 20 out at $40 per million.
            ("pointsman.cost_usd", "0.0009"),
            ("pointsman.cost_estimated", "false"),
        ],
    );
    let answered = named(&spans, "chat large");
    assert_eq!(answered.kind(), SpanKind::Client);
    assert_eq!(answered.parent_span_id, request.span_id);
    assert_eq!(
        heard["traceparent"],
        format!("00-{TRACE}-{}-01", hex(&answered.span_id))
    );
    check_attributes(
        answered,
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.provider.name", "anthropic"),
            ("gen_ai.request.model", "large"),
            ("gen_ai.response.model", "its-name"),
            ("gen_ai.usage.input_tokens", "10"),
            ("gen_ai.usage.output_tokens", "20"),
            ("server.address", "127.0.0.1"),
            ("server.port", &port),
            ("pointsman.deployment", "large/0"),
            ("pointsman.decision_id", &id),
            ("pointsman.cost_usd", "0.0009"),
        ],
    );
    let failed: Vec<&Span> = spans
        .iter()
        .filter(|span| span.name == "chat small")
        .collect();
    assert_eq!(failed.len(), 2, "the call and its retry");
    for call in failed {
        assert_eq!(call.parent_span_id, request.span_id);
        check_attributes(call, &[("error.type", "overloaded")]);
        assert_eq!(text(&call.attributes, "pointsman.cost_usd"), None);
    }
}

/// Once, and no other.
fn check_decision(call: &Span, id: &str, reason: &str) {
    let expected = [
        ("pointsman.decision_id", id),
        ("pointsman.reason", reason),
        ("pointsman.policy_version", "v1"),
    ];
    check_attributes(call, &expected);
    for (key, _) in expected {
        let found = call.attributes.iter().filter(|one| one.key == key);
        assert_eq!(found.count(), 1, "{key}");
    }
}

/// Who answers in place of another is decided on anew; the calls that failed belong to the decision
/// that they were made for.
#[tokio::test]
async fn every_call_names_its_own_decision() {
    let collector = Collector::new().await;
    let site = collector.site(&[Act::Fail(503)], &[Act::Say("Yes.")]).await;
    let response = site.post("/v1/chat/completions", &asking("auto")).await;
    let id = header(&response, "decision-id");
    response.bytes().await.unwrap();
    let first = site.rows().await.remove(0).decision_id.unwrap();
    assert_ne!(first, id);
    let spans = collector.spans();
    check_decision(named(&spans, "chat large"), &id, "fallback");
    let failed = spans.iter().filter(|span| span.name == "chat small");
    let failed: Vec<&Span> = failed.collect();
    assert_eq!(failed.len(), 2, "the call and its retry");
    for call in failed {
        check_decision(call, &first, "best_utility");
    }
}

/// Nobody answers: the calls, and the request, are those of the one decision there was.
#[tokio::test]
async fn calls_that_all_failed_belong_to_their_decision() {
    let collector = Collector::new().await;
    let site = collector.site(&[Act::Fail(503)], &[Act::Fail(503)]).await;
    let response = site.post("/v1/chat/completions", &asking("auto")).await;
    assert!(response.status().is_server_error());
    let id = header(&response, "decision-id");
    response.bytes().await.unwrap();
    site.rows().await;
    let spans = collector.spans();
    let request = named(&spans, "POST /v1/chat/completions");
    check_attributes(request, &[("pointsman.decision_id", &id)]);
    let calls = spans.iter().filter(|span| span.kind() == SpanKind::Client);
    let calls: Vec<&Span> = calls.collect();
    assert_eq!(calls.len(), 4, "two models, each once more");
    for call in calls {
        check_decision(call, &id, "best_utility");
        check_attributes(call, &[("error.type", "overloaded")]);
    }
}

#[tokio::test]
async fn a_stream_is_told_to_its_end() {
    let collector = Collector::new().await;
    let site = collector
        .site(&[Act::Say("One two three")], &[Act::Fail(500)])
        .await;
    let mut asked = asking("auto");
    asked["stream"] = json!(true);
    let response = site.post("/v1/chat/completions", &asked).await;
    response.bytes().await.unwrap();
    site.rows().await;
    let spans = collector.spans();
    let request = named(&spans, "POST /v1/chat/completions");
    let call = named(&spans, "chat small");
    check_attributes(
        call,
        &[
            ("gen_ai.provider.name", "openai"),
            ("gen_ai.response.model", "its-name"),
            ("gen_ai.usage.input_tokens", "10"),
            ("gen_ai.usage.output_tokens", "20"),
        ],
    );
    check_attributes(request, &[("pointsman.cost_usd", "0.00009")]);
    assert!(request.end_time_unix_nano >= call.end_time_unix_nano);
}

/// Two calls under one request, which costs what both do; the second time it costs nothing.
#[tokio::test]
async fn a_pipelines_calls_are_one_trace() {
    let collector = Collector::new().await;
    let endpoint = collector.endpoint.clone();
    let change = |gateway: &mut GatewayConfig| {
        gateway.telemetry.endpoint = Some(endpoint);
        gateway.cache.ttl_s = 60;
        let step =
            |name: &str, model: &str| json!({"name": name, "model": model, "prompt": "{{input}}"});
        let steps = [step("draft", "small"), step("final", "large")];
        let pipeline = json!({"kind": "sequence", "name": "two", "steps": steps});
        gateway.pipelines = vec![serde_json::from_value(pipeline).unwrap()];
    };
    let site = Site::changed(&[Act::Say("Yes.")], &[Act::Say("No.")], change).await;
    for _ in 0..2 {
        assert_eq!(site.chat(&asking("two")).await.0, StatusCode::OK);
    }
    site.rows().await;
    let spans = collector.spans();
    let requests: Vec<&Span> = spans
        .iter()
        .filter(|span| span.kind() == SpanKind::Server)
        .collect();
    let is_first = |span: &&&Span| text(&span.attributes, "pointsman.cost_usd").is_some();
    let first = requests.iter().find(is_first).unwrap();
    let again = requests.iter().find(|span| !is_first(span)).unwrap();
    check_attributes(first, &[("pointsman.cost_usd", "0.00099")]);
    check_attributes(again, &[("pointsman.cache", "hit")]);
    for call in ["chat small", "chat large"] {
        assert_eq!(named(&spans, call).parent_span_id, first.span_id, "{call}");
    }
    assert_eq!(
        collector.point("pointsman.cache", "pointsman.cache", "hit"),
        1.0
    );
}

#[tokio::test]
async fn what_is_measured_is_told_by_its_usual_names() {
    let collector = Collector::new().await;
    let site = collector
        .site(&[Act::Say("Yes.")], &[Act::SayWithoutUsage("No.")])
        .await;
    for _ in 0..2 {
        site.chat(&asking("small")).await;
    }
    site.rows().await;
    let tokens = |kind| collector.point("gen_ai.client.token.usage", "gen_ai.token.type", kind);
    assert_eq!([tokens("input"), tokens("output")], [20.0, 40.0]);
    let seconds = "gen_ai.client.operation.duration";
    assert!(collector.point(seconds, "gen_ai.request.model", "small") > 0.0);
    let cost = collector.point("pointsman.cost", "pointsman.cost_estimated", "false");
    assert!((cost - 0.00018).abs() < 1e-12, "{cost}");
    let decisions = collector.point("pointsman.decisions", "pointsman.reason", "pinned");
    assert_eq!(decisions, 2.0);
    let code = "http.response.status_code";
    assert_eq!(collector.point("pointsman.requests", code, "200"), 2.0);
}

#[tokio::test]
async fn neither_prompts_nor_answers_nor_errors_words_are_told() {
    let collector = Collector::new().await;
    let acts = [Act::Say("The answer of answers."), Act::Fail(400)];
    let site = collector.site(&acts, &[Act::Fail(500)]).await;
    let asked = json!({"model": "auto", "messages": [
        {"role": "system", "content": "The system text."},
        {"role": "user", "content": "The prompt of prompts."},
    ], "metadata": {"label": "The label."}, "user": "The user."});
    assert_eq!(site.chat(&asked).await.0, StatusCode::OK);
    assert_eq!(site.chat(&asked).await.0, StatusCode::BAD_REQUEST);
    site.rows().await;
    assert!(collector.knows("chat small"), "the search works");
    for text in [
        "answer of answers",
        "system text",
        "prompt of prompts",
        "The label",
        "The user",
        "the provider says no",
    ] {
        assert!(!collector.knows(text), "{text}");
    }
}

#[tokio::test]
async fn what_is_not_sampled_is_measured_all_the_same() {
    let collector = Collector::new().await;
    let endpoint = collector.endpoint.clone();
    let change = |gateway: &mut GatewayConfig| {
        gateway.telemetry.endpoint = Some(endpoint);
        gateway.telemetry.sample = Some(0.0);
    };
    let site = Site::changed(&[Act::Say("Yes.")], &[Act::Say("No.")], change).await;
    site.chat(&asking("auto")).await;
    let heard = site.small.heard().remove(0).headers;
    let passed = heard["traceparent"].to_str().unwrap();
    assert!(
        passed.ends_with("-00"),
        "the back end knows as well: {passed}"
    );
    site.rows().await;
    assert!(collector.spans().is_empty());
    let reason = collector.point("pointsman.decisions", "pointsman.reason", "best_utility");
    assert_eq!(reason, 1.0);
}

#[tokio::test]
async fn a_caller_who_leaves_ends_the_spans() {
    let collector = Collector::new().await;
    let site = collector.site(&[Act::Hang], &[Act::Hang]).await;
    let asked = site
        .running
        .post("/v1/chat/completions", asking("small").to_string());
    let left = tokio::time::timeout(Duration::from_millis(150), asked.send()).await;
    assert!(left.is_err());
    let decided = site.rows().await.remove(0).decision_id.unwrap();
    let spans = collector.spans();
    let call = named(&spans, "chat small");
    check_attributes(call, &[("error.type", "cancelled")]);
    check_decision(call, &decided, "pinned");
    let request = named(&spans, "POST /v1/chat/completions");
    check_attributes(request, &[("error.type", "cancelled")]);
}

/// Room for one span: requests go on, and what was dropped is counted.
#[tokio::test]
async fn a_collector_that_is_away_stops_nothing() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let change = |gateway: &mut GatewayConfig| {
        gateway.telemetry.endpoint = Some(endpoint);
        gateway.telemetry.queue = 1;
    };
    let site = Site::changed(&[Act::Say("Yes.")], &[Act::Say("No.")], change).await;
    for _ in 0..5 {
        assert_eq!(site.chat(&asking("auto")).await.0, StatusCode::OK);
    }
    let page = site.running.metrics().await;
    let dropped = page
        .lines()
        .find_map(|line| line.strip_prefix("pointsman_telemetry_dropped_total "));
    assert!(dropped.unwrap().parse::<u64>().unwrap() > 0, "{page}");
    let since = std::time::Instant::now();
    site.rows().await;
    assert!(since.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn without_a_collector_nothing_is_sent_and_no_trace_is_passed_on() {
    let site = Site::new(&[Act::Say("Yes.")], &[Act::Say("No.")]).await;
    site.chat(&asking("auto")).await;
    assert!(!site.small.heard()[0].headers.contains_key("traceparent"));
}

#[tokio::test]
async fn the_collector_gets_its_headers() {
    let collector = Collector::new().await;
    let endpoint = collector.endpoint.clone();
    let change = |gateway: &mut GatewayConfig| {
        gateway.telemetry.endpoint = Some(endpoint);
        // A variable that every process has.
        gateway.telemetry.headers = [("x-token".into(), "PATH".into())].into();
    };
    let site = Site::changed(&[Act::Say("Yes.")], &[Act::Say("No.")], change).await;
    site.chat(&asking("auto")).await;
    site.rows().await;
    let got = collector.got.lock().unwrap();
    let token = std::env::var("PATH").unwrap();
    assert!(!got.is_empty());
    for one in got.iter() {
        assert_eq!(one.headers["x-token"], token, "{}", one.path);
        assert_eq!(one.headers["content-type"], "application/x-protobuf");
    }
}
