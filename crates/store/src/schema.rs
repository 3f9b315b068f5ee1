//! The tables, as numbered steps. A step that was released is never edited; changes are new steps.

use std::path::Path;

use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::StoreError;

/// Marks the file as ours (`PRAGMA application_id`): the letters PTSM.
const APPLICATION: i64 = 0x5054_534d;

const STEPS: &[&str] = &[r"
CREATE TABLE decision (
    seq             INTEGER PRIMARY KEY,
    id              TEXT    NOT NULL UNIQUE,
    ts_ms           INTEGER NOT NULL,
    prompt_id       TEXT    NOT NULL,
    prompt          TEXT,
    model           TEXT    NOT NULL,
    reason          TEXT    NOT NULL,
    propensity      REAL    NOT NULL,
    policy_version  TEXT    NOT NULL,
    session_id      TEXT,
    category        TEXT,
    metadata        TEXT,
    input_tokens    INTEGER,
    quality         REAL    NOT NULL,
    cost_usd        REAL    NOT NULL,
    output_tokens   REAL,
    candidates      TEXT    NOT NULL
) STRICT;
CREATE TABLE feedback (
    seq             INTEGER PRIMARY KEY,
    id              TEXT    NOT NULL UNIQUE,
    ts_ms           INTEGER NOT NULL,
    decision_id     TEXT    NOT NULL REFERENCES decision (id),
    metric_name     TEXT    NOT NULL,
    idempotency_key TEXT    NOT NULL,
    version         INTEGER NOT NULL,
    value           REAL    NOT NULL,
    verdict         TEXT,
    tags            TEXT,
    UNIQUE (decision_id, metric_name, idempotency_key, version)
) STRICT;
"];

/// The version that this release writes.
pub(crate) const VERSION: i64 = STEPS.len() as i64;

/// Brings a store up to [`VERSION`]; an empty file becomes a store.
pub(crate) async fn migrate(db: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let found = version(db, path).await?;
    for (step, statements) in STEPS.iter().enumerate().skip(found as usize) {
        let version = step + 1;
        let script = format!(
            "BEGIN IMMEDIATE;{statements}PRAGMA application_id = {APPLICATION};PRAGMA user_version = {version};COMMIT;"
        );
        sqlx::raw_sql(AssertSqlSafe(script))
            .execute(&mut *db)
            .await
            .map_err(|source| StoreError::from_sqlite(path, source))?;
        tracing::info!(version, path = %path.display(), "store schema brought up to date");
    }
    Ok(())
}

/// The version of the file: 0 when it is empty.
///
/// # Errors
/// When another program or a later release made the file.
pub(crate) async fn version(db: &mut SqliteConnection, path: &Path) -> Result<i64, StoreError> {
    let (application, found, tables): (i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT application_id FROM pragma_application_id),
                (SELECT user_version FROM pragma_user_version),
                (SELECT count(*) FROM sqlite_schema)",
    )
    .fetch_one(db)
    .await
    .map_err(|source| StoreError::from_sqlite(path, source))?;
    let path = || path.to_owned();
    match (application, tables) {
        (APPLICATION, _) if found > VERSION => Err(StoreError::Newer {
            path: path(),
            found,
            known: VERSION,
        }),
        (APPLICATION, _) => Ok(found.max(0)),
        (0, 0) => Ok(0),
        _ => Err(StoreError::Foreign { path: path() }),
    }
}
