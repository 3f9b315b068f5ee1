//! Where a mind comes from: the snapshot of its artifact, the mind of the router before, or the
//! prior.

use pointsman_router::Router;
use pointsman_store::{EventRecord, Store, StoreError};

use super::LearningConfig;
use super::events::restarted;
use super::mind::{Mind, predict_alike};
use super::pacing::Paced;
use super::state::from_bytes;
use super::status::KeptState;

/// A mind that was found, and how.
pub(crate) struct Found {
    pub(crate) mind: Mind,
    pub(crate) paced: Option<Paced>,
    /// The snapshot that it is, where it is one.
    pub(crate) kept: Option<KeptState>,
    /// Worth a record.
    pub(crate) event: Option<EventRecord>,
}

/// What is known of a router, from its snapshot or else from the mind of the router before it.
pub(crate) async fn find(
    store: &Store,
    router: &Router,
    before: Option<(&Mind, &Router)>,
    config: &LearningConfig,
) -> Result<Found, StoreError> {
    match newer(store, router, 0, config).await? {
        Some(Ok(found)) => Ok(found),
        Some(Err(event)) => Ok(Found {
            event: Some(event),
            ..anew(store, router, config).await?
        }),
        None => match before.filter(|(_, was)| predict_alike(was, router)) {
            Some((mind, _)) => Ok(Found::plain(mind.carried_to(router, config))),
            None => anew(store, router, config).await,
        },
    }
}

/// The newest snapshot after that number, or why it cannot be used.
pub(crate) async fn newer(
    store: &Store,
    router: &Router,
    seq: i64,
    config: &LearningConfig,
) -> Result<Option<Result<Found, EventRecord>>, StoreError> {
    let kept = store.latest_snapshot(router.identity()).await?;
    let Some(kept) = kept.filter(|kept| kept.seq > seq) else {
        return Ok(None);
    };
    let snapshot = kept.snapshot;
    let state = KeptState {
        seq: kept.seq,
        cursor: snapshot.cursor,
        ts_ms: snapshot.ts_ms,
    };
    Ok(Some(
        match from_bytes(&snapshot.state, &router.model().prior, config) {
            Ok((mind, paced)) => Ok(Found {
                mind,
                paced,
                kept: Some(state),
                event: None,
            }),
            Err(error) => Err(restarted(router.identity(), &reason(&error))),
        },
    ))
}

/// The prior. All feedback that the store has of the artifact is learnt again; drift begins with what
/// comes.
async fn anew(
    store: &Store,
    router: &Router,
    config: &LearningConfig,
) -> Result<Found, StoreError> {
    let mut mind = Mind::new(router, config);
    mind.rest.read.decisions = store.last_decision().await?;
    Ok(Found::plain(mind))
}

impl Found {
    fn plain(mind: Mind) -> Self {
        Self {
            mind,
            paced: None,
            kept: None,
            event: None,
        }
    }
}

/// The error with its causes.
fn reason(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    let causes = causes.map(ToString::to_string);
    let all: Vec<String> = std::iter::once(error.to_string()).chain(causes).collect();
    all.join(": ")
}
