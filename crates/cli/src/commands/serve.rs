//! `pointsman serve`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context;
use pointsman_router::RouterError;
use pointsman_serve::{Adaptive, Config, Live, Reread, Server, stop_signal};
use pointsman_store::Store;
use pointsman_types::ModelCard;

use crate::args::ServeArgs;
use crate::failure::Usage;
use crate::opening::{Opener, encoding};
use crate::settings::Settings;
use crate::telemetry;

pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<()> {
    telemetry::start(args.log_json)?;
    let mut settings = Settings::read(args.config.as_deref())?;
    if let Some(bind) = args.bind {
        settings.server.bind = bind;
    }
    if let Some(store) = &args.store {
        settings.store.path.clone_from(store);
    }
    settings.server.log_prompts |= args.log_prompts;
    let cards = Arc::new(RwLock::new(cards(&settings)));
    let live = live(args, &settings, &cards)?;
    let following = args.config.clone().map(|file| following(file, cards));
    block_on(settings, live, following, |_| {})
}

/// What the settings state of models.
fn cards(settings: &Settings) -> Vec<ModelCard> {
    let models = settings.server.gateway.models.iter();
    models.map(|model| model.card.clone()).collect()
}

/// The settings' file and how it is read again, for the server and for the routers to come.
pub(crate) type Following = (PathBuf, Box<Reread>);

fn following(file: PathBuf, known: Arc<RwLock<Vec<ModelCard>>>) -> Following {
    let path = file.clone();
    let read = move || {
        let settings = Settings::read(Some(&path)).map_err(|error| format!("{error:#}"))?;
        let problems = settings
            .server
            .gateway
            .problems(&|name| std::env::var(name).ok());
        if !problems.is_empty() {
            return Err(problems.join("; "));
        }
        *known.write().unwrap_or_else(PoisonError::into_inner) = cards(&settings);
        Ok(settings.server.gateway)
    };
    (file, Box::new(read))
}

/// The router that decides. One that only the settings name may be missing or broken: then the
/// default model answers until it is there.
fn live(
    args: &ServeArgs,
    settings: &Settings,
    cards: &Arc<RwLock<Vec<ModelCard>>>,
) -> anyhow::Result<Live> {
    let gateway = &settings.server.gateway;
    let may_stand_in = args.router.is_none() && gateway.calls_models();
    let Some(dir) = args.router.as_ref().or(gateway.router.path.as_ref()) else {
        return match may_stand_in {
            true => Ok(Live::without_router(gateway)),
            false => Err(Usage(NO_ROUTER.to_owned()).into()),
        };
    };
    let opener = Opener {
        catalog: args.catalog.clone(),
        encoding: encoding(&args.encoding)?,
        policy: args
            .policy
            .clone()
            .or_else(|| gateway.router.policy.clone()),
        cards: Arc::clone(cards),
    };
    let explore = settings.server.explore.clone();
    let open = move |dir: &Path| -> Result<Adaptive, RouterError> {
        Ok(Adaptive::new(
            opener.open(dir)?.with_exploration(explore.clone())?,
        ))
    };
    let catalog = args.catalog.as_deref();
    Ok(match may_stand_in {
        true => Live::open_or_stand_in(dir, catalog, open, gateway),
        false => Live::open_with(dir, catalog, open)?,
    })
}

const NO_ROUTER: &str = "there is no router: give --router DIR, or `router.path` or models with deployments in the settings";

/// Serves until a signal ends it; `ready` is told the address once it is taken.
pub(crate) fn block_on(
    settings: Settings,
    live: Live,
    following: Option<Following>,
    ready: impl FnOnce(std::net::SocketAddr),
) -> anyhow::Result<()> {
    allow_files(settings.server.max_connections);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(BACKGROUND)
        .enable_all()
        .build()
        .context("no async runtime")?;
    runtime.block_on(async {
        let stop = stop_signal()?;
        let mut server = bind(&settings.server, live, settings.store).await?;
        if let Some((file, read)) = following {
            server = server.following(file, read);
        }
        eprintln!("listening on http://{}", server.address());
        ready(server.address());
        server.run(stop).await?;
        Ok(())
    })
}

/// Threads for what goes on beside the connections, which have their own: learning, the store, watches.
const BACKGROUND: usize = 2;

/// Files beside those of connections: the store's, the router's, sockets that listen.
const OTHER_FILES: u64 = 256;

/// Every connection is a file, and so is the back end's that a caller waits for; many systems allow a
/// thousand unless a program asks for more.
fn allow_files(connections: usize) {
    let wanted = 2 * connections as u64 + OTHER_FILES;
    let allowed = rlimit::increase_nofile_limit(wanted);
    if !allowed.is_ok_and(|allowed| allowed >= wanted) {
        eprintln!(
            "warning: the system allows fewer than {wanted} open files, which {connections} connections (server.max_connections) may need; see `ulimit -Hn`"
        );
    }
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
