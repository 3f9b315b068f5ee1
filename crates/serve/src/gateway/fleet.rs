//! The models that can be called: what each costs, where it answers, and for whom.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use pointsman_relay::{Backend, Persistence, Pool};
use pointsman_types::{ModelCard, ModelName};
use serde_json::{Map, Value};

use super::auth::{Door, Guest};
use super::cache::Answers;
use super::check::AUTO;
use super::condition::Conditions;
use super::guarding::Rails;
use super::pipelines::Pipeline;
use super::semantic::Semantic;
use super::sessions::Sessions;
use super::settings::DeploymentConfig;
use super::unrouted::Unrouted;
use crate::{Decide, models};

/// What the gateway works with until the settings change.
pub(crate) struct Fleet {
    pub(crate) members: Vec<Member>,
    /// Several calls that make one answer.
    pub(crate) pipelines: Vec<Pipeline>,
    /// What the settings state of all models, those that are never called included.
    pub(crate) cards: Vec<ModelCard>,
    /// Chooses where no router does.
    pub(crate) unrouted: Unrouted,
    pub(crate) persistence: Persistence,
    /// The most models that are asked for one answer.
    pub(crate) most_models: usize,
    /// The longest that a router may take.
    pub(crate) limit: Duration,
    /// What callers may name the router besides `auto`.
    pub(crate) router_name: String,
    /// The body of `GET /v1/models`, for whom every model is open.
    pub(crate) listed: Bytes,
    pub(crate) door: Door,
    pub(crate) rails: Rails,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) answers: Arc<Answers>,
    /// Answers to similar questions, where somebody wants that.
    pub(crate) semantic: Option<Arc<Semantic>>,
}

/// A model that can be called.
pub(crate) struct Member {
    pub(crate) card: ModelCard,
    pub(crate) when: Conditions,
    pub(crate) pool: Pool,
    /// What its back ends were made of, in their order: one that did not change is kept.
    pub(super) deployments: Vec<DeploymentConfig>,
}

impl Fleet {
    /// Whether there is anything to call.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(crate) fn place(&self, model: &str) -> Option<usize> {
        self.members
            .iter()
            .position(|member| member.card.name.as_str() == model)
    }

    /// The models that may be asked on behalf of this caller for a request with these labels.
    pub(crate) fn open_to(
        &self,
        guest: &Guest,
        labels: &Map<String, Value>,
    ) -> impl Iterator<Item = &ModelName> {
        let visible = self.visible_to(guest);
        let open = visible.filter(move |member| member.when.hold(labels));
        open.map(|member| &member.card.name)
    }

    /// The models that a caller may use at all.
    pub(crate) fn visible_to(&self, guest: &Guest) -> impl Iterator<Item = &Member> {
        let members = self.members.iter();
        members.filter(move |member| self.door.may_use(guest, member.card.name.as_str()))
    }

    /// The pipeline of this name.
    pub(crate) fn pipeline(&self, name: &str) -> Option<usize> {
        let mut pipelines = self.pipelines.iter();
        pipelines.position(|pipeline| pipeline.name.as_str() == name)
    }

    /// Says of each pipeline that asks one model only where this router serves why that is.
    pub(crate) fn tell_idle(&self, router: &dyn Decide) {
        for pipeline in &self.pipelines {
            if let Some(why) = pipeline.idle(router) {
                let name = pipeline.name.as_str();
                tracing::warn!(pipeline = name, why, "the pipeline asks one model only");
            }
        }
    }

    /// The body of `GET /v1/models` for a caller.
    pub(crate) fn listed_for(&self, guest: &Guest) -> Bytes {
        match self.visible_to(guest).count() == self.members.len() {
            true => self.listed.clone(),
            false => listed(self.visible_to(guest), &self.pipelines),
        }
    }

    /// A back end that was made of the same settings.
    pub(super) fn backend(
        &self,
        model: &str,
        deployment: &DeploymentConfig,
    ) -> Option<Arc<Backend>> {
        let member = &self.members[self.place(model)?];
        let at = member
            .deployments
            .iter()
            .position(|one| one == deployment)?;
        member.pool.backends().get(at).cloned()
    }
}

/// The router and pipelines first: they can be asked for like a model.
pub(super) fn listed<'m>(
    members: impl Iterator<Item = &'m Member>,
    pipelines: &[Pipeline],
) -> Bytes {
    let mut cards = vec![ModelCard::unknown(AUTO.into())];
    let pipelines = pipelines.iter().map(|pipeline| pipeline.name.clone());
    cards.extend(pipelines.map(ModelCard::unknown));
    cards.extend(members.map(|member| member.card.clone()));
    models::list(&cards).into()
}
