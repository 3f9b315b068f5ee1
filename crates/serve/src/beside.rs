//! Asks the version beside the current one, within bounds: whatever it does, the answer of the
//! current version is not hurt.
//!
//! It runs on threads of its own, a few at a time, and nobody waits for it longer than the settings
//! allow. In shadow it is asked after the answer has gone out.

use std::sync::Arc;
use std::time::Duration;

use pointsman_router::Explanation;
use pointsman_types::{Decision, Request};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::live::Loaded;

/// Runs versions beside the current one.
pub(crate) struct Besides {
    room: Arc<Semaphore>,
    patience: Duration,
}

/// How many run at once. A version that hangs keeps its threads, and from then on counts as too slow.
const MOST: usize = 32;

/// What the version beside says, with its grounds where they are wanted.
pub(crate) struct Said {
    pub(crate) decision: Decision,
    pub(crate) explanation: Option<Explanation>,
}

/// Why it says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silent {
    /// All its threads are taken, or it took longer than is waited.
    Slow,
    /// It panicked.
    Panicked,
    /// It has no model for a request that the current version has one for.
    Refused,
}

impl Besides {
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            room: Arc::new(Semaphore::new(MOST)),
            patience,
        }
    }

    /// Asks a version.
    pub(crate) async fn ask(
        &self,
        loaded: &Arc<Loaded>,
        request: &Request,
        explain: bool,
    ) -> Result<Said, Silent> {
        let room = Arc::clone(&self.room).try_acquire_owned();
        let room = room.map_err(|_| Silent::Slow)?;
        let (loaded, request) = (Arc::clone(loaded), request.clone());
        let deciding = tokio::task::spawn_blocking(move || {
            let said = said(&loaded, &request, explain);
            drop(room);
            said
        });
        match timeout(self.patience, deciding).await {
            Ok(Ok(said)) => said.ok_or(Silent::Refused),
            // The panic itself was reported by the panic hook; the room was given back by it.
            Ok(Err(_)) => Err(Silent::Panicked),
            Err(_) => Err(Silent::Slow),
        }
    }
}

fn said(loaded: &Loaded, request: &Request, explain: bool) -> Option<Said> {
    if !explain {
        let decision = loaded.router.decide(request).ok()?;
        return Some(Said {
            decision,
            explanation: None,
        });
    }
    let explanation = loaded.router.explain(request).ok()?;
    Some(Said {
        decision: explanation.decision.clone(),
        explanation: Some(explanation),
    })
}

#[cfg(test)]
mod tests {
    use pointsman_router::Unsatisfiable;
    use pointsman_types::{ModelCard, ModelName, Prompt};
    use tokio::sync::mpsc;

    use super::*;
    use crate::tests::FirstAllowed;
    use crate::{Decide, Live};

    /// Hangs until the other end is dropped.
    struct Hanging(FirstAllowed, std::sync::Mutex<mpsc::Receiver<()>>);

    impl Decide for Hanging {
        fn models(&self) -> &[ModelName] {
            self.0.models()
        }

        fn cards(&self) -> &[ModelCard] {
            self.0.cards()
        }

        fn policy_version(&self) -> &str {
            self.0.policy_version()
        }

        fn decide(&self, request: &Request) -> Result<Decision, Unsatisfiable> {
            self.1.lock().unwrap().blocking_recv();
            self.0.decide(request)
        }
    }

    fn request(text: &str) -> Request {
        Request::new(Prompt::from(text))
    }

    async fn asked(live: &Live, besides: &Besides, text: &str) -> Result<Said, Silent> {
        let snapshot = live.snapshot();
        besides.ask(&snapshot.current, &request(text), false).await
    }

    #[tokio::test]
    async fn what_panics_is_silent_and_can_be_asked_again() {
        let (live, besides) = (
            Live::fixed(FirstAllowed::new("v1")),
            Besides::new(Duration::from_secs(20)),
        );
        for _ in 0..MOST + 1 {
            let silent = asked(&live, &besides, "panic").await.err();
            assert_eq!(silent, Some(Silent::Panicked));
        }
        let said = asked(&live, &besides, "Why?").await.ok().unwrap();
        assert_eq!(said.decision.policy_version, "v1");
    }

    #[tokio::test]
    async fn what_hangs_is_not_waited_for_and_takes_no_more_than_its_threads() {
        let (release, hang) = mpsc::channel(1);
        let hanging = Hanging(FirstAllowed::new("v1"), std::sync::Mutex::new(hang));
        let (live, besides) = (Live::fixed(hanging), Besides::new(Duration::from_millis(1)));
        for _ in 0..MOST + 5 {
            let silent = asked(&live, &besides, "Why?").await.err();
            assert_eq!(silent, Some(Silent::Slow));
        }
        assert_eq!(besides.room.available_permits(), 0);
        drop(release);
    }
}
