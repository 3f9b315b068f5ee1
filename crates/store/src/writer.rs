//! The one task that writes. It takes whatever waits, commits it together and answers each record.

use std::path::Path;
use std::sync::Arc;

use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::checkpoint::{Checkpoints, checkpoint};
use crate::database::{self, Lock};
use crate::insert::{self, DecisionRow};
use crate::judge::{Judged, judge};
use crate::sync::{self, Committed};
use crate::{Config, FeedbackRecord, Receipt, StoreError};

pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer is asked to do.
#[derive(Debug)]
pub(crate) enum Job {
    Decision(Box<DecisionRow>, Reply<()>),
    Feedback(Box<FeedbackRecord>, Reply<Receipt>),
    Close(oneshot::Sender<()>),
}

/// Records that are committed together.
const BATCH: usize = 256;

pub(crate) struct Writer {
    db: SqliteConnection,
    path: Arc<Path>,
    checkpoints: Checkpoints,
    committed: mpsc::Sender<Committed>,
    syncing: JoinHandle<()>,
    lock: Lock,
}

/// The jobs of one turn, by kind.
#[derive(Default)]
struct Batch {
    decisions: Vec<(Box<DecisionRow>, Reply<()>)>,
    feedback: Vec<(Box<FeedbackRecord>, Reply<Receipt>)>,
    close: Vec<oneshot::Sender<()>>,
}

impl Extend<Job> for Batch {
    fn extend<I: IntoIterator<Item = Job>>(&mut self, jobs: I) {
        for job in jobs {
            match job {
                Job::Decision(row, reply) => self.decisions.push((row, reply)),
                Job::Feedback(record, reply) => self.feedback.push((record, reply)),
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
            checkpoints: Checkpoints::start(database::connect_checkpointer(&path).await?),
            path,
            committed,
            syncing,
            lock,
        })
    }

    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Job>) {
        let mut jobs = Vec::with_capacity(BATCH);
        let mut batch = Batch::default();
        while inbox.recv_many(&mut jobs, BATCH).await > 0 {
            batch.extend(jobs.drain(..));
            if !batch.close.is_empty() {
                // From here on records are refused, so what is taken now is the rest.
                inbox.close();
            }
            self.write_decisions(&mut batch.decisions).await;
            self.write_feedback(&mut batch.feedback).await;
            self.shorten_log().await;
        }
        self.finish(batch.close).await;
    }

    /// Decisions first: feedback of the same turn may belong to one of them.
    async fn write_decisions(&mut self, waiting: &mut Vec<(Box<DecisionRow>, Reply<()>)>) {
        while !waiting.is_empty() {
            let size = insert::next_size(waiting.len());
            let (rows, replies): (Vec<_>, Vec<_>) = waiting.drain(..size).unzip();
            let rows = rows.into_iter().map(|row| *row);
            let written = insert::insert(&mut self.db, rows).await;
            let written = written.map_err(|source| self.failure(source));
            for reply in replies {
                // A caller that went away does not need the answer.
                reply.send(written.clone()).ok();
            }
        }
    }

    async fn write_feedback(&mut self, waiting: &mut Vec<(Box<FeedbackRecord>, Reply<Receipt>)>) {
        if waiting.is_empty() {
            return;
        }
        let (records, replies): (Vec<_>, Vec<_>) = waiting
            .drain(..)
            .map(|(record, reply)| (*record, reply))
            .unzip();
        match judge_all(&mut self.db, records).await {
            Ok(judged) => {
                for (judged, reply) in judged.into_iter().zip(replies) {
                    self.answer(judged, reply).await;
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

    /// What was kept is acknowledged after the next sync. That holds for repeats too: the first may
    /// not be synced yet.
    async fn answer(&self, judged: Judged, reply: Reply<Receipt>) {
        match judged {
            Judged::Kept(receipt) => {
                if let Err(unsent) = self.committed.send((receipt, reply)).await {
                    unsent.0.1.send(Err(StoreError::Closed)).ok();
                }
            }
            Judged::UnknownDecision(decision_id) => {
                reply
                    .send(Err(StoreError::UnknownDecision { decision_id }))
                    .ok();
            }
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

    fn failure(&self, source: sqlx::Error) -> StoreError {
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
        if let Err(error) = self.db.close().await {
            tracing::warn!(%error, "the store did not close cleanly; it recovers when opened");
        }
        drop(self.lock);
        for reply in waiting {
            reply.send(()).ok();
        }
    }
}

/// One transaction for all of them.
async fn judge_all(
    db: &mut SqliteConnection,
    records: Vec<FeedbackRecord>,
) -> Result<Vec<Judged>, sqlx::Error> {
    let mut transaction = db.begin_with("BEGIN IMMEDIATE").await?;
    let mut judged = Vec::with_capacity(records.len());
    for record in records {
        judged.push(judge(&mut transaction, record).await?);
    }
    transaction.commit().await?;
    Ok(judged)
}
