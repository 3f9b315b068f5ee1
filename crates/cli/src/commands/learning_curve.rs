//! `pointsman evaluate --learning-curve`.

use std::io::Write;

use pointsman_evaluate::{
    LearningCurve, LearningPlan, LearningStage, learning_curve, learning_table,
};
use pointsman_router::read_catalog;
use pointsman_train::complete_costs;

use crate::args::EvaluateArgs;
use crate::commands::evaluate::resample;
use crate::fitting::Fitting;
use crate::progress::spinner;
use crate::reading;

pub(crate) fn run(args: &EvaluateArgs) -> anyhow::Result<()> {
    let curve = measured(args)?;
    curve.write(&args.out)?;
    match args.json {
        true => writeln!(
            std::io::stdout(),
            "{}",
            serde_json::to_string_pretty(&curve)?
        )?,
        false => writeln!(std::io::stdout(), "{}", learning_table(&curve))?,
    }
    eprintln!("wrote {}", args.out.join("learning_curve.html").display());
    Ok(())
}

fn measured(args: &EvaluateArgs) -> anyhow::Result<LearningCurve> {
    let catalog = args.catalog.as_deref().map(read_catalog).transpose()?;
    let catalog = catalog.unwrap_or_default();
    let mut table = reading::table(&args.logs)?;
    complete_costs(&mut table, &catalog)
        .iter()
        .for_each(|note| eprintln!("note: {note}"));
    let progress = spinner("training");
    let fitting = Fitting::new(args, catalog)?;
    let fit = |table| fitting.router(table);
    let curve = learning_curve(&table, &plan(args), fit, |stage| {
        progress.set_message(words(stage));
    })?;
    progress.finish_and_clear();
    Ok(curve)
}

fn plan(args: &EvaluateArgs) -> LearningPlan {
    let default = LearningPlan::default();
    let folds = args.learning.folds.map(|folds| folds as usize);
    LearningPlan {
        title: args.title.clone().unwrap_or(default.title),
        synthetic: args.synthetic,
        sizes: args
            .learning
            .sizes
            .iter()
            .map(|size| *size as usize)
            .collect(),
        folds: folds.unwrap_or(default.folds),
        resample: resample(args.grouped),
        replicates: args.replicates as usize,
        seed: args.seed,
    }
}

fn words(stage: LearningStage) -> String {
    format!(
        "training on {} prompts, fold {} of {}",
        stage.prompts, stage.fold, stage.folds
    )
}
