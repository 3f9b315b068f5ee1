//! `pointsman check`: tells everything that is wrong with a settings file.

use std::io::Write;
use std::path::Path;

use pointsman_router::Router;

use crate::args::CheckArgs;
use crate::failure::Usage;
use crate::settings::Settings;

pub(crate) fn run(args: &CheckArgs) -> anyhow::Result<()> {
    let settings = Settings::read(Some(&args.config))?;
    let problems = problems(&settings);
    if problems.is_empty() {
        let gateway = &settings.server.gateway;
        let deployments: usize = gateway
            .models
            .iter()
            .map(|model| model.deployments.len())
            .sum();
        writeln!(
            std::io::stdout(),
            "{}: in order; {} models, {deployments} deployments",
            args.config.display(),
            gateway.models.len()
        )?;
        return Ok(());
    }
    let told = problems.join("\n  ");
    Err(Usage(format!(
        "the settings {} are wrong:\n  {told}",
        args.config.display()
    ))
    .into())
}

/// What reading alone does not show.
fn problems(settings: &Settings) -> Vec<String> {
    let gateway = &settings.server.gateway;
    let mut problems: Vec<String> = settings
        .server
        .check()
        .err()
        .map(|error| error.to_string())
        .into_iter()
        .collect();
    problems.extend(gateway.problems(&|name| std::env::var(name).ok()));
    problems.extend(gateway.router.path.as_deref().and_then(unreadable));
    problems
}

fn unreadable(router: &Path) -> Option<String> {
    let error = Router::open(router).err()?;
    Some(format!("router.path: `{}`: {error}", router.display()))
}
