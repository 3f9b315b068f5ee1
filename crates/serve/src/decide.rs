//! What the server needs of a router. One implementation serves; tests use fixed ones, so that
//! they state decisions instead of training for them.

use pointsman_router::{CascadeStopped, Cascading, Explanation, Router, Unsatisfiable};
use pointsman_types::{Candidate, Decision, ModelCard, ModelName, Request};

use crate::{Adaptive, LoadError};

/// Decides on requests; immutable and shared by all threads.
pub trait Decide: Send + Sync + 'static {
    /// The models it chooses from.
    fn models(&self) -> &[ModelName];

    /// Their cards, in the same order.
    fn cards(&self) -> &[ModelCard];

    /// Names everything that a decision depends on.
    fn policy_version(&self) -> &str;

    /// Whether a decision takes milliseconds, too long for a thread that serves others.
    fn is_slow(&self) -> bool {
        false
    }

    /// Whether it only stands in for a router that is missing or broken.
    fn is_stand_in(&self) -> bool {
        false
    }

    /// The same router with what a learner had learnt, from the state that the learner kept: so a
    /// snapshot of the learner can be a version.
    ///
    /// # Errors
    /// When it cannot read this state. By default it can read none.
    fn taught(&self, state: &[u8]) -> Result<Box<dyn Decide>, LoadError> {
        let bytes = state.len();
        Err(
            format!("it learns nothing, so the {bytes} bytes of the snapshot say nothing to it")
                .into(),
        )
    }

    /// Decides on one request, without waiting for anything.
    ///
    /// # Errors
    /// With the reason for each model when none satisfies the limits.
    fn decide(&self, request: &Request) -> Result<Decision, Unsatisfiable>;

    /// Decides within a budget: `pace` may refuse candidates, and says what a dollar must buy. A
    /// router that has no use for that decides as ever.
    ///
    /// # Errors
    /// As [`Decide::decide`].
    fn decide_paced(
        &self,
        request: &Request,
        _pace: &mut dyn FnMut(&mut [Candidate]) -> Option<f64>,
    ) -> Result<Decision, Unsatisfiable> {
        self.decide(request)
    }

    /// Begins a request as the cascade that it learnt.
    ///
    /// # Errors
    /// When it learnt none, or limits refuse every model.
    fn cascade(&self, _request: &Request) -> Result<Cascading, CascadeStopped> {
        Err(CascadeStopped::Untrained)
    }

    /// Whether it learnt a cascade.
    fn has_cascade(&self) -> bool {
        false
    }

    /// Quality per US dollar at which it decides; `None` where money is not weighed against quality.
    fn lambda(&self) -> Option<f64> {
        None
    }

    /// The part that learns from feedback, where there is one.
    fn adaptive(&self) -> Option<&Adaptive> {
        None
    }

    /// Decides and says why, which takes milliseconds.
    ///
    /// # Errors
    /// As [`Decide::decide`].
    fn explain(&self, request: &Request) -> Result<Explanation, Unsatisfiable> {
        Ok(Explanation::without_grounds(self.decide(request)?))
    }
}

impl Decide for Router {
    fn models(&self) -> &[ModelName] {
        Router::models(self)
    }

    fn cards(&self) -> &[ModelCard] {
        Router::cards(self)
    }

    fn policy_version(&self) -> &str {
        Router::policy_version(self)
    }

    fn is_slow(&self) -> bool {
        Router::is_slow(self)
    }

    fn decide(&self, request: &Request) -> Result<Decision, Unsatisfiable> {
        Router::decide(self, request)
    }

    fn decide_paced(
        &self,
        request: &Request,
        pace: &mut dyn FnMut(&mut [Candidate]) -> Option<f64>,
    ) -> Result<Decision, Unsatisfiable> {
        Router::decide_paced(self, request, pace)
    }

    fn explain(&self, request: &Request) -> Result<Explanation, Unsatisfiable> {
        Router::explain(self, request)
    }

    fn cascade(&self, request: &Request) -> Result<Cascading, CascadeStopped> {
        Router::cascade(self, request)
    }

    fn has_cascade(&self) -> bool {
        Router::has_cascade(self)
    }

    fn lambda(&self) -> Option<f64> {
        Router::lambda(self)
    }
}
