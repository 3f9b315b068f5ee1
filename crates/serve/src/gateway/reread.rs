//! Settings that change while the server runs: read again, checked as a whole, then swapped. A file
//! that is wrong leaves what is in force.

use std::path::PathBuf;
use std::time::SystemTime;

use super::check::Environment;
use super::{Gateway, GatewayConfig};

/// Reads the settings again.
pub type Reread = dyn Fn() -> Result<GatewayConfig, String> + Send + Sync;

/// A file of settings.
pub(crate) struct Source {
    pub(super) file: PathBuf,
    pub(super) read: Box<Reread>,
}

/// What a file looked like: when it was written, and how long it is.
pub(crate) type Stamp = Option<(SystemTime, u64)>;

impl Gateway {
    /// What the file of the settings looks like now.
    pub(crate) fn stamp(&self) -> Stamp {
        let about = std::fs::metadata(&self.source.get()?.file).ok()?;
        Some((about.modified().ok()?, about.len()))
    }

    /// Reads the settings again; whether what they say of models changed, so that the router must know.
    pub(crate) fn reread(&self, environment: Environment<'_>) -> Result<bool, String> {
        let Some(source) = self.source.get() else {
            return Ok(false);
        };
        let config = (source.read)()?;
        let before = self.fleet.load_full();
        let fleet = config.fleet(environment, Some(&before));
        let fleet = fleet.map_err(|problems| problems.join("; "))?;
        if fleet.is_empty() && !before.is_empty() {
            return Err("they list no models any more; a restart would take that up".to_owned());
        }
        config.warn();
        let is_new = before.cards != fleet.cards;
        self.fleet.store(fleet.into());
        Ok(is_new)
    }
}
