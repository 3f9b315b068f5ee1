//! The tables, as numbered steps. A step that was released is never edited; changes are new steps.

use std::path::Path;

use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::StoreError;

/// Marks the file as ours (`PRAGMA application_id`): the letters PTSM.
pub(crate) const APPLICATION: i64 = 0x5054_534d;

/// The tables of the first release.
pub(crate) const STEP_1: &str = r"
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
";

/// What learning from feedback needs. `feedback` is made anew, since only a table that is declared so
/// never gives a number twice: when the newest judgement is erased, a learner that has read up to its
/// number must not miss the next.
pub(crate) const STEP_2: &str = r"
ALTER TABLE decision ADD COLUMN key_id      TEXT;
ALTER TABLE decision ADD COLUMN tier        TEXT;
ALTER TABLE decision ADD COLUMN coordinates BLOB;
ALTER TABLE decision ADD COLUMN lambda      REAL;
ALTER TABLE decision ADD COLUMN arm         TEXT;
ALTER TABLE decision ADD COLUMN shadow      TEXT;
ALTER TABLE decision ADD COLUMN erased_ms   INTEGER;
CREATE TABLE judgement (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT    NOT NULL UNIQUE,
    ts_ms           INTEGER NOT NULL,
    decision_id     TEXT    NOT NULL REFERENCES decision (id),
    metric_name     TEXT    NOT NULL,
    idempotency_key TEXT    NOT NULL,
    version         INTEGER NOT NULL,
    value           REAL    NOT NULL,
    verdict         TEXT,
    tags            TEXT,
    key_id          TEXT,
    UNIQUE (decision_id, metric_name, idempotency_key, version)
) STRICT;
INSERT INTO judgement
    (seq, id, ts_ms, decision_id, metric_name, idempotency_key, version, value, verdict, tags)
SELECT seq, id, ts_ms, decision_id, metric_name, idempotency_key, version, value, verdict, tags
FROM feedback ORDER BY seq;
DROP TABLE feedback;
ALTER TABLE judgement RENAME TO feedback;
CREATE TABLE outcome (
    seq             INTEGER PRIMARY KEY,
    id              TEXT    NOT NULL UNIQUE,
    ts_ms           INTEGER NOT NULL,
    decision_id     TEXT    NOT NULL REFERENCES decision (id),
    version         INTEGER NOT NULL,
    key_id          TEXT,
    input_tokens    INTEGER,
    output_tokens   INTEGER,
    cached_tokens   INTEGER,
    cost_usd        REAL,
    latency_ms      REAL,
    error           TEXT,
    UNIQUE (decision_id, version)
) STRICT;
CREATE TABLE snapshot (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    base            TEXT    NOT NULL,
    cursor          INTEGER NOT NULL,
    ts_ms           INTEGER NOT NULL,
    state           BLOB    NOT NULL,
    sha256          TEXT    NOT NULL
) STRICT;
CREATE INDEX snapshot_of_base ON snapshot (base, seq);
CREATE TABLE version (
    id              TEXT    NOT NULL PRIMARY KEY,
    path            TEXT    NOT NULL,
    snapshot_seq    INTEGER,
    stage           TEXT    NOT NULL CHECK (stage IN
        ('candidate', 'shadow', 'canary', 'current', 'previous', 'retired', 'rejected',
         'rolled_back')),
    share           REAL    NOT NULL,
    added_ms        INTEGER NOT NULL,
    changed_ms      INTEGER NOT NULL,
    note            TEXT
) STRICT;
CREATE UNIQUE INDEX one_current ON version (stage) WHERE stage = 'current';
CREATE TABLE event (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    ts_ms           INTEGER NOT NULL,
    kind            TEXT    NOT NULL,
    subject         TEXT,
    detail          TEXT    NOT NULL
) STRICT;
CREATE TABLE lease (
    name            TEXT    NOT NULL PRIMARY KEY,
    holder          TEXT    NOT NULL,
    since_ms        INTEGER NOT NULL,
    until_ms        INTEGER NOT NULL
) STRICT;
";

/// Whether what a call cost is an estimate. Nobody knows that of outcomes that were kept before.
pub(crate) const STEP_3: &str = r"
ALTER TABLE outcome ADD COLUMN estimated INTEGER;
";

/// What an answer shows of itself, which a cascade learns from. Nothing of it is known of answers that
/// came before.
const STEP_4: &str = r"
ALTER TABLE outcome ADD COLUMN answer_logprob REAL;
ALTER TABLE outcome ADD COLUMN answer_chars   INTEGER;
";

const STEPS: &[&str] = &[STEP_1, STEP_2, STEP_3, STEP_4];

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
