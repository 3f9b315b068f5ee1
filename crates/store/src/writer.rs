//! The one task that writes. It takes whatever waits, commits it together and answers each record; what is
//! in the journal it moves into the database, a little later and before all else.

use std::path::Path;
use std::sync::Arc;

use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::checkpoint::{Checkpoints, checkpoint};
use crate::database::{self, Lock};
use crate::fault::Fault;
use crate::insert::{self, DecisionRow};
use crate::journal::{Journal, Taken};
use crate::judge::judge;
use crate::sync::{self, Committed};
use crate::{
    Config, EventRecord, FeedbackRecord, OutcomeRecord, Receipt, Snapshot, StoreError, Transition,
    Version, erase, event, lease, outcome, snapshot, version,
};

pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer is asked to do.
#[derive(Debug)]
pub(crate) enum Job {
    /// The journal is to be in the database.
    Settle(oneshot::Sender<()>),
    Report(Report, Reply<Receipt>),
    /// A decision and what a version beside the current one said of it, in JSON; nobody waits.
    Shade(Box<(String, String)>),
    Change(Change),
    Close(oneshot::Sender<()>),
}

/// What somebody says of a decision. There are many, so they share transactions.
#[derive(Debug)]
pub(crate) enum Report {
    Feedback(Box<FeedbackRecord>),
    Outcome(Box<OutcomeRecord>),
}

/// What is rare and has a transaction of its own, so that it fails alone.
#[derive(Debug)]
pub(crate) enum Change {
    /// Of a decision, at that time.
    Erase(String, i64, Reply<i64>),
    Snapshot(Box<Snapshot>, Reply<i64>),
    AddVersion(Box<Version>, Reply<bool>),
    Transition(Box<Transition>, Reply<i64>),
    Event(Box<EventRecord>, Reply<i64>),
    Lease(Box<lease::Wish>, Reply<Option<i64>>),
}

/// Records that are committed together.
const BATCH: usize = 256;

pub(crate) struct Writer {
    db: SqliteConnection,
    journal: Arc<Journal>,
    /// Older files of the journal hold what is not in the database.
    is_behind: bool,
    /// What calls took, until it is in the database.
    notes: Vec<OutcomeRecord>,
    config: Config,
    path: Arc<Path>,
    /// Something was not written since the connection was looked at.
    has_failed: bool,
    checkpoints: Checkpoints,
    committed: mpsc::Sender<Committed>,
    syncing: JoinHandle<()>,
    lock: Lock,
}

/// The jobs of one turn, by kind.
#[derive(Default)]
struct Batch {
    settle: Vec<oneshot::Sender<()>>,
    reports: Vec<(Report, Reply<Receipt>)>,
    shades: Vec<(String, String)>,
    changes: Vec<Change>,
    close: Vec<oneshot::Sender<()>>,
}

impl Extend<Job> for Batch {
    fn extend<I: IntoIterator<Item = Job>>(&mut self, jobs: I) {
        for job in jobs {
            match job {
                Job::Settle(reply) => self.settle.push(reply),
                Job::Report(report, reply) => self.reports.push((report, reply)),
                Job::Shade(shade) => self.shades.push(*shade),
                Job::Change(change) => self.changes.push(change),
                Job::Close(reply) => self.close.push(reply),
            }
        }
    }
}

impl Writer {
    /// Opens the store and starts what works beside the writer.
    pub(crate) async fn open(config: &Config) -> Result<Self, StoreError> {
        let path: Arc<Path> = config.path.as_path().into();
        let lock = database::lock(&path)?;
        let db = database::connect_writer(config).await?;
        let (committed, syncing) = sync::start(Arc::clone(&path))?;
        Ok(Self {
            db,
            journal: Arc::new(Journal::open(&path)?),
            is_behind: true,
            notes: Vec::new(),
            config: config.clone(),
            has_failed: false,
            checkpoints: Checkpoints::start(database::connect_checkpointer(&path).await?),
            path,
            committed,
            syncing,
            lock,
        })
    }

