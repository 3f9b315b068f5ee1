//! `POST /v1/feedback`: keeps a judgement, and acknowledges it once it is on disk.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use pointsman_store::FeedbackRecord;
use serde::Serialize;

use crate::App;
use crate::feedback_body::{FeedbackBody, Submission};
use crate::parse::parse;
use crate::problem::{Problem, json};
use crate::route::new_id;

#[derive(Serialize)]
struct Acknowledged {
    feedback_id: String,
    repeated: bool,
}

pub(crate) async fn feedback(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let held = app.intake.read(&headers, body).await?;
    let body: FeedbackBody = parse(&held.bytes)?;
    let record = record(body.check(header_key(&headers)?)?);
    let receipt = app.store.feedback(record).await?;
    app.metrics.feedback(receipt.repeated);
    Ok(json(&Acknowledged {
        feedback_id: receipt.feedback_id,
        repeated: receipt.repeated,
    }))
}

fn record(submission: Submission) -> FeedbackRecord {
    let (feedback_id, ts_ms) = new_id();
    FeedbackRecord {
        feedback_id,
        ts_ms,
        feedback: submission.feedback,
        tags: submission.tags,
        idempotency_key: submission.idempotency_key,
    }
}

fn header_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match key.to_str() {
        Ok(key) => Ok(Some(key.to_owned())),
        Err(_) => Err(Problem::invalid(
            "idempotency_key",
            "the header Idempotency-Key must be visible ASCII",
        )),
    }
}
