//! `pointsman evaluate --folds`.

use pointsman_evaluate::{Evaluation, Folds, Options, evaluate_folds};

use crate::args::EvaluateArgs;
use crate::fitting::Fitting;
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
    let fitting = Fitting::new(args, catalog)?;
    let fit = |table| fitting.router(table);
    let evaluation = evaluate_folds(&table, dealt, options, fit, |fold| {
        progress.set_message(format!("training without fold {fold} of {folds}"));
    })?;
    progress.finish_and_clear();
    Ok(evaluation)
}
