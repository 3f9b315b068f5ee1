//! A router that feedback corrects while it serves.

use std::sync::Arc;

use arc_swap::ArcSwap;
use pointsman_policy::Exploration;
use pointsman_router::{
    CascadeStopped, Cascading, Explanation, Learned, Router, RouterError, Unsatisfiable,
};
use pointsman_types::{Candidate, Decision, ModelCard, ModelName, Request};

use super::state::learned_in;
use crate::{Decide, LoadError};

/// The router as training left it, and the one that decides now. A request keeps the one that it
/// began with.
pub struct Adaptive {
    frozen: Router,
    /// Of the router that it began with.
    version: String,
    serving: ArcSwap<Router>,
}

impl Adaptive {
    /// Decides as the router does until something is learnt.
    #[must_use]
    pub fn new(router: Router) -> Self {
        Self {
            version: router.policy_version().to_owned(),
            serving: ArcSwap::from_pointee(router.clone()),
            frozen: router,
        }
    }

    /// The router as training left it: the reference when predictions cannot be trusted.
    pub(crate) fn frozen(&self) -> &Router {
        &self.frozen
    }

    /// From the next request on decides by what was learnt, or as training left it; and tries others
    /// than the best only where that is wanted.
    pub(crate) fn serve(
        &self,
        learned: Option<Arc<Learned>>,
        explores: bool,
    ) -> Result<(), RouterError> {
        let mut router = self.frozen.clone();
        if !explores {
            router = router.with_exploration(Exploration::Greedy)?;
        }
        if let Some(learned) = learned {
            router = router.with_learned(learned)?;
        }
        self.serving.store(Arc::new(router));
        Ok(())
    }
}

impl Decide for Adaptive {
    fn models(&self) -> &[ModelName] {
        self.frozen.models()
    }

    fn cards(&self) -> &[ModelCard] {
        self.frozen.cards()
    }

    /// That of the router that it began with; decisions by what is learnt later add their revision.
    fn policy_version(&self) -> &str {
        &self.version
    }

    /// Begins with what the snapshot says, and learns on from there.
    fn taught(&self, state: &[u8]) -> Result<Box<dyn Decide>, LoadError> {
        let learned = learned_in(state, self.frozen())?;
        let serving = self.frozen.clone().with_learned(learned)?;
        Ok(Box::new(Self {
            frozen: self.frozen.clone(),
            version: serving.policy_version().to_owned(),
            serving: ArcSwap::from_pointee(serving),
        }))
    }

    fn is_slow(&self) -> bool {
        self.frozen.is_slow()
    }

    fn decide(&self, request: &Request) -> Result<Decision, Unsatisfiable> {
        self.serving.load().decide(request)
    }

    fn decide_paced(
        &self,
        request: &Request,
        pace: &mut dyn FnMut(&mut [Candidate]) -> Option<f64>,
    ) -> Result<Decision, Unsatisfiable> {
        self.serving.load().decide_paced(request, pace)
    }

    fn explain(&self, request: &Request) -> Result<Explanation, Unsatisfiable> {
        self.serving.load().explain(request)
    }

    fn cascade(&self, request: &Request) -> Result<Cascading, CascadeStopped> {
        self.serving.load().cascade(request)
    }

    fn has_cascade(&self) -> bool {
        self.frozen.has_cascade()
    }

    fn lambda(&self) -> Option<f64> {
        self.frozen.lambda()
    }

    fn adaptive(&self) -> Option<&Adaptive> {
        Some(self)
    }
}
