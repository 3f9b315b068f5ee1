//! The handle that a server holds: puts decisions into the journal, hands other records to the writer and
//! waits until they are kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use crate::insert::{DecisionRow, json};
use crate::journal::Journal;
use crate::writer::{Change, Job, Reply, Report, Writer};
use crate::{
    Config, DecisionRecord, Export, FeedbackRecord, Filter, OutcomeRecord, Receipt, Shadow,
    StoreError, database,
};

/// Records besides decisions that may wait.
const QUEUE: usize = 4096;

/// A store opened for writing. Clones share one writer.
#[derive(Debug, Clone)]
pub struct Store {
    journal: Arc<Journal>,
    inbox: mpsc::Sender<Job>,
    readers: SqlitePool,
    path: Arc<Path>,
}

impl Store {
    /// Opens the store at `path`, or makes it there, with no bound but the disk.
    ///
    /// # Errors
    /// See [`Store::with`].
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Self::with(Config::at(path)).await
    }

    /// Opens the store that the settings name. Needs a running tokio runtime.
    ///
    /// # Errors
    /// When another server has it open, when the file is not a store or a later release's store,
    /// or when it cannot be made.
    pub async fn with(mut config: Config) -> Result<Self, StoreError> {
        config.check()?;
        config.path = database::resolved(&config.path)?;
        let (inbox, jobs) = mpsc::channel(QUEUE);
        let writer = Writer::open(&config).await?;
        let journal = Arc::clone(writer.journal());
        tokio::spawn(writer.run(jobs));
        Ok(Self {
            journal,
            inbox,
            readers: database::readers(&config.path),
            path: config.path.into(),
        })
    }

    /// Keeps a decision; once this returns it survives the end of the process. It waits for nobody, and
    /// is read back by [`Store::export`] and the others here from then on.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when too many records wait, [`StoreError::Full`] when no room is left,
    /// [`StoreError::Invalid`] when a number is not finite or there are too many coordinates.
    pub fn record(&self, record: DecisionRecord) -> Result<(), StoreError> {
        record.check()?;
        match self.is_open() {
            true => self.journal.append(DecisionRow::from(record)),
            false => Err(StoreError::Closed),
        }
    }

    /// Completes at once while the writer keeps up; else when it has caught up, or after a quarter of a
    /// second. Whoever waits for this before [`Store::record`] slows down instead of losing decisions.
    pub async fn room(&self) {
        self.journal.room().await;
    }

    /// Keeps feedback; once this returns it survives the loss of power.
    ///
    /// # Errors
    /// [`StoreError::UnknownDecision`] when nobody made the decision, [`StoreError::Erased`] when it
    /// was erased, [`StoreError::OtherKey`] when another key asked for it, and as [`Store::record`].
    pub async fn feedback(&self, record: FeedbackRecord) -> Result<Receipt, StoreError> {
        let report = Report::Feedback(Box::new(record));
        self.submit(|reply| Job::Report(report, reply)).await
    }

    /// Keeps what the call of a decision really took; once this returns it survives the loss of
    /// power. The same content again is a repeat; of other content the newest counts.
    ///
    /// # Errors
    /// As [`Store::feedback`]; [`StoreError::Invalid`] when the latency is negative or not finite.
    pub async fn outcome(&self, record: OutcomeRecord) -> Result<Receipt, StoreError> {
        record.check()?;
        let report = Report::Outcome(Box::new(record));
        self.submit(|reply| Job::Report(report, reply)).await
    }

    /// Keeps what the call of a decision took, some time later; a crash before that loses it, and nothing
    /// else. It waits for nobody, and [`Store::outcome`] says later things of the same decision.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when too many records wait, [`StoreError::Invalid`] when the latency is
    /// negative or not finite. Of a decision that nobody made, it is told in the program's log.
    pub fn note(&self, record: OutcomeRecord) -> Result<(), StoreError> {
        record.check()?;
        match self.is_open() {
            true => self.journal.note(record),
            false => Err(StoreError::Closed),
        }
    }

    /// Erases what a decision says of a person, with its feedback and its outcome, and tells when
    /// that was first done; once this returns it survives the loss of power. The bare decision
    /// stays: which model, with which propensity, by which version, when.
    ///
    /// # Errors
    /// [`StoreError::UnknownDecision`], and as [`Store::record`].
    pub async fn erase(&self, decision_id: &str, now_ms: i64) -> Result<i64, StoreError> {
        let decision_id = decision_id.to_owned();
        self.change(|reply| Change::Erase(decision_id, now_ms, reply))
            .await
    }

    /// Keeps what a version beside the current one said of a decision that was kept before. It is
    /// written some time later; a crash before that loses it, and nothing else.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when too many records wait.
    pub fn shade(&self, decision_id: &str, shadow: &Shadow) -> Result<(), StoreError> {
        let shade = Box::new((decision_id.to_owned(), json(shadow)));
        self.hand_over(Job::Shade(shade))
    }

    /// Reads decisions joined with their feedback, beside the writer.
    ///
    /// # Errors
    /// When the file cannot be opened for reading.
    pub async fn export(&self, filter: Filter) -> Result<Export, StoreError> {
        self.settle().await;
        Export::open(&self.path, filter).await
    }

    /// Whether the writer is at work.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.inbox.is_closed()
    }

    /// Records that wait to be written.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.journal.waiting() + self.inbox.max_capacity() - self.inbox.capacity()
    }

    /// Waits until the decisions that were kept so far are in the database, unless that fails.
    pub(crate) async fn settle(&self) {
        if self.journal.is_empty() {
            return;
        }
        let (reply, settled) = oneshot::channel();
        if self.inbox.send(Job::Settle(reply)).await.is_ok() {
            // Where the writer is gone nothing moves any more.
            settled.await.ok();
        }
    }

    /// Writes what waits, closes the file and gives the lock back. Later records are refused.
    pub async fn close(&self) {
        // The log can only be emptied once nobody reads.
        self.readers.close().await;
        let (reply, closed) = oneshot::channel();
        if self.inbox.send(Job::Close(reply)).await.is_ok() {
            // An error means that the writer is already gone, which is what was asked for.
            closed.await.ok();
        }
    }

    pub(crate) async fn change<T>(
        &self,
        change: impl FnOnce(Reply<T>) -> Change,
    ) -> Result<T, StoreError> {
        self.submit(|reply| Job::Change(change(reply))).await
    }

    /// A connection beside the writer, for one question; it sees every decision that was kept before.
    pub(crate) async fn reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.settle().await;
        self.late_reader().await
    }

    /// A connection beside the writer that does not wait for it: what waits in the journal is not seen.
    pub(crate) async fn late_reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        let reader = self.readers.acquire().await;
        reader.map_err(|source| self.unreadable(source))
    }

    /// The file, without links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn unreadable(&self, source: sqlx::Error) -> StoreError {
        StoreError::from_sqlite(&self.path, source)
    }

    pub(crate) fn damaged_row(&self, table: &'static str, row: String) -> StoreError {
        StoreError::DamagedRow {
            path: self.path.to_path_buf(),
            table,
            row,
        }
    }

    async fn submit<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, StoreError> {
        let (reply, kept) = oneshot::channel();
        self.hand_over(job(reply))?;
        kept.await.map_err(|_| StoreError::Closed)?
    }

    fn hand_over(&self, job: Job) -> Result<(), StoreError> {
        self.inbox.try_send(job).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy {
                waiting: self.waiting(),
            },
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })
    }
}
