//! Feedback as table rows: what repeats, what is a new version, what is refused.
//!
//! A judgement is identified by its decision, its metric and the caller's idempotency key, the
//! empty one where none was given. The same content again repeats the newest version; other
//! content becomes the next version. Nothing is overwritten.

use pointsman_types::Verdict;
use sqlx::SqliteConnection;

use crate::fault::Fault;
use crate::insert::json;
use crate::{FeedbackRecord, Receipt, StoreError};

/// What a decision says of who may speak of it.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Standing {
    decision_key: Option<String>,
    erased_ms: Option<i64>,
}

impl Standing {
    /// Whether a report on the decision is taken. Keys are compared where both are known.
    pub(crate) fn admit(&self, decision_id: &str, key: Option<&str>) -> Result<(), StoreError> {
        let decision_id = || decision_id.to_owned();
        if self.erased_ms.is_some() {
            return Err(StoreError::Erased {
                decision_id: decision_id(),
            });
        }
        match (self.decision_key.as_deref(), key) {
            (Some(own), Some(other)) if own != other => Err(StoreError::OtherKey {
                decision_id: decision_id(),
            }),
            _ => Ok(()),
        }
    }
}

/// The newest version of a judgement.
#[derive(sqlx::FromRow)]
struct Newest {
    #[sqlx(flatten)]
    standing: Standing,
    id: Option<String>,
    version: Option<i64>,
    value: Option<f64>,
    verdict: Option<String>,
    tags: Option<String>,
}

/// Keeps one judgement, inside the caller's transaction.
pub(crate) async fn judge(
    db: &mut SqliteConnection,
    record: FeedbackRecord,
) -> Result<Receipt, Fault> {
    let tags = record.tags.as_ref().map(json);
    let decision_id = record.feedback.decision_id.as_str();
    let Some(newest) = newest(db, &record).await? else {
        return Err(Fault::Refused(StoreError::UnknownDecision {
            decision_id: decision_id.to_owned(),
        }));
    };
    let key = record.key_id.as_deref();
    newest.standing.admit(decision_id, key)?;
    match newest.id {
        Some(ref id) if newest.says_the_same(&record, tags.as_deref()) => Ok(Receipt {
            feedback_id: id.clone(),
            repeated: true,
        }),
        _ => {
            let version = newest.version.map_or(1, |version| version + 1);
            Ok(append(db, record, tags, version).await?)
        }
    }
}

impl Newest {
    fn says_the_same(&self, record: &FeedbackRecord, tags: Option<&str>) -> bool {
        self.value == Some(value(record))
            && self.verdict.as_deref() == verdict(record)
            && self.tags.as_deref() == tags
    }
}

fn value(record: &FeedbackRecord) -> f64 {
    f64::from(record.feedback.value.get())
}

fn verdict(record: &FeedbackRecord) -> Option<&'static str> {
    record.feedback.verdict.map(Verdict::as_str)
}

fn key(record: &FeedbackRecord) -> &str {
    record.idempotency_key.as_deref().unwrap_or_default()
}

/// No row when the decision is unknown, a row of nulls when it has no such judgement yet.
async fn newest(
    db: &mut SqliteConnection,
    record: &FeedbackRecord,
) -> Result<Option<Newest>, sqlx::Error> {
    sqlx::query_as(
        "SELECT d.key_id AS decision_key, d.erased_ms, f.id, f.version, f.value, f.verdict, f.tags
         FROM decision AS d
         LEFT JOIN feedback AS f
           ON f.decision_id = d.id AND f.metric_name = ?2 AND f.idempotency_key = ?3
         WHERE d.id = ?1
         ORDER BY f.version DESC LIMIT 1",
    )
    .bind(record.feedback.decision_id.as_str())
    .bind(record.feedback.metric_name.as_str())
    .bind(key(record))
    .fetch_optional(db)
    .await
}

async fn append(
    db: &mut SqliteConnection,
    record: FeedbackRecord,
    tags: Option<String>,
    version: i64,
) -> Result<Receipt, sqlx::Error> {
    sqlx::query(
        "INSERT INTO feedback
         (id, ts_ms, decision_id, metric_name, idempotency_key, version, value, verdict, tags, key_id)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(record.feedback_id.as_str())
    .bind(record.ts_ms)
    .bind(record.feedback.decision_id.as_str())
    .bind(record.feedback.metric_name.as_str())
    .bind(key(&record))
    .bind(version)
    .bind(value(&record))
    .bind(verdict(&record))
    .bind(tags)
    .bind(record.key_id.as_deref())
    .execute(db)
    .await?;
    Ok(Receipt {
        feedback_id: record.feedback_id,
        repeated: false,
    })
}
