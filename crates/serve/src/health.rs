//! `GET /healthz`: the process answers. `GET /readyz`: it takes work.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use crate::App;
use crate::problem::{self, Problem};

pub(crate) async fn healthz() -> Response {
    problem::json(&json!({"status": "ok"}))
}

pub(crate) async fn readyz(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let not_ready = |why| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", why);
    if app.is_draining() {
        return Err(not_ready("the server is stopping"));
    }
    if !app.store.is_open() {
        return Err(not_ready("the store takes no records"));
    }
    let snapshot = app.live.snapshot();
    let policy_version = snapshot.current.router.policy_version();
    Ok(problem::json(
        &json!({"status": "ready", "policy_version": policy_version}),
    ))
}
