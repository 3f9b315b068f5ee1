//! The listener: accepts connections within bounds, and ends in order.
//!
//! The order of the end: `/readyz` says no; after the notice no connection is accepted; requests
//! under way finish, for a bounded time; what was learnt is kept; the store writes what waits and
//! closes.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::BoxError;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use pointsman_store::Store;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::add_extension::AddExtension;

use crate::gateway::{Gateway, Telemetry};
use crate::lanes::{Lanes, Seat};
use crate::learning::Worker;
use crate::metrics::Metrics;
use crate::peer::Peer;
use crate::steward::Steward;
use crate::watch::Watch;
use crate::{App, Config, ConfigError, Live, Reread, ServeError, Settings};

/// Serves until `shutdown` completes, then finishes what is under way.
///
/// # Errors
/// When a setting is out of range or the address cannot be had.
pub async fn run(
    config: Config,
    live: Live,
    store: Store,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    Server::bind(&config, live, store)
        .await?
        .run(shutdown)
        .await
}

/// A server that has its address and does not serve yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    app: Arc<App>,
    learner: Worker,
    settings: Settings,
}

impl Server {
    /// Takes the address, puts the version into service that the store says is current, and goes on
    /// from what was learnt before.
    ///
    /// # Errors
    /// When a setting is out of range, the address cannot be had, or the store cannot tell.
    pub async fn bind(config: &Config, live: Live, store: Store) -> Result<Self, ServeError> {
        let settings = config.check()?;
        let metrics = Metrics::new();
        let gateway = gateway(&settings, &metrics)?;
        stays_at_home(&settings)?;
        let bind_error = |source| ServeError::Bind {
            address: settings.bind,
            source,
        };
        let listener = TcpListener::bind(settings.bind).await.map_err(bind_error)?;
        let address = listener.local_addr().map_err(bind_error)?;
        let app = App::new(&settings, metrics, gateway, live, store);
        app.adopt().await.map_err(ServeError::Versions)?;
        app.tell_idle();
        Ok(Self {
            listener,
            address,
            learner: Worker::begin(Arc::clone(&app)).await,
            app,
            settings,
        })
    }

    /// Looks for new settings of the gateway in this file while it serves.
    #[must_use]
    pub fn following(self, file: PathBuf, read: Box<Reread>) -> Self {
        self.app.gateway.follow(file, read);
        self
    }

    /// Where it listens; differs from the setting when that asks for any free port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    #[cfg(test)]
    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Serves until `shutdown` completes, then finishes what is under way.
    ///
    /// # Errors
    /// When signals cannot be listened for, or there are no threads to be had.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let connections =
            Connections::new(&self.app, &self.settings).map_err(ServeError::Threads)?;
        let stop = CancellationToken::new();
        let watch = Watch::new(Arc::clone(&self.app));
        let watching = tokio::spawn(watch.run(self.settings.reload, stop.clone()));
        let steward = Steward::new(Arc::clone(&self.app));
        let judging = self.settings.steward.map(|period| {
            let judging = steward.run(period, stop.clone());
            tokio::spawn(judging)
        });
        let stop_learning = CancellationToken::new();
        let learning = tokio::spawn(self.learner.run(stop_learning.clone()));
        let notice = async {
            shutdown.await;
            self.app.drain();
            sleep(self.settings.drain_notice).await;
        };
        tracing::info!(address = %self.address, "serving");
        tokio::select! {
            () = notice => {}
            () = connections.accept(&self.listener) => {}
        }
        drop(self.listener);
        stop.cancel();
        let lanes = connections.finish(self.settings.drain).await;
        if let Some(judging) = judging {
            // A panic there was reported by the panic hook.
            judging.await.ok();
        }
        if let Some(telemetry) = &self.app.gateway.telemetry {
            telemetry.finish().await;
        }
        stop_learning.cancel();
        // A panic there was reported by the panic hook.
        learning.await.ok();
        self.app.store.close().await;
        lanes.finish().await;
        tracing::info!("stopped");
        // A watch that panicked has been reported by the panic hook.
        watching.await.unwrap_or(Ok(()))
    }
}

/// What the settings say of the gateway, at work.
fn gateway(settings: &Settings, metrics: &Metrics) -> Result<Gateway, ServeError> {
    let environment = |name: &str| std::env::var(name).ok();
    let wrong = |problems| ServeError::Gateway { problems };
    let config = &settings.gateway;
    let fleet = config.fleet(&environment, None).map_err(wrong)?;
    config.warn();
    let plan = config.telemetry.plan(&environment).map_err(wrong)?;
    let dropped = metrics.gateway().undelivered();
    let telemetry = plan.map(|plan| Telemetry::start(plan, dropped));
    let telemetry = telemetry
        .transpose()
        .map_err(|problem| wrong(vec![problem]))?;
    Ok(Gateway::new(fleet, telemetry))
}

