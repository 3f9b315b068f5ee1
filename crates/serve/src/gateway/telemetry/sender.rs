//! Carries what was encoded to the collector. One that is away is a warning once, not an error each
//! time.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use opentelemetry_http::{HttpClient, HttpError};
use rustls::ClientConfig;
use tokio::runtime::Handle;
use tokio::time::timeout;

type Http = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// The most bytes of the collector's answer that are read.
const MOST_ANSWER: usize = 64 << 10;

/// Carries what was encoded to the collector.
pub(super) struct Sender {
    http: Http,
    /// Secrets among them.
    headers: HeaderMap,
    timeout: Duration,
    /// Metrics are sent by a thread that is not of the runtime.
    runtime: Handle,
    is_away: AtomicBool,
}

/// Without the headers.
impl fmt::Debug for Sender {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl Sender {
    /// Within a runtime, on which it sends.
    pub(super) fn new(headers: HeaderMap, timeout: Duration, tls: ClientConfig) -> Self {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        Self {
            http: Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .build(connector),
            headers,
            timeout,
            runtime: Handle::current(),
            is_away: AtomicBool::new(false),
        }
    }

    fn note(&self, sent: &Result<Response<Bytes>, HttpError>) {
        let trouble = match sent {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("it answers with {}", response.status())),
            Err(error) => Some(error.to_string()),
        };
        let was_away = self.is_away.swap(trouble.is_some(), Ordering::Relaxed);
        match trouble {
            Some(trouble) if !was_away => tracing::warn!(
                trouble,
                "the collector takes no telemetry; this is not said again until it does"
            ),
            None if was_away => tracing::info!("the collector takes telemetry again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        request.headers_mut().extend(self.headers.clone());
        let exchanged = exchange(self.http.clone(), request, self.timeout);
        let sent = self.runtime.spawn(exchanged).await;
        let sent = sent.unwrap_or_else(|gone| Err(gone.into()));
        self.note(&sent);
        sent
    }
}

async fn exchange(
    http: Http,
    request: Request<Bytes>,
    patience: Duration,
) -> Result<Response<Bytes>, HttpError> {
    let exchanged = async {
        let (parts, body) = http.request(request.map(Full::new)).await?.into_parts();
        let body = Limited::new(body, MOST_ANSWER).collect().await?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    };
    let late = |_| HttpError::from("it did not answer in time");
    timeout(patience, exchanged).await.map_err(late)?
}
