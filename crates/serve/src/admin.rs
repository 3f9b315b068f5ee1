//! `GET /v1/versions`, `POST /v1/versions`, `POST /v1/promote`, `POST /v1/rollback`: the versions of
//! the router, for whoever runs the server.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use pointsman_learn::promotion::MoveRefused;
use pointsman_store::StoreError;
use serde_json::json as value;

use crate::App;
use crate::admin_body::{PromoteBody, RegisterBody, Registered, RollbackBody};
use crate::parse::parse;
use crate::peer::FromHere;
use crate::problem::{Problem, json};
use crate::versions::{Plan, VersionsError};

pub(crate) async fn versions(
    _: FromHere,
    State(app): State<Arc<App>>,
) -> Result<Response, Problem> {
    let mut listing = app.office.versions.listing().await?;
    listing["current"] = value!(app.live.snapshot().current.version);
    listing["trial"] = value!(app.office.trial().as_deref());
    Ok(json(&listing))
}

pub(crate) async fn register(
    _: FromHere,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let held = app.intake.read(&headers, body).await?;
    let (version, is_new) = match parse::<RegisterBody>(&held.bytes)?.check()? {
        Registered::Directory(path) => app.register(&path).await?,
        Registered::Snapshot(seq) => app.register_snapshot(seq).await?,
    };
    Ok(json(&value!({ "version": version, "new": is_new })))
}

pub(crate) async fn promote(
    _: FromHere,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let held = app.intake.read(&headers, body).await?;
    let order = parse::<PromoteBody>(&held.bytes)?.check()?;
    Ok(moved(&app.order(&order).await?))
}

pub(crate) async fn rollback(
    _: FromHere,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let held = app.intake.read(&headers, body).await?;
    let reason = parse::<RollbackBody>(&held.bytes)?.check()?;
    Ok(moved(&app.roll_back(reason.as_deref()).await?))
}

fn moved(plan: &Plan) -> Response {
    json(&value!({ "current": plan.current(), "moves": plan.moves() }))
}

impl From<VersionsError> for Problem {
    fn from(error: VersionsError) -> Self {
        let conflict = StatusCode::CONFLICT;
        let message = with_causes(&error);
        match error {
            VersionsError::Move(MoveRefused::Unknown { .. }) => Self {
                param: Some("version".to_owned()),
                ..Self::new(StatusCode::NOT_FOUND, "unknown_version", message)
            },
            VersionsError::Move(_) | VersionsError::Fixed => {
                Self::new(conflict, "wrong_stage", message)
            }
            VersionsError::Gate { .. } => Self::new(conflict, "gate_closed", message),
            VersionsError::NoReason => Self::invalid("reason", message),
            VersionsError::Share { .. } => Self::invalid("share", message),
            VersionsError::Load { .. } => Self {
                param: Some("path".to_owned()),
                ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unloadable", message)
            },
            VersionsError::NoSnapshot { .. } | VersionsError::Snapshot { .. } => Self {
                param: Some("snapshot".to_owned()),
                ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unloadable", message)
            },
            VersionsError::Copy { .. } => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "not_copied", message)
            }
            VersionsError::Store(StoreError::Stale { .. }) => {
                Self::new(conflict, "wrong_stage", message)
            }
            VersionsError::Store(error) => error.into(),
            VersionsError::Panicked => Self::internal(),
        }
    }
}

/// Who may change versions may know what is on the machine.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        message.push_str(": ");
        message.push_str(&next.to_string());
        cause = next.source();
    }
    message
}
