//! `POST /v1/feedback`: keeps a judgement, what the call took, or both, and acknowledges it once it is
//! on disk.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use pointsman_store::{FeedbackRecord, OutcomeRecord, Receipt, Store, StoreError};
use pointsman_types::Usage;
use serde::Serialize;

use crate::App;
use crate::feedback_body::{Content, FeedbackBody, Judgement, Submission};
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
    let guest = app.gateway.fleet.load().door.admit(&headers)?;
    let held = app.intake.read(&headers, body).await?;
    let body: FeedbackBody = parse(&held.bytes)?;
    let submission = body.check(header_key(&headers)?)?;
    let cost = submission
        .cost()
        .map(|cost| (submission.decision_id.clone(), cost));
    let submission = Submission {
        key_id: guest.key_id().or(submission.key_id),
        ..submission
    };
    let receipt = keep(&app.store, submission).await?;
    if let (Some(pacing), Some((id, cost))) = (&app.pacing, cost) {
        pacing.settle(&id, cost);
    }
    app.learning.wake();
    app.metrics.feedback(receipt.repeated);
    app.heard();
    Ok(json(&Acknowledged {
        feedback_id: receipt.feedback_id,
        repeated: receipt.repeated,
    }))
}

async fn keep(store: &Store, submission: Submission) -> Result<Receipt, StoreError> {
    let Submission {
        decision_id,
        content,
        key_id,
    } = submission;
    match content {
        Content::Judgement(judgement) => store.feedback(record(judgement, key_id)).await,
        Content::Usage(usage) => store.outcome(outcome(decision_id, usage, key_id)).await,
        Content::Both(judgement, usage) => {
            let outcome = outcome(decision_id, usage, key_id.clone());
            keep_both(store, outcome, record(judgement, key_id)).await
        }
    }
}

/// The outcome is queued first, so that whoever reads the judgement finds it there. Should only one
/// of them be kept, the caller is told of the failure, and sending both again is harmless.
async fn keep_both(
    store: &Store,
    outcome: OutcomeRecord,
    feedback: FeedbackRecord,
) -> Result<Receipt, StoreError> {
    let (outcome, feedback) =
        tokio::join!(biased; store.outcome(outcome), store.feedback(feedback));
    let feedback = feedback?;
    Ok(Receipt {
        repeated: outcome?.repeated && feedback.repeated,
        ..feedback
    })
}

fn outcome(decision_id: String, usage: Usage, key_id: Option<String>) -> OutcomeRecord {
    let (outcome_id, ts_ms) = new_id();
    OutcomeRecord {
        outcome_id,
        ts_ms,
        decision_id,
        key_id,
        usage,
    }
}

fn record(judgement: Judgement, key_id: Option<String>) -> FeedbackRecord {
    let (feedback_id, ts_ms) = new_id();
    FeedbackRecord {
        feedback_id,
        ts_ms,
        feedback: judgement.feedback,
        tags: judgement.tags,
        idempotency_key: judgement.idempotency_key,
        key_id,
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
