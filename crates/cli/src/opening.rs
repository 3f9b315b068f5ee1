//! Opening a router as the arguments ask for it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use pointsman_policy::PolicySpec;
use pointsman_router::{Encoding, Router, RouterError, read_catalog};
use pointsman_types::ModelCard;

use crate::args::{EncodingArgs, RouterArgs};
use crate::encoding::device_named;

/// The router of the arguments, by its own policy or another.
pub(crate) fn open(args: &RouterArgs, policy: Option<PolicySpec>) -> anyhow::Result<Router> {
    let opener = Opener {
        catalog: args.catalog.clone(),
        encoding: encoding(&args.encoding)?,
        policy,
        cards: Arc::default(),
    };
    Ok(opener.open(&args.dir)?)
}

/// Opens whatever router is in a directory, now or later, always in the same way and with the
/// catalogue as it is then.
pub(crate) struct Opener {
    /// A file of prices, instead of the router's own.
    pub(crate) catalog: Option<PathBuf>,
    pub(crate) encoding: Encoding,
    pub(crate) policy: Option<PolicySpec>,
    /// What the settings state of models goes before any catalogue; it may change.
    pub(crate) cards: Arc<RwLock<Vec<ModelCard>>>,
}

impl Opener {
    pub(crate) fn open(&self, dir: &Path) -> Result<Router, RouterError> {
        let mut router = Router::open_with(dir, &self.encoding)?;
        if let Some(catalog) = &self.catalog {
            router = router.with_catalog(read_catalog(catalog)?)?;
        }
        let cards = self.cards.read().unwrap_or_else(PoisonError::into_inner);
        let overridden = router.catalog().overridden(&*cards);
        if overridden != *router.catalog() {
            router = router.with_catalog(overridden)?;
        }
        match &self.policy {
            Some(policy) => router.with_policy(policy.clone()),
            None => Ok(router),
        }
    }
}

/// Where a router's sentence encoder is, and on what it runs.
pub(crate) fn encoding(args: &EncodingArgs) -> anyhow::Result<Encoding> {
    Ok(Encoding {
        spec: args.encoder.clone(),
        device: device_named(&args.device)?,
    })
}
