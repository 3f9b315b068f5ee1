//! The routers in service: one snapshot, replaced as a whole. A request keeps the snapshot that it
//! began with, so no request meets the old version and the new one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::body::Bytes;

use crate::gateway::Unrouted;
use crate::watch::fingerprint;
use crate::{Decide, GatewayConfig, ServeError, models};

/// Why a router was refused.
pub type LoadError = Box<dyn std::error::Error + Send + Sync>;

type Load = dyn Fn(&Path) -> Result<Box<dyn Decide>, LoadError> + Send + Sync;

/// The routers in service, and where the next one comes from.
pub struct Live {
    snapshot: ArcSwap<Snapshot>,
    source: Option<Source>,
}

/// Everything that decides.
pub(crate) struct Snapshot {
    pub(crate) current: Arc<Loaded>,
    pub(crate) beside: Option<Beside>,
}

/// One router with what follows from it alone.
pub(crate) struct Loaded {
    /// The name of its version.
    pub(crate) version: String,
    pub(crate) router: Box<dyn Decide>,
    /// The body of `GET /v1/models`.
    pub(crate) models: Bytes,
}

/// The version that the current one is compared with, on every request.
#[derive(Clone)]
pub(crate) struct Beside {
    pub(crate) loaded: Arc<Loaded>,
    /// The share of the requests that it decides; in shadow 0.
    pub(crate) share: f64,
    /// Names the trial: the last decision before it.
    pub(crate) after: i64,
    /// Whether it is to take the current one's place; else it had that place before.
    pub(crate) is_challenger: bool,
}

/// A directory that routers are read from.
pub(crate) struct Source {
    pub(crate) directory: PathBuf,
    /// A file beside it that routers are read with: a catalogue of prices.
    beside: Option<PathBuf>,
    /// What the directory held just before the first router was read from it.
    pub(crate) first: Option<u64>,
    load: Box<Load>,
}

impl Live {
    /// Keeps one router for as long as it serves.
    #[must_use]
    pub fn fixed(router: impl Decide) -> Self {
        Self::new(Loaded::named_by_itself(Box::new(router)), None)
    }

    /// Loads the router of a directory; the server looks there for newer ones.
    ///
    /// # Errors
    /// When there is no router that can serve. Later ones that cannot are refused in their turn.
    pub fn open<R, E, L>(directory: &Path, load: L) -> Result<Self, ServeError>
    where
        R: Decide,
        E: std::error::Error + Send + Sync + 'static,
        L: Fn(&Path) -> Result<R, E> + Send + Sync + 'static,
    {
        Self::open_with(directory, None, load)
    }

    /// The same, where routers are read with a file beside the directory as well, such as a
    /// catalogue of prices: a change of that is a new router too.
    ///
    /// # Errors
    /// As [`Live::open`].
    pub fn open_with<R, E, L>(
        directory: &Path,
        beside: Option<&Path>,
        load: L,
    ) -> Result<Self, ServeError>
    where
        R: Decide,
        E: std::error::Error + Send + Sync + 'static,
        L: Fn(&Path) -> Result<R, E> + Send + Sync + 'static,
    {
        let source = Source::new(directory, beside, load);
        let loaded = source
            .load(directory)
            .map_err(|source| ServeError::Router {
                directory: directory.to_owned(),
                source,
            })?;
        Ok(Self::new(loaded, Some(source)))
    }

    /// Serves without a router: the default model of the settings answers.
    #[must_use]
    pub fn without_router(gateway: &GatewayConfig) -> Self {
        Self::fixed(Unrouted::new(gateway.callable()))
    }

    /// As [`Live::open_with`], but where there is no router that can serve the default model answers
    /// until one is put into the directory.
    pub fn open_or_stand_in<R, E, L>(
        directory: &Path,
        beside: Option<&Path>,
        load: L,
        gateway: &GatewayConfig,
    ) -> Self
    where
        R: Decide,
        E: std::error::Error + Send + Sync + 'static,
        L: Fn(&Path) -> Result<R, E> + Send + Sync + 'static,
    {
        let source = Source::new(directory, beside, load);
        let loaded = source.load(directory).unwrap_or_else(|error| {
            let error = &*error as &dyn std::error::Error;
            tracing::error!(error, directory = %directory.display(), "there is no router that can serve; the default model answers");
            Loaded::named_by_itself(Box::new(Unrouted::new(gateway.callable())))
        });
        Self::new(loaded, Some(source))
    }

    fn new(current: Loaded, source: Option<Source>) -> Self {
        Self {
            snapshot: ArcSwap::from_pointee(Snapshot {
                current: Arc::new(current),
                beside: None,
            }),
            source,
        }
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    pub(crate) fn swap(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
    }

    pub(crate) fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }
}

impl Source {
    fn new<R, E, L>(directory: &Path, beside: Option<&Path>, load: L) -> Self
    where
        R: Decide,
        E: std::error::Error + Send + Sync + 'static,
        L: Fn(&Path) -> Result<R, E> + Send + Sync + 'static,
    {
        Self {
            directory: directory.to_owned(),
            beside: beside.map(Path::to_owned),
            // Before loading: a change meanwhile must show as one.
            first: fingerprint(directory, beside).ok(),
            load: Box::new(move |directory| Ok(Box::new(load(directory)?))),
        }
    }

    /// Loads the router of a directory.
    pub(crate) fn load(&self, directory: &Path) -> Result<Loaded, LoadError> {
        Ok(Loaded::named_by_itself((self.load)(directory)?))
    }

    /// What the directory and the file beside it hold now.
    pub(crate) fn fingerprint(&self) -> Option<u64> {
        fingerprint(&self.directory, self.beside.as_deref()).ok()
    }
}

impl Snapshot {
    /// A router that is loaded already.
    pub(crate) fn get(&self, version: &str) -> Option<Arc<Loaded>> {
        let beside = self.beside.as_ref().map(|beside| &beside.loaded);
        let mut loaded = std::iter::once(&self.current).chain(beside);
        loaded.find(|one| one.version == version).cloned()
    }
}

impl Loaded {
    fn named_by_itself(router: Box<dyn Decide>) -> Self {
        Self {
            version: router.policy_version().to_owned(),
            models: models::list(router.cards()).into(),
            router,
        }
    }

    /// The same with what a learner had learnt.
    pub(crate) fn taught(&self, state: &[u8]) -> Result<Self, LoadError> {
        Ok(Self::named_by_itself(self.router.taught(state)?))
    }

    /// The same by the name under which the version is known. The two differ where the server was
    /// told of another catalogue or policy than the version was registered with.
    pub(crate) fn known_as(self, version: &str) -> Self {
        Self {
            version: version.to_owned(),
            ..self
        }
    }
}