    pub(crate) fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Job>) {
        let mut jobs = Vec::with_capacity(BATCH);
        let mut batch = Batch::default();
        self.write_journal().await;
        loop {
            tokio::select! {
                count = inbox.recv_many(&mut jobs, BATCH) => if count == 0 { break },
                () = self.journal.due(self.is_behind) => {}
            }
            batch.extend(jobs.drain(..));
            if !batch.close.is_empty() {
                // From here on records are refused, so what is taken now is the rest.
                inbox.close();
                self.journal.close();
            }
            self.turn(&mut batch).await;
        }
        self.finish(batch.close).await;
    }

    /// Decisions first: what is reported in the same turn may belong to one of them.
    async fn turn(&mut self, batch: &mut Batch) {
        self.write_journal().await;
        self.write_reports(&mut batch.reports).await;
        self.write_shades(&mut batch.shades).await;
        for settled in batch.settle.drain(..) {
            // A caller that went away does not need the answer.
            settled.send(()).ok();
        }
        for change in batch.changes.drain(..) {
            self.write_change(change).await;
        }
        self.shorten_log().await;
    }

    /// Moves the journal into the database. Where that fails it stays, and takes nothing more until it
    /// has succeeded.
    async fn write_journal(&mut self) {
        let Err(error) = self.move_journal().await else {
            return;
        };
        self.is_behind = true;
        // Said once: it is tried again at every turn.
        if self.journal.refusal().is_none() {
            let why = &error as &dyn std::error::Error;
            tracing::error!(
                error = why,
                "decisions wait in the journal, and no more are taken"
            );
        }
        self.journal.refuse(error);
    }

    async fn move_journal(&mut self) -> Result<(), StoreError> {
        if self.is_behind {
            let left = self.journal.left()?;
            self.move_rows(left).await?;
        }
        let Taken { rows, notes } = self.journal.take()?;
        self.notes.extend(notes);
        match rows.is_empty() && self.notes.is_empty() {
            true => Ok(()),
            false => self.move_rows(rows).await,
        }
    }

    /// Inserts what the older files of the journal hold, and removes those.
    async fn move_rows(&mut self, rows: Vec<DecisionRow>) -> Result<(), StoreError> {
        self.recover().await;
        self.is_behind = true;
        let moved = move_all(&mut self.db, rows, &self.notes).await;
        let refused = moved.map_err(|source| {
            self.has_failed = true;
            StoreError::from_sqlite(&self.path, source)
        })?;
        for why in refused {
            tracing::warn!(
                error = &why as &dyn std::error::Error,
                "what a call took was not kept"
            );
        }
        self.notes.clear();
        self.journal.forget()?;
        self.is_behind = false;
        Ok(())
    }

    async fn write_reports(&mut self, waiting: &mut Vec<(Report, Reply<Receipt>)>) {
        if waiting.is_empty() {
            return;
        }
        self.recover().await;
        let (reports, replies): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
        match take_all(&mut self.db, reports).await {
            Ok(taken) => {
                for (taken, reply) in taken.into_iter().zip(replies) {
                    self.acknowledge(taken.map_err(Fault::Refused), reply).await;
                }
            }
            Err(source) => {
                let failure = self.failure(source);
                for reply in replies {
                    reply.send(Err(failure.clone())).ok();
                }
            }
        }
    }

    async fn write_shades(&mut self, waiting: &mut Vec<(String, String)>) {
        if waiting.is_empty() {
            return;
        }
        self.recover().await;
        let written = insert::shade(&mut self.db, waiting).await;
        waiting.clear();
        if let Err(source) = written {
            // It is told there; nobody waits for an answer.
            self.failure(source);
        }
    }

    async fn write_change(&mut self, change: Change) {
        self.recover().await;
        let db = &mut self.db;
        match change {
            Change::Erase(decision_id, now_ms, reply) => {
                let done = erase::erase(db, &decision_id, now_ms).await;
                self.acknowledge(done, reply).await;
            }
            Change::Snapshot(snapshot, reply) => {
                let done = snapshot::save(db, *snapshot).await;
                self.acknowledge(done, reply).await;
            }
            Change::AddVersion(version, reply) => {
                let done = version::add(db, *version).await;
                self.acknowledge(done, reply).await;
            }
            Change::Transition(transition, reply) => {
                let done = version::transit(db, *transition).await;
                self.acknowledge(done, reply).await;
            }
            Change::Event(event, reply) => {
                let done = event::append(db, &event).await;
                self.acknowledge(done, reply).await;
            }
            Change::Lease(wish, reply) => {
                let done = lease::take(db, *wish).await;
                self.acknowledge(done, reply).await;
            }
        }
    }

    /// What was committed is acknowledged after the next sync. That holds for repeats too: the first
    /// may not be synced yet.
    async fn acknowledge<T: Send + 'static>(&mut self, done: Result<T, Fault>, reply: Reply<T>) {
        let error = match done {
            Ok(kept) => return self.acknowledge_synced(kept, reply).await,
            Err(Fault::Refused(error)) => self.refused(error),
            Err(Fault::Sqlite(source)) => self.failure(source),
        };
        // A caller that went away does not need the answer.
        reply.send(Err(error)).ok();
    }

    /// A decision that is not in the database may be among those that wait for it.
    fn refused(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::UnknownDecision { .. } => self.journal.refusal().unwrap_or(error),
            _ => error,
        }
    }

    async fn acknowledge_synced<T: Send + 'static>(&self, kept: T, reply: Reply<T>) {
        let committed: Committed = Box::new(move |synced| {
            reply.send(synced.map(|()| kept)).ok();
        });
        if let Err(unsent) = self.committed.send(committed).await {
            unsent.0(Err(StoreError::Closed));
        }
    }

    async fn shorten_log(&mut self) {
        if !self.checkpoints.take_overdue() {
            return;
        }
        if let Err(error) = checkpoint(&mut self.db).await {
            tracing::warn!(%error, "the log was not shortened");
        }
    }

    /// Where the disk is full or fails, SQLite itself ends a transaction that the connection goes on
    /// counting as open: none could begin any more. Then another connection takes its place.
    async fn recover(&mut self) {
        if !std::mem::take(&mut self.has_failed) {
            return;
        }
        // Answered after a transaction that was dropped is rolled back.
        if self.db.ping().await.is_ok() && !self.db.is_in_transaction() {
            return;
        }
        match database::connect_writer(&self.config).await {
            Ok(db) => drop(std::mem::replace(&mut self.db, db).close().await),
            Err(error) => {
                // The next write tries again.
                self.has_failed = true;
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the store was not opened again");
            }
        }
    }

    fn failure(&mut self, source: sqlx::Error) -> StoreError {
        self.has_failed = true;
        let error = StoreError::from_sqlite(&self.path, source);
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "a batch was not written"
        );
        error
    }

    /// The writer's connection closes last, which empties and removes the log.
    async fn finish(self, waiting: Vec<oneshot::Sender<()>>) {
        drop(self.committed);
        // A panic there was reported by the panic hook.
        self.syncing.await.ok();
        self.checkpoints.stop().await;
        self.journal.finish();
        if let Err(error) = self.db.close().await {
            tracing::warn!(%error, "the store did not close cleanly; it recovers when opened");
        }
        drop(self.lock);
        for reply in waiting {
            reply.send(()).ok();
        }
    }
}

