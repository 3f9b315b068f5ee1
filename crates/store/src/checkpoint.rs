//! Moves committed pages from the write-ahead log into the database, beside the writer.
//!
//! Moving them takes two syncs. SQLite would do so within some commit, and the decisions of that
//! moment would wait. A second connection does it instead, while the writer goes on. Under steady
//! load it never catches up wholly, and a log that is not wholly moved cannot be started afresh;
//! once the log is long, the writer is asked to move the little that is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::{Connection, SqliteConnection};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

const PERIOD: Duration = Duration::from_secs(1);

/// Pages in the log from which the writer helps: 128 MiB, some eight seconds at 2,000 decisions a
/// second. The help costs the decisions of that moment two syncs, some 30 ms. The file keeps its
/// length until the store closes: cutting it took three times as long as moving the pages.
const LONG_LOG: i64 = 32_768;

/// The task, and how it speaks with the writer.
pub(crate) struct Checkpoints {
    overdue: Arc<AtomicBool>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Checkpoints {
    pub(crate) fn start(db: SqliteConnection) -> Self {
        let overdue = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = oneshot::channel();
        Self {
            task: tokio::spawn(run(db, Arc::clone(&overdue), stopped)),
            overdue,
            stop,
        }
    }

    /// Whether the writer should run [`checkpoint`] now; says so once.
    pub(crate) fn take_overdue(&self) -> bool {
        self.overdue.swap(false, Ordering::Relaxed)
    }

    pub(crate) async fn stop(self) {
        drop(self.stop);
        // A panic was reported by the panic hook, and the last connection checkpoints on closing.
        self.task.await.ok();
    }
}

async fn run(
    mut db: SqliteConnection,
    overdue: Arc<AtomicBool>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            _ = ticks.tick() => {}
        }
        match checkpoint(&mut db).await {
            Ok(pages) => overdue.store(pages > LONG_LOG, Ordering::Relaxed),
            Err(error) => tracing::warn!(%error, "no checkpoint; the log grows until the next"),
        }
    }
    if let Err(error) = db.close().await {
        tracing::warn!(%error, "a connection did not close cleanly");
    }
}

/// Moves what can be moved without waiting for anyone, and tells how many pages the log has.
pub(crate) async fn checkpoint(db: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let (_busy, pages, _moved): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)")
        .fetch_one(db)
        .await?;
    Ok(pages)
}
