//! Routers that are trained on a part of the logs, only to be measured on another.

use std::sync::Arc;

use pointsman_router::{Encoding, Router};
use pointsman_train::{Embed, Options, TrainError, train};
use pointsman_types::{Catalog, LogTable};

use crate::args::EvaluateArgs;
use crate::encoding::CachedEncoder;
use crate::opening::encoding;

/// What all of them are trained with.
pub(crate) struct Fitting<'a> {
    args: &'a EvaluateArgs,
    catalog: Catalog,
    /// The sentence encoder that they read, where one is named.
    encoder: Option<Arc<dyn Embed>>,
    encoding: Encoding,
}

impl<'a> Fitting<'a> {
    pub(crate) fn new(args: &'a EvaluateArgs, catalog: Catalog) -> anyhow::Result<Self> {
        let encoding = encoding(&args.encoding)?;
        let encoder = match &encoding.spec {
            Some(spec) => Some(CachedEncoder::open(spec, None, &encoding.device)?),
            None => None,
        };
        Ok(Self {
            args,
            catalog,
            encoder: encoder.map(|encoder| Arc::new(encoder) as Arc<dyn Embed>),
            encoding,
        })
    }

    /// The router of these rows.
    pub(crate) fn router(&self, table: LogTable) -> Result<Router, TrainError> {
        let options = Options {
            seed: self.args.seed,
            grouped: self.args.grouped,
            policy: self.args.policy.clone(),
            cascade: self.args.cascade,
            encoder: self.encoder.clone(),
            ..Options::default()
        };
        let trained = train(table, self.catalog.clone(), &options, |_| {})?;
        Ok(Router::new_with(trained.artifact, &self.encoding)?)
    }
}
