//! What happened to versions and learners, for people to read: a log of its own, appended to alone.

use serde_json::Value;
use sqlx::SqliteConnection;

use crate::fault::Fault;
use crate::insert::json;
use crate::writer::Change;
use crate::{Store, StoreError};

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRecord {
    /// When: milliseconds since 1970, UTC.
    pub ts_ms: i64,
    /// What, in a word.
    pub kind: String,
    /// To whom: the id of a version, where there is one.
    pub subject: Option<String>,
    /// The rest.
    pub detail: Value,
}

/// An event read back.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its number, rising.
    pub seq: i64,
    /// What was kept.
    pub event: EventRecord,
}

#[derive(sqlx::FromRow)]
struct Row {
    seq: i64,
    ts_ms: i64,
    kind: String,
    subject: Option<String>,
    detail: String,
}

impl Store {
    /// Keeps an event and tells its number; once this returns it survives the loss of power.
    ///
    /// # Errors
    /// As [`Store::record`].
    pub async fn add_event(&self, event: EventRecord) -> Result<i64, StoreError> {
        let event = Box::new(event);
        self.change(|reply| Change::Event(event, reply)).await
    }

    /// At most `limit` events after the one of that number, the oldest first; 0 is before all.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn events(&self, after: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let mut db = self.reader().await?;
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT seq, ts_ms, kind, subject, detail FROM event WHERE seq > ? ORDER BY seq LIMIT ?",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(&mut *db)
        .await
        .map_err(|source| self.unreadable(source))?;
        rows.into_iter().map(|row| self.event(row)).collect()
    }

    fn event(&self, row: Row) -> Result<Event, StoreError> {
        let detail = serde_json::from_str(&row.detail);
        Ok(Event {
            seq: row.seq,
            event: EventRecord {
                ts_ms: row.ts_ms,
                kind: row.kind,
                subject: row.subject,
                detail: detail.map_err(|_| self.damaged_row("event", row.seq.to_string()))?,
            },
        })
    }
}

/// Keeps an event, inside the caller's transaction or in one of its own.
pub(crate) async fn append(db: &mut SqliteConnection, event: &EventRecord) -> Result<i64, Fault> {
    let seq = sqlx::query_scalar(
        "INSERT INTO event (ts_ms, kind, subject, detail) VALUES (?, ?, ?, ?) RETURNING seq",
    )
    .bind(event.ts_ms)
    .bind(event.kind.as_str())
    .bind(event.subject.as_deref())
    .bind(json(&event.detail))
    .fetch_one(db)
    .await?;
    Ok(seq)
}
