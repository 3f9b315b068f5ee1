//! Traces and metrics for a collector, by OTLP over HTTP: a span for each request and one for each call
//! of a back end that it leads to. Never what was asked or answered, and no error's own words, since
//! providers quote prompts in them.
//!
//! `config` says where to; [`Trace`] is a request's part and travels with it; without a collector it is
//! empty and does nothing.

mod batches;
mod calls;
mod config;
mod instruments;
mod sender;
mod trace;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::HttpClient;
use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, Protocol, RetryPolicy, SpanExporter, WithExportConfig,
    WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{
    Sampler, SdkTracer, SdkTracerProvider, SpanExporter as _, TracerProviderBuilder,
};
use pointsman_relay::system_tls;
use prometheus_client::metrics::counter::Counter;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub(crate) use calls::{CANCELLED, CallSpan, Calls, Spent};
pub(crate) use config::Plan;
pub use config::TelemetryConfig;
pub(crate) use trace::Trace;

use self::batches::{Delivery, batches};
use self::instruments::Instruments;
use self::sender::Sender;

/// Who measures, as collectors are told.
const SCOPE: &str = "pointsman";
/// The longest that the last spans and metrics may take at the end.
const LAST: Duration = Duration::from_secs(5);

/// What is sent to a collector.
pub(crate) struct Telemetry {
    tools: Arc<Tools>,
    meters: SdkMeterProvider,
    stop: CancellationToken,
    delivery: Mutex<Option<JoinHandle<()>>>,
}

/// What a request's part needs.
struct Tools {
    tracer: SdkTracer,
    instruments: Instruments,
}

impl Telemetry {
    /// Within a runtime, on which it sends. `dropped` counts the spans that were not delivered.
    ///
    /// # Errors
    /// When the exporters cannot be made, or no certificates are found.
    pub(crate) fn start(plan: Plan, dropped: &Counter) -> Result<Self, String> {
        let wrong = |error: &dyn std::fmt::Display| format!("telemetry: {error}");
        let tls = system_tls().map_err(|error| wrong(&error))?;
        let sender = Sender::new(plan.headers.clone(), plan.timeout, tls);
        let sender: Arc<dyn HttpClient> = Arc::new(sender);
        let resource = Resource::builder()
            .with_service_name(plan.service_name.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let meters = meters(&plan, &sender, &resource).map_err(|error| wrong(&error))?;
        let exporter = spans(&plan, &sender).map_err(|error| wrong(&error))?;
        let stop = CancellationToken::new();
        let (tracers, delivery) = tracers(&plan, exporter, &resource, dropped);
        let delivery = delivery.map(|delivery| tokio::spawn(delivery.run(stop.clone())));
        Ok(Self {
            tools: Arc::new(Tools {
                tracer: tracers.tracer(SCOPE),
                instruments: Instruments::new(&meters.meter(SCOPE), dropped),
            }),
            meters,
            stop,
            delivery: Mutex::new(delivery),
        })
    }

    /// Sends what is left, for a bounded time.
    pub(crate) async fn finish(&self) {
        self.stop.cancel();
        let delivery = self.delivery();
        let meters = self.meters.clone();
        let last = async {
            if let Some(delivery) = delivery {
                // A panic there was reported by the panic hook.
                delivery.await.ok();
            }
            // What could not be sent was told by the sender.
            spawn_blocking(move || meters.shutdown()).await.ok();
        };
        if timeout(LAST, last).await.is_err() {
            tracing::warn!("the collector did not take the last telemetry in time");
        }
    }

    fn delivery(&self) -> Option<JoinHandle<()>> {
        let mut delivery = self.delivery.lock().unwrap_or_else(PoisonError::into_inner);
        delivery.take()
    }
}

/// It does not try again by itself: that would block a thread.
fn spans(
    plan: &Plan,
    sender: &Arc<dyn HttpClient>,
) -> Result<Option<SpanExporter>, ExporterBuildError> {
    let exporter = plan.traces.as_ref().map(|address| {
        SpanExporter::builder()
            .with_http()
            .with_shared_http_client(Arc::clone(sender))
            .with_retry_policy(RetryPolicy::disabled())
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(address.to_string())
            .build()
    });
    exporter.transpose()
}

fn tracers(
    plan: &Plan,
    exporter: Option<SpanExporter>,
    resource: &Resource,
    dropped: &Counter,
) -> (SdkTracerProvider, Option<Delivery>) {
    let builder = sampled(SdkTracerProvider::builder(), plan).with_resource(resource.clone());
    let Some(mut exporter) = exporter else {
        return (builder.build(), None);
    };
    exporter.set_resource(resource);
    let (batches, delivery) = batches(exporter, plan.queue, dropped);
    (builder.with_span_processor(batches).build(), Some(delivery))
}

/// By the share of the settings, if they name one; whoever brings a trace along has decided.
fn sampled(builder: TracerProviderBuilder, plan: &Plan) -> TracerProviderBuilder {
    let share = |share| Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share)));
    match plan.sample {
        Some(sample) => builder.with_sampler(share(sample)),
        None => builder,
    }
}

fn meters(
    plan: &Plan,
    sender: &Arc<dyn HttpClient>,
    resource: &Resource,
) -> Result<SdkMeterProvider, ExporterBuildError> {
    let builder = SdkMeterProvider::builder().with_resource(resource.clone());
    let Some(address) = &plan.metrics else {
        return Ok(builder.build());
    };
    let exporter = MetricExporter::builder()
        .with_http()
        .with_shared_http_client(Arc::clone(sender))
        .with_retry_policy(RetryPolicy::disabled())
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(address.to_string())
        .build()?;
    let reader = PeriodicReader::builder(exporter);
    let reader = match plan.interval {
        Some(interval) => reader.with_interval(interval),
        None => reader,
    };
    Ok(builder.with_reader(reader.build()).build())
}
