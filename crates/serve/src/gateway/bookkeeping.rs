//! Keeps what calls took: behind the answers, many at a time, and to the last one before the server ends.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use pointsman_store::OutcomeRecord;
use tokio::sync::mpsc::Receiver;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::App;

/// How long outcomes gather before they are written together.
const GATHER: Duration = Duration::from_millis(50);
/// The most that are written together.
const BATCH: usize = 256;

/// Writes outcomes until told to stop, and then those that are left.
pub(crate) struct Bookkeeping {
    app: Arc<App>,
    inbox: Receiver<OutcomeRecord>,
}

impl Bookkeeping {
    /// `None` where somebody else keeps them.
    pub(crate) fn new(app: &Arc<App>) -> Option<Self> {
        Some(Self {
            app: Arc::clone(app),
            inbox: app.gateway.inbox()?,
        })
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                count = self.inbox.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        return;
                    }
                }
                // Nothing waits, and nothing more comes: connections are closed before this.
                () = stop.cancelled() => return,
            }
            self.keep(&mut batch).await;
            if self.inbox.len() < BATCH && !stop.is_cancelled() {
                sleep(GATHER).await;
            }
        }
    }

    async fn keep(&self, batch: &mut Vec<OutcomeRecord>) {
        let kept = batch.drain(..).map(|record| self.app.store.outcome(record));
        for kept in join_all(kept).await {
            if let Err(error) = kept {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "what a call took was not kept");
            }
        }
        self.app.learning.wake();
    }
}
