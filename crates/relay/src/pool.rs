//! The places where one model answers.

use std::sync::Arc;
use std::time::Instant;

use crate::backend::Backend;
use crate::choose::{Contestant, choose};

/// The places where one model answers.
#[derive(Clone)]
pub struct Pool {
    backends: Vec<Arc<Backend>>,
}

impl Pool {
    /// A pool of these.
    #[must_use]
    pub const fn new(backends: Vec<Arc<Backend>>) -> Self {
        Self { backends }
    }

    /// Its back ends, in the order of the settings.
    #[must_use]
    pub fn backends(&self) -> &[Arc<Backend>] {
        &self.backends
    }

    /// Whether any would get a call now.
    #[must_use]
    pub fn is_ready(&self, now: Instant) -> bool {
        self.backends
            .iter()
            .any(|backend| backend.contestant(now).is_some())
    }

    /// The back end that gets a call: one of those not tried yet, else one of all.
    pub(crate) fn choose(
        &self,
        tried: &[Arc<Backend>],
        draws: [f64; 2],
        now: Instant,
    ) -> Option<&Arc<Backend>> {
        self.untried(tried, draws, now)
            .or_else(|| self.untried(&[], draws, now))
    }

    /// The back end that gets a call, of those not tried yet.
    pub(crate) fn untried(
        &self,
        tried: &[Arc<Backend>],
        draws: [f64; 2],
        now: Instant,
    ) -> Option<&Arc<Backend>> {
        let is_new =
            |backend: &Arc<Backend>| tried.iter().all(|other| !Arc::ptr_eq(backend, other));
        let (backends, contestants): (Vec<&Arc<Backend>>, Vec<Contestant>) = self
            .backends
            .iter()
            .filter(|backend| is_new(backend))
            .filter_map(|backend| Some((backend, backend.contestant(now)?)))
            .unzip();
        choose(&contestants, draws).map(|at| backends[at])
    }
}
