//! From settings as they are written to a fleet that can be called. Every problem is told, not only
//! the first.
//!
//! `build` collects the problems; the other files check what belongs together, each as part of
//! [`Build`].

mod build;
mod callers;
mod fleet;
mod lasting;
mod members;
mod names;
#[cfg(test)]
pub(crate) mod tests;

use pointsman_types::ModelCard;

use self::build::Build;
pub(super) use self::names::{AUTO, THRESHOLD_PREFIX};
use super::fleet::Fleet;
use super::settings::GatewayConfig;

/// Where secrets come from: the environment, by name.
pub type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

impl GatewayConfig {
    /// Whether any model can be called.
    #[must_use]
    pub fn calls_models(&self) -> bool {
        self.models
            .iter()
            .any(|model| !model.deployments.is_empty())
    }

    /// The cards of the models that can be called, the default one first.
    pub(crate) fn callable(&self) -> Vec<ModelCard> {
        let callable = self
            .models
            .iter()
            .filter(|model| !model.deployments.is_empty());
        let mut cards: Vec<ModelCard> = callable.map(|model| model.card.clone()).collect();
        let default = self.router.default_model.as_ref();
        if let Some(at) = cards.iter().position(|card| Some(&card.name) == default) {
            cards[..=at].rotate_right(1);
        }
        cards
    }

    /// Everything that is wrong with it, in words; empty where nothing is.
    #[must_use]
    pub fn problems(&self, environment: Environment<'_>) -> Vec<String> {
        self.fleet(environment, None).err().unwrap_or_default()
    }

    /// What is odd about it and does not keep it from work, in words.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let callable = self.callable();
        let default = self.router.default_model.as_ref();
        let missing = default.filter(|name| callable.iter().all(|card| card.name != **name));
        let instead = match callable.first() {
            Some(first) => format!("`{}` answers instead", first.name),
            None => "nor has any other model".to_owned(),
        };
        let told = missing
            .map(|name| format!("router.default_model: `{name}` has no deployments; {instead}"));
        told.into_iter().collect()
    }

    /// Says in the log what is odd about it.
    pub(crate) fn warn(&self) {
        for odd in self.warnings() {
            tracing::warn!("the settings: {odd}");
        }
    }

    /// The fleet; back ends of `before` whose settings did not change go on as they are.
    pub(crate) fn fleet(
        &self,
        environment: Environment<'_>,
        before: Option<&Fleet>,
    ) -> Result<Fleet, Vec<String>> {
        let mut build = Build::new(environment, before);
        let fleet = build.fleet(self);
        match build.problems.is_empty() {
            true => Ok(fleet),
            false => Err(build.problems),
        }
    }
}
