//! The handle that a server holds: hands records to the writer and waits until they are kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::insert::DecisionRow;
use crate::writer::{Job, Reply, Writer};
use crate::{
    Config, DecisionRecord, Export, FeedbackRecord, Filter, Receipt, StoreError, database,
};

/// Records that may wait; about half a second of work at full load.
const QUEUE: usize = 4096;

/// A store opened for writing. Clones share one writer.
#[derive(Debug, Clone)]
pub struct Store {
    inbox: mpsc::Sender<Job>,
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
        tokio::spawn(Writer::open(&config).await?.run(jobs));
        Ok(Self {
            inbox,
            path: config.path.into(),
        })
    }

    /// Keeps a decision; once this returns it survives the end of the process.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when too many records wait, [`StoreError::Full`] when no room is left.
    pub async fn record(&self, record: DecisionRecord) -> Result<(), StoreError> {
        let row = Box::new(DecisionRow::from(record));
        self.submit(|reply| Job::Decision(row, reply)).await
    }

    /// Keeps feedback; once this returns it survives the loss of power.
    ///
    /// # Errors
    /// [`StoreError::UnknownDecision`] when nobody made the decision, and as [`Store::record`].
    pub async fn feedback(&self, record: FeedbackRecord) -> Result<Receipt, StoreError> {
        let record = Box::new(record);
        self.submit(|reply| Job::Feedback(record, reply)).await
    }

    /// Reads decisions joined with their feedback, beside the writer.
    ///
    /// # Errors
    /// When the file cannot be opened for reading.
    pub async fn export(&self, filter: Filter) -> Result<Export, StoreError> {
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
        self.inbox.max_capacity() - self.inbox.capacity()
    }

    /// Writes what waits, closes the file and gives the lock back. Later records are refused.
    pub async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.inbox.send(Job::Close(reply)).await.is_ok() {
            // An error means that the writer is already gone, which is what was asked for.
            closed.await.ok();
        }
    }

    async fn submit<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, StoreError> {
        let (reply, kept) = oneshot::channel();
        self.inbox
            .try_send(job(reply))
            .map_err(|refused| match refused {
                mpsc::error::TrySendError::Full(_) => StoreError::Busy {
                    waiting: self.waiting(),
                },
                mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
            })?;
        kept.await.map_err(|_| StoreError::Closed)?
    }
}
