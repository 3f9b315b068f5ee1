//! How many calls a back end gets at a time, and how many may wait for their turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of one back end.
#[derive(Debug)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    all: usize,
    waiting: AtomicUsize,
    most_waiting: usize,
}

/// A place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
}

/// Every place is taken, and so is the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl Places {
    pub(crate) fn new(all: usize, most_waiting: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(all)),
            all,
            waiting: AtomicUsize::new(0),
            most_waiting,
        }
    }

    /// How many calls are on their way.
    pub(crate) fn taken(&self) -> usize {
        self.all - self.free.available_permits()
    }

    /// Whether a call would get a place or may wait for one.
    pub(crate) fn has_room(&self) -> bool {
        self.free.available_permits() > 0
            || self.waiting.load(Ordering::Relaxed) < self.most_waiting
    }

    /// A place, after waiting at most so long where the queue has room.
    pub(crate) async fn take(&self, patience: Duration) -> Result<Place, Full> {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(Place { _permit: permit });
        }
        let _waiting = Waiting::new(self).ok_or(Full)?;
        let acquired = tokio::time::timeout(patience, Arc::clone(&self.free).acquire_owned()).await;
        match acquired {
            Ok(Ok(permit)) => Ok(Place { _permit: permit }),
            _ => Err(Full),
        }
    }
}

/// One who waits; counted until it is dropped, also where the caller goes away.
struct Waiting<'p>(&'p AtomicUsize);

impl<'p> Waiting<'p> {
    fn new(places: &'p Places) -> Option<Self> {
        let waiting = &places.waiting;
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let this = Self(waiting);
        (before < places.most_waiting).then_some(this)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn places_and_the_queue_are_bounded() {
        let places = Arc::new(Places::new(1, 1));
        let first = places.take(SHORT).await.unwrap();
        assert_eq!(places.taken(), 1);
        assert!(places.has_room(), "one may wait");
        let waits = {
            let places = Arc::clone(&places);
            tokio::spawn(async move { places.take(Duration::from_secs(60)).await.is_ok() })
        };
        while places.has_room() {
            tokio::task::yield_now().await;
        }
        assert_eq!(
            places.take(SHORT).await.err(),
            Some(Full),
            "the queue is full"
        );
        drop(first);
        assert!(waits.await.unwrap());
        assert_eq!(places.taken(), 0);
    }

    #[tokio::test]
    async fn patience_ends() {
        let places = Places::new(1, 5);
        let _held = places.take(SHORT).await.unwrap();
        assert_eq!(places.take(SHORT).await.err(), Some(Full));
        assert_eq!(places.waiting.load(Ordering::Relaxed), 0);
    }
}
