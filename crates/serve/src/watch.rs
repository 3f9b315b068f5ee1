//! Looks for a new router in the directory, or for new prices beside it, and puts it into service.
//!
//! A look compares names, sizes and times of the files, and the content of the manifest and of the
//! file beside. Only a change
//! makes it load, outside the runtime's threads. A router that cannot be loaded is refused once per
//! change; the old one stays.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::gateway::Stamp;
use crate::{App, ServeError};

const MANIFEST: &str = "manifest.json";

/// What the directory held when the router in service was loaded, or the last one was refused.
pub(crate) struct Watch {
    app: Arc<App>,
    seen: Option<u64>,
    /// What the settings' file looked like when it was read, and when it was looked at last.
    settings: [Stamp; 2],
}

impl Watch {
    pub(crate) fn new(app: Arc<App>) -> Self {
        let seen = app.live.source().and_then(|source| source.first);
        let settings = app.gateway.stamp();
        Self {
            app,
            seen,
            settings: [settings; 2],
        }
    }

    /// Looks every `period`, and at once on SIGHUP, until cancelled.
    pub(crate) async fn run(
        mut self,
        period: Duration,
        stop: CancellationToken,
    ) -> Result<(), ServeError> {
        let mut hangup = Hangup::new()?;
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let forced = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = hangup.received() => true,
                _ = ticks.tick() => false,
            };
            self.look_at_settings(forced).await;
            self.look(forced).await;
        }
    }

    /// New settings; where they state something else of models, the router is read again with that.
    async fn look_at_settings(&mut self, forced: bool) {
        let app = Arc::clone(&self.app);
        let [read, last] = self.settings;
        let looked = tokio::task::spawn_blocking(move || {
            let found = app.gateway.stamp();
            // Who is still writing it changes it from look to look.
            let is_new = found.is_some() && ((found != read && found == last) || forced);
            let reread = || app.gateway.reread(&|name| std::env::var(name).ok());
            (found, is_new.then(reread))
        });
        // A panic there was reported by the panic hook.
        let Ok((found, reread)) = looked.await else {
            return;
        };
        self.settings = [if reread.is_some() { found } else { read }, found];
        match reread {
            None => {}
            Some(Ok(is_new)) => {
                tracing::info!("new settings are in force");
                match is_new && self.app.live.source().is_some() {
                    true => self.reload().await,
                    false => self.app.tell_idle(),
                }
            }
            Some(Err(error)) => {
                tracing::error!(error, "new settings were refused; the old ones stay")
            }
        }
    }

    async fn look(&mut self, forced: bool) {
        let app = Arc::clone(&self.app);
        let found = tokio::task::spawn_blocking(move || app.live.source()?.fingerprint()).await;
        let found = found.ok().flatten();
        // A directory without a manifest is one that is being replaced.
        if found.is_none() || (found == self.seen && !forced) {
            return;
        }
        self.seen = found;
        self.reload().await;
    }

    async fn reload(&self) {
        let reloaded = self.app.take_directory().await;
        self.app.metrics.reload(reloaded.is_ok());
        match reloaded {
            Ok(()) => {
                let snapshot = self.app.live.snapshot();
                let policy_version = snapshot.current.router.policy_version();
                tracing::info!(policy_version, "a new router is in service");
                self.app.tell_idle();
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "a new router was refused; the old one stays");
            }
        }
    }
}

/// Stands for the content of an artifact's directory, and of a file beside it.
pub(crate) fn fingerprint(directory: &Path, beside: Option<&Path>) -> io::Result<u64> {
    let mut files = fs::read_dir(directory)?
        .map(|entry| {
            let entry = entry?;
            let facts = entry.metadata()?;
            Ok((entry.file_name(), facts.len(), facts.modified()?))
        })
        .collect::<io::Result<Vec<_>>>()?;
    files.sort();
    let mut hasher = DefaultHasher::new();
    files.hash(&mut hasher);
    fs::read(directory.join(MANIFEST))?.hash(&mut hasher);
    if let Some(beside) = beside {
        fs::read(beside)?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

/// SIGHUP, where there is one.
#[cfg(unix)]
struct Hangup(tokio::signal::unix::Signal);

#[cfg(unix)]
impl Hangup {
    fn new() -> Result<Self, ServeError> {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::hangup())
            .map(Self)
            .map_err(ServeError::Signal)
    }

    async fn received(&mut self) {
        self.0.recv().await;
    }
}

#[cfg(not(unix))]
struct Hangup;

#[cfg(not(unix))]
impl Hangup {
    fn new() -> Result<Self, ServeError> {
        Ok(Self)
    }

    async fn received(&mut self) {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_the_file_beside_shows() {
        let directory = tempfile::tempdir().unwrap();
        let prices = tempfile::NamedTempFile::new().unwrap();
        fs::write(directory.path().join(MANIFEST), "{}").unwrap();
        let found = || fingerprint(directory.path(), Some(prices.path())).unwrap();
        let first = found();
        fs::write(prices.path(), "dearer").unwrap();
        assert_ne!(found(), first);
        assert_ne!(fingerprint(directory.path(), None).unwrap(), found());
    }

    #[test]
    fn any_change_of_the_directory_shows() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path();
        assert!(fingerprint(place, None).is_err(), "no manifest, no router");
        fs::write(place.join(MANIFEST), "{}").unwrap();
        let first = fingerprint(place, None).unwrap();
        assert_eq!(fingerprint(place, None).unwrap(), first);
        fs::write(place.join("weights"), "1").unwrap();
        let second = fingerprint(place, None).unwrap();
        assert_ne!(second, first);
        fs::write(place.join(MANIFEST), "[]").unwrap();
        assert_ne!(fingerprint(place, None).unwrap(), second);
    }
}
