//! The threads that serve connections, each with a runtime of its own.
//!
//! A connection stays on the thread that it was given to, and so does everything that is done for it,
//! calls of back ends included. In a runtime that shares its work among threads a request is handed from
//! one to another several times, and waking a thread costs as much as deciding.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;

/// The threads.
pub(crate) struct Lanes {
    lanes: Vec<Lane>,
    stop: CancellationToken,
}

struct Lane {
    runtime: Handle,
    /// Its connections hold this.
    connections: Arc<()>,
    thread: JoinHandle<()>,
}

/// A connection's place on a thread, until it is dropped.
pub(crate) struct Seat {
    /// Where the connection is served.
    pub(crate) runtime: Handle,
    _connection: Arc<()>,
}

/// As many as there are processors.
pub(crate) fn processors() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

impl Lanes {
    /// Starts so many threads.
    ///
    /// # Errors
    /// When the system gives no thread, or none of what a runtime needs.
    pub(crate) fn start(threads: NonZeroUsize) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let lanes = (0..threads.get()).map(|number| Lane::start(number, stop.clone()));
        let lanes = lanes.collect::<io::Result<_>>()?;
        Ok(Self { lanes, stop })
    }

    /// A place on the thread with the fewest connections.
    pub(crate) fn seat(&self) -> Seat {
        let lane = self
            .lanes
            .iter()
            .min_by_key(|lane| Arc::strong_count(&lane.connections));
        let lane = lane.expect("there is one thread at least");
        Seat {
            runtime: lane.runtime.clone(),
            _connection: Arc::clone(&lane.connections),
        }
    }

    /// Ends the threads, and with them whatever still runs there.
    pub(crate) async fn finish(mut self) {
        self.stop.cancel();
        let threads = self.lanes.drain(..).map(|lane| lane.thread);
        let threads: Vec<JoinHandle<()>> = threads.collect();
        let joining = tokio::task::spawn_blocking(|| {
            for thread in threads {
                // A panic there was reported by the panic hook.
                thread.join().ok();
            }
        });
        joining.await.ok();
    }
}

impl Lane {
    fn start(number: usize, stop: CancellationToken) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let thread = thread::Builder::new().name(format!("lane-{number}"));
        let thread = thread.spawn(move || {
            runtime.block_on(stop.cancelled());
            runtime.shutdown_background();
        })?;
        Ok(Self {
            runtime: handle,
            connections: Arc::new(()),
            thread,
        })
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connections_are_spread_evenly() {
        let lanes = Lanes::start(NonZeroUsize::new(3).unwrap()).unwrap();
        let mut seats: Vec<Seat> = (0..7).map(|_| lanes.seat()).collect();
        let on = |lanes: &Lanes| -> Vec<usize> {
            let counts = lanes
                .lanes
                .iter()
                .map(|lane| Arc::strong_count(&lane.connections) - 1);
            counts.collect()
        };
        assert_eq!(on(&lanes), [3, 2, 2]);
        seats.truncate(1);
        assert_eq!(on(&lanes), [1, 0, 0]);
        let next = lanes.seat();
        assert_eq!(on(&lanes), [1, 1, 0]);
        drop((seats, next));
        lanes.finish().await;
    }

    #[tokio::test]
    async fn what_is_given_to_a_thread_runs_there_and_ends_with_it() {
        let lanes = Lanes::start(NonZeroUsize::MIN).unwrap();
        let seat = lanes.seat();
        let name = seat
            .runtime
            .spawn(async { thread::current().name().map(str::to_owned) });
        assert_eq!(name.await.unwrap().as_deref(), Some("lane-0"));
        let endless = seat.runtime.spawn(std::future::pending::<()>());
        lanes.finish().await;
        assert!(endless.await.unwrap_err().is_cancelled());
    }
}
