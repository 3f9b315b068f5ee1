//! `pointsman evaluate --folds`.

use pointsman_evaluate::{Evaluation, Folds, Options, evaluate_folds};
use pointsman_router::{Router, read_catalog};
use pointsman_train::{TrainError, complete_costs, level_judges, train};
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
    let catalog = args.catalog.as_deref().map(read_catalog).transpose()?;
    let catalog = catalog.unwrap_or_default();
    let mut table = reading::table(&args.logs)?;
    let mut notes = level_judges(&mut table);
    notes.extend(complete_costs(&mut table, &catalog));
    notes.iter().for_each(|note| eprintln!("note: {note}"));
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
