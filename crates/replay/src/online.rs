//! The router in service: decides and learns by the very code that serves.

use std::sync::Arc;

use pointsman_learn::learner::{CostFactors, Learner, Lesson};
use pointsman_policy::Quotas;
use pointsman_router::{Learned, Router, RouterError};
use pointsman_types::{Draw, Probability, Request};

use crate::course::{Player, Told};
use crate::plan::Plan;
use crate::world::World;

/// A router, and what it learns.
pub(crate) struct Online {
    /// Absent only while it takes up what was learnt.
    router: Option<Router>,
    pub(crate) learner: Learner,
    costs: CostFactors,
    quotas: Quotas,
    revision: u64,
    /// How many decisions were drawn though another looked better.
    pub(crate) explored: usize,
    /// Whether the router has all that was learnt.
    is_fresh: bool,
}

impl Online {
    pub(crate) fn new(world: &World, plan: &Plan) -> Result<Self, RouterError> {
        let router = world.router.clone();
        let prior = router.model().prior.clone();
        let costs = CostFactors::new(prior.models());
        let mut online = Self {
            router: Some(router.with_exploration(plan.exploration.clone())?),
            learner: Learner::new(prior, plan.learner.clone()),
            costs,
            quotas: Quotas::new(),
            revision: 0,
            explored: 0,
            is_fresh: false,
        };
        online.take_up();
        Ok(online)
    }

    /// Goes on with a router that has one more model, at the end, of which at least a share is tried.
    pub(crate) fn with_model_of(mut self, world: &World, plan: &Plan) -> Result<Self, RouterError> {
        let router = world.router.clone();
        let prior = router.model().prior.clone();
        let (before, models) = (self.learner.posterior().prior().models(), prior.models());
        let from: Vec<Option<usize>> = (0..models)
            .map(|model| (model < before).then_some(model))
            .collect();
        let carried = self.learner.posterior().carried_to(prior, &from);
        self.learner.replace_posterior(carried);
        self.costs.extend(models);
        let new = router.models()[models - 1].clone();
        self.quotas = vec![(new, plan.quota)];
        self.router = Some(router.with_exploration(plan.exploration.clone())?);
        self.take_up();
        Ok(self)
    }

    /// Hands the router what was learnt, as a server does after feedback.
    fn take_up(&mut self) {
        self.revision += 1;
        let learned = Learned {
            revision: self.revision,
            cost_factors: self.costs.factors(),
            quotas: self.quotas.clone(),
            ..Learned::nothing(self.learner.posterior().clone())
        };
        let router = self.router.take().map(|router| {
            router
                .with_learned(Arc::new(learned))
                .expect("the learner has the router's models")
        });
        self.router = router;
        self.is_fresh = true;
    }
}

impl Player for Online {
    fn choose(&mut self, world: &World, at: usize, draw: f64) -> usize {
        if !self.is_fresh {
            self.take_up();
        }
        let router = self
            .router
            .as_ref()
            .expect("a router that decides is there");
        let request = Request {
            draw: Draw::new(draw).ok(),
            ..Request::new(world.prompts[at].clone())
        };
        let decision = router
            .decide(&request)
            .expect("a request without limits leaves every model");
        let is_explored = decision.reason == pointsman_types::Reason::Explored;
        self.explored += usize::from(is_explored);
        let mut names = router.models().iter();
        names
            .position(|name| *name == decision.model)
            .expect("a router decides among its models")
    }

    fn paid(&mut self, world: &World, at: usize, model: usize) {
        let place = (at, model);
        let (cost, predicted) = (world.cost[place], world.predicted_cost[place]);
        self.costs.observe(model, cost, predicted);
    }

    fn hear(&mut self, world: &World, told: &Told) {
        self.learner.learn(&Lesson {
            coordinates: world.coordinates[told.at].clone(),
            model: told.model,
            predicted: world.predicted[(told.at, told.model)],
            score: told.score,
            weight: 1.0,
            key: told.key,
            metric: "score".into(),
            propensity: Probability::ONE,
            ts_ms: 0,
            decided_ms: 0,
        });
        self.is_fresh = false;
    }
}
