//! Opening a router as the arguments ask for it.

use std::path::Path;

use pointsman_policy::PolicySpec;
use pointsman_router::{Encoding, Router, RouterError, read_catalog};

use crate::args::{EncodingArgs, RouterArgs};
use crate::encoding::device_named;

/// The router of the arguments, by its own policy or another.
pub(crate) fn open(args: &RouterArgs, policy: Option<PolicySpec>) -> anyhow::Result<Router> {
    Ok(opener(args, policy)?(&args.dir)?)
}

/// Opens whatever router is in a directory, now or later, always with the same policy and with the
/// catalogue as it is then.
pub(crate) fn opener(
    args: &RouterArgs,
    policy: Option<PolicySpec>,
) -> anyhow::Result<impl Fn(&Path) -> Result<Router, RouterError> + Send + Sync + 'static> {
    let catalog = args.catalog.clone();
    let encoding = encoding(&args.encoding)?;
    Ok(move |dir: &Path| {
        let mut router = Router::open_with(dir, &encoding)?;
        if let Some(catalog) = &catalog {
            router = router.with_catalog(read_catalog(catalog)?)?;
        }
        match &policy {
            Some(policy) => router.with_policy(policy.clone()),
            None => Ok(router),
        }
    })
}

/// Where a router's sentence encoder is, and on what it runs.
pub(crate) fn encoding(args: &EncodingArgs) -> anyhow::Result<Encoding> {
    Ok(Encoding {
        spec: args.encoder.clone(),
        device: device_named(&args.device)?,
    })
}
