//! The versions of a router and how they come into service: which is on trial, which serves, which
//! was before. Every step is one transaction with the event that tells of it.

use pointsman_types::{Probability, Stage};
use sqlx::{Connection, SqliteConnection};

use crate::event::append;
use crate::fault::Fault;
use crate::writer::Change;
use crate::{EventRecord, Store, StoreError};

/// A version of the router.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// Names its contents.
    pub id: String,
    /// The directory of its artifact.
    pub path: String,
    /// The learner's snapshot that it was made with.
    pub snapshot_seq: Option<i64>,
    /// Where it stands.
    pub stage: Stage,
    /// The share of the traffic that it decides for.
    pub share: Probability,
    /// When it was added: milliseconds since 1970, UTC.
    pub added_ms: i64,
    /// When its stage or share last changed.
    pub changed_ms: i64,
    /// What people should know.
    pub note: Option<String>,
}

/// One version moves from a stage to a stage, which may be the same one with another share.
#[derive(Debug, Clone, PartialEq)]
pub struct StageChange {
    /// Which version.
    pub id: String,
    /// Where it must stand now.
    pub from: Stage,
    /// Where it goes.
    pub to: Stage,
    /// The share of the traffic that it then decides for.
    pub share: Probability,
}

/// Changes that are made together or not at all, each version once.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The changes.
    pub changes: Vec<StageChange>,
    /// What is told of them; its time is the time of the change.
    pub event: EventRecord,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    path: String,
    snapshot_seq: Option<i64>,
    stage: String,
    share: f64,
    added_ms: i64,
    changed_ms: i64,
    note: Option<String>,
}

impl Store {
    /// Every version, in the order they were added.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn versions(&self) -> Result<Vec<Version>, StoreError> {
        let mut db = self.reader().await?;
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, path, snapshot_seq, stage, share, added_ms, changed_ms, note
             FROM version ORDER BY added_ms, rowid",
        )
        .fetch_all(&mut *db)
        .await
        .map_err(|source| self.unreadable(source))?;
        let damaged = |id: String| self.damaged_row("version", id);
        rows.into_iter()
            .map(|row| row.version().map_err(damaged))
            .collect()
    }

    /// Adds a version; once this returns it survives the loss of power. Tells whether it is new: one
    /// that is already there stays as it is.
    ///
    /// # Errors
    /// [`StoreError::SecondCurrent`] when it would be current beside another, and as
    /// [`Store::record`].
    pub async fn add_version(&self, version: Version) -> Result<bool, StoreError> {
        let version = Box::new(version);
        self.change(|reply| Change::AddVersion(version, reply))
            .await
    }

    /// Makes changes together with their event, whose number it tells; once this returns they
    /// survive the loss of power.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when a version does not stand where it was thought to,
    /// [`StoreError::UnknownVersion`], [`StoreError::SecondCurrent`] when two would be current,
    /// [`StoreError::Invalid`] when a version is named twice, and as [`Store::record`]. Then nothing
    /// is changed.
    pub async fn transition(&self, transition: Transition) -> Result<i64, StoreError> {
        transition.check()?;
        let transition = Box::new(transition);
        self.change(|reply| Change::Transition(transition, reply))
            .await
    }
}

impl Row {
    fn version(self) -> Result<Version, String> {
        let (Ok(stage), Ok(share)) = (self.stage.parse(), Probability::new(self.share)) else {
            return Err(self.id);
        };
        Ok(Version {
            id: self.id,
            path: self.path,
            snapshot_seq: self.snapshot_seq,
            stage,
            share,
            added_ms: self.added_ms,
            changed_ms: self.changed_ms,
            note: self.note,
        })
    }
}

impl Transition {
    fn check(&self) -> Result<(), StoreError> {
        let mut ids: Vec<&str> = self.changes.iter().map(|change| &*change.id).collect();
        ids.sort_unstable();
        match ids.windows(2).any(|pair| pair[0] == pair[1]) {
            true => Err(StoreError::Invalid {
                field: "changes",
                range: "of different versions",
            }),
            false => Ok(()),
        }
    }
}

/// Adds a version unless there is one of its id.
pub(crate) async fn add(db: &mut SqliteConnection, version: Version) -> Result<bool, Fault> {
    let mut transaction = db.begin_with("BEGIN IMMEDIATE").await?;
    if stage_of(&mut transaction, &version.id).await?.is_some() {
        return Ok(false);
    }
    if version.stage == Stage::Current {
        alone(&mut transaction, &version.id).await?;
    }
    sqlx::query(
        "INSERT INTO version (id, path, snapshot_seq, stage, share, added_ms, changed_ms, note)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(version.id)
    .bind(version.path)
    .bind(version.snapshot_seq)
    .bind(version.stage.as_str())
    .bind(version.share.get())
    .bind(version.added_ms)
    .bind(version.changed_ms)
    .bind(version.note)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(true)
}

/// Makes the changes and keeps the event. Who leaves goes before who becomes current, since no two
/// may be current between two statements either.
pub(crate) async fn transit(
    db: &mut SqliteConnection,
    mut wanted: Transition,
) -> Result<i64, Fault> {
    wanted
        .changes
        .sort_by_key(|change| change.to == Stage::Current);
    let mut transaction = db.begin_with("BEGIN IMMEDIATE").await?;
    for change in &wanted.changes {
        step(&mut transaction, change, wanted.event.ts_ms).await?;
    }
    let seq = append(&mut transaction, &wanted.event).await?;
    transaction.commit().await?;
    Ok(seq)
}

async fn step(db: &mut SqliteConnection, change: &StageChange, now_ms: i64) -> Result<(), Fault> {
    let id = || change.id.clone();
    match stage_of(db, &change.id).await? {
        None => return Err(StoreError::UnknownVersion { id: id() }.into()),
        Some(found) if found != change.from => {
            let expected = change.from;
            return Err(StoreError::Stale {
                id: id(),
                expected,
                found,
            }
            .into());
        }
        Some(_) => {}
    }
    if change.to == Stage::Current {
        alone(db, &change.id).await?;
    }
    sqlx::query("UPDATE version SET stage = ?, share = ?, changed_ms = ? WHERE id = ?")
        .bind(change.to.as_str())
        .bind(change.share.get())
        .bind(now_ms)
        .bind(change.id.as_str())
        .execute(db)
        .await?;
    Ok(())
}

async fn stage_of(db: &mut SqliteConnection, id: &str) -> Result<Option<Stage>, sqlx::Error> {
    let stage: Option<String> = sqlx::query_scalar("SELECT stage FROM version WHERE id = ?")
        .bind(id)
        .fetch_optional(db)
        .await?;
    Ok(stage.map(|word| word.parse().expect("the table holds stages alone")))
}

/// That no other version is current.
async fn alone(db: &mut SqliteConnection, id: &str) -> Result<(), Fault> {
    let current: Option<String> =
        sqlx::query_scalar("SELECT id FROM version WHERE stage = 'current' AND id <> ?")
            .bind(id)
            .fetch_optional(db)
            .await?;
    match current {
        Some(current) => Err(StoreError::SecondCurrent {
            id: id.to_owned(),
            current,
        }
        .into()),
        None => Ok(()),
    }
}
