//! What the handlers share, and the table of routes.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use pointsman_store::Store;
use tower_http::catch_panic::CatchPanicLayer;

use crate::beside::Besides;
use crate::chance::Chance;
use crate::gateway::{self, Gateway};
use crate::intake::Intake;
use crate::learning::{self, Learning, Mode, Pacing};
use crate::metrics::{self, Metrics};
use crate::office::Office;
use crate::problem::Problem;
use crate::{Live, Settings, admin, feedback, health, models, openapi, route};

/// A server without a listener: what its handlers share.
pub struct App {
    pub(crate) live: Live,
    pub(crate) store: Store,
    pub(crate) metrics: Metrics,
    pub(crate) intake: Intake,
    pub(crate) log_prompts: bool,
    /// Runs the version beside the current one.
    pub(crate) besides: Besides,
    /// Changes which versions serve.
    pub(crate) office: Office,
    /// Calls models on behalf of callers.
    pub(crate) gateway: Gateway,
    heard: AtomicU64,
    pub(crate) chance: Chance,
    pub(crate) learning: Learning,
    pub(crate) pacing: Option<Pacing>,
    draining: AtomicBool,
}

impl App {
    /// Puts a router and a store together.
    #[must_use]
    pub(crate) fn new(
        settings: &Settings,
        metrics: Metrics,
        gateway: Gateway,
        live: Live,
        store: Store,
    ) -> Arc<Self> {
        let is_on = settings.learning.mode != Mode::Bypass;
        let paced = settings.learning.pacing.filter(|_| is_on);
        Arc::new(Self {
            live,
            besides: Besides::new(settings.beside),
            office: Office::new(&store, settings.promotion.clone()),
            gateway,
            store,
            metrics,
            intake: Intake::new(settings.max_body_bytes, settings.body_timeout),
            log_prompts: settings.log_prompts,
            heard: AtomicU64::new(0),
            chance: Chance::new(settings),
            pacing: Pacing::new(paced),
            learning: Learning::new(&settings.learning),
            draining: AtomicBool::new(false),
        })
    }

    /// The routes, ready to be served or called by a test.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/v1/route", post(route::route))
            .route("/v1/feedback", post(feedback::feedback))
            .route("/v1/models", get(models::models))
            .route("/v1/chat/completions", post(gateway::chat))
            .route("/v1/messages", post(gateway::messages))
            .route("/v1/responses", post(gateway::responses))
            .route("/v1/versions", get(admin::versions).post(admin::register))
            .route("/v1/promote", post(admin::promote))
            .route("/v1/rollback", post(admin::rollback))
            .route("/v1/savings", get(gateway::savings))
            .route("/v1/learning", get(learning::learning))
            .route("/healthz", get(health::healthz))
            .route("/readyz", get(health::readyz))
            .route("/metrics", get(metrics::metrics))
            .route("/openapi.json", get(openapi::openapi))
            .method_not_allowed_fallback(wrong_method)
            .fallback(wrong_path)
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn_with_state(Arc::clone(self), metrics::observe))
            .with_state(Arc::clone(self))
    }

    /// Says which pipelines cannot do what they are for with the router in service.
    pub(crate) fn tell_idle(&self) {
        let snapshot = self.live.snapshot();
        let fleet = self.gateway.fleet.load();
        fleet.tell_idle(snapshot.current.router.as_ref());
    }

    /// Counts what there is to learn from: a decision or a judgement.
    pub(crate) fn heard(&self) {
        self.heard.fetch_add(1, Ordering::Relaxed);
    }

    /// Decisions and judgements since the start.
    pub(crate) fn heard_so_far(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

async fn wrong_path() -> Problem {
    let message = "there is nothing at this path; GET /openapi.json lists what there is";
    Problem::new(StatusCode::NOT_FOUND, "unknown_path", message)
}

async fn wrong_method() -> Problem {
    let message = "this path answers to another method; GET /openapi.json lists them";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", message)
}

/// The panic itself was reported by the panic hook.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    Problem::internal().into_response()
}
