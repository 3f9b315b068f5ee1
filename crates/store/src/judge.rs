//! Feedback as table rows: what repeats, what is a new version, what has no decision.
//!
//! A judgement is identified by its decision, its metric and the caller's idempotency key, the
//! empty one where none was given. The same content again repeats the newest version; other
//! content becomes the next version. Nothing is overwritten.

use pointsman_types::Verdict;
use sqlx::SqliteConnection;

use crate::insert::json;
use crate::{FeedbackRecord, Receipt};

/// What became of one judgement.
pub(crate) enum Judged {
    Kept(Receipt),
    UnknownDecision(String),
}

/// The newest version of a judgement.
#[derive(sqlx::FromRow)]
struct Newest {
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
) -> Result<Judged, sqlx::Error> {
    let tags = record.tags.as_ref().map(json);
    let Some(newest) = newest(db, &record).await? else {
        return Ok(Judged::UnknownDecision(record.feedback.decision_id));
    };
    match newest.id {
        Some(ref id) if newest.says_the_same(&record, tags.as_deref()) => {
            Ok(Judged::Kept(Receipt {
                feedback_id: id.clone(),
                repeated: true,
            }))
        }
        _ => {
            let version = newest.version.map_or(1, |version| version + 1);
            append(db, record, tags, version).await
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
    Some(match record.feedback.verdict? {
        Verdict::GoodFit => "good_fit",
        Verdict::Underpowered => "underpowered",
        Verdict::Overprovisioned => "overprovisioned",
        Verdict::Failed => "failed",
    })
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
        "SELECT f.id, f.version, f.value, f.verdict, f.tags
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
) -> Result<Judged, sqlx::Error> {
    sqlx::query(
        "INSERT INTO feedback
         (id, ts_ms, decision_id, metric_name, idempotency_key, version, value, verdict, tags)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
    .execute(db)
    .await?;
    Ok(Judged::Kept(Receipt {
        feedback_id: record.feedback_id,
        repeated: false,
    }))
}
