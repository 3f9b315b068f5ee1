//! Makes what was committed safe from a loss of power, beside the writer.
//!
//! A commit lies in the write-ahead log, which SQLite itself would sync under `synchronous = FULL`
//! while every decision waits some milliseconds for the disk. Here the log is synced through a
//! handle of its own after the commit and before the acknowledgement, which promises the same: a
//! synced log holds the commit and all before it, and what a checkpoint took out of the log it has
//! synced into the database first. SQLite keeps its locks on other files, so that this handle
//! disturbs none (<https://www.sqlite.org/howtocorrupt.html>, section 2.2).

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::{StoreError, database};

/// An acknowledgement that may go out once the log is synced; it is told whether it was.
pub(crate) type Committed = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Acknowledgements that may wait; the writer waits when there are more.
const QUEUE: usize = 4096;

/// Starts the task; it ends after the last sender is dropped and everything is answered.
pub(crate) fn start(
    path: Arc<Path>,
) -> Result<(mpsc::Sender<Committed>, tokio::task::JoinHandle<()>), StoreError> {
    let beside = database::beside(&path, "-wal");
    let log = File::options().write(true).open(&beside);
    let log = log.map_err(|source| StoreError::open(&beside, source))?;
    let (sender, receiver) = mpsc::channel(QUEUE);
    Ok((sender, tokio::spawn(run(Arc::new(log), path, receiver))))
}

/// One sync answers everything that was committed before it began.
async fn run(log: Arc<File>, path: Arc<Path>, mut committed: mpsc::Receiver<Committed>) {
    let mut waiting = Vec::new();
    while committed.recv_many(&mut waiting, QUEUE).await > 0 {
        let synced = sync(Arc::clone(&log)).await.map_err(|source| {
            tracing::error!(
                error = &source as &dyn std::error::Error,
                "the log was not synced"
            );
            StoreError::Sync {
                path: path.to_path_buf(),
                source: Arc::new(source),
            }
        });
        for acknowledge in waiting.drain(..) {
            acknowledge(synced.clone());
        }
    }
}

async fn sync(log: Arc<File>) -> io::Result<()> {
    tokio::task::spawn_blocking(move || log.sync_data()).await?
}
