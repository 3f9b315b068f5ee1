//! Who may call, and what is taken out of what they say.

use pointsman_types::ModelName;

use super::build::Build;
use crate::gateway::auth::{AuthConfig, Door};
use crate::gateway::guarding::{GuardConfig, Rails};
use crate::gateway::settings::GatewayConfig;

impl Build<'_> {
    pub(super) fn door(&mut self, auth: &AuthConfig, config: &GatewayConfig) -> Door {
        if auth.is_required() && auth.keys.is_empty() {
            self.wrong(
                "auth",
                "keys are required and there are none; `pointsman key new` makes one",
            );
        }
        let known = |name: &ModelName| config.models.iter().any(|model| model.card.name == *name);
        for key in &auth.keys {
            for model in key.models.iter().flatten().filter(|model| !known(model)) {
                self.wrong(
                    "auth.keys",
                    format_args!("`{}` names model `{model}`, which is not there", key.id),
                );
            }
        }
        let door = self.keep("auth.keys", Door::new(auth));
        door.unwrap_or_default()
    }

    pub(super) fn rails(&mut self, config: &GuardConfig) -> Rails {
        self.within(
            "guard.most_messages",
            config.most_messages as u64,
            1,
            1_000_000,
        );
        let rails = Rails::new(config).map_err(|error| self.problems.push(error.to_string()));
        rails.unwrap_or_default()
    }
}