/// Beyond this machine everybody needs a key, unless the settings say that nobody does.
fn stays_at_home(settings: &Settings) -> Result<(), ConfigError> {
    let auth = &settings.gateway.auth;
    if settings.bind.ip().is_loopback() || auth.is_required() || auth.required.is_some() {
        return Ok(());
    }
    Err(ConfigError {
        table: "server",
        setting: "bind",
        value: settings.bind.to_string(),
        range: "a loopback address while there are no keys; `pointsman key new` makes one, and auth.required = false lets everybody in"
            .to_owned(),
    })
}

/// The connections there are.
struct Connections {
    routes: axum::Router,
    protocol: Builder<TokioExecutor>,
    tasks: TaskTracker,
    /// Asks connections to end after the request under way.
    finish: CancellationToken,
    /// Ends them as they are.
    abort: CancellationToken,
    room: Arc<Semaphore>,
    write_timeout: Duration,
    lanes: Lanes,
}

/// One of them.
struct Connection {
    service: AddExtension<axum::Router, Peer>,
    protocol: Builder<TokioExecutor>,
    finish: CancellationToken,
    abort: CancellationToken,
    write_timeout: Duration,
    _held: (OwnedSemaphorePermit, Seat),
}

impl Connection {
    /// Serves it to its end, on the runtime that this is called in.
    async fn serve(self, stream: std::net::TcpStream) -> Result<(), BoxError> {
        // A caller who reads nothing would otherwise hold its back end's place for ever.
        let mut stream = TimeoutStream::new(TcpStream::from_std(stream)?);
        stream.set_write_timeout(Some(self.write_timeout));
        let stream = TokioIo::new(Box::pin(stream));
        let service = TowerToHyperService::new(self.service);
        let mut connection = pin!(self.protocol.serve_connection(stream, service));
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = self.abort.cancelled() => return Ok(()),
            () = self.finish.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.abort.cancelled() => Ok(()),
        }
    }
}

/// How long to wait when the system has no room for another connection.
const RETRY_ACCEPT: Duration = Duration::from_millis(50);

impl Connections {
    fn new(app: &Arc<App>, settings: &Settings) -> io::Result<Self> {
        let mut protocol = Builder::new(TokioExecutor::new()).http1_only();
        protocol
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(settings.header_timeout);
        Ok(Self {
            routes: app.router(),
            protocol,
            tasks: TaskTracker::new(),
            finish: CancellationToken::new(),
            abort: CancellationToken::new(),
            room: Arc::new(Semaphore::new(settings.max_connections)),
            write_timeout: settings.write_timeout,
            lanes: Lanes::start(settings.threads)?,
        })
    }

    /// Accepts for ever.
    async fn accept(&self, listener: &TcpListener) {
        loop {
            let Ok(room) = Arc::clone(&self.room).acquire_owned().await else {
                // The semaphore is never closed.
                return pending().await;
            };
            match listener.accept().await {
                Ok((stream, peer)) => self.serve(stream, Peer(peer), room),
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    sleep(RETRY_ACCEPT).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, peer: Peer, room: OwnedSemaphorePermit) {
        // Without this small answers wait for the caller's acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was not set");
        }
        let stream = match stream.into_std() {
            Ok(stream) => stream,
            Err(error) => return tracing::warn!(%error, "a connection was not served"),
        };
        let seat = self.lanes.seat();
        let lane = seat.runtime.clone();
        let connection = Connection {
            service: AddExtension::new(self.routes.clone(), peer),
            protocol: self.protocol.clone(),
            finish: self.finish.clone(),
            abort: self.abort.clone(),
            write_timeout: self.write_timeout,
            _held: (room, seat),
        };
        let serving = async move {
            if let Err(error) = connection.serve(stream).await {
                tracing::debug!(error, "a connection broke");
            }
        };
        self.tasks.spawn_on(serving, &lane);
    }

    /// Lets requests under way finish, then ends what is left.
    async fn finish(self, patience: Duration) -> Lanes {
        self.tasks.close();
        self.finish.cancel();
        if timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                connections = self.tasks.len(),
                "cut off what did not finish in time"
            );
            self.abort.cancel();
            self.tasks.wait().await;
        }
        self.lanes
    }
}
