//! Answers that were given before: the same request of the same tenant gets the same answer again, for
//! a while. Only whole, good answers are kept, and identical requests under way wait for the first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use pointsman_wire::Answer;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use serde::Deserialize;
use tokio::sync::watch;

use super::semantic::SemanticConfig;

/// The table `cache`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheConfig {
    /// How long an answer is given again, in seconds; 0 keeps none.
    pub ttl_s: u64,
    /// The longest that a caller may ask for.
    pub longest_s: u64,
    /// The most bytes of answers that are kept.
    pub most_bytes: u64,
    /// The largest answer that is kept.
    pub most_answer_bytes: usize,
    /// Which answers are given to similar questions, too.
    pub semantic: SemanticConfig,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            ttl_s: 0,
            longest_s: 24 * 3600,
            most_bytes: 64 << 20,
            most_answer_bytes: 1 << 20,
            semantic: SemanticConfig::default(),
        }
    }
}

/// Names a request of a tenant: a SHA-256 of all that an answer depends on.
pub(crate) type CacheKey = [u8; 32];

/// An answer that is kept.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) answer: Answer,
    /// The whole answer as it went out, where it was not streamed.
    pub(crate) body: Option<Bytes>,
    /// The decision that led to it.
    pub(crate) decision_id: String,
    /// Who answered.
    pub(crate) model: String,
    pub(crate) at: Instant,
    pub(crate) ttl: Duration,
}

impl Kept {
    pub(super) fn is_over(&self) -> bool {
        self.at.elapsed() >= self.ttl
    }

    pub(super) fn bytes(&self) -> usize {
        let said = self.answer.text().len();
        said + self.body.as_ref().map_or(0, Bytes::len) + 512
    }
}

/// Answers take room by their bytes.
#[derive(Clone)]
struct Bytewise;

impl Weighter<CacheKey, Arc<Kept>> for Bytewise {
    fn weight(&self, _: &CacheKey, kept: &Arc<Kept>) -> u64 {
        kept.bytes() as u64
    }
}

/// About so many answers are expected.
const USUAL: usize = 1024;

/// Answers that are kept, and requests under way.
pub(crate) struct Answers {
    kept: Cache<CacheKey, Arc<Kept>, Bytewise>,
    flights: Flights,
    pub(crate) config: CacheConfig,
}

type Landed = Option<Arc<Kept>>;
type Flights = Arc<Mutex<HashMap<CacheKey, watch::Receiver<Landed>>>>;

/// What a request finds.
pub(crate) enum Found {
    /// An answer that was kept.
    Hit(Arc<Kept>),
    /// An answer to the same request, which was under way.
    Merged(Arc<Kept>),
    /// Nothing: whoever gets this answers for those who wait.
    Miss(Flight),
    /// Nothing: the same request was under way and came to no answer that is kept.
    Alone,
}

/// A request under way. Dropped without landing, those who wait go on by themselves.
pub(crate) struct Flight {
    key: CacheKey,
    flights: Flights,
    tell: watch::Sender<Landed>,
}

impl Answers {
    pub(crate) fn new(config: &CacheConfig) -> Self {
        let kept = Cache::with_weighter(USUAL, config.most_bytes, Bytewise);
        Self {
            kept,
            flights: Flights::default(),
            config: config.clone(),
        }
    }

    /// Looks for an answer; waits where the same request is under way.
    pub(crate) async fn find(&self, key: CacheKey) -> Found {
        match self.kept.get(&key) {
            Some(kept) if kept.is_over() => drop(self.kept.remove(&key)),
            Some(kept) => return Found::Hit(kept),
            None => {}
        }
        let mut other = match self.take_off(key) {
            Ok(flight) => return Found::Miss(flight),
            Err(other) => other,
        };
        let landed = other.wait_for(Option::is_some).await;
        // An error means that it was given up.
        let landed = landed.ok().and_then(|landed| landed.clone());
        landed.map_or(Found::Alone, Found::Merged)
    }

    /// Begins a flight whatever is kept; alone where the same is under way.
    pub(crate) fn refresh(&self, key: CacheKey) -> Found {
        self.take_off(key).map_or(Found::Alone, Found::Miss)
    }

    /// Begins a flight, unless the same is under way.
    fn take_off(&self, key: CacheKey) -> Result<Flight, watch::Receiver<Landed>> {
        let mut flights = lock(&self.flights);
        if let Some(other) = flights.get(&key) {
            return Err(other.clone());
        }
        let (tell, landed) = watch::channel(None);
        flights.insert(key, landed);
        Ok(Flight {
            key,
            flights: Arc::clone(&self.flights),
            tell,
        })
    }

    /// Keeps an answer and tells those who wait. One that is too large is told and not kept.
    pub(crate) fn land(&self, flight: Flight, kept: Kept) -> Option<Arc<Kept>> {
        let kept = Arc::new(kept);
        let fits = kept.bytes() <= self.config.most_answer_bytes;
        if fits {
            self.kept.insert(flight.key, Arc::clone(&kept));
        }
        flight.tell.send_replace(Some(Arc::clone(&kept)));
        fits.then_some(kept)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        lock(&self.flights).remove(&self.key);
    }
}

fn lock(flights: &Flights) -> MutexGuard<'_, HashMap<CacheKey, watch::Receiver<Landed>>> {
    flights.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(ttl_s: u64) -> Answers {
        Answers::new(&CacheConfig {
            ttl_s,
            ..CacheConfig::default()
        })
    }

    fn kept(text: &str, ttl: Duration) -> Kept {
        Kept {
            answer: Answer::default(),
            body: Some(text.to_owned().into()),
            decision_id: "d".into(),
            model: "m".into(),
            at: Instant::now(),
            ttl,
        }
    }

    async fn miss(answers: &Answers) -> Flight {
        match answers.find([1; 32]).await {
            Found::Miss(flight) => flight,
            _ => panic!("there is an answer"),
        }
    }

    #[tokio::test]
    async fn an_answer_is_found_until_it_expires() {
        let answers = answers(60);
        let flight = miss(&answers).await;
        answers.land(flight, kept("Yes.", Duration::from_millis(30)));
        assert!(matches!(answers.find([1; 32]).await, Found::Hit(_)));
        tokio::time::sleep(Duration::from_millis(60)).await;
        miss(&answers).await;
    }

    #[tokio::test]
    async fn those_who_ask_the_same_wait_for_the_first() {
        let answers = Arc::new(answers(60));
        let flight = miss(&answers).await;
        let waiting = Arc::clone(&answers);
        let waiting = tokio::spawn(async move {
            match waiting.find([1; 32]).await {
                Found::Merged(kept) => kept.body.clone().unwrap(),
                _ => panic!("it did not wait"),
            }
        });
        tokio::task::yield_now().await;
        answers.land(flight, kept("Yes.", Duration::from_secs(1)));
        assert_eq!(waiting.await.unwrap(), "Yes.");
    }

    #[tokio::test]
    async fn where_the_first_fails_the_others_ask_by_themselves() {
        let answers = Arc::new(answers(60));
        let flight = miss(&answers).await;
        let waiting = Arc::clone(&answers);
        let waiting =
            tokio::spawn(async move { matches!(waiting.find([1; 32]).await, Found::Alone) });
        tokio::task::yield_now().await;
        drop(flight);
        assert!(waiting.await.unwrap());
    }

    #[tokio::test]
    async fn a_large_answer_is_told_and_not_kept() {
        let answers = answers(60);
        let flight = miss(&answers).await;
        let large = "x".repeat(2 << 20);
        answers.land(flight, kept(&large, Duration::from_secs(60)));
        miss(&answers).await;
    }
}
