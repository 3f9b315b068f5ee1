//! What a learner has learnt so far, so that a restart goes on from there.
//!
//! A snapshot names the feedback that it has seen: whatever has a higher number is still to be
//! learnt. Both lie in one file whose log is written in order, so a snapshot that is there has all
//! its feedback beside it. What the state means is the learner's affair.

use sha2::{Digest, Sha256};
use sqlx::{Connection, SqliteConnection};

use crate::fault::Fault;
use crate::writer::Change;
use crate::{Store, StoreError};

/// Snapshots that are kept of one base, apart from those that a live version needs.
const KEPT: i64 = 16;

/// The state of a learner at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The policy version or artifact that the state corrects.
    pub base: String,
    /// The number of the last feedback learnt.
    pub cursor: i64,
    /// When: milliseconds since 1970, UTC.
    pub ts_ms: i64,
    /// The state itself.
    pub state: Vec<u8>,
}

/// A snapshot read back whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSnapshot {
    /// Its number, rising over all bases.
    pub seq: i64,
    /// What was kept.
    pub snapshot: Snapshot,
}

#[derive(sqlx::FromRow)]
struct Row {
    seq: i64,
    base: String,
    cursor: i64,
    ts_ms: i64,
    state: Vec<u8>,
    sha256: String,
}

const NEXT_OF_BASE: &str = "
SELECT seq, base, cursor, ts_ms, state, sha256 FROM snapshot
WHERE base = ? AND seq < ? ORDER BY seq DESC LIMIT 1";

const OF_NUMBER: &str =
    "SELECT seq, base, cursor, ts_ms, state, sha256 FROM snapshot WHERE seq = ?";

impl Store {
    /// Keeps a snapshot and tells its number; once this returns it survives the loss of power. Of a
    /// base the newest 16 stay, and those that a version in service or on trial was made with.
    ///
    /// # Errors
    /// As [`Store::record`].
    pub async fn save_snapshot(&self, snapshot: Snapshot) -> Result<i64, StoreError> {
        let snapshot = Box::new(snapshot);
        self.change(|reply| Change::Snapshot(snapshot, reply)).await
    }

    /// The newest snapshot of a base that is whole; damaged ones are passed over with a warning.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn latest_snapshot(&self, base: &str) -> Result<Option<KeptSnapshot>, StoreError> {
        let mut db = self.reader().await?;
        let mut before = i64::MAX;
        loop {
            let row: Option<Row> = sqlx::query_as(NEXT_OF_BASE)
                .bind(base)
                .bind(before)
                .fetch_optional(&mut *db)
                .await
                .map_err(|source| self.unreadable(source))?;
            let Some(row) = row else { return Ok(None) };
            before = row.seq;
            if let Some(kept) = row.whole() {
                return Ok(Some(kept));
            }
            tracing::warn!(
                seq = before,
                base,
                "a snapshot is damaged; taking an older one"
            );
        }
    }

    /// The snapshot of this number; `None` when it is gone or damaged.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn snapshot(&self, seq: i64) -> Result<Option<KeptSnapshot>, StoreError> {
        let mut db = self.reader().await?;
        let row: Option<Row> = sqlx::query_as(OF_NUMBER)
            .bind(seq)
            .fetch_optional(&mut *db)
            .await
            .map_err(|source| self.unreadable(source))?;
        Ok(row.and_then(Row::whole))
    }
}

impl Row {
    fn whole(self) -> Option<KeptSnapshot> {
        let snapshot = Snapshot {
            base: self.base,
            cursor: self.cursor,
            ts_ms: self.ts_ms,
            state: self.state,
        };
        (hash(&snapshot) == self.sha256).then_some(KeptSnapshot {
            seq: self.seq,
            snapshot,
        })
    }
}

/// Over everything: a state with the cursor of another would be learnt from twice.
fn hash(snapshot: &Snapshot) -> String {
    let digest = Sha256::new()
        .chain_update((snapshot.base.len() as u64).to_le_bytes())
        .chain_update(&snapshot.base)
        .chain_update(snapshot.cursor.to_le_bytes())
        .chain_update(snapshot.ts_ms.to_le_bytes())
        .chain_update(&snapshot.state)
        .finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Keeps a snapshot and drops what is older than the newest few.
pub(crate) async fn save(db: &mut SqliteConnection, snapshot: Snapshot) -> Result<i64, Fault> {
    let mut transaction = db.begin_with("BEGIN IMMEDIATE").await?;
    let seq = sqlx::query_scalar(
        "INSERT INTO snapshot (base, cursor, ts_ms, sha256, state) VALUES (?, ?, ?, ?, ?)
         RETURNING seq",
    )
    .bind(snapshot.base.as_str())
    .bind(snapshot.cursor)
    .bind(snapshot.ts_ms)
    .bind(hash(&snapshot))
    .bind(snapshot.state)
    .fetch_one(&mut *transaction)
    .await?;
    sqlx::query(
        "DELETE FROM snapshot
         WHERE base = ?1
           AND seq NOT IN (SELECT seq FROM snapshot WHERE base = ?1 ORDER BY seq DESC LIMIT ?2)
           AND seq NOT IN (SELECT snapshot_seq FROM version WHERE snapshot_seq IS NOT NULL
                           AND stage NOT IN ('rejected', 'rolled_back'))",
    )
    .bind(snapshot.base)
    .bind(KEPT)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(seq)
}