/// One transaction for decisions and for what their calls took; tells what was refused of the latter.
async fn move_all(
    db: &mut SqliteConnection,
    rows: Vec<DecisionRow>,
    notes: &[OutcomeRecord],
) -> Result<Vec<StoreError>, sqlx::Error> {
    let mut transaction = db.begin_with("BEGIN IMMEDIATE").await?;
    insert::insert(&mut transaction, rows).await?;
    let refused = outcome::settle_all(&mut transaction, notes).await?;
    transaction.commit().await?;
    Ok(refused)
}

/// One transaction for all of them. A refused one has changed nothing, so the others go on.
async fn take_all(
    db: &mut SqliteConnection,
    reports: Vec<Report>,
) -> Result<Vec<Result<Receipt, StoreError>>, sqlx::Error> {
    let mut transaction = db.begin_with("BEGIN IMMEDIATE").await?;
    let outcomes: Vec<&OutcomeRecord> = reports.iter().filter_map(Report::outcome).collect();
    let first = outcome::insert_first(&mut transaction, &outcomes).await?;
    let mut taken = Vec::with_capacity(reports.len());
    for report in reports {
        let done = match report {
            Report::Feedback(record) => judge(&mut transaction, *record).await,
            Report::Outcome(record) if first.contains(&record.outcome_id) => Ok(Receipt {
                feedback_id: record.outcome_id,
                repeated: false,
            }),
            Report::Outcome(record) => outcome::settle(&mut transaction, *record).await,
        };
        taken.push(match done {
            Ok(receipt) => Ok(receipt),
            Err(Fault::Refused(error)) => Err(error),
            Err(Fault::Sqlite(source)) => return Err(source),
        });
    }
    transaction.commit().await?;
    Ok(taken)
}

impl Report {
    fn outcome(&self) -> Option<&OutcomeRecord> {
        match self {
            Self::Outcome(record) => Some(record),
            Self::Feedback(_) => None,
        }
    }
}
