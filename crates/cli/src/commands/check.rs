//! `pointsman check`: tells everything that is wrong with a settings file.

use std::io::Write;

use pointsman_router::{Router, RouterError};
use pointsman_serve::GatewayConfig;

use crate::args::CheckArgs;
use crate::failure::Usage;
use crate::settings::Settings;

pub(crate) fn run(args: &CheckArgs) -> anyhow::Result<()> {
    let settings = Settings::read(Some(&args.config))?;
    for odd in settings.server.gateway.warnings() {
        eprintln!("warning: {odd}");
    }
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
    problems.extend(of_router(gateway));
    problems
}

/// What is wrong with the router that the settings name, or with pipelines that count on it.
fn of_router(gateway: &GatewayConfig) -> Vec<String> {
    let Some(path) = &gateway.router.path else {
        return Vec::new();
    };
    let wrong = |what: &str, error: RouterError| vec![format!("{what}: {error}")];
    let router = match Router::open(path) {
        Ok(router) => router,
        Err(error) => return wrong(&format!("router.path: `{}`", path.display()), error),
    };
    let router = match gateway.router.policy.clone() {
        None => router,
        Some(policy) => match router.with_policy(policy) {
            Ok(router) => router,
            Err(error) => return wrong("router.policy", error),
        },
    };
    let idle = gateway.pipelines.iter().filter_map(|pipeline| {
        let why = pipeline.idle(&router)?;
        Some(format!("pipeline `{}`: {why}", pipeline.name()))
    });
    idle.collect()
}
