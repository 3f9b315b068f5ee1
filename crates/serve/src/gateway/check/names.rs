//! The names that callers may use: the router's, the models', the pipelines'.

use std::path::Path;

use pointsman_types::ModelName;

use super::build::Build;
use crate::gateway::fleet::Member;
use crate::gateway::pipelines::Pipeline;
use crate::gateway::settings::GatewayConfig;

/// Names that callers use for the router.
pub(in crate::gateway) const AUTO: &str = "auto";
pub(in crate::gateway) const THRESHOLD_PREFIX: &str = "router-";

impl Build<'_> {
    pub(super) fn pipelines(
        &mut self,
        config: &GatewayConfig,
        members: &[Member],
    ) -> Vec<Pipeline> {
        let is_model = |name: &ModelName| members.iter().any(|member| member.card.name == *name);
        let mut pipelines: Vec<Pipeline> = Vec::new();
        for one in &config.pipelines {
            let name = one.name();
            let at = format!("pipeline `{name}`");
            let is_taken = pipelines.iter().any(|other| other.name == *name);
            if is_taken || is_model(name) || is_reserved(name.as_str()) {
                self.wrong(&at, "the name is taken");
            }
            for model in one.models() {
                if !is_model(model) && model.as_str() != AUTO {
                    self.wrong(&at, format_args!("`{model}` has no deployments"));
                }
            }
            pipelines.extend(self.keep(&at, Pipeline::new(one)));
        }
        pipelines
    }
}

pub(super) fn is_reserved(name: &str) -> bool {
    name == AUTO || name.starts_with(THRESHOLD_PREFIX)
}

pub(super) fn router_name(name: Option<&str>, path: Option<&Path>) -> String {
    let last = path.and_then(Path::file_name);
    let last = last.map(|last| last.to_string_lossy().into_owned());
    name.map(str::to_owned)
        .or(last)
        .unwrap_or_else(|| AUTO.to_owned())
}
