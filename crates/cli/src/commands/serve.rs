//! `pointsman serve`.

use std::path::Path;

use anyhow::Context;
use pointsman_router::RouterError;
use pointsman_serve::{Adaptive, Config, Live, Server, stop_signal};
use pointsman_store::Store;

use crate::args::ServeArgs;
use crate::opening::opener;
use crate::settings::Settings;
use crate::telemetry;

pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<()> {
    telemetry::start(args.log_json)?;
    let mut settings = Settings::read(args.config.as_deref())?;
    if let Some(bind) = args.bind {
        settings.serve.bind = bind;
    }
    if let Some(store) = &args.store {
        settings.store.path.clone_from(store);
    }
    settings.serve.log_prompts |= args.log_prompts;
    let open = opener(&args.router, args.policy.clone())?;
    let explore = settings.serve.explore.clone();
    let open = move |dir: &Path| -> Result<Adaptive, RouterError> {
        Ok(Adaptive::new(open(dir)?.with_exploration(explore.clone())?))
    };
    let live = Live::open_with(&args.router.dir, args.router.catalog.as_deref(), open)?;
    block_on(settings, live, |_| {})
}

/// Serves until a signal ends it; `ready` is told the address once it is taken.
pub(crate) fn block_on(
    mut settings: Settings,
    live: Live,
    ready: impl FnOnce(std::net::SocketAddr),
) -> anyhow::Result<()> {
    settings.serve.learning = settings.learning;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("no async runtime")?;
    runtime.block_on(async {
        let stop = stop_signal()?;
        let server = bind(&settings.serve, live, settings.store).await?;
        eprintln!("listening on http://{}", server.address());
        ready(server.address());
        server.run(stop).await?;
        Ok(())
    })
}

async fn bind(
    config: &Config,
    live: Live,
    store: pointsman_store::Config,
) -> anyhow::Result<Server> {
    // Before the store is opened, and with that made.
    config.check()?;
    let store = Store::with(store).await?;
    Ok(Server::bind(config, live, store).await?)
}
