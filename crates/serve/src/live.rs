//! The router in service: one snapshot, replaced as a whole. A request keeps the snapshot that it
//! began with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::watch::fingerprint;
use crate::{Decide, ServeError, models};

/// Why a router was refused.
pub type LoadError = Box<dyn std::error::Error + Send + Sync>;

type Load = dyn Fn(&Path) -> Result<Box<dyn Decide>, LoadError> + Send + Sync;

/// The router in service, and where the next one comes from.
pub struct Live {
    current: ArcSwap<Snapshot>,
    source: Option<Source>,
}

/// One router with what follows from it alone.
pub(crate) struct Snapshot {
    pub(crate) router: Box<dyn Decide>,
    /// The body of `GET /v1/models`.
    pub(crate) models: axum::body::Bytes,
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
        Self::new(Box::new(router), None)
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
        let source = Source {
            directory: directory.to_owned(),
            beside: beside.map(Path::to_owned),
            // Before loading: a change meanwhile must show as one.
            first: fingerprint(directory, beside).ok(),
            load: Box::new(move |directory| Ok(Box::new(load(directory)?))),
        };
        let router = (source.load)(directory).map_err(|source| ServeError::Router {
            directory: directory.to_owned(),
            source,
        })?;
        Ok(Self::new(router, Some(source)))
    }

    fn new(router: Box<dyn Decide>, source: Option<Source>) -> Self {
        Self {
            current: ArcSwap::from_pointee(Snapshot::new(router)),
            source,
        }
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    pub(crate) fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// What the directory and the file beside it hold now.
    pub(crate) fn fingerprint(&self) -> Option<u64> {
        let source = self.source.as_ref()?;
        fingerprint(&source.directory, source.beside.as_deref()).ok()
    }

    /// Puts the router that is in the directory now into service, or keeps the old one. `hand_over`
    /// is told of both before.
    pub(crate) fn reload(
        &self,
        hand_over: impl FnOnce(&dyn Decide, &dyn Decide),
    ) -> Result<(), LoadError> {
        if let Some(source) = &self.source {
            let router = (source.load)(&source.directory)?;
            hand_over(self.snapshot().router.as_ref(), router.as_ref());
            self.current.store(Arc::new(Snapshot::new(router)));
        }
        Ok(())
    }
}

impl Snapshot {
    fn new(router: Box<dyn Decide>) -> Self {
        Self {
            models: models::list(router.cards()).into(),
            router,
        }
    }
}
