//! `pointsman evaluate --folds`.

use pointsman_evaluate::{Evaluation, Folds, Options, evaluate_folds};
use pointsman_router::Router;
use pointsman_train::{TrainError, train};
use pointsman_types::{Catalog, LogTable};

use crate::args::EvaluateArgs;
use crate::progress::spinner;
use crate::reading;

/// Every prompt by a router that was trained on the other folds.
pub(crate) fn measured(
    args: &EvaluateArgs,
    folds: usize,
    options: &Options,
) -> anyhow::Result<Evaluation> {
    let (table, catalog) = reading::prepared(&args.logs, args.catalog.as_deref())?;
    let progress = spinner("training");
    let dealt = Folds {
        count: folds,
        cascade: args.cascade,
    };
    let fit = |table: LogTable| router(table, &catalog, args);
    let evaluation = evaluate_folds(&table, dealt, options, fit, |fold| {
        progress.set_message(format!("training without fold {fold} of {folds}"));
    })?;
    progress.finish_and_clear();
    Ok(evaluation)
}

fn router(table: LogTable, catalog: &Catalog, args: &EvaluateArgs) -> Result<Router, TrainError> {
    let options = pointsman_train::Options {
        seed: args.seed,
        grouped: args.grouped,
        policy: args.policy.clone(),
        cascade: args.cascade,
        ..pointsman_train::Options::default()
    };
    let trained = train(table, catalog.clone(), &options, |_| {})?;
    Ok(Router::new(trained.artifact)?)
}
