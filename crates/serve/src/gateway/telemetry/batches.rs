//! Spans on their way to the collector: a bounded queue that never blocks a request, and a task that
//! sends many at a time. What finds no room, or cannot be delivered, is dropped and counted.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter as _, SpanProcessor};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// The most spans that are sent together.
const BATCH: usize = 512;
/// How long spans gather before they are sent together.
const GATHER: Duration = Duration::from_secs(1);
/// How long is waited before spans are sent again that were not taken.
const AGAIN: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// The queue.
#[derive(Debug)]
pub(super) struct Batches {
    queue: Sender<SpanData>,
    dropped: Counter,
}

/// Sends what is in the queue until told to stop, and then what is left.
pub(super) struct Delivery {
    exporter: SpanExporter,
    queue: Receiver<SpanData>,
    dropped: Counter,
}

/// A queue with so many places, and who empties it.
pub(super) fn batches(
    exporter: SpanExporter,
    places: usize,
    dropped: &Counter,
) -> (Batches, Delivery) {
    let (tell, queue) = channel(places);
    let batches = Batches {
        queue: tell,
        dropped: dropped.clone(),
    };
    let delivery = Delivery {
        exporter,
        queue,
        dropped: dropped.clone(),
    };
    (batches, delivery)
}

impl SpanProcessor for Batches {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.queue.try_send(span).is_err() {
            self.dropped.inc();
        }
    }

    /// The delivery is told to stop instead.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Delivery {
    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            let batch = self.gather(&stop).await;
            if batch.is_empty() {
                return;
            }
            self.deliver(batch, &stop).await;
        }
    }

    /// The next spans; none after the last.
    async fn gather(&mut self, stop: &CancellationToken) -> Vec<SpanData> {
        let mut batch = Vec::new();
        tokio::select! {
            biased;
            _ = self.queue.recv_many(&mut batch, BATCH) => {}
            () = stop.cancelled() => return batch,
        }
        if batch.len() < BATCH {
            wait(GATHER, stop).await;
        }
        while batch.len() < BATCH
            && let Ok(span) = self.queue.try_recv()
        {
            batch.push(span);
        }
        batch
    }

    async fn deliver(&self, batch: Vec<SpanData>, stop: &CancellationToken) {
        for pause in AGAIN {
            if self.exporter.export(batch.clone()).await.is_ok() {
                return;
            }
            wait(pause, stop).await;
        }
        let count = batch.len() as u64;
        if self.exporter.export(batch).await.is_err() {
            self.dropped.inc_by(count);
        }
    }
}

/// No longer than until the end.
async fn wait(pause: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = sleep(pause) => {}
        () = stop.cancelled() => {}
    }
}
